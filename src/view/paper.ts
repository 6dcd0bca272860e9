import picocolors from "picocolors";

/** What text is laid out on. Everything that renders takes one, so that the same view works in a pipe and on a terminal. */
export interface Paper {
  /** Cells per line. */
  readonly columns: number;
  readonly colour: boolean;
  /** False: only ASCII symbols. Default true. */
  readonly unicode?: boolean;
}

/** Colours carry meaning: `proven` only for what was measured, `waiting` for whatever waits, `trouble` for what went wrong. */
export interface Ink {
  proven(text: string): string;
  waiting(text: string): string;
  trouble(text: string): string;
  active(text: string): string;
  strong(text: string): string;
  quiet(text: string): string;
}

/** The colours of a paper; without colour every one of them returns the text as it is. */
export function inkOf(paper: Pick<Paper, "colour">): Ink {
  const colours = picocolors.createColors(paper.colour);
  return {
    proven: (text) => colours.green(text),
    waiting: (text) => colours.yellow(text),
    trouble: (text) => colours.red(text),
    active: (text) => colours.cyan(text),
    strong: (text) => colours.bold(text),
    quiet: (text) => colours.dim(text),
  };
}

const UNICODE = {
  ok: "✓",
  bad: "✗",
  unknown: "?",
  aside: "–",
  skipped: "–",
  pending: "·",
  active: "●",
  waiting: "◷",
  stop: "◆",
  arrow: "→",
  dash: "–",
  dot: "·",
  ellipsis: "…",
  pipe: "│",
  tee: "├─",
  corner: "└─",
  rule: "─",
  full: "━",
  empty: "─",
  times: "×",
} as const;

/** Names of the symbols a view may draw; every one is one cell wide in Unicode and short in ASCII. */
export type Symbols = { readonly [Name in keyof typeof UNICODE]: string };

const ASCII: Symbols = {
  ok: "+",
  bad: "x",
  unknown: "?",
  aside: "-",
  skipped: "-",
  pending: ".",
  active: "*",
  waiting: "~",
  stop: "!",
  arrow: "->",
  dash: "-",
  dot: "-",
  ellipsis: "...",
  pipe: "|",
  tee: "|-",
  corner: "`-",
  rule: "-",
  full: "=",
  empty: "-",
  times: "x",
};

/** The symbols of a paper. */
export function symbolsOf(paper: Pick<Paper, "unicode">): Symbols {
  return paper.unicode === false ? ASCII : UNICODE;
}

/** Whether a terminal with these variables shows more than ASCII: the first of LC_ALL, LC_CTYPE, LANG that is set decides. */
export function speaksUnicode(env: Readonly<Record<string, string | undefined>>): boolean {
  const locale = [env.LC_ALL, env.LC_CTYPE, env.LANG].find((value) => value !== undefined && value !== "") ?? "";
  return /utf-?8/i.test(locale);
}

const TO_ASCII: Readonly<Record<string, string>> = {
  "→": "->",
  "…": "...",
  "–": "-",
  "—": "-",
  "·": "-",
  "×": "x",
  "≥": ">=",
  "≤": "<=",
  "≠": "!=",
  "“": '"',
  "”": '"',
  "’": "'",
  "‘": "'",
  "✓": "+",
  "✗": "x",
};

/** Finished text for a paper: on one without Unicode the signs that remain are spelled in ASCII, other letters become `?`. */
export function printable(text: string, paper: Pick<Paper, "unicode">): string {
  if (paper.unicode !== false) return text;
  return text.replace(/[^\n\x1b\x20-\x7e]/gu, (sign) => TO_ASCII[sign] ?? "?");
}
