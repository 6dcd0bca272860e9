import { formatDuration, parseDuration } from "../../../domain/duration.ts";
import type { Problem } from "../../../domain/errors.ts";
import type { JsonRecord } from "../../../domain/json.ts";
import type { Effect, Look, Permission, StepContext, StepKind } from "../../../engine/ports.ts";
import { list, record, text } from "../../../domain/json-fields.ts";
import { lookAtApp, sendMarathon, type AppLook, type Sent } from "./marathon-call.ts";
import { appIdOf, definitionOf, DEPLOY_APP, isOwn, roleOf, upgradedNode, whyNotRunning, type Place } from "./temporary-app.ts";

/** dcos.md 11.4 gives 60 to 180 s: 1.9 may wait for offers. */
const WITHIN_MS = 180_000;
const EVERY_MS = 5_000;
/** A list of deployments may be late by one reading (dcos.md 11.5): the app has to be quiet twice. */
const READINGS = 2;
/** A request without an answer may still be on its way. */
const LATE_MS = 15_000;

interface Wanted {
  readonly id: string;
  /** Where it must run; null: anywhere. */
  readonly place: Place | null;
  readonly definition: JsonRecord;
}

function isWanted(step: Pick<StepContext["step"], "with">): boolean {
  return step.with["enabled"] !== "false" && step.with["enabled"] !== false;
}

/** What is to be deployed, or why there is nothing to do, or why it cannot be done. */
function wantedOf(ctx: StepContext): Wanted | { readonly nothing: string } | { readonly problem: Problem } {
  if (!isWanted(ctx.step)) return { nothing: "left out: not asked for" };
  const role = roleOf(ctx.step.with["role"]);
  if (ctx.inventory.nodes.every((node) => node.role !== role)) return { nothing: `no ${role} node that could run it` };
  const agents = list(ctx.plan.facts.baseline["agents"])
    .map(record)
    .flatMap((one) => {
      const [address, hostname] = [text(one["address"]), text(one["hostname"])];
      return address === null || hostname === null ? [] : [{ address, hostname }];
    });
  const from = { plan: ctx.plan, phase: ctx.step.phase, role, nodes: ctx.inventory.nodes, agents };
  const pinned = ctx.step.with["pin"] !== "none";
  const place = pinned ? upgradedNode(from, ctx.record) : null;
  if (place === "none") return { nothing: `no upgraded ${role} node: nothing to test` };
  if (place !== null && "unnamed" in place) return { problem: unplaced(ctx, place.unnamed) };
  const id = appIdOf(ctx.run, ctx.step);
  const own = { id, run: ctx.run, step: ctx.step.address, role, hostname: place?.hostname ?? null };
  return { id, place, definition: definitionOf(record(ctx.step.with["app"]), own) };
}

function unplaced(ctx: StepContext, nodes: readonly string[]): Problem {
  return {
    code: "app-unplaced",
    text: "The test app has no place: nobody knows by which host name Mesos calls an upgraded node.",
    expected: `one of ${nodes.join(", ")} among the agents that the leading master listed when the plan was made`,
    observed: "none of them listed",
    next: `Begin a new run once the master lists its agents: it tests the upgraded nodes too. Or: ${ctx.spell("force-complete", `${ctx.step.address} --reason TEXT`)}`,
  };
}

function foreign(ctx: StepContext, id: string): Problem {
  return {
    code: "app-not-ours",
    text: `Marathon has an app ${id} that this step did not make; it was not touched.`,
    expected: `no app of this name, or one whose labels name ${ctx.run} and ${ctx.step.address}`,
    observed: "an app with other labels",
    next: "Find out whose it is and remove it by hand.",
  };
}

function unreachable(id: string, why: string): Problem {
  return {
    code: "marathon-no-answer",
    text: `Marathon cannot be asked about ${id}.`,
    expected: "the app, or Marathon's word that there is none",
    observed: why,
    next: "Look at the Marathons on the masters.",
  };
}

/** Why Marathon would not take it, in its own words, and what that means. */
function refusal(ctx: StepContext, id: string, sent: Extract<Sent, { readonly kind: "refused" }>): Problem {
  const meaning: Readonly<Record<number, string>> = {
    401: "Marathon wants a token that may create apps.",
    403: "The token that pawl uses may not create apps.",
    409: "Another app of this name, or a deployment, is in the way.",
    422: "Marathon of this release does not take the definition: correct `app` in the runbook.",
  };
  const next = meaning[sent.status] ?? "Look at Marathon's log.";
  return {
    code: `app-refused-${sent.status}`,
    text: `Marathon did not take ${id}; nothing was deployed.`,
    expected: "201",
    observed: `${sent.status}: ${sent.message}`,
    next: `${next}\n${ctx.spell("retry", ctx.step.address)}`,
  };
}

async function keep(ctx: StepContext, wanted: Wanted, look: AppLook, about: string): Promise<string> {
  const kept = await ctx.artifacts.put(
    {
      name: `${ctx.step.address}/app.json`,
      mediaType: "application/json",
      step: ctx.step.address,
      node: wanted.place?.node.name ?? null,
      evidenceOf: about,
    },
    `${JSON.stringify({ title: about, at: new Date(ctx.clock.now()).toISOString(), posted: wanted.definition, answer: look.kind === "there" ? look.app : look.kind }, null, 1)}\n`,
  );
  await ctx.recorded(kept);
  return `artifacts/${kept.sha256}`;
}

/** Posts it where it is not there yet. Null: it is there, or on its way; looking goes on. */
async function create(ctx: StepContext, wanted: Wanted): Promise<Effect | null> {
  const look = await lookAtApp(ctx.remote, ctx.inventory, wanted.id);
  if (look.kind === "no-answer") return { kind: "failed", problem: unreachable(wanted.id, look.why) };
  if (look.kind === "there") {
    if (!isOwn(look.app, ctx.run, ctx.step.address)) return { kind: "failed", problem: foreign(ctx, wanted.id) };
    ctx.say("the app is there already; watching it");
    return null;
  }
  const sent = await sendMarathon(ctx.remote, ctx.inventory, look.via, {
    method: "POST",
    path: "/v2/apps",
    body: wanted.definition,
  });
  switch (sent.kind) {
    case "accepted":
      return null;
    case "not-sent":
      return { kind: "failed", problem: unreachable(wanted.id, sent.why) };
    case "refused":
      // An earlier request of ours may have been late.
      return sent.status === 409 ? null : { kind: "failed", problem: refusal(ctx, wanted.id, sent) };
    case "unclear":
      ctx.say(`no clear answer (${sent.why}); looking whether the app is there`);
      await ctx.clock.sleep(LATE_MS, ctx.stopping);
      return null;
  }
}

async function watch(ctx: StepContext, wanted: Wanted): Promise<Effect> {
  const withinMs = parseDuration(text(ctx.step.with["within"]) ?? "") ?? WITHIN_MS;
  const endMs = ctx.clock.monotonic() + withinMs;
  const hostname = wanted.place?.hostname ?? null;
  let good = 0;
  for (;;) {
    const look = await lookAtApp(ctx.remote, ctx.inventory, wanted.id);
    const why =
      look.kind === "no-answer"
        ? look.why
        : look.kind === "absent"
          ? "Marathon has no such app"
          : isOwn(look.app, ctx.run, ctx.step.address)
            ? whyNotRunning(look.app, hostname)
            : "the app is not this step's";
    good = why === null ? good + 1 : 0;
    if (look.kind === "there" && good >= READINGS) {
      const task = record(list(look.app["tasks"])[0]);
      const where = text(task["host"]) ?? "an agent";
      await keep(ctx, wanted, look, `${wanted.id} running on ${where}`);
      return {
        kind: "done",
        note: `${wanted.id} runs on ${wanted.place?.node.name ?? where}`,
        output: { id: wanted.id, node: wanted.place?.node.name ?? null, host: where, task: text(task["id"]) },
      };
    }
    if (ctx.clock.monotonic() >= endMs) {
      const evidence = [await keep(ctx, wanted, look, `${wanted.id}, which does not run as it should`)];
      const problem: Problem = {
        code: "app-not-running",
        text: `${wanted.id} does not run within ${formatDuration(withinMs)}.`,
        expected: `one task running${hostname === null ? "" : ` on ${hostname}`}, no deployment left, ${READINGS} readings in a row`,
        observed: why ?? "not long enough",
        evidence,
        next: "Look at the agent's log and at Marathon's /v2/queue (which offers it declined); the app is removed when the run ends.",
      };
      return look.kind === "no-answer" ? { kind: "unknown", problem } : { kind: "failed", problem };
    }
    await ctx.clock.sleep(EVERY_MS);
  }
}

async function deploy(ctx: StepContext): Promise<Effect> {
  const wanted = wantedOf(ctx);
  if ("nothing" in wanted) return { kind: "done", note: wanted.nothing };
  if ("problem" in wanted) return { kind: "failed", problem: wanted.problem };
  return (await create(ctx, wanted)) ?? watch(ctx, wanted);
}

/** Whether Marathon can take it: it answers, and whatever has the name is ours. */
async function mayI(ctx: StepContext): Promise<Permission> {
  const wanted = wantedOf(ctx);
  if ("nothing" in wanted) return { kind: "yes", note: wanted.nothing };
  if ("problem" in wanted) return { kind: "no", exit: "step-failed", problem: wanted.problem };
  const look = await lookAtApp(ctx.remote, ctx.inventory, wanted.id);
  if (look.kind === "no-answer") return { kind: "no", exit: "step-failed", problem: unreachable(wanted.id, look.why) };
  if (look.kind === "there" && !isOwn(look.app, ctx.run, ctx.step.address))
    return { kind: "no", exit: "refused", problem: foreign(ctx, wanted.id) };
  return { kind: "yes" };
}

async function probe(ctx: StepContext): Promise<Look> {
  const wanted = wantedOf(ctx);
  if ("nothing" in wanted || "problem" in wanted) return { kind: "not-begun" };
  const look = await lookAtApp(ctx.remote, ctx.inventory, wanted.id);
  switch (look.kind) {
    case "no-answer":
      return { kind: "cannot-tell", problem: unreachable(wanted.id, look.why) };
    case "absent":
      return { kind: "not-begun" };
    case "there":
      return isOwn(look.app, ctx.run, ctx.step.address)
        ? { kind: "running", note: "Marathon has the app" }
        : { kind: "failed", problem: foreign(ctx, wanted.id) };
  }
}

/**
 * Deploys one small app of the runbook's own for a while: a test app pinned to an upgraded node (workbook, step 6), or the one
 * that watches Marathon. Done when its one task runs where it must and its deployment is over (dcos.md 11.4). `with`: `app` (its
 * definition), `role` (agent or agent_public), `pin` (upgraded, or none), `within`, `enabled`.
 */
export const deployApp: StepKind = {
  name: DEPLOY_APP,
  effect: "write",
  shows(step) {
    if (!isWanted(step)) return ["left out: not asked for"];
    const where = step.with["pin"] === "none" ? "on any agent" : "pinned to an upgraded node";
    return [`POST /v2/apps: ${text(record(step.with["app"])["cmd"]) ?? "an app"} (${where}); wait until it runs`];
  },
  mayI,
  doIt: deploy,
  probe,
};
