import pLimit from "p-limit";
import type { Failure } from "./failure.ts";

/** A whole body, the beginning of one whose bytes were all taken by whoever asked, or why there is none. */
export type Body =
  | { readonly kind: "whole"; readonly bytes: Buffer }
  | { readonly kind: "taken"; readonly beginning: Buffer }
  | ({ readonly kind: "failed" } & Failure);

/** Takes a long body piece by piece; a promise holds the sender back. */
export type TakePiece = (chunk: Buffer) => void | Promise<void>;

/** Reads bodies to their end; `take` where a long one is not wanted as a whole. */
export type ReadBody = (chunks: AsyncIterable<Buffer>, maxBytes: number, what: string, take: TakePiece | null) => Promise<Body>;

/** Answers longer than this are large: only few of them are read at the same time. */
const LARGE_BYTES = 8 * 1024 * 1024;
const LARGE_AT_ONCE = 2;
/** Bodies longer than this are given away piece by piece where somebody takes them. */
const TAKEN_BYTES = 1024 * 1024;
/** Enough of a body to tell what it is. */
const BEGINNING_BYTES = 4096;

/**
 * A reader that takes bodies up to a limit. A large one waits, its sender held back, until fewer than two others are being
 * read: many nodes that answer with long documents (or with rubbish) at once do not add up.
 */
export function createBodyReader(): ReadBody {
  const large = pLimit(LARGE_AT_ONCE);
  return async (body, maxBytes, what, take) => {
    const chunks: Buffer[] = [];
    let bytes = 0;
    const over = (): Body => ({ kind: "failed", code: "too-large", reason: `${what} sent more than ${String(maxBytes)} bytes` });
    const whole = (): Body => ({
      kind: "whole",
      bytes: chunks.length === 1 && chunks[0] !== undefined ? chunks[0] : Buffer.concat(chunks),
    });
    const iterator = body[Symbol.asyncIterator]();
    const readTo = async (limit: number, give: TakePiece): Promise<"end" | "more" | "over"> => {
      for (;;) {
        const next = await iterator.next();
        if (next.done === true) return "end";
        bytes += next.value.length;
        if (bytes > maxBytes) {
          // Destroys the rest of the body and its connection.
          await iterator.return?.();
          return "over";
        }
        await give(next.value);
        if (bytes > limit) return "more";
      }
    };
    const hold: TakePiece = (chunk) => void chunks.push(chunk);
    const first = await readTo(take === null ? LARGE_BYTES : TAKEN_BYTES, hold);
    if (first === "over") return over();
    if (first === "end") return whole();
    if (take === null) return large(async () => ((await readTo(maxBytes, hold)) === "over" ? over() : whole()));
    return large(async () => {
      const held = Buffer.concat(chunks.splice(0));
      try {
        await take(held);
        return (await readTo(maxBytes, take)) === "over"
          ? over()
          : { kind: "taken", beginning: Buffer.from(held.subarray(0, BEGINNING_BYTES)) };
      } catch (error) {
        await iterator.return?.();
        throw error;
      }
    });
  };
}
