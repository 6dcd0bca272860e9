import type { ArtifactRecord } from "../domain/events.ts";
import type { ArtifactMeta, ArtifactSink } from "../engine/ports.ts";
import { beginsDocument, type Masker } from "./mask.ts";
import { maskDocument, type MaskedDocument } from "./masked-sink.ts";
import type { Spool } from "./spool.ts";

/** JSON longer than this is masked while it comes; what is shorter is quicker masked as a whole. */
const LONG_BYTES = 1 << 20;
const PIECE_BYTES = 256 * 1024;

/** Where text goes that must be masked first. */
export interface TextShelter {
  readonly masker: Masker;
  /** Text that is no JSON is held in memory up to this size; what is larger is sealed. */
  readonly maskedBytes: number;
  /** Masks and keeps a whole text. */
  whole(meta: ArtifactMeta, bytes: Buffer): Promise<ArtifactRecord>;
  /** Keeps bytes as they come. */
  file(meta: ArtifactMeta): Promise<ArtifactSink>;
  spool(): Promise<Spool>;
}

/** Whether bytes are a JSON document that is not to be held whole by whoever masks it. */
export function isLongDocument(meta: Pick<ArtifactMeta, "mediaType">, bytes: Buffer, maskedBytes: number): boolean {
  return (
    bytes.length > Math.min(LONG_BYTES, maskedBytes) && isJson(meta.mediaType) && beginsDocument(bytes.toString("utf8", 0, 256))
  );
}

function isJson(mediaType: string): boolean {
  return /[/+]json$/i.test(mediaType.split(";", 1)[0]?.trim() ?? "");
}

/** Gives bytes that are there already to a sink that takes them piece by piece. */
export function keepLong(sink: ArtifactSink, bytes: Buffer): Promise<ArtifactRecord> {
  return finishing(sink, async () => {
    for (let at = 0; at < bytes.length; at += PIECE_BYTES) await sink.write(bytes.subarray(at, at + PIECE_BYTES));
    return sink.finish();
  });
}

/** What a text that grew long has become. */
type Long =
  | { readonly kind: "sealed"; readonly file: ArtifactSink }
  | { readonly kind: "json"; readonly spool: Spool; readonly document: MaskedDocument };

/**
 * Holds text back until it is whole, because a secret may lie across chunks. JSON that grows long is masked as it comes; of any other
 * text too much becomes a sealed file.
 */
export function textSink(meta: ArtifactMeta, shelter: TextShelter): ArtifactSink {
  const { masker, maskedBytes } = shelter;
  const sealed = { ...meta, sealed: true };
  const longBytes = Math.min(LONG_BYTES, maskedBytes);
  let held: Buffer[] = [];
  let bytes = 0;
  let mayBeLong = isJson(meta.mediaType);
  let long: Promise<Long> | null = null;
  let writing: Promise<void> = Promise.resolve();

  const openJson = async (): Promise<Long> => {
    const spool = await shelter.spool();
    return { kind: "json", spool, document: maskDocument(masker, spool) };
  };
  const openSealed = async (): Promise<Long> => ({ kind: "sealed", file: await shelter.file(sealed) });
  // One after the other: a sender that does not wait for the promise must not reorder bytes. A failure shows at the end.
  const pass = (chunks: readonly Buffer[], to: Promise<Long>): Promise<void> => {
    writing = writing.then(async () => {
      const target = await to;
      for (const chunk of chunks) await (target.kind === "json" ? target.document : target.file).write(chunk);
    });
    writing.catch(() => undefined);
    return writing;
  };

  /** What was no JSON after all, as it would have been kept from the start. */
  const keepOther = async (spool: Spool): Promise<ArtifactRecord> => {
    if (bytes <= maskedBytes) {
      const pieces: Buffer[] = [];
      for await (const piece of spool.read()) pieces.push(piece);
      return shelter.whole(meta, Buffer.concat(pieces));
    }
    const file = await shelter.file(sealed);
    return finishing(file, async () => {
      for await (const piece of spool.read()) await file.write(piece);
      return file.finish();
    });
  };
  const finishJson = async ({ spool, document }: Extract<Long, { kind: "json" }>): Promise<ArtifactRecord> => {
    try {
      const file = await shelter.file(meta);
      const kept = await finishing(file, async () => ((await document.finish(file)) ? file.finish() : null));
      if (kept !== null) return kept;
      await file.abandon();
      return await keepOther(spool);
    } finally {
      await spool.close();
    }
  };
  const abandon = async (): Promise<void> => {
    held = [];
    await writing.catch(() => undefined);
    const target = await long?.catch(() => null);
    if (target?.kind === "json") await target.spool.close();
    else await target?.file.abandon();
  };

  return {
    get bytes() {
      return bytes;
    },
    write: (chunk) => {
      bytes += chunk.length;
      if (long !== null) return pass([Buffer.from(chunk)], long);
      held.push(Buffer.from(chunk));
      if (mayBeLong && bytes > longBytes) {
        mayBeLong = beginsDocument(Buffer.concat(held).toString("utf8", 0, 256));
        if (mayBeLong) return pass(held.splice(0), (long = openJson()));
      }
      return bytes <= maskedBytes ? undefined : pass(held.splice(0), (long = openSealed()));
    },
    finish: () =>
      finishing({ abandon }, async () => {
        await writing;
        const target = await long;
        if (target === null) return shelter.whole(meta, Buffer.concat(held));
        return target.kind === "json" ? finishJson(target) : target.file.finish();
      }),
    abandon,
  };
}

/** Leaves nothing behind where it does not come to an end. */
async function finishing<T>(sink: Pick<ArtifactSink, "abandon">, act: () => Promise<T>): Promise<T> {
  try {
    return await act();
  } catch (error) {
    await sink.abandon();
    throw error;
  }
}
