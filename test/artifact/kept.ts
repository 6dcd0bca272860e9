import { createHash } from "node:crypto";
import type { ArtifactRecord } from "../../src/domain/events.ts";
import type { ArtifactMeta, ArtifactStore } from "../../src/engine/ports.ts";

/** Bytes that were kept, as they came. */
export interface Kept {
  readonly meta: ArtifactMeta;
  readonly bytes: Buffer;
}

/** The record is the one the real store would give for bytes without secrets. */
function keepIn(kept: Map<string, Kept>, meta: ArtifactMeta, bytes: Buffer): ArtifactRecord {
  kept.set(meta.name, { meta, bytes });
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

/** A store in memory, by name. */
export function memoryStore(kept: Map<string, Kept>): ArtifactStore {
  const keep = (meta: ArtifactMeta, bytes: Buffer): ArtifactRecord => keepIn(kept, meta, bytes);
  return {
    put: async (meta, bytes) => keep(meta, Buffer.from(bytes)),
    async sink(meta) {
      const chunks: Buffer[] = [];
      return {
        write: (chunk) => void chunks.push(Buffer.from(chunk)),
        get bytes() {
          return Buffer.concat(chunks).length;
        },
        finish: async () => keep(meta, Buffer.concat(chunks)),
        abandon: async () => undefined,
      };
    },
    read: async ({ sha256 }) =>
      [...kept.values()].find((one) => createHash("sha256").update(one.bytes).digest("hex") === sha256)!.bytes,
  };
}
