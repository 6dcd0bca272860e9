/** A piece of a sentence: plain text, or a name, command or value as it is typed. */
export type Part = string | { readonly code: string } | { readonly strong: string };

/** A sentence, or what stands in one cell of a table. */
export type Words = readonly Part[];

/** A picture: SVG text that stands for itself (no script, nothing fetched). */
export interface Figure {
  readonly title: string;
  readonly svg: string;
}

/** What a report is made of, before it becomes Markdown or HTML. */
export type Block =
  | { readonly kind: "text"; readonly words: Words }
  | { readonly kind: "heading"; readonly words: Words }
  | { readonly kind: "list"; readonly items: readonly Words[] }
  /** Labels with their values: expected, observed, next. */
  | { readonly kind: "pairs"; readonly pairs: readonly (readonly [string, Words])[] }
  | { readonly kind: "table"; readonly head: readonly string[]; readonly rows: readonly (readonly Words[])[] }
  | { readonly kind: "figure"; readonly figure: Figure; readonly file: string | null };

export interface Section {
  readonly title: string;
  readonly blocks: readonly Block[];
  /** Read only by whoever looks something up: HTML shows it closed. */
  readonly appendix?: true;
}

export type Tone = "good" | "bad" | "waiting";

/** A whole report. */
export interface Page {
  readonly title: string;
  /** The outcome in a few words, as it stands behind the title. */
  readonly outcome: string;
  readonly tone: Tone;
  readonly lead: Words;
  readonly sections: readonly Section[];
}

/** A name, command or value, typed as it is. */
export function code(text: string): Part {
  return { code: text };
}

/** A sentence with parts in it: ``say`it runs ${code(version)}` ``. */
export function say(texts: TemplateStringsArray, ...parts: readonly (Part | number | Words)[]): Words {
  const all: Part[] = [];
  texts.forEach((text, index) => {
    if (text !== "") all.push(text);
    const part = parts[index];
    if (part === undefined) return;
    if (typeof part === "number") all.push(String(part));
    else if (Array.isArray(part)) all.push(...(part as Words));
    else all.push(part as Part);
  });
  return all;
}

/** Words one after another with something between them. */
export function joined(list: readonly Words[], between: string): Words {
  return list.flatMap((words, index) => (index === 0 ? words : [between, ...words]));
}

/** A section that is left out where it has nothing to say. */
export function section(title: string, blocks: readonly Block[], appendix?: "appendix"): readonly Section[] {
  const full = blocks.filter(
    (block) => !((block.kind === "table" && block.rows.length === 0) || (block.kind === "list" && block.items.length === 0)),
  );
  if (full.length === 0) return [];
  return [{ title, blocks: full, ...(appendix === undefined ? {} : { appendix: true as const }) }];
}
