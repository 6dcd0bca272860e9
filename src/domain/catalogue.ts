/** One thing a procedure asks for, and where the product does it, or why it does not. */
export interface CatalogueItem {
  readonly id: string;
  readonly section: string;
  /** Page or heading it stands under. */
  readonly source: string;
  /** What it asks, in brief and in words of our own. */
  readonly words: string;
  /** `runbook/phase/step`. */
  readonly steps: readonly string[];
  /** Names of checks, findings, questions and watches. */
  readonly checks: readonly string[];
  /** Commands of pawl that do it on request. */
  readonly commands: readonly string[];
  /** Names of captured documents; `*` stands for one part of a name. */
  readonly captures: readonly string[];
  /** Why it is not done, or where it is deliberately done in another way; null where there is nothing to explain. */
  readonly reason: string | null;
}

/** A procedure, item by item. */
export interface Catalogue {
  readonly name: string;
  readonly title: string;
  readonly source: string;
  readonly platform: string;
  readonly sections: readonly { readonly name: string; readonly title: string }[];
  readonly items: readonly CatalogueItem[];
}

/** Every name an item may refer to. */
export interface KnownNames {
  readonly steps: ReadonlySet<string>;
  readonly checks: ReadonlySet<string>;
  readonly commands: ReadonlySet<string>;
  readonly captures: readonly string[];
}

/** What is wrong with the mapping of one item. */
export interface CatalogueGap {
  readonly id: string;
  readonly text: string;
}

/** Whether a captured document has that name: by its end, because a step puts its own address before it. */
export function isCapture(pattern: string, name: string): boolean {
  const parts = pattern.split("*").map((part) => part.replaceAll(/[.+?^${}()|[\]\\]/g, "\\$&"));
  return new RegExp(`(?:^|/)${parts.join("[^/]+")}$`).test(name);
}

/** Items without a mapping or a reason, names that do not exist, and sections nobody has filled. Pure. */
export function gapsOf(catalogue: Catalogue, known: KnownNames): readonly CatalogueGap[] {
  const gaps: CatalogueGap[] = [];
  for (const item of catalogue.items) {
    const { id, steps, checks, commands, captures, reason } = item;
    if (steps.length + checks.length + commands.length + captures.length === 0 && reason === null)
      gaps.push({ id, text: "has no step, check, command or capture, and no reason why not" });
    const missing = [
      ...steps.filter((name) => !known.steps.has(name)).map((name) => `step ${name}`),
      ...checks.filter((name) => !known.checks.has(name)).map((name) => `check, finding or question ${name}`),
      ...commands.filter((name) => !known.commands.has(name)).map((name) => `command ${name}`),
      ...captures.filter((name) => !known.captures.some((one) => isCapture(name, one))).map((name) => `capture ${name}`),
    ];
    for (const name of missing) gaps.push({ id, text: `there is no ${name}` });
  }
  for (const section of catalogue.sections)
    if (!catalogue.items.some((item) => item.section === section.name))
      gaps.push({ id: section.name, text: "is a section without items" });
  return gaps;
}
