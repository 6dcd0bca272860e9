import * as z from "zod";
import type { SupportCell, SupportRow, VersionPolicy } from "../domain/documents.ts";
import { date, envelope, name, text, version, WORDS } from "./fields.ts";

const series = z
  .string()
  .regex(/^\d+\.\d+$/)
  .register(WORDS, { what: 'a minor series in quotes, such as "1.10"' });

const cell = z.strictObject({
  text: z.string().register(WORDS, { what: "text" }).describe("What the source says, word for word."),
  confidence: z.enum(["read", "damaged"]).describe("damaged: nobody can tell what the cell said."),
  runtimes: z
    .array(z.strictObject({ version: text.describe("The beginning of a version."), edition: z.enum(["ce", "ee"]).optional() }))
    .optional(),
});

/** The form of a version policy: which releases exist, and which moves between them are qualified. */
export const versionPolicySchema = z.strictObject({
  ...envelope("VersionPolicy"),
  metadata: z.strictObject({ name, title: text, source: text.describe("Where the rule or the table comes from.") }),
  platform: name,
  "as-of": date.describe("Date of the knowledge: which release is the latest depends on it."),
  rule: z.enum(["latest-of-minor", "table"]).describe("The textual rule, or listed moves only."),
  latest: z
    .record(series, version)
    .describe("Patch release each minor is left from; without an entry the newest listed.")
    .optional(),
  releases: z.array(z.strictObject({ version, date: date.optional(), note: text.optional() })).min(1),
  moves: z.array(z.strictObject({ from: version, to: z.array(version).min(1), why: text.optional() })).optional(),
  notes: z
    .array(z.strictObject({ about: z.array(version).min(1).describe("Releases, or minor series that are entered."), text }))
    .optional(),
  machines: z
    .array(z.strictObject({ os: text, release: text, series: z.record(series, cell) }))
    .describe("What the releases are qualified to run on.")
    .optional(),
});

export type VersionPolicyForm = z.infer<typeof versionPolicySchema>;

function toRow(row: NonNullable<VersionPolicyForm["machines"]>[number]): SupportRow {
  const cells = Object.entries(row.series).map(([minor, { text: said, confidence, runtimes = [] }]): [string, SupportCell] => [
    minor,
    {
      text: said,
      confidence,
      runtimes: runtimes.map(({ version: begins, edition }) =>
        edition === undefined ? { version: begins } : { version: begins, edition },
      ),
    },
  ]);
  return { os: row.os, release: row.release, series: Object.fromEntries(cells) };
}

/** The policy that a valid form stands for. */
export function toVersionPolicy(form: VersionPolicyForm): VersionPolicy {
  return {
    name: form.metadata.name,
    title: form.metadata.title,
    platform: form.platform,
    source: form.metadata.source,
    asOf: form["as-of"],
    releases: form.releases.map((one) => ({
      version: one.version,
      ...(one.date === undefined ? {} : { date: one.date }),
      ...(one.note === undefined ? {} : { note: one.note }),
    })),
    rule: form.rule,
    latest: form.latest ?? {},
    moves: (form.moves ?? []).map((one) => ({ from: one.from, to: one.to, ...(one.why === undefined ? {} : { why: one.why }) })),
    notes: form.notes ?? [],
    ...(form.machines === undefined ? {} : { machines: form.machines.map(toRow) }),
  };
}
