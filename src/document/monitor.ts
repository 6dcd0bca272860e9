import * as z from "zod";
import type { Monitor, MonitorScope } from "../domain/monitor.ts";
import { filter, reading, roles, toReading } from "./check.ts";
import { duration, durationMs, name, text, WORDS } from "./fields.ts";

const each = z
  .strictObject({
    role: roles.describe("Every node with one of these roles is a source of its own.").optional(),
    cluster: roles.describe("One source; nodes with one of these roles are asked in turn until one answers.").optional(),
    listed: name
      .describe("Each entry with `name` and `url` of this list of the plan's facts is a source of its own; {url} is its address.")
      .optional(),
    node: z.literal("in-hand").describe("A node, while a step that changes it is at work on it.").optional(),
  })
  .register(WORDS, { what: "{ role: … }, { cluster: … }, { listed: … } or { node: in-hand }" });

const column = z
  .string()
  .regex(/^[A-Za-z][A-Za-z0-9_./-]{0,63}$/)
  .register(WORDS, { what: "the name of a column" });

const plot = z.strictObject({
  name,
  title: text,
  unit: text.describe("What the numbers count: tasks, ms, MB.").optional(),
  columns: z.array(column).min(1),
  as: z.enum(["lines", "lanes"]).describe("`lanes`: a bar for each source while the column is not 0.").optional(),
  "only-where": column
    .describe("Only rows in which this column is 1, of whichever source: one line for whoever leads.")
    .optional(),
});

/** The form of a monitor in a runbook (docs/architecture.md, Documents). */
export const monitor = z.strictObject({
  name,
  title: text,
  source: text.describe("Where it comes from, and why this interval."),
  each: each.describe("Who is read."),
  read: reading.describe("What is read."),
  keep: filter.describe("jq: the reading → a flat object of numbers and short texts."),
  notice: filter.describe("jq: { before, now } → a sentence worth telling at once, or null.").optional(),
  interval: duration.describe("Time between two readings."),
  phases: z.array(name).min(1).describe("Only in these phases; without it the whole run.").optional(),
  plots: z.array(plot).describe("Pictures of its columns for the report.").optional(),
});

type MonitorForm = z.infer<typeof monitor>;

/** The monitor that a valid form stands for. */
export function toMonitor(form: MonitorForm): Monitor {
  return {
    name: form.name,
    title: form.title,
    source: form.source,
    scope: toScope(form.each),
    reading: toReading(form.read),
    keep: form.keep,
    ...(form.notice === undefined ? {} : { notice: form.notice }),
    intervalMs: durationMs(form.interval),
    phases: form.phases ?? [],
    plots: (form.plots ?? []).map(({ name: plotName, title, unit, columns, as, "only-where": onlyWhere }) => ({
      name: plotName,
      title,
      unit: unit ?? "",
      columns,
      as: as ?? "lines",
      ...(onlyWhere === undefined ? {} : { onlyWhere }),
    })),
  };
}

function toScope(form: MonitorForm["each"]): MonitorScope {
  if (form.role !== undefined) return { kind: "role", roles: [form.role].flat() };
  if (form.cluster !== undefined) return { kind: "cluster", roles: [form.cluster].flat() };
  if (form.listed !== undefined) return { kind: "listed", fact: form.listed };
  return { kind: "in-hand" };
}
