import * as z from "zod";
import type { GateSpec, InputSpec, PhaseSpec, Runbook, StepSpec } from "../domain/documents.ts";
import { gateForm, toGate, whenForm } from "./check.ts";
import { monitor, toMonitor } from "./monitor.ts";
import type { PersonQuestion } from "../domain/question.ts";
import { duration, durationMs, envelope, flag, jsonRecord, kindName, name, text, WORDS } from "./fields.ts";

const wave = z
  .union([z.int().min(1), z.string().regex(/^(?:100|[1-9]\d?)%$/)])
  .register(WORDS, { what: "a number of nodes, or a percentage such as 10%" }) as z.ZodType<number | `${number}%`>;

const gate = z
  .union([name, z.strictObject({ check: name, ...gateForm.shape, advisory: flag.describe("Recorded, never halts.").optional() })])
  .register(WORDS, { what: "the name of a check, or a mapping with check, passes, span, interval, deadline, advisory" });

const step = z.strictObject({
  name,
  uses: kindName.describe("Step kind."),
  title: text,
  with: jsonRecord.describe("Arguments of the step kind.").optional(),
  gates: z.array(gate).describe("Checks that must hold before the step is complete.").optional(),
  optional: flag.describe("A person may skip the step with a reason; only for steps without effect.").optional(),
});

const phase = z.strictObject({
  name,
  title: text,
  source: text.describe("Where the phase comes from."),
  each: z
    .strictObject({
      role: name.describe("Nodes with this role each get the steps."),
      order: z.enum(["listed", "leader-last", "non-critical-first"]).optional(),
      "skip-complete": flag.describe("Leave out nodes that are at the target already.").optional(),
    })
    .describe("Without it the steps run once.")
    .optional(),
  strategy: z.enum(["serial", "parallel", "canary"]).optional(),
  waves: z.array(wave).min(1).describe("Canary: sizes of the waves, the last repeated.").optional(),
  "max-in-flight": z.int().min(1).register(WORDS, { what: "a number of nodes, 1 or more" }).optional(),
  steps: z.array(step).min(1),
  after: z.array(step).describe("Once per phase, or per wave.").optional(),
  "after-canary": z.array(step).describe("Instead of `after` for the first wave.").optional(),
});

const input = z.strictObject({
  type: z.enum(["version", "duration", "text", "number", "boolean"]),
  title: text,
  default: z
    .union([z.string(), z.number(), z.boolean()])
    .register(WORDS, { what: "text, a number, or true or false" })
    .optional(),
  required: flag.optional(),
  floor: duration.describe("Shortest duration accepted on a real cluster.").optional(),
});

const question = z.strictObject({
  name,
  title: text.describe("The question, in full."),
  source: text.describe("Where the question comes from."),
  when: whenForm.optional(),
  "valid-for": duration.describe("How long an answer holds at most."),
  severity: z.enum(["mandatory", "waivable", "advisory"]).describe("How much it matters that it is answered."),
  per: z.enum(["app", "node"]).describe("Asked about each of them; the platform says which ones there are.").optional(),
  unless: z.literal("critical-nodes").describe("The inventory answers it where a node is marked critical.").optional(),
});

/** The form of a runbook (docs/architecture.md, Documents). */
export const runbookSchema = z.strictObject({
  ...envelope("Runbook"),
  metadata: z.strictObject({
    name,
    version: z
      .string()
      .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,49}$/)
      .register(WORDS, { what: 'a version in quotes, such as "1"' }),
    title: text,
    source: text.describe("Where the procedure comes from."),
  }),
  platform: name,
  inputs: z.record(name, input).describe("What is asked of whoever runs it.").optional(),
  preflight: z.array(name).describe("Checks, in the order they are shown.").optional(),
  "by-hand": z
    .array(
      z.strictObject({
        name,
        title: text.describe("What must hold."),
        source: text.describe("Where the requirement comes from."),
        when: whenForm.optional(),
        remedy: text.describe("What a person does about it."),
      }),
    )
    .describe("Requirements that cannot be read: a preflight lists them as not evaluated.")
    .optional(),
  questions: z
    .array(question)
    .describe("What only a person can say: asked before a run begins, kept in the inventory, and asked again when it has ended.")
    .optional(),
  watches: z
    .array(z.strictObject({ check: name, interval: duration, "halt-after": duration, phases: z.array(name).min(1) }))
    .describe("Checks that run beside whole phases.")
    .optional(),
  monitors: z
    .array(monitor)
    .describe("What is read and kept from before the first phase to after the last; decides nothing.")
    .optional(),
  phases: z.array(phase).min(1),
  finally: z.array(step).describe("Undo of pawl's own temporary changes; run once when the run ends.").optional(),
});

export type RunbookForm = z.infer<typeof runbookSchema>;

/** The runbook that a valid form stands for, defaults filled in: serial, in the listed order, one node in hand. */
export function toRunbook(form: RunbookForm): Runbook {
  return {
    name: form.metadata.name,
    version: form.metadata.version,
    title: form.metadata.title,
    platform: form.platform,
    source: form.metadata.source,
    inputs: Object.fromEntries(Object.entries(form.inputs ?? {}).map(([key, one]) => [key, toInput(one)])),
    preflight: form.preflight ?? [],
    byHand: (form["by-hand"] ?? []).map(({ when, ...one }) => (when === undefined ? one : { ...one, when })),
    questions: (form.questions ?? []).map(toQuestion),
    watches: (form.watches ?? []).map((one) => ({
      check: one.check,
      intervalMs: durationMs(one.interval),
      haltAfterMs: durationMs(one["halt-after"]),
      phases: one.phases,
    })),
    ...(form.monitors === undefined ? {} : { monitors: form.monitors.map(toMonitor) }),
    phases: form.phases.map(toPhase),
    finally: (form.finally ?? []).map(toStep),
  };
}

function toQuestion(form: z.infer<typeof question>): PersonQuestion {
  const { when, per, unless } = form;
  return {
    name: form.name,
    title: form.title,
    source: form.source,
    validForMs: durationMs(form["valid-for"]),
    severity: form.severity,
    ...(when === undefined ? {} : { when }),
    ...(per === undefined ? {} : { per }),
    ...(unless === undefined ? {} : { unless }),
  };
}

function toInput(form: z.infer<typeof input>): InputSpec {
  return {
    type: form.type,
    title: form.title,
    ...(form.default === undefined ? {} : { default: String(form.default) }),
    required: form.required ?? false,
    ...(form.floor === undefined ? {} : { floorMs: durationMs(form.floor) }),
  };
}

function toPhase(form: z.infer<typeof phase>): PhaseSpec {
  const afterCanary = form["after-canary"];
  return {
    name: form.name,
    title: form.title,
    source: form.source,
    strategy: form.strategy ?? "serial",
    ...(form.each === undefined ? {} : { role: form.each.role }),
    order: form.each?.order ?? "listed",
    waves: form.waves ?? [],
    maxInFlight: form["max-in-flight"] ?? 1,
    skipComplete: form.each?.["skip-complete"] ?? false,
    steps: form.steps.map(toStep),
    after: (form.after ?? []).map(toStep),
    ...(afterCanary === undefined ? {} : { afterCanary: afterCanary.map(toStep) }),
  };
}

function toStep(form: z.infer<typeof step>): StepSpec {
  const { name: stepName, uses, title } = form;
  return {
    name: stepName,
    uses,
    title,
    with: form.with ?? {},
    gates: (form.gates ?? []).map(toGateSpec),
    optional: form.optional ?? false,
  };
}

function toGateSpec(form: z.infer<typeof gate>): GateSpec {
  if (typeof form === "string") return { check: form, policy: {}, advisory: false };
  return { check: form.check, policy: toGate(form), advisory: form.advisory ?? false };
}
