/** Control characters and white space, and signs that turn the reading direction. */
const UNSEEN = /[\u0000-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069\s]+/g;

/** Text from elsewhere on one line of Markdown: control characters gone, nothing of it is markup. */
export function md(text: string): string {
  const line = text
    .replaceAll(/\u001b\[[0-9;?]*[A-Za-z]/g, "")
    .replaceAll(UNSEEN, " ")
    .trim();
  // An underscore inside a word is no markup; list and heading marks are only at the beginning.
  return line
    .replaceAll(/[\\`*[\]<>|&]|~(?=~)|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])|^[#+-]/g, "\\$&")
    .replace(/^(\d+)(?=[.)](?:\s|$))/, "$1\\");
}

/** Text as code: a name, a command, a value. Back quotes inside become plain ones. */
export function code(text: string): string {
  const line = text.replaceAll(UNSEEN, " ").trim();
  if (line === "") return "";
  const fence = line.includes("`") ? "``" : "`";
  const pad = fence === "``" ? " " : "";
  return `${fence}${pad}${line.replaceAll("``", "''").replaceAll("|", "\\|")}${pad}${fence}`;
}

/** A table; its cells are Markdown already. Without rows nothing. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  if (rows.length === 0) return "";
  const line = (cells: readonly string[]): string => `| ${cells.join(" | ")} |`;
  return [line(head), line(head.map(() => "---")), ...rows.map(line)].join("\n");
}
