import pLimit from "p-limit";
import type { Failure } from "./failure.ts";

/** A whole body, or why it was not taken. */
export type Body = { readonly kind: "whole"; readonly bytes: Buffer } | ({ readonly kind: "failed" } & Failure);

/** Reads bodies to their end. */
export type ReadBody = (chunks: AsyncIterable<Buffer>, maxBytes: number, what: string) => Promise<Body>;

/** Answers longer than this are large: only few of them grow in memory at the same time. */
const LARGE_BYTES = 8 * 1024 * 1024;
const LARGE_AT_ONCE = 2;

/**
 * A reader that takes whole bodies up to a limit. A large one waits, its sender held back, until fewer than two others are being
 * read: many nodes that answer with long documents (or with rubbish) at once do not add up.
 */
export function createBodyReader(): ReadBody {
  const large = pLimit(LARGE_AT_ONCE);
  return async (body, maxBytes, what) => {
    const chunks: Buffer[] = [];
    let bytes = 0;
    const over = (): Body => ({ kind: "failed", code: "too-large", reason: `${what} sent more than ${String(maxBytes)} bytes` });
    const whole = (): Body => ({
      kind: "whole",
      bytes: chunks.length === 1 && chunks[0] !== undefined ? chunks[0] : Buffer.concat(chunks),
    });
    const iterator = body[Symbol.asyncIterator]();
    const readTo = async (limit: number): Promise<"end" | "more" | "over"> => {
      for (;;) {
        const next = await iterator.next();
        if (next.done === true) return "end";
        bytes += next.value.length;
        if (bytes > maxBytes) {
          // Destroys the rest of the body and its connection.
          await iterator.return?.();
          return "over";
        }
        chunks.push(next.value);
        if (bytes > limit) return "more";
      }
    };
    const first = await readTo(LARGE_BYTES);
    if (first === "over") return over();
    if (first === "end") return whole();
    return large(async () => ((await readTo(maxBytes)) === "over" ? over() : whole()));
  };
}
