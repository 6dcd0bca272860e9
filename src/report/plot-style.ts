/** Colours that people who see few of them can tell apart, each with a dash of its own for paper. */
export const INKS = 6;

const DASHES = ["none", "7 3", "2 3", "9 3 2 3", "4 2", "1 2"];
const LIGHT = ["#0067ad", "#c94f00", "#007a5a", "#a8447f", "#5b6670", "#8a6100"];
const DARK = ["#63b3ed", "#ff9a5c", "#3fcf9f", "#ef9fce", "#aab4be", "#e3b341"];

const strokes = (colours: readonly string[]): string =>
  colours.map((colour, index) => `.ink${index}{stroke:${colour}}.dot${index}{fill:${colour}}`).join("");

export const PLOT_STYLE = `
text{font:12px system-ui,"DejaVu Sans",sans-serif;fill:#1c2126}.title{font-weight:600;font-size:13px}.unit,.tick,.group{fill:#5b6670;font-weight:400}.tick{font-size:11px}.group{font-size:10.5px}
.paper{fill:#fff}.frame{fill:none;stroke:#8b959e}.grid{fill:none;stroke:#e6eaed}.gap{fill:#b3bcc4}.missing{fill:url(#gap);opacity:.6}
.line{fill:none;stroke-width:1.6;stroke-linejoin:round}.on{fill:#0067ad}.band{fill:#0067ad;opacity:.07}.mark{fill:#5d8fb8}.bad{fill:#c02b2b}.bracket{stroke:#8b959e;fill:none}
${DASHES.map((dash, index) => `.ink${index}{stroke-dasharray:${dash}}`).join("")}${strokes(LIGHT)}
@media (prefers-color-scheme:dark){text{fill:#e4e8ec}.unit,.tick,.group{fill:#9aa5af}.paper{fill:#14181c}.frame,.bracket{stroke:#6b757e}.grid{stroke:#262d33}.gap{fill:#4c565f}.on{fill:#4f9bd6}.band{fill:#63b3ed;opacity:.1}.mark{fill:#4f81ab}.bad{fill:#e5635b}${strokes(DARK)}}
@media print{.paper{fill:none}.line{stroke-width:1.3}}
`;
