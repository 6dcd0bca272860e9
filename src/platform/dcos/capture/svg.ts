/** Text for SVG: markup characters replaced, control characters dropped. */
export function escaped(text: string): string {
  return text
    .replaceAll(/[\u0000-\u0008\u000B\u000C\u000E-\u001F\uFFFE\uFFFF]/g, "")
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;");
}

/** Share of the font size one character takes in the sans-serif fonts of browsers, on the wide side; bold ones take more. */
const CHARACTER_EM = 0.56;
const BOLD_EM = 0.64;

/** The text cut to a width in px at a font size in px; what was cut off shows as an ellipsis. */
function fitted(text: string, width: number, size: number, bold = false): string {
  const most = Math.max(1, Math.floor(width / (size * (bold ? BOLD_EM : CHARACTER_EM))));
  const letters = Array.from(text);
  return letters.length <= most ? text : `${letters.slice(0, most - 1).join("")}…`;
}

/** Classes whose text is bold. */
const BOLD = new Set(["h", "leadt"]);

/** Text at a place: `style` is a class, `width` the room it has in px, at `size` px. The whole of a cut text shows when pointed at. */
export function label(
  x: number,
  y: number,
  text: string,
  options: { readonly style?: string; readonly size?: number; readonly width?: number; readonly anchor?: "middle" | "end" } = {},
): string {
  const { style = "t", size = 12, width = Number.POSITIVE_INFINITY, anchor } = options;
  const shown = Number.isFinite(width) ? fitted(text, width, size, BOLD.has(style)) : text;
  const whole = shown === text ? "" : `<title>${escaped(text)}</title>`;
  return `<text x="${x}" y="${y}" class="${style}" font-size="${size}"${anchor === undefined ? "" : ` text-anchor="${anchor}"`}>${whole}${escaped(shown)}</text>`;
}

/** A box with round corners; `about` shows when pointed at. */
export function box(x: number, y: number, width: number, height: number, style: string, about = "", radius = 6): string {
  const rect = `x="${x}" y="${y}" width="${width}" height="${height}" rx="${radius}" class="${style}"`;
  return about === "" ? `<rect ${rect}/>` : `<rect ${rect}><title>${escaped(about)}</title></rect>`;
}
