/** A C++ double of Mesos: printed with a fraction even when whole (`5.0`). */
export interface Double {
  readonly double: number;
}

export type MesosJson = null | boolean | number | string | Double | readonly MesosJson[] | { readonly [key: string]: MesosJson };

/** Marks a number as a double, so that it is printed as Mesos prints it. */
export function double(value: number): Double {
  return { double: value };
}

function isDouble(value: object): value is Double {
  return "double" in value && typeof value.double === "number" && Object.keys(value).length === 1;
}

function text(value: string, escapeSlash: boolean): string {
  const quoted = JSON.stringify(value);
  return escapeSlash ? quoted.replaceAll("/", "\\/") : quoted;
}

/**
 * Writes JSON as Mesos does: doubles always with a fraction, no white space, and before Mesos 1.7 every `/` as `\/`
 * (dcos.md section 9, seen in the recorded lines `"registrar\/log\/recovered":1.0`).
 */
export function mesosText(value: MesosJson, escapeSlash: boolean): string {
  if (value === null || typeof value === "boolean" || typeof value === "number") return JSON.stringify(value);
  if (typeof value === "string") return text(value, escapeSlash);
  if (Array.isArray(value)) return `[${value.map((item: MesosJson) => mesosText(item, escapeSlash)).join(",")}]`;
  if (isDouble(value)) return Number.isInteger(value.double) ? `${value.double}.0` : String(value.double);
  const fields = Object.entries(value as { readonly [key: string]: MesosJson });
  return `{${fields.map(([key, item]) => `${text(key, escapeSlash)}:${mesosText(item, escapeSlash)}`).join(",")}}`;
}
