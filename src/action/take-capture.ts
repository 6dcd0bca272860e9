import type { CaptureItem, HttpAnswer, Remote } from "../engine/ports.ts";

/** Looked at of each end of an answer. */
const TAIL_BYTES = 64;

/** Bytes of one capture (null: a long answer that was given away), or why there are none, in words. */
export type Taken = { readonly ok: true; readonly bytes: Buffer | null } | { readonly ok: false; readonly why: string };

/**
 * Takes one capture. Only a complete answer counts: 2xx (or any, where it is kept whole), exit code 0, text behind a word. A long answer
 * goes to `take`, piece by piece, where that is given; what it throws is thrown.
 */
export async function takeCapture(
  reader: Remote,
  { read, mediaType, whole, keep }: CaptureItem,
  take: ((chunk: Buffer) => void | Promise<void>) | null = null,
): Promise<Taken> {
  switch (read.kind) {
    case "http": {
      let tail: Buffer = Buffer.alloc(0);
      const failed: unknown[] = [];
      const give = async (chunk: Buffer): Promise<void> => {
        tail = Buffer.concat([tail, chunk.subarray(-TAIL_BYTES)]).subarray(-TAIL_BYTES);
        try {
          await take?.(chunk);
        } catch (error) {
          failed.push(error);
          throw error;
        }
      };
      const answer = await reader.http(
        take === null || whole === true || keep !== undefined ? read.request : { ...read.request, take: give },
      );
      if (failed.length > 0) throw failed[0];
      if (answer.kind === "no-answer") return { ok: false, why: answer.reason };
      if (whole === true) return { ok: true, bytes: Buffer.from(wholeAnswer(answer)) };
      if (answer.status < 200 || answer.status > 299) return { ok: false, why: `HTTP ${answer.status}` };
      const ends = answer.taken === true ? tail : answer.body.subarray(-TAIL_BYTES);
      if (keep !== undefined) return keep(answer.body);
      return mediaType === "application/json" && !looksLikeJson(answer.body, ends)
        ? { ok: false, why: "the answer is not a JSON object or list" }
        : { ok: true, bytes: answer.taken === true ? null : answer.body };
    }
    case "command": {
      const outcome = await reader.run(read.target, read.command);
      if (outcome.kind === "lost") return { ok: false, why: outcome.reason };
      if (outcome.kind === "timed-out") return { ok: false, why: `no end after ${outcome.afterMs / 1_000} s` };
      return outcome.code === 0
        ? { ok: true, bytes: Buffer.from(outcome.stdout, "utf8") }
        : { ok: false, why: `exit code ${outcome.code}: ${outcome.stderr.trim().slice(0, 200)}` };
    }
    case "tcp": {
      const answer = await reader.tcp(read.host, read.port, read.send, read.timeoutMs);
      return answer.kind === "answered" ? { ok: true, bytes: answer.body } : { ok: false, why: answer.reason };
    }
  }
}

function wholeAnswer({ status, headers, body }: Extract<HttpAnswer, { readonly kind: "answered" }>): string {
  return `${JSON.stringify({ status, location: headers["location"] ?? null, body: body.toString("utf8") })}\n`;
}

/** A look at both ends: whole documents of tens of megabytes are not parsed only to be kept. */
function looksLikeJson(begins: Buffer, ends: Buffer): boolean {
  return /^\uFEFF?\s*[{[]/.test(begins.subarray(0, TAIL_BYTES).toString("utf8")) && /[}\]]\s*$/.test(ends.toString("utf8"));
}
