import type { Block, Figure, Page, Section, Words } from "../page.ts";
import { escaped, html, type Markup } from "./markup.ts";
import { STYLE } from "./style.ts";

/** Longer tables are closed until somebody wants them. */
const OPEN_ROWS = 30;

/** Nothing may run and nothing may be fetched: a report is opened by people who did not make it. */
const POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'";

/** `report.html`: one file that needs no script and no network, for screen and paper. Pure. */
export function renderHtml(page: Page, foot: string): string {
  const { html: text } = html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="${POLICY}">
<title>${page.title}: ${page.outcome}</title>
<style>${{ html: STYLE }}</style>
</head>
<body>
<main>
<header>
<h1>${page.title} <span class="badge ${page.tone}">${page.outcome}</span></h1>
<p>${inline(page.lead)}</p>
<nav>${page.sections.map((section) => html`<a href="#${slug(section.title)}">${section.title}</a> `)}</nav>
</header>
${page.sections.map(sectionOf)}
<footer>${foot}</footer>
</main>
</body>
</html>
`;
  return text;
}

/** An anchor from a title: letters and digits only. */
function slug(title: string): string {
  return title
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, "-")
    .replaceAll(/^-|-$/g, "");
}

function sectionOf(section: Section): Markup {
  const body = section.blocks.map(block);
  const title = html`<h2>${section.title}</h2>`;
  const inner = section.appendix === true ? html`<details><summary>${title}</summary>${body}</details>` : html`${title}${body}`;
  return html`<section id="${slug(section.title)}">${inner}</section>
`;
}

function inline(words: Words): readonly Markup[] {
  return words.map((part) => {
    if (typeof part === "string") return html`${part}`;
    if ("strong" in part) return html`<strong>${part.strong}</strong>`;
    return part.code === "" ? html`` : html`<code>${part.code}</code>`;
  });
}

function block(one: Block): Markup {
  switch (one.kind) {
    case "text":
      return html`<p>${inline(one.words)}</p>`;
    case "heading":
      return html`<h3>${inline(one.words)}</h3>`;
    case "list":
      return html`<ul>${one.items.map((item) => html`<li>${inline(item)}</li>`)}</ul>`;
    case "pairs":
      return html`<dl>${one.pairs.map(([label, words]) => html`<dt>${label}</dt><dd>${inline(words)}</dd>`)}</dl>`;
    case "table":
      return table(one.head, one.rows);
    case "figure":
      return figure(one.figure);
  }
}

function isNumber(words: Words | undefined): boolean {
  const [only, ...rest] = words ?? [];
  return rest.length === 0 && (only === undefined || (typeof only === "string" && /^(?:-?\d+(?:\.\d+)?)?$/.test(only)));
}

/** Cells up to this length stay on one line: a time, a length of time, a status. */
const SHORT = 22;

function isShort(words: Words | undefined): boolean {
  const letters = (words ?? [])
    .map((part) => (typeof part === "string" ? part : "code" in part ? part.code : part.strong))
    .join("");
  return letters.length <= SHORT;
}

function table(head: readonly string[], rows: readonly (readonly Words[])[]): Markup {
  const named = head.some((name) => name !== "");
  const numbers = head.map((_, column) => named && rows.every((row) => isNumber(row[column])));
  const mark = (column: number): Markup => {
    if (numbers[column] === true) return html` class="number"`;
    if (!named && column === 0) return html` class="key"`;
    return rows.every((row) => isShort(row[column])) ? html` class="short"` : html``;
  };
  const heads = head.map((name, column) => html`<th${mark(column)}>${name}</th>`);
  const lines = rows.map(
    (row) => html`<tr>${row.map((cell, column) => html`<td${mark(column)}>${inline(cell)}</td>`)}</tr>
`,
  );
  const top = named ? html`<thead><tr>${heads}</tr></thead>` : null;
  const body = html`<div class="wide"><table>${top}<tbody>${lines}</tbody></table></div>`;
  return rows.length <= OPEN_ROWS ? body : html`<details><summary>${rows.length} rows</summary>${body}</details>`;
}

/** As an image: whatever an SVG holds, no script of it runs. */
function figure({ title, svg }: Figure): Markup {
  const saysItself = svg.includes(`>${escaped(title)}<`);
  const data = Buffer.from(svg, "utf8").toString("base64");
  return html`<figure><img alt="${title}" src="data:image/svg+xml;base64,${data}">${saysItself ? null : html`<figcaption>${title}</figcaption>`}</figure>`;
}
