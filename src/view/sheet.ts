import { readJson } from "../domain/json.ts";
import { list, record, text } from "../domain/json-fields.ts";
import type { Sheet, SheetCell, SheetPart } from "../engine/ports.ts";
import { inkOf, printable, symbolsOf, type Ink, type Paper } from "./paper.ts";
import { renderTable } from "./table.ts";
import { beside, cells, oneLine, pad, wrap } from "./text.ts";

function painted({ text, tone = "plain" }: SheetCell, ink: Ink): string {
  const shown = oneLine(text);
  switch (tone) {
    case "plain":
      return shown;
    case "good":
      return ink.proven(shown);
    case "waiting":
      return ink.waiting(shown);
    case "bad":
      return ink.trouble(shown);
    case "quiet":
      return ink.quiet(shown);
  }
}

function partLines(part: SheetPart, paper: Paper): readonly string[] {
  const ink = inkOf(paper);
  const { corner, ellipsis } = symbolsOf(paper);
  switch (part.kind) {
    case "table": {
      if (part.rows.length === 0) return [oneLine(part.empty)];
      const rows = part.rows.map((row) =>
        row.map((cell) => (cell.branch === true ? `${ink.quiet(` ${corner} `)}${painted(cell, ink)}` : painted(cell, ink))),
      );
      return renderTable(part.columns, rows, paper.columns, { head: (text) => ink.quiet(text), ellipsis }).split("\n");
    }
    case "pairs": {
      const label = Math.max(...part.pairs.map(([name]) => cells(name))) + 2;
      const title = part.title === undefined ? [] : [ink.strong(oneLine(part.title))];
      return [
        ...title,
        ...part.pairs.flatMap(([name, cell]) =>
          beside(`  ${ink.quiet(pad(name, label))}`, label + 2, oneLine(cell.text), paper.columns, (one) =>
            painted({ ...cell, text: one }, ink),
          ),
        ),
      ];
    }
    case "lines":
      return part.lines.flatMap((cell) =>
        wrap(oneLine(cell.text), paper.columns).map((line) => painted({ ...cell, text: line }, ink)),
      );
  }
}

/** Masked as in a document, where the list's name says what is in it. */
function environmentText({ environment = [] }: SheetCell, mask: (text: string) => string): string {
  if (environment.length === 0) return "";
  const read = readJson(mask(JSON.stringify({ env: environment })));
  const values = read.ok ? list(record(read.value)["env"]) : [];
  return values.flatMap((one) => text(one) ?? []).join(" ");
}

/** A sheet as text: its parts with an empty line between them, no line wider than the paper. `mask` replaces secrets. */
export function renderSheet(sheet: Pick<Sheet, "parts">, paper: Paper, mask: (text: string) => string = (text) => text): string {
  const masked = (cell: SheetCell): SheetCell => ({ ...cell, text: `${mask(cell.text)}${environmentText(cell, mask)}` });
  const parts = sheet.parts.map((part): SheetPart => {
    switch (part.kind) {
      case "table":
        return { ...part, rows: part.rows.map((row) => row.map(masked)) };
      case "pairs":
        return { ...part, pairs: part.pairs.map(([name, cell]) => [name, masked(cell)] as const) };
      case "lines":
        return { ...part, lines: part.lines.map(masked) };
    }
  });
  return printable(
    parts
      .map((part) => partLines(part, paper))
      .filter((lines) => lines.length > 0)
      .map((lines) => lines.join("\n"))
      .join("\n\n"),
    paper,
  );
}
