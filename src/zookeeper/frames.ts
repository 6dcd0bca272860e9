import { JuteError } from "./jute.ts";

/** Longest frame that is believed: ZooKeeper's own default (jute.maxbuffer) is 1 MiB less one byte, operators raise it. */
const LONGEST_FRAME_BYTES = 64 * 1024 * 1024;

/** Cuts a stream of bytes into frames: four bytes of length, then the frame. */
export interface Frames {
  /** Frames that this chunk completes. They may share its memory. Throws JuteError for a length that cannot be. */
  push(chunk: Buffer): readonly Buffer[];
}

export function createFrames(longestBytes = LONGEST_FRAME_BYTES): Frames {
  let held: Buffer[] = [];
  let heldBytes = 0;
  let wanted: number | null = null;

  const join = (): Buffer => {
    const [only, ...more] = held;
    const all = only !== undefined && more.length === 0 ? only : Buffer.concat(held, heldBytes);
    held = [];
    heldBytes = 0;
    return all;
  };

  return {
    push(chunk) {
      held.push(chunk);
      heldBytes += chunk.length;
      if (heldBytes < (wanted ?? 4)) return [];
      let rest = join();
      const frames: Buffer[] = [];
      for (;;) {
        wanted = null;
        if (rest.length < 4) break;
        const length = rest.readInt32BE(0);
        if (length < 0 || length > longestBytes) throw new JuteError(`a frame of ${String(length)} bytes`);
        wanted = 4 + length;
        if (rest.length < wanted) break;
        frames.push(rest.subarray(4, wanted));
        rest = rest.subarray(wanted);
      }
      if (rest.length > 0) {
        held = [rest];
        heldBytes = rest.length;
      }
      return frames;
    },
  };
}

/** One frame of the given parts. */
export function frame(...parts: readonly Buffer[]): Buffer {
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  const whole = Buffer.allocUnsafe(4 + length);
  whole.writeInt32BE(length, 0);
  let at = 4;
  for (const part of parts) at += part.copy(whole, at);
  return whole;
}
