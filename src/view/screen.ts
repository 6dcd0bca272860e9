import { cells } from "./text.ts";

/** Where a live view writes. */
export interface ScreenStream {
  write(text: string): unknown;
}

/** The part of a terminal below the text that was there before: painted over and over, line by line. */
export interface Screen {
  /** Shows these lines instead of the last ones. Writes nothing where nothing changed; unchanged lines are not blanked first, so nothing flickers. */
  draw(lines: readonly string[], columns: number): void;
  /** Takes the lines away; the next text goes where they were. */
  clear(): void;
  /** Leaves the lines where they are, ends with these instead, and gives the cursor back. */
  finish(lines: readonly string[]): void;
}

const HIDE = "\x1b[?25l";
const SHOW = "\x1b[?25h";
const TO_LINE_END = "\x1b[K";
const TO_SCREEN_END = "\x1b[J";

/** A screen on a stream. A terminal that became narrower has re-wrapped the old lines: they are counted again before the cursor goes up. */
export function createScreen(stream: ScreenStream): Screen {
  let shown: readonly string[] = [];
  let width = 0;
  const up = (columns: number): string => {
    const height = shown.reduce((sum, line) => sum + Math.max(1, Math.ceil(cells(line) / Math.max(1, columns))), 0);
    return height === 0 ? "" : `\x1b[${height}A\r`;
  };
  return {
    draw(lines, columns) {
      if (columns === width && lines.length === shown.length && lines.every((line, index) => line === shown[index])) return;
      const rewrapped = width !== 0 && columns !== width;
      const body = lines.map((line) => `${line}${TO_LINE_END}\n`).join("");
      stream.write(`${HIDE}${up(columns)}${rewrapped ? TO_SCREEN_END : ""}${body}${TO_SCREEN_END}`);
      shown = lines;
      width = columns;
    },
    clear() {
      if (shown.length > 0) stream.write(`${up(width)}${TO_SCREEN_END}${SHOW}`);
      shown = [];
    },
    finish(lines) {
      const body = lines.map((line) => `${line}\n`).join("");
      stream.write(`${up(width)}${TO_SCREEN_END}${body}${SHOW}`);
      shown = [];
    },
  };
}
