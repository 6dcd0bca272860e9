import { code, md, table } from "./markdown-text.ts";
import type { Block, Page, Words } from "./page.ts";

/** The Markdown of a page: plain enough for a ticket. Pictures that are artifacts become links to them; others are only in the HTML. */
export function renderMarkdown(page: Page): string {
  const parts = [
    `# ${md(page.title)}: ${page.outcome}`,
    inline(page.lead),
    ...page.sections.map(
      (section) =>
        `## ${section.title}\n\n${section.blocks
          .map(block)
          .filter((text) => text !== "")
          .join("\n\n")}`,
    ),
  ];
  return `${parts.join("\n\n")}\n`;
}

function inline(words: Words): string {
  // Spaces at the seams belong to the sentence: only what stands between them is cleaned.
  return words
    .map((part) => {
      if (typeof part === "string") return spaced(part);
      return "code" in part ? code(part.code) : `**${md(part.strong)}**`;
    })
    .join("")
    .trim();
}

function spaced(text: string): string {
  const before = /^\s/.test(text) ? " " : "";
  const after = /\s$/.test(text) && text.trim() !== "" ? " " : "";
  return `${before}${md(text)}${after}`;
}

function block(one: Block): string {
  switch (one.kind) {
    case "text":
      return inline(one.words);
    case "heading":
      return `### ${inline(one.words)}`;
    case "list":
      return one.items.map((item) => `- ${inline(item)}`).join("\n");
    case "pairs":
      return one.pairs.map(([label, words]) => `- ${md(label)}: ${inline(words)}`).join("\n");
    case "table":
      return table(
        one.head.map(md),
        one.rows.map((row) => row.map(inline)),
      );
    case "figure":
      return one.file === null ? "" : `[${md(one.figure.title)}](${one.file})`;
  }
}
