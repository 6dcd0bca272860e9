import type { EventEmitter } from "node:events";
import type { ServerChannel } from "ssh2";
import type { Ending } from "../shell/run.ts";

/** How long a command's input may stay silent before it counts as empty: a terminal's `ssh node command` never ends it. */
export const SILENT_INPUT_MS = 500;
/**
 * The silence is waited for in so many parts. A timer that comes late because the event loop was blocked fires before input that
 * arrived meanwhile is read: one part may be lost to that, not all of them.
 */
const SILENT_PARTS = 5;

/** Where a command's output goes on the wire; both wait while the client does not read, and swallow what it no longer wants. */
export interface ChannelOutput {
  out(chunk: Buffer): void | Promise<void>;
  err(chunk: Buffer): void | Promise<void>;
}

interface Flow {
  write(chunk: Buffer): boolean;
  once(event: "drain", listener: () => void): unknown;
}

/** With a terminal stderr joins stdout and every line feed gets its carriage return. */
export function channelOutput(channel: ServerChannel, terminal: boolean): ChannelOutput {
  let open = true;
  const waiting = new Set<() => void>();
  const stop = (): void => {
    open = false;
    for (const resolve of waiting) resolve();
    waiting.clear();
  };
  channel.on("close", stop);
  channel.on("error", stop);
  const put = (flow: Flow, chunk: Buffer): void | Promise<void> => {
    if (!open || flow.write(chunk)) return;
    return new Promise((resolve) => {
      const done = (): void => {
        waiting.delete(done);
        resolve();
      };
      waiting.add(done);
      flow.once("drain", done);
    });
  };
  const shown = (chunk: Buffer): Buffer =>
    terminal ? Buffer.from(chunk.toString("latin1").replaceAll(/\r?\n/g, "\r\n"), "latin1") : chunk;
  const stderr: Flow = terminal ? channel : channel.stderr;
  return { out: (chunk) => put(channel, shown(chunk)), err: (chunk) => put(stderr, shown(chunk)) };
}

/** The whole input of a command: to its end, or nothing when not a byte comes within `silentMs` (null: waits for ever). */
export function readInput(channel: Pick<EventEmitter, "on" | "once">, silentMs: number | null): Promise<Buffer> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    let timer: NodeJS.Timeout | undefined;
    const done = (): void => {
      clearTimeout(timer);
      resolve(Buffer.concat(chunks));
    };
    const wait = (parts: number): void => {
      if (silentMs !== null) timer = setTimeout(() => (parts > 1 ? wait(parts - 1) : done()), silentMs / SILENT_PARTS);
    };
    wait(SILENT_PARTS);
    channel.on("data", (chunk: Buffer) => {
      clearTimeout(timer);
      chunks.push(chunk);
    });
    channel.once("end", done);
    channel.once("close", done);
  });
}

/** Tells the client how the command ended and closes the channel. */
export function finishChannel(channel: ServerChannel, ended: Ending): void {
  if (channel.destroyed) return;
  if ("code" in ended) channel.exit(ended.code);
  else channel.exit(ended.signal, false, "");
  channel.end();
}
