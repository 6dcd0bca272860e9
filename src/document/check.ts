import * as z from "zod";
import { FACT_TOPICS } from "../domain/documents.ts";
import type { BadReading, Check, CheckScope, GatePolicy, ReadingSpec, Recording, UnsteadyReading } from "../domain/documents.ts";
import {
  argv,
  duration,
  durationMs,
  envelope,
  flag,
  jsonRecord,
  name,
  path,
  readingName,
  text,
  urlTemplate,
  version,
  WORDS,
} from "./fields.ts";

/** What a gate is where a check says nothing else. */
const DEFAULT_GATE: GatePolicy = { consecutivePasses: 3, spanMs: 0, intervalMs: 10_000, deadlineMs: 300_000 };

const TIMEOUT = "10s";
const FOLLOW_REDIRECTS = 3;

const passes = z.int().min(1).max(1_000).register(WORDS, { what: "a number of passes, 1 or more" });

/** Parts of a gate's policy; what is left out keeps its default. */
export const gateForm = z.strictObject({
  passes: passes.describe("Passes in a row.").optional(),
  span: duration.describe("Time the passes in a row must cover.").optional(),
  interval: duration.describe("Time between two readings.").optional(),
  deadline: duration.describe("Time for a first pass.").optional(),
});

export const roles = z.union([name, z.array(name).min(1)]).register(WORDS, { what: "a role, or a list of roles" });

const each = z
  .strictObject({
    role: roles.describe("Every node with one of these roles is a subject.").optional(),
    node: z.literal("step").describe("The node of the step that the gate belongs to.").optional(),
    cluster: roles.describe("One subject; nodes with one of these roles are asked in turn until one answers.").optional(),
  })
  .register(WORDS, { what: "{ role: … }, { node: step } or { cluster: … }" });

/** Keys of which a reading has exactly one. */
export const PROBES = ["http", "post", "command", "four-letter", "file", "facts", "step"] as const;

/** Keys that belong to some probes only. */
export const PROBE_KEYS: Readonly<Record<string, readonly (typeof PROBES)[number][]>> = {
  body: ["post"],
  "follow-redirects": ["http", "post"],
  port: ["four-letter"],
  sudo: ["command"],
  page: ["http"],
};

/** One reading; exactly one of the probes. */
export const reading = z.strictObject({
  http: urlTemplate.describe("URL to GET.").optional(),
  post: urlTemplate.describe("URL to POST `body` to.").optional(),
  command: argv.describe("Command to run on the subject.").optional(),
  "four-letter": z
    .string()
    .regex(/^[a-z]{4}$/)
    .register(WORDS, { what: "a four-letter word such as mntr" })
    .describe("ZooKeeper's four-letter word.")
    .optional(),
  file: path.describe("Local file to read.").optional(),
  facts: z
    .enum(FACT_TOPICS)
    .describe("What the platform knows about the node itself, the machine below it, or the product's own checks of it.")
    .optional(),
  step: z.literal("output").describe("What the step that the gate belongs to has found.").optional(),
  body: z.string().register(WORDS, { what: "text" }).optional(),
  "follow-redirects": z.int().min(0).max(10).register(WORDS, { what: "a number from 0 to 10" }).optional(),
  port: name.describe("Service name of the port.").optional(),
  sudo: flag.optional(),
  page: flag
    .describe("The answer may be a page for people; otherwise one is taken for a login or a proxy in between.")
    .optional(),
  as: z.enum(["json", "text", "table", "answer"]).describe("How the answer is understood.").optional(),
  timeout: duration.optional(),
  optional: flag.describe("A missing answer is null instead of making the subject inconclusive.").optional(),
});

/** Hops that a check or a requirement is bound to. */
export const whenForm = z
  .strictObject({
    crosses: version.describe("Only before a hop that begins below this version and ends at it or above."),
  })
  .register(WORDS, { what: '{ crosses: "1.12" }' });

export const filter = z.string().min(1).max(20_000).register(WORDS, { what: "a jq filter in quotes" });

const recording = {
  name: text,
  subjects: z.record(z.string(), jsonRecord).describe("Readings by subject; one that is left out is no answer."),
  facts: jsonRecord.optional(),
  context: jsonRecord.optional(),
  from: z
    .union([text, z.array(text).min(1)])
    .register(WORDS, { what: "the name of a capture, or a list of them" })
    .describe("Captures of a real system that the readings are cut from.")
    .optional(),
};

/** The form of a check (docs/architecture.md, Documents). */
export const checkSchema = z.strictObject({
  ...envelope("Check"),
  metadata: z.strictObject({
    name,
    title: text.describe("What is true when the check passes."),
    why: text.describe("Why it matters."),
    source: text.describe("Where the rule comes from."),
  }),
  platform: name,
  severity: z.enum(["mandatory", "waivable", "advisory"]),
  when: whenForm.describe("Hops the check is bound to; without it, every hop.").optional(),
  each: each.describe("Who is asked."),
  read: z.record(readingName, reading).describe("What is read, by the name the filters use."),
  pass: filter.describe("jq: exactly one boolean per subject."),
  show: filter.describe("jq: the value shown to people."),
  fatal: filter.describe("jq: true ends a gate at once.").optional(),
  gate: gateForm.optional(),
  remedy: text.describe("What to do when it fails."),
  refuses: z
    .array(
      z.strictObject({
        ...recording,
        why: z.enum(["no-answer", "missing-field"]).describe("The verdict is inconclusive, for this reason.").optional(),
        fatal: flag.describe("It ends a gate at once.").optional(),
      }),
    )
    .describe("Recorded bad readings that the check must refuse.")
    .optional(),
  accepts: z.array(z.strictObject(recording)).describe("Recorded good readings that the check must pass.").optional(),
  unsteady: z
    .array(
      z.strictObject({
        name: text,
        "passes-at": z.array(duration).min(1).describe("When the passes came, from the first one on."),
      }),
    )
    .describe("Passes that must not satisfy the gate yet.")
    .optional(),
});

export type CheckForm = z.infer<typeof checkSchema>;

/** The check that a valid form stands for, defaults filled in. */
export function toCheck(form: CheckForm): Check {
  return {
    name: form.metadata.name,
    title: form.metadata.title,
    why: form.metadata.why,
    source: form.metadata.source,
    platform: form.platform,
    severity: form.severity,
    ...(form.when === undefined ? {} : { when: form.when }),
    scope: toScope(form.each),
    readings: Object.fromEntries(Object.entries(form.read).map(([key, one]) => [key, toReading(one)])),
    pass: form.pass,
    show: form.show,
    ...(form.fatal === undefined ? {} : { fatal: form.fatal }),
    gate: { ...DEFAULT_GATE, ...toGate(form.gate ?? {}) },
    remedy: form.remedy,
    refuses: (form.refuses ?? []).map(toBadReading),
    ...(form.accepts === undefined ? {} : { accepts: form.accepts.map(toRecording) }),
    ...(form.unsteady === undefined ? {} : { unsteady: form.unsteady.map(toUnsteady) }),
  };
}

/** The parts of a policy that are written down, in milliseconds. */
export function toGate(form: z.infer<typeof gateForm>): Partial<GatePolicy> {
  return {
    ...(form.passes === undefined ? {} : { consecutivePasses: form.passes }),
    ...(form.span === undefined ? {} : { spanMs: durationMs(form.span) }),
    ...(form.interval === undefined ? {} : { intervalMs: durationMs(form.interval) }),
    ...(form.deadline === undefined ? {} : { deadlineMs: durationMs(form.deadline) }),
  };
}

function toScope(form: CheckForm["each"]): CheckScope {
  if (form.role !== undefined) return { kind: "role", roles: [form.role].flat() };
  if (form.cluster !== undefined) return { kind: "cluster", roles: [form.cluster].flat() };
  return { kind: "step-node" };
}

/** The reading that a valid form stands for. */
export function toReading(form: z.infer<typeof reading>): ReadingSpec {
  const common = (as: ReadingSpec["as"]) => ({
    as: form.as ?? as,
    timeoutMs: durationMs(form.timeout ?? TIMEOUT),
    optional: form.optional ?? false,
  });
  const followRedirects = form["follow-redirects"] ?? FOLLOW_REDIRECTS;
  if (form.http !== undefined)
    return {
      kind: "http",
      method: "GET",
      url: form.http,
      followRedirects,
      ...(form.page === true ? { page: true as const } : {}),
      ...common("json"),
    };
  if (form.post !== undefined)
    return {
      kind: "http",
      method: "POST",
      url: form.post,
      followRedirects,
      ...(form.body === undefined ? {} : { body: form.body }),
      ...common("json"),
    };
  if (form.command !== undefined) return { kind: "command", argv: form.command, sudo: form.sudo ?? false, ...common("text") };
  if (form["four-letter"] !== undefined)
    return { kind: "four-letter", word: form["four-letter"], port: form.port ?? "", ...common("text") };
  if (form.file !== undefined) return { kind: "file", path: form.file, ...common("text") };
  if (form.step !== undefined) return { kind: "step", ...common("json") };
  return { kind: "facts", about: form.facts ?? "node", ...common("json") };
}

function toRecording(form: NonNullable<CheckForm["accepts"]>[number]): Recording {
  return {
    name: form.name,
    subjects: form.subjects,
    ...(form.facts === undefined ? {} : { facts: form.facts }),
    ...(form.context === undefined ? {} : { context: form.context }),
    ...(form.from === undefined ? {} : { from: [form.from].flat() }),
  };
}

function toBadReading(form: NonNullable<CheckForm["refuses"]>[number]): BadReading {
  return {
    ...toRecording(form),
    ...(form.why === undefined ? {} : { why: form.why }),
    ...(form.fatal === undefined ? {} : { fatal: form.fatal }),
  };
}

function toUnsteady(form: NonNullable<CheckForm["unsteady"]>[number]): UnsteadyReading {
  return { name: form.name, passesAtMs: form["passes-at"].map(durationMs) };
}
