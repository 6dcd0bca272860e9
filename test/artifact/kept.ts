import { createHash } from "node:crypto";
import type { ArtifactRecord } from "../../src/domain/events.ts";
import type { ArtifactMeta, ArtifactStore } from "../../src/engine/ports.ts";

/** Bytes that were kept, as they came. */
export interface Kept {
  readonly meta: ArtifactMeta;
  readonly bytes: Buffer;
}

/** The record the real store would give for bytes without secrets. */
function recordOf(meta: ArtifactMeta, bytes: Buffer): ArtifactRecord {
  return {
    name: meta.name,
    mediaType: meta.mediaType,
    step: meta.step,
    node: meta.node,
    evidenceOf: meta.evidenceOf,
    sealed: meta.sealed ?? false,
    sha256: createHash("sha256").update(bytes).digest("hex"),
    bytes: bytes.length,
  };
}

/** A store that hands on what it is given, and finds bytes again by their digest. */
export function storeOver(
  keep: (record: ArtifactRecord, kept: Kept) => void,
  find: (sha256: string) => Buffer | undefined,
): ArtifactStore {
  const put = async (meta: ArtifactMeta, bytes: Buffer | string): Promise<ArtifactRecord> => {
    const kept = { meta, bytes: Buffer.from(bytes) };
    const record = recordOf(meta, kept.bytes);
    keep(record, kept);
    return record;
  };
  return {
    put,
    async sink(meta) {
      const chunks: Buffer[] = [];
      return {
        write: (chunk) => void chunks.push(Buffer.from(chunk)),
        get bytes() {
          return chunks.reduce((sum, chunk) => sum + chunk.length, 0);
        },
        finish: () => put(meta, Buffer.concat(chunks)),
        abandon: async () => undefined,
      };
    },
    read: async ({ sha256 }) => {
      const bytes = find(sha256);
      if (bytes === undefined) throw new Error(`nothing was kept with the digest ${sha256}`);
      return bytes;
    },
    async *stream({ sha256 }) {
      const bytes = find(sha256);
      if (bytes === undefined) throw new Error(`nothing was kept with the digest ${sha256}`);
      yield await Promise.resolve(bytes);
    },
  };
}

/** A store in memory, by name. */
export function memoryStore(kept: Map<string, Kept>): ArtifactStore {
  return storeOver(
    ({ name }, one) => kept.set(name, one),
    (sha256) => [...kept.values()].find(({ meta, bytes }) => recordOf(meta, bytes).sha256 === sha256)?.bytes,
  );
}
