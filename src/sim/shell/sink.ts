import type { Sink } from "./machine.ts";

/** Swallows everything. */
export const NOWHERE: Sink = { write: () => undefined };

/** A sink that keeps what is written, for pipes and command substitutions. */
export interface Collector extends Sink {
  bytes(): Buffer;
}

/** Collects chunks in memory. */
export function createCollector(): Collector {
  const chunks: Buffer[] = [];
  return {
    write: (chunk) => {
      if (chunk.length > 0) chunks.push(chunk);
    },
    bytes: () => Buffer.concat(chunks),
  };
}
