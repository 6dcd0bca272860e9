import { createHash } from "node:crypto";
import { readJson } from "../../../domain/json.ts";
import { list, record, text } from "../../../domain/json-fields.ts";

type Kept = { readonly ok: true; readonly bytes: Buffer } | { readonly ok: false; readonly why: string };

/** A list as it came; anything else is no answer about a whole Swarm, and would make two snapshots equal for want of one. */
export function aList(answer: Buffer): Kept {
  const read = readJson(answer.toString("utf8"));
  if (!read.ok) return { ok: false, why: read.why };
  return Array.isArray(read.value) ? { ok: true, bytes: answer } : { ok: false, why: "the answer is not a list" };
}

/**
 * What is kept of `GET /configs` and `GET /secrets`: names, labels and a digest. The content of a config, which the API tells, is dropped.
 * The digest alone would let whoever has the evidence try out guesses: its name makes it a secret, so that what is written is a mark
 * under the cluster's own key.
 */
export function withoutContent(answer: Buffer): Kept {
  const read = readJson(answer.toString("utf8"));
  if (!read.ok || !Array.isArray(read.value)) return { ok: false, why: read.ok ? "the answer is not a list" : read.why };
  const kept = list(read.value).map((one) => {
    const object = record(one);
    const { Data: data, ...spec } = record(object["Spec"]);
    const content = text(data);
    const digest = content === null ? null : createHash("sha256").update(Buffer.from(content, "base64")).digest("hex");
    const { ID, CreatedAt, UpdatedAt } = object;
    return { ID: ID ?? null, CreatedAt: CreatedAt ?? null, UpdatedAt: UpdatedAt ?? null, Spec: spec, SecretDigest: digest };
  });
  return { ok: true, bytes: Buffer.from(`${JSON.stringify(kept, null, 1)}\n`) };
}
