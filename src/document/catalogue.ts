import * as z from "zod";
import type { Catalogue } from "../domain/catalogue.ts";
import type { Json, JsonRecord } from "../domain/json.ts";
import { quoted, type Complaint } from "./complaint.ts";
import { envelope, name, text, WORDS } from "./fields.ts";
import { complaintAt } from "./issues.ts";
import { suggest } from "./suggest.ts";
import type { Parsed } from "./tree.ts";

const stepPath = z
  .string()
  .regex(/^[A-Za-z0-9._-]+\/[A-Za-z0-9._-]+\/[A-Za-z0-9._-]+$/)
  .register(WORDS, { what: "a step as `runbook/phase/step`" });

const capture = z
  .string()
  .max(200)
  .regex(/^[A-Za-z0-9*._-]+(?:\/[A-Za-z0-9*._-]+)*$/)
  .register(WORDS, { what: "the name of a captured document; `*` stands for one part of it" });

const item = z.strictObject({
  id: name.describe("Stable: people refer to it."),
  section: name,
  source: text.describe("Page or heading."),
  words: text.describe("What is asked, in brief, in words of one's own."),
  steps: z.array(stepPath).optional(),
  checks: z.array(name).describe("Checks, findings and questions.").optional(),
  commands: z.array(name).describe("Commands of pawl.").optional(),
  captures: z.array(capture).optional(),
  reason: text.describe("Why it is not done, or why it is done in another way.").optional(),
});

/** The form of a catalogue: a procedure item by item, each with what does it or why nothing does. */
export const catalogueSchema = z.strictObject({
  ...envelope("Catalogue"),
  metadata: z.strictObject({ name, title: text, source: text.describe("Which document is catalogued.") }),
  platform: name,
  sections: z.array(z.strictObject({ name, title: text })).min(1),
  items: z.array(item).min(1),
});

export type CatalogueForm = z.infer<typeof catalogueSchema>;

/** The catalogue that a valid form stands for. */
export function toCatalogue(form: CatalogueForm): Catalogue {
  return {
    name: form.metadata.name,
    title: form.metadata.title,
    source: form.metadata.source,
    platform: form.platform,
    sections: form.sections,
    items: form.items.map((one) => ({
      id: one.id,
      section: one.section,
      source: one.source,
      words: one.words,
      steps: one.steps ?? [],
      checks: one.checks ?? [],
      commands: one.commands ?? [],
      captures: one.captures ?? [],
      reason: one.reason ?? null,
    })),
  };
}

/** Ids and sections once, and every item in a section that there is. */
export function catalogueRules(parsed: Parsed): readonly Complaint[] {
  const root = record(parsed.value);
  const sections = list(root["sections"]).map((one) => record(one)["name"]);
  const items = list(root["items"]).map(record);
  const known = sections.filter((one) => typeof one === "string");
  return [
    ...repeated(parsed, "sections", "name", sections),
    ...repeated(
      parsed,
      "items",
      "id",
      items.map((one) => one["id"]),
    ),
    ...items.flatMap((one, index) => {
      const { section } = one;
      if (typeof section !== "string" || known.includes(section)) return [];
      return [
        complaintAt(parsed, ["items", index, "section"], `there is no section ${quoted(section)}`, suggest(section, known)),
      ];
    }),
  ];
}

function repeated(parsed: Parsed, list: string, key: string, names: readonly (Json | undefined)[]): readonly Complaint[] {
  return names.flatMap((one, index) =>
    typeof one === "string" && names.indexOf(one) < index
      ? [
          complaintAt(
            parsed,
            [list, index, key],
            `${quoted(one)} is taken`,
            `first on line ${parsed.where([list, names.indexOf(one), key]).line}`,
          ),
        ]
      : [],
  );
}

function record(value: Json | undefined): JsonRecord {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as JsonRecord) : {};
}

function list(value: Json | undefined): readonly Json[] {
  return Array.isArray(value) ? (value as readonly Json[]) : [];
}
