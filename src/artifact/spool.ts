import { createCipheriv, createDecipheriv, randomBytes, randomUUID } from "node:crypto";
import { open, rm } from "node:fs/promises";
import { join } from "node:path";
import { onOwnFile } from "../domain/system-error.ts";

/** Written and read in pieces of about this size. */
const PIECE_BYTES = 256 * 1024;
const CIPHER = "aes-128-ctr";

/** Bytes that are too many for memory and not yet fit to be kept. */
export interface Spool {
  write(chunk: Buffer): void | Promise<void>;
  /** Everything from the start, in order, as often as wanted. Not while something is being written. */
  read(): AsyncGenerator<Buffer>;
  close(): Promise<void>;
}

/**
 * A file without a name, encrypted with a key that only this process has: secrets that are not masked yet are never readable on the disk,
 * and nothing is left of it after a crash.
 */
export async function openSpool(folder: string): Promise<Spool> {
  const path = join(folder, `.part.${randomUUID()}.tmp`);
  const handle = await open(path, "wx+", 0o600);
  try {
    await rm(path);
  } catch (error) {
    await handle.close();
    throw error;
  }
  const [key, start] = [randomBytes(16), randomBytes(16)];
  const cipher = createCipheriv(CIPHER, key, start);
  let waiting: Buffer[] = [];
  let waitingBytes = 0;
  const flush = async (): Promise<void> => {
    const pieces = waiting;
    waiting = [];
    waitingBytes = 0;
    if (pieces.length > 0) await onOwnFile(folder, () => handle.writeFile(Buffer.concat(pieces)));
  };
  return {
    write(chunk) {
      waiting.push(cipher.update(chunk));
      waitingBytes += chunk.length;
      return waitingBytes < PIECE_BYTES ? undefined : flush();
    },
    async *read() {
      await flush();
      const decipher = createDecipheriv(CIPHER, key, start);
      const piece = Buffer.alloc(PIECE_BYTES);
      for (let at = 0; ;) {
        const { bytesRead } = await handle.read(piece, 0, piece.length, at);
        if (bytesRead === 0) return;
        at += bytesRead;
        yield decipher.update(piece.subarray(0, bytesRead));
      }
    },
    close: () => handle.close(),
  };
}
