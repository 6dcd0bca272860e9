import type { Json, JsonRecord } from "../../../domain/json.ts";
import { parseJson } from "../../../domain/json-fields.ts";

/** Captured bytes by the name of the capture. */
export type Captured = ReadonlyMap<string, Buffer>;

/** One capture as JSON; undefined where it was not captured or is none. */
export function jsonOf(captured: Captured, name: string): Json | undefined {
  const bytes = captured.get(name);
  return bytes === undefined ? undefined : parseJson(bytes.toString("utf8"));
}

/** Captures below a folder, by the name after it: `masters/` gives `m1/metrics.json`. */
export function below(captured: Captured, folder: string): readonly (readonly [string, string, Buffer])[] {
  return [...captured]
    .filter(([name]) => name.startsWith(folder))
    .map(([name, bytes]) => {
      const [first = "", ...rest] = name.slice(folder.length).split("/");
      return [first, rest.join("/"), bytes] as const;
    });
}

/** A record with its names in order, so that equal contents are equal texts. */
export function sorted(entries: readonly (readonly [string, Json])[]): JsonRecord {
  return Object.fromEntries(entries.toSorted((a, b) => (a[0] < b[0] ? -1 : 1)));
}
