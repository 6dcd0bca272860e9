import { createHash } from "node:crypto";
import { PawlError, type Problem } from "../../../domain/errors.ts";
import { canonical, type JsonRecord } from "../../../domain/json.ts";
import type { Effect, StepContext, StepKind } from "../../../engine/ports.ts";
import type { ServiceEntry } from "../entries/service-entry.ts";
import { readChange, readName, readWord } from "./change-inputs.ts";
import { readEnvFile } from "./env-file.ts";
import { folderOfRun, keepSpec, readKeptSpec, seal, type KeptSpec } from "./kept-spec.ts";
import { PREVIEW, previewJson } from "./preview-output.ts";
import { keep, managersFor, readService, type ServiceReading } from "./service-calls.ts";
import { readServiceFile } from "./service-file.ts";
import { changeSpec, nextForce, type SpecChange } from "./spec-change.ts";
import { differenceLines, replacesTasks, settingLines, settingWarnings } from "./spec-difference.ts";

const AIMS = ["update", "rollback", "create", "remove"] as const;
type Aim = (typeof AIMS)[number];

function aimOf(given: JsonRecord): Aim {
  const aim = AIMS.find((one) => one === (given["for"] ?? "update"));
  if (aim === undefined) throw new PawlError("invalid-document", "preview.for", `${PREVIEW}: for is none of ${AIMS.join(", ")}`);
  return aim;
}

/** States in which the service's spec is what was last wanted and held, as far as the managers can tell. */
function isGood(service: ServiceEntry): boolean {
  const { state = "completed" } = service.updateStatus ?? {};
  return state === "completed" || state === "rollback_completed";
}

/** The spec that counts as the last good one: of a paused update it is the one before it. */
export function keptOf(ctx: StepContext, service: ServiceEntry): KeptSpec {
  const before = service.updateStatus?.state === "paused" ? service.previousSpec : null;
  return {
    ...{ service: service.name, id: service.id, good: isGood(service), keptAt: new Date(ctx.clock.now()).toISOString() },
    spec: before ?? service.spec,
  };
}

/** Why nothing is sent now: somebody's update is under way. */
export function busyProblem(ctx: StepContext, service: ServiceEntry): Problem | null {
  const { updateStatus } = service;
  const state = updateStatus?.state ?? "";
  if (state !== "updating" && state !== "rollback_started") return null;
  return {
    code: "service-busy",
    text: `${service.name} is in the middle of another update; nothing was sent.`,
    expected: "no update of it under way",
    observed: `${state} since ${updateStatus?.startedAt ?? "?"}: ${updateStatus?.message ?? ""}`,
    next: `Wait for its end, then: ${ctx.spell("retry", ctx.step.address)}`,
  };
}

/** What is to be sent, as it can be sealed and taken up by the step that sends it. */
type Wanted = { readonly change: SpecChange; readonly force: number | null } | { readonly spec: JsonRecord };

/** The spec that a service of this spec is to have. */
export function specOf(wanted: Wanted, spec: JsonRecord): JsonRecord {
  return "spec" in wanted ? wanted.spec : changeSpec(spec, wanted.change, wanted.force);
}

/** `specOf` of what an artifact held. */
export function wantedOf(value: JsonRecord): Wanted {
  return value as unknown as Wanted;
}

/** Tells every line, keeps them, and asks whether to go on: null where that is approved. */
export async function askToGoOn(
  ctx: StepContext,
  title: string,
  lines: readonly string[],
  warnings: readonly string[],
): Promise<Effect | null> {
  for (const line of lines) ctx.say(line);
  for (const line of warnings) ctx.say(`WARNING: ${line}`);
  const print = createHash("sha256")
    .update(canonical([title, lines, warnings]))
    .digest("hex")
    .slice(0, 12);
  const name = `preview-${print}.json`;
  const [any, same] = [`${ctx.step.address}/preview.json`, `${ctx.step.address}/${name}`].map((one) => ctx.hasRecorded(one));
  // An approval counts for what was shown: a run that is taken up again and would show something else has nobody's word.
  if (any === true && same !== true)
    return {
      kind: "failed",
      problem: {
        ...{
          code: "preview-changed",
          text: `${title}: what would change now is not what this run has shown before; nothing was sent.`,
        },
        ...{ expected: "what was shown before", observed: lines.join("; "), next: "Begin a new run." },
      },
    };
  for (const one of ["preview.json", name]) await keep(ctx, one, title, { title, lines, warnings });
  const more = warnings.length === 0 ? "" : ` Warnings: ${warnings.join("; ")}.`;
  switch (await ctx.ask(`${title}: ${lines.join("; ")}.${more} Go on?`)) {
    case "approved":
      return null;
    case "stopped":
      return { kind: "stopped" };
    case "nobody":
      return {
        kind: "waiting",
        problem: {
          ...{ code: "not-approved", text: `${ctx.step.address} waits for a person`, expected: "an approval" },
          observed: "nobody there to give it",
          next: `${ctx.spell("approve", ctx.step.address)}, then: ${ctx.spell("resume")}`,
        },
      };
  }
}

async function previewChange(ctx: StepContext, reading: ServiceReading, wanted: Wanted, title: string): Promise<Effect> {
  const { service } = reading;
  const after = specOf(wanted, service.spec);
  const lines = differenceLines(service.spec, after);
  const kept = await keepSpec(ctx, keptOf(ctx, service));
  const sealed = await seal(ctx, "wanted", `what is to be sent for ${service.name}`, { ...wanted } as unknown as JsonRecord);
  const output = previewJson({
    ...{ service: service.name, id: service.id, index: service.index, startedAt: service.updateStatus?.startedAt ?? null },
    ...{ changes: lines.length, kept, wanted: sealed },
  });
  if (lines.length === 0) return { kind: "done", note: `${service.name} is as it is wanted already: nothing to send`, output };
  const how = replacesTasks(service.spec, after) ? "every task of it is replaced" : "no task of it is replaced";
  const good = isGood(service)
    ? []
    : [`before: its last update is ${service.updateStatus?.state ?? "?"} (${service.updateStatus?.message ?? ""})`];
  const refused = await askToGoOn(ctx, title, [...good, ...lines, how, ...settingLines(after)], settingWarnings(after));
  return refused ?? { kind: "done", note: `${lines.length} ${lines.length === 1 ? "change" : "changes"}, approved`, output };
}

function absent(name: string): Effect {
  const observed = "the managers know no service of this name";
  return {
    kind: "failed",
    problem: {
      ...{ code: "service-absent", text: `There is no service ${name}.`, expected: `a service ${name}`, observed },
      next: "pawl service list -i INVENTORY shows what there is.",
    },
  };
}

/** Nobody could be asked; nothing was sent. */
export function silent(ctx: StepContext, why: string): Effect {
  return {
    kind: "failed",
    problem: {
      ...{
        code: "managers-silent",
        text: "No manager answers; nothing was sent.",
        expected: "a manager's answer",
        observed: why,
      },
      next: `Mend access to a manager, then: ${ctx.spell("retry", ctx.step.address)}`,
    },
  };
}

async function rollbackSpec(
  ctx: StepContext,
  { service }: ServiceReading,
): Promise<{ readonly wanted: Wanted; readonly from: string }> {
  const run = readWord(ctx.step.with, "run");
  if (run !== null) {
    const kept = await readKeptSpec(folderOfRun(run, ctx), service.name);
    if (kept.id !== service.id)
      throw new PawlError("step-failed", "kept-of-another", `${service.name} is another service than the one ${run} has kept`, {
        ...{ expected: `service id ${kept.id}`, observed: service.id },
        next: "It was removed and made anew since: create it from a file.",
      });
    const doubt = kept.good ? "" : ", which was not known to be good";
    return { wanted: { spec: kept.spec }, from: `what ${run} kept at ${kept.keptAt}${doubt}` };
  }
  if (service.previousSpec === null)
    throw new PawlError("step-failed", "no-previous-spec", `nobody remembers what ${service.name} was before`, {
      ...{ expected: "--set run=RUN, or a previous spec that the managers remember", observed: "neither" },
      next: "pawl runs lists the runs that have changed it.",
    });
  return {
    wanted: { spec: service.previousSpec },
    from: "what the managers remember from before its last update; whether that was good, nobody says",
  };
}

async function preview(ctx: StepContext): Promise<Effect> {
  const given = ctx.step.with;
  const aim = aimOf(given);
  const managers = managersFor(ctx);
  if (aim === "create") {
    const { name, spec } = await readServiceFile(readWord(given, "file") ?? "", readWord(given, "service"));
    const answer = await readService(managers, name);
    if (answer.kind === "no-answer") return silent(ctx, answer.why);
    const same = answer.kind === "there" && differenceLines(answer.service.spec, spec).length === 0;
    const sealed = await seal(ctx, "wanted", `the service ${name} that is to be made`, { spec });
    const id = answer.kind === "there" ? answer.service.id : null;
    const output = previewJson({
      service: name,
      id,
      index: null,
      startedAt: null,
      changes: same ? 0 : 1,
      kept: null,
      wanted: sealed,
    });
    if (same) return { kind: "done", note: `${name} is there already, as the file says: nothing to send`, output };
    if (id !== null)
      return {
        kind: "failed",
        problem: {
          ...{ code: "service-exists", text: `There is a service ${name} already, and it is another; nothing was sent.` },
          ...{ expected: `no service ${name}`, observed: `service id ${id}` },
          next: "Update it instead, or choose another name.",
        },
      };
    const refused = await askToGoOn(
      ctx,
      `Create ${name}`,
      differenceLines({}, spec).concat(settingLines(spec)),
      settingWarnings(spec),
    );
    return refused ?? { kind: "done", note: "approved", output };
  }
  const name = readName(given, "service");
  const answer = await readService(managers, name);
  if (answer.kind === "no-answer") return silent(ctx, answer.why);
  if (aim === "remove") {
    if (answer.kind === "none") {
      const output = previewJson({ service: name, id: null, index: null, startedAt: null, changes: 0, kept: null, wanted: null });
      return { kind: "done", note: `there is no service ${name}: nothing to remove`, output };
    }
    const { service, tasks } = answer;
    const kept = await keepSpec(ctx, keptOf(ctx, service));
    const running = tasks.filter((one) => one.desired === "running" && one.state === "running").length;
    const stack = service.stack === null ? [] : [`it belongs to the stack ${service.stack}, which stays incomplete`];
    const refused = await askToGoOn(
      ctx,
      `Remove ${name}`,
      [`image ${service.image}`, `${running} running tasks end at once`, ...stack],
      [],
    );
    const output = previewJson({
      service: name,
      id: service.id,
      index: service.index,
      startedAt: null,
      changes: 1,
      kept,
      wanted: null,
    });
    return refused ?? { kind: "done", note: `${running} running tasks will end, approved`, output };
  }
  if (answer.kind === "none") return absent(name);
  const busy = aim === "update" ? busyProblem(ctx, answer.service) : null;
  if (busy !== null) return { kind: "failed", problem: busy };
  if (aim === "rollback") {
    const { wanted, from } = await rollbackSpec(ctx, answer);
    return previewChange(ctx, answer, wanted, `Roll ${name} back to ${from}`);
  }
  const asked = readChange(given);
  const file = readWord(given, "env-file");
  const change = file === null ? asked : { ...asked, env: { ...asked.env, ...(await readEnvFile(file)) } };
  const force = change.force ? nextForce(answer.service.spec) : null;
  return previewChange(ctx, answer, { change, force }, `Update ${name}`);
}

function shows(given: JsonRecord): readonly string[] {
  const aim = aimOf(given);
  if (aim === "create") return [`read ${readWord(given, "file") ?? "the file"}; GET /services; show what it makes; ask`];
  const name = readName(given, "service");
  // Wrong inputs are refused before anything is asked of anybody.
  if (aim === "update") readChange(given);
  return [`GET /services and /tasks of ${name}; keep its spec, sealed; show what changes; ask`];
}

/**
 * Reads what is to be changed, keeps the service's spec (sealed) to go back to, shows what differs with both groups of settings and
 * warnings, and asks. `with.for`: update (`image`, `env`, `env-file`, `env-remove`, `replicas`, `force`, `update-*`, `rollback-*`),
 * rollback (`run`), create (`file`), remove.
 */
export const previewService: StepKind = {
  name: PREVIEW,
  effect: "read",
  shows: (step) => shows(step.with),
  asks: true,
  plannedMs: () => 0,
  doIt: preview,
};
