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
  /** Sends what is left, tells the client how the command ended and closes the channel. */
  finish(ended: Ending): void;
}

interface Flow {
  write(chunk: Buffer): boolean;
  once(event: "drain", listener: () => void): unknown;
}

/** Output of one turn of the event loop goes in one packet, as sshd sends what a pipe holds when it looks; more than this goes at once. */
const PACKET_BYTES = 16 * 1024;

/** With a terminal stderr joins stdout, every line feed gets its carriage return, and everything is sent as it comes. */
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
  const shown = (chunk: Buffer): Buffer => Buffer.from(chunk.toString("latin1").replaceAll(/\r?\n/g, "\r\n"), "latin1");
  const typed = (chunk: Buffer): void | Promise<void> => put(channel, shown(chunk));
  const [out, err] = terminal
    ? [
        { put: typed, send: () => undefined },
        { put: typed, send: () => undefined },
      ]
    : [gathered((chunk) => put(channel, chunk)), gathered((chunk) => put(channel.stderr, chunk))];
  return {
    out: out.put,
    err: err.put,
    finish: (ended) => {
      out.send();
      err.send();
      finishChannel(channel, ended);
    },
  };
}

/** Gathers the chunks of one turn. Whoever writes on while what was sent is held back waits for that. */
function gathered(write: (chunk: Buffer) => void | Promise<void>) {
  let chunks: Buffer[] = [];
  let bytes = 0;
  let held: void | Promise<void>;
  const send = (): void => {
    if (bytes === 0) return;
    const [only, ...more] = chunks;
    const whole = only !== undefined && more.length === 0 ? only : Buffer.concat(chunks);
    chunks = [];
    bytes = 0;
    held = write(whole)?.then(() => (held = undefined));
  };
  return {
    send,
    put: (chunk: Buffer): void | Promise<void> => {
      if (chunk.length === 0) return held;
      if (bytes === 0) setImmediate(send);
      chunks.push(chunk);
      bytes += chunk.length;
      if (bytes >= PACKET_BYTES) send();
      return held;
    },
  };
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

function finishChannel(channel: ServerChannel, ended: Ending): void {
  if (channel.destroyed) return;
  if ("code" in ended) channel.exit(ended.code);
  else channel.exit(ended.signal, false, "");
  channel.end();
}
