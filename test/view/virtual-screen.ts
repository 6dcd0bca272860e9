/** A very small terminal: understands what the screen writes, and nothing else, so that anything else fails a test. */
export interface VirtualScreen {
  write(text: string): void;
  /** Every line ever shown that was not erased, without trailing blanks. */
  lines(): readonly string[];
  readonly cursorShown: boolean;
  readonly writes: number;
}

export function createVirtualScreen(): VirtualScreen {
  const rows: string[] = [""];
  let row = 0;
  let column = 0;
  let cursorShown = true;
  let writes = 0;
  const put = (text: string): void => {
    for (const sign of text) {
      const line = (rows[row] ?? "").padEnd(column);
      rows[row] = line.slice(0, column) + sign + line.slice(column + 1);
      column += 1;
    }
  };
  return {
    get cursorShown() {
      return cursorShown;
    },
    get writes() {
      return writes;
    },
    lines: () => rows.map((line) => line.trimEnd()),
    write(text) {
      writes += 1;
      for (const [part, , parameter, verb] of text.matchAll(/(\u001b\[(\??\d*)(?:;\d+)*([A-Za-z]))|\n|\r|[^\u001b\n\r]+/g)) {
        if (part === "\n") {
          row += 1;
          column = 0;
          rows[row] ??= "";
        } else if (part === "\r") column = 0;
        else if (verb === undefined) put(part);
        else if (verb === "A") row = Math.max(0, row - Number(parameter));
        else if (verb === "K") rows[row] = (rows[row] ?? "").slice(0, column);
        else if (verb === "J") {
          rows[row] = (rows[row] ?? "").slice(0, column);
          rows.splice(row + 1);
        } else if (verb === "h" || verb === "l") cursorShown = verb === "h";
        else if (verb !== "m") throw new Error(`unexpected escape ${JSON.stringify(part)}`);
      }
    },
  };
}
