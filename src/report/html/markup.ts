/** Control characters, and signs that turn the reading direction: nobody's text may disguise another's. */
const UNSEEN = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;

const ENTITIES: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" };

/** Text that is HTML already. Only `html` makes one. */
export interface Markup {
  readonly html: string;
}

/** Text from elsewhere as HTML or XML text, also inside a quoted attribute. */
export function escaped(text: string): string {
  return text.replace(UNSEEN, " ").replace(/[&<>"']/g, (sign) => ENTITIES[sign] ?? sign);
}

type Value = string | number | Markup | null | readonly Value[];

function text(value: Value): string {
  if (value === null) return "";
  if (typeof value === "string") return escaped(value);
  if (typeof value === "number") return String(value);
  return "html" in value ? value.html : value.map(text).join("");
}

/** HTML from a template: what is filled in is escaped unless it is markup itself; lists are joined, null is nothing. */
export function html(parts: TemplateStringsArray, ...values: readonly Value[]): Markup {
  return { html: parts.reduce((sum, part, index) => sum + text(values[index - 1] ?? null) + part) };
}
