import { createHash } from "node:crypto";
import { readJson } from "../../../domain/json.ts";
import { list, record, text } from "../../../domain/json-fields.ts";

type Kept = { readonly ok: true; readonly bytes: Buffer } | { readonly ok: false; readonly why: string };

/** Digits of a digest that are shown and compared: enough to see a change, too few to be a fingerprint of a password. */
const DIGITS = 12;

/** What is kept of `GET /configs` and `GET /secrets`: names, labels and a digest. The content of a config, which the API tells, is dropped. */
export function withoutContent(answer: Buffer): Kept {
  const read = readJson(answer.toString("utf8"));
  if (!read.ok || !Array.isArray(read.value)) return { ok: false, why: read.ok ? "the answer is not a list" : read.why };
  const kept = list(read.value).map((one) => {
    const object = record(one);
    const { Data: data, ...spec } = record(object["Spec"]);
    const content = text(data);
    const digest =
      content === null ? null : createHash("sha256").update(Buffer.from(content, "base64")).digest("hex").slice(0, DIGITS);
    const { ID, CreatedAt, UpdatedAt } = object;
    return { ID: ID ?? null, CreatedAt: CreatedAt ?? null, UpdatedAt: UpdatedAt ?? null, Spec: spec, Digest: digest };
  });
  return { ok: true, bytes: Buffer.from(`${JSON.stringify(kept, null, 1)}\n`) };
}
