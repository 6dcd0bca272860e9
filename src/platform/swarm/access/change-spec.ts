import type { Json, JsonRecord } from "../../../domain/json.ts";
import { number, record } from "../../../domain/json-fields.ts";
import type { Managers, Written } from "./managers.ts";

/** The index of an object moves by itself, so a change may come too late; it is made anew from what is read then (swarm.md, "Errors"). */
const ATTEMPTS = 4;

/** `filters` as the API takes them: JSON of names to lists of values. */
export function filtersOf(filters: Readonly<Record<string, readonly string[]>>): string {
  return `filters=${encodeURIComponent(JSON.stringify(filters))}`;
}

/**
 * Changes the spec of a node or a service: there is no other way than to read it, change it and send back all of it with the version it
 * was read with. `change` gives null where nothing is left to change. `unknown` is never repeated.
 */
export async function changeSpec(
  managers: Managers,
  kind: "nodes" | "services",
  id: string,
  change: (spec: JsonRecord, object: JsonRecord) => JsonRecord | null,
  query = "",
): Promise<Written | { readonly kind: "unchanged"; readonly value: Json }> {
  const path = `/${kind}/${encodeURIComponent(id)}`;
  for (let attempt = 1; ; attempt++) {
    const said = await managers.get(path);
    if (!said.ok) return { kind: "refused", status: said.status, why: said.why };
    const object = record(said.value);
    const version = number(record(object["Version"])["Index"]);
    if (version === null) return { kind: "refused", status: null, why: `${path}: the answer has no Version.Index` };
    const spec = change(record(object["Spec"]), object);
    if (spec === null) return { kind: "unchanged", value: said.value };
    const written = await managers.post(`${path}/update?version=${String(version)}${query === "" ? "" : `&${query}`}`, spec);
    if (written.kind !== "stale" || attempt === ATTEMPTS) return written;
  }
}
