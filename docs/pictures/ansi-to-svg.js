// Turns what `tmux capture-pane -e -p` prints into an SVG picture: node docs/pictures/ansi-to-svg.js COLUMNS <frame >picture.svg
import { readFileSync } from "node:fs";

const columns = Number(process.argv[2] ?? 100);
const lines = readFileSync(0, "utf8").replace(/\s+$/, "").split("\n");
const CELL = { width: 8.43, height: 18 };
const COLOURS = { 31: "#f0716b", 32: "#5fd38d", 33: "#e5c07b", 34: "#6cb6ff", 35: "#d2a8ff", 36: "#56d4dd", 90: "#7d8590" };

const escapeXml = (text) => text.replace(/[&<>]/g, (c) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;" })[c]);

/** Pieces of a line with one style each. */
function pieces(line) {
  const out = [];
  let style = { fill: "#e6edf3", bold: false, dim: false };
  let column = 0;
  for (const part of line.split(/(\x1b\[[0-9;]*m)/)) {
    const code = /^\x1b\[([0-9;]*)m$/.exec(part);
    if (code === null) {
      if (part !== "") out.push({ text: part, column, ...style });
      column += [...part].length;
      continue;
    }
    for (const n of (code[1] === "" ? "0" : code[1]).split(";").map(Number)) {
      if (n === 0) style = { fill: "#e6edf3", bold: false, dim: false };
      else if (n === 1) style = { ...style, bold: true };
      else if (n === 2) style = { ...style, dim: true };
      else if (n === 22) style = { ...style, bold: false, dim: false };
      else if (n === 39) style = { ...style, fill: "#e6edf3" };
      else if (COLOURS[n] !== undefined) style = { ...style, fill: COLOURS[n] };
    }
  }
  return out;
}

const width = Math.ceil(columns * CELL.width + 32);
const height = Math.ceil(lines.length * CELL.height + 32);
const body = lines.flatMap((line, row) =>
  pieces(line).filter((piece) => piece.text.trim() !== "").map((piece) => {
    const x = (16 + piece.column * CELL.width).toFixed(1);
    const y = 16 + (row + 0.75) * CELL.height;
    const length = ([...piece.text].length * CELL.width).toFixed(1);
    return `<text x="${x}" y="${y}" fill="${piece.fill}"${piece.bold ? ' font-weight="700"' : ""}${piece.dim ? ' opacity="0.65"' : ""} textLength="${length}" lengthAdjust="spacingAndGlyphs" xml:space="preserve">${escapeXml(piece.text)}</text>`;
  }),
);
process.stdout.write(
  `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" font-family="ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace" font-size="14"><rect width="100%" height="100%" rx="8" fill="#0d1117"/>${body.join("")}</svg>\n`,
);
