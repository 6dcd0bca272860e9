import { setImmediate } from "node:timers/promises";
import type { ArtifactSink } from "../engine/ports.ts";
import type { Masker } from "./mask.ts";
import type { Edit, MaskScan } from "./mask-stream.ts";
import type { Spool } from "./spool.ts";

/** Looked at in pieces of about this size, with a turn of the event loop in between. */
const PIECE_BYTES = 128 * 1024;

/** A document that is on its way to where it is kept. */
export interface MaskedDocument {
  /** One after the other: the promise of the piece before is waited for. */
  write(chunk: Buffer): Promise<void>;
  /** Writes what is to be kept into the sink. False: it is no JSON, nothing was written, and the spool holds it as it came. */
  finish(to: ArtifactSink): Promise<boolean>;
}

/**
 * Masks a JSON document that may be larger than memory. It is looked through while it comes, which gives the places to be replaced;
 * itself it waits in the spool, because a secret may be known for one only by what comes last.
 */
export function maskDocument(masker: Masker, spool: Spool): MaskedDocument {
  const document = masker.document();
  const first = document.first();
  let isJson = true;
  return {
    async write(chunk) {
      await spool.write(chunk);
      if (isJson) isJson = await look(first, chunk, false);
    },
    async finish(to) {
      isJson = isJson && (await look(first, Buffer.alloc(0), true));
      if (!isJson) return false;
      const marked = (): AsyncIterable<Buffer> => edited(spool.read(), first.edits());
      const second = document.second();
      if (second !== null) {
        for await (const piece of marked()) isJson = isJson && (await look(second, piece, false));
        isJson = isJson && (await look(second, Buffer.alloc(0), true));
        if (!isJson) return false;
      }
      for await (const piece of second === null ? marked() : edited(marked(), second.edits())) await to.write(piece);
      return true;
    },
  };
}

async function look(scan: MaskScan, bytes: Buffer, final: boolean): Promise<boolean> {
  for (let at = 0; ; at += PIECE_BYTES) {
    const last = at + PIECE_BYTES >= bytes.length;
    const steps = scan.take(bytes.subarray(at, at + PIECE_BYTES), final && last);
    for (let step = steps.next(); ; step = steps.next()) {
      if (step.done === true) {
        if (!step.value || last) return step.value;
        break;
      }
      await setImmediate();
    }
    await setImmediate();
  }
}

/** The stream with the edits made, which are in order and do not overlap. */
async function* edited(pieces: AsyncIterable<Buffer>, edits: readonly Edit[]): AsyncGenerator<Buffer> {
  let at = 0;
  let next = 0;
  for await (const piece of pieces) {
    const end = at + piece.length;
    const out: Buffer[] = [];
    let copied = at;
    for (let edit = edits[next]; edit !== undefined && edit.from < end; edit = edits[next]) {
      // One that began in the piece before has its text written already.
      if (edit.from >= at) out.push(piece.subarray(copied - at, edit.from - at), Buffer.from(edit.text));
      copied = Math.min(edit.to, end);
      if (edit.to > end) break;
      next += 1;
    }
    at = end;
    if (copied < end) out.push(piece.subarray(copied - end + piece.length));
    if (out.length > 0) yield out.length === 1 && out[0] !== undefined ? out[0] : Buffer.concat(out);
  }
  // Behind the last byte: a string that was cut off right at its beginning.
  for (const edit of edits.slice(next)) if (edit.from >= at) yield Buffer.from(edit.text);
}
