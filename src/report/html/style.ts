/** Of every page pawl makes: light and dark as the reader's system says, narrow screens, paper. Nothing is fetched. */
export const STYLE = `
:root { color-scheme: light dark; --ink: #1c2126; --soft: #5b6670; --line: #d9dee3; --paper: #ffffff; --shade: #f4f6f8;
  --good: #1a7f37; --bad: #c02b2b; --waiting: #8a6100; --accent: #0b5cad; }
@media (prefers-color-scheme: dark) { :root { --ink: #e4e8ec; --soft: #9aa5af; --line: #343b42; --paper: #14181c; --shade: #1c2227;
  --good: #4ac26b; --bad: #ff7b72; --waiting: #d9a441; --accent: #6cb6ff; } }
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 15px/1.5 system-ui, -apple-system, "Segoe UI", "DejaVu Sans", sans-serif; }
main { max-width: 1080px; margin: 0 auto; padding: 28px 20px 60px; }
header { border-bottom: 1px solid var(--line); padding-bottom: 18px; }
h1 { font-size: 26px; line-height: 1.25; margin: 0 0 10px; }
h2 { font-size: 19px; margin: 38px 0 10px; }
h3 { font-size: 15px; margin: 22px 0 6px; }
p { margin: 8px 0; max-width: 78ch; }
.badge { display: inline-block; font-size: 14px; font-weight: 600; padding: 2px 11px; border-radius: 999px; border: 1px solid currentColor; vertical-align: 4px; margin-left: 8px; }
.good { color: var(--good); } .bad { color: var(--bad); } .waiting { color: var(--waiting); }
code { font: 13px/1.4 ui-monospace, "SFMono-Regular", "DejaVu Sans Mono", monospace; background: var(--shade); padding: 1px 4px; border-radius: 4px; overflow-wrap: anywhere; }
nav { font-size: 14px; margin-top: 12px; color: var(--soft); }
nav a { margin-right: 14px; }
a { color: var(--accent); text-decoration: none; } a:hover { text-decoration: underline; }
.wide { overflow-x: auto; margin: 10px 0; }
table { border-collapse: collapse; font-size: 14px; min-width: 40%; }
th { text-align: left; font-weight: 600; color: var(--soft); border-bottom: 1px solid var(--line); padding: 5px 14px 5px 0; vertical-align: bottom; }
td { border-bottom: 1px solid var(--line); padding: 5px 14px 5px 0; vertical-align: top; overflow-wrap: break-word; }
td.key { color: var(--soft); white-space: nowrap; }
td.number, th.number { text-align: right; font-variant-numeric: tabular-nums; }
ul { padding-left: 20px; margin: 8px 0; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: 3px 14px; margin: 8px 0; }
dt { color: var(--soft); } dd { margin: 0; overflow-wrap: anywhere; }
figure { margin: 14px 0; }
figure img { display: block; max-width: 100%; height: auto; border: 1px solid var(--line); border-radius: 8px; }
figcaption { color: var(--soft); font-size: 13px; margin-top: 5px; }
details { margin: 10px 0; }
summary { cursor: pointer; color: var(--accent); }
details > summary > h2 { display: inline; color: var(--ink); }
footer { margin-top: 46px; color: var(--soft); font-size: 13px; border-top: 1px solid var(--line); padding-top: 12px; }
@media (min-width: 641px) { nav a, td.short { white-space: nowrap; } }
@media (max-width: 640px) { main { padding: 18px 12px 40px; } h1 { font-size: 22px; } table { font-size: 13px; } }
@media print { body { font-size: 11pt; } main { max-width: none; padding: 0; } nav { display: none; } h2 { break-after: avoid; }
  figure, tr { break-inside: avoid; } .wide { overflow: visible; } a { color: inherit; } }
`;
