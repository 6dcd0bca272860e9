import { stripVTControlCharacters } from "node:util";

/**
 * Text from elsewhere (script output, answers, reasons) made harmless for a terminal: escape sequences are taken out and
 * other control characters become spaces, so that no node can move the cursor or repaint a line above.
 */
export function clean(text: string): string {
  return stripVTControlCharacters(text)
    .replace(/\r\n?/g, "\n")
    .replace(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g, " ");
}

/** Like `clean`, on one line. */
export function oneLine(text: string): string {
  return clean(text).replace(/\s+/g, " ").trim();
}

/** The last line of several that is not blank. */
export function lastLine(text: string): string {
  return (
    clean(text)
      .split("\n")
      .findLast((line) => line.trim() !== "") ?? ""
  );
}

function cellsOf(codePoint: number): number {
  if (codePoint < 0x300) return 1;
  if (
    (codePoint >= 0x300 && codePoint <= 0x36f) ||
    codePoint === 0x200b ||
    codePoint === 0x200d ||
    (codePoint >= 0xfe00 && codePoint <= 0xfe0f)
  )
    return 0;
  const wide =
    (codePoint >= 0x1100 && codePoint <= 0x115f) ||
    (codePoint >= 0x2e80 && codePoint <= 0xa4cf) ||
    (codePoint >= 0xac00 && codePoint <= 0xd7a3) ||
    (codePoint >= 0xf900 && codePoint <= 0xfaff) ||
    (codePoint >= 0xfe30 && codePoint <= 0xfe6f) ||
    (codePoint >= 0xff00 && codePoint <= 0xff60) ||
    (codePoint >= 0x1f300 && codePoint <= 0x1faff) ||
    (codePoint >= 0x20000 && codePoint <= 0x3fffd);
  return wide ? 2 : 1;
}

/** How many cells a text takes; colours take none. */
export function cells(text: string): number {
  let total = 0;
  for (const sign of stripVTControlCharacters(text)) total += cellsOf(sign.codePointAt(0) ?? 0);
  return total;
}

/** The text filled with spaces to `width` cells; longer text is left as it is. */
export function pad(text: string, width: number, align: "left" | "right" = "left"): string {
  const gap = " ".repeat(Math.max(0, width - cells(text)));
  return align === "left" ? text + gap : gap + text;
}

/** The text cut to `width` cells, ending in `ellipsis` where something was cut. Colours are kept and closed. */
export function clip(text: string, width: number, ellipsis = "…"): string {
  if (cells(text) <= width) return text;
  const room = width - cells(ellipsis);
  if (room <= 0) return ellipsis.slice(0, Math.max(0, width));
  let used = 0;
  let cut = "";
  let coloured = false;
  for (const [part] of text.matchAll(/\x1b\[[0-9;]*m|[^]/gu)) {
    if (part.startsWith("\x1b[")) {
      cut += part;
      coloured = true;
      continue;
    }
    const width = cellsOf(part.codePointAt(0) ?? 0);
    if (used + width > room) break;
    used += width;
    cut += part;
  }
  return `${cut.trimEnd()}${ellipsis}${coloured ? "\x1b[0m" : ""}`;
}

/** Uncoloured text broken at spaces into lines of at most `width` cells. Words longer than a line stay whole: they are paths and commands that people copy. */
export function wrap(text: string, width: number): readonly string[] {
  return text.split("\n").flatMap((paragraph) => {
    const lines: string[] = [];
    let line = "";
    for (const word of paragraph.split(" ")) {
      if (line !== "" && cells(line) + 1 + cells(word) > width) {
        lines.push(line);
        line = word;
      } else line = line === "" ? word : `${line} ${word}`;
    }
    return [...lines, line];
  });
}

/** A label in a column of its own with wrapped text beside it; further lines hang under the text, after `stem` (the trunk of a tree, say). */
export function beside(
  label: string,
  labelWidth: number,
  text: string,
  columns: number,
  paint: (text: string) => string = (one) => one,
  stem = "",
): readonly string[] {
  const indent = pad(stem, labelWidth);
  return wrap(text, Math.max(20, columns - labelWidth)).map((line, index) =>
    `${index === 0 ? pad(label, labelWidth) : indent}${paint(line)}`.trimEnd(),
  );
}

/** `1 node`, `3 nodes`; irregular plurals are given. */
export function count(number: number, noun: string, plural = `${noun}s`): string {
  return `${number} ${number === 1 ? noun : plural}`;
}

/** Bytes as people read them: `312 B`, `4.1 MB`. Decimal units. */
export function sizeText(bytes: number): string {
  if (bytes < 1_000) return `${bytes} B`;
  const [size, unit] =
    bytes < 1_000_000 ? [bytes / 1_000, "kB"] : bytes < 1_000_000_000 ? [bytes / 1_000_000, "MB"] : [bytes / 1_000_000_000, "GB"];
  return `${size >= 100 ? Math.round(size) : size.toFixed(1)} ${unit}`;
}
