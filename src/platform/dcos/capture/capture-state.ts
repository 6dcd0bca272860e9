import type { ArtifactRecord } from "../../../domain/events.ts";
import type { Json, JsonRecord } from "../../../domain/json.ts";
import { captureDone, summaryDocument } from "../../../action/snapshot-summary.ts";
import { takeCapture, type Taken } from "../../../action/take-capture.ts";
import type { CaptureItem, Effect, StepContext, StepKind } from "../../../engine/ports.ts";
import { DOCUMENT_TYPE, FIGURE_TYPE } from "../../../domain/exhibit.ts";
import { mapBounded } from "../../../domain/bounded.ts";
import { findServiceMarathons, type ServiceMarathon } from "../marathon/read-marathons.ts";
import { parseAgents } from "../mesos.ts";
import { captures, serviceCaptures } from "./captures.ts";
import { parseJson, record, text } from "../../../domain/json-fields.ts";
import { architectureOf } from "./architecture-of.ts";
import { architectureSvg } from "./architecture.ts";
import { isSummarised, summarise } from "./summary.ts";
import { worksheets } from "./worksheets.ts";

/** Captures in flight at once: the leader is asked for several long documents, the nodes for one line each. */
const AT_ONCE = 24;
/** Captures without which a snapshot is worth nothing. */
const ESSENTIAL = ["cluster/state-summary.json", "cluster/slaves.json", "marathon/apps.json"];

/**
 * Takes one capture and keeps it. Gives its bytes back where the summary is made from them; a long answer it does not need, like the
 * cluster's whole state, is masked and written as it comes and never held.
 */
async function takeAndKeep(ctx: StepContext, item: CaptureItem): Promise<Taken> {
  const { name, node, mediaType, evidenceOf } = item;
  const meta = { name, node, mediaType, evidenceOf, step: ctx.step.address };
  const sink = isSummarised(name) ? null : await ctx.artifacts.sink(meta);
  let finished = false;
  try {
    const got = await takeCapture(ctx.remote, item, sink === null ? null : (chunk) => sink.write(chunk));
    if (!got.ok) return got;
    finished = got.bytes === null;
    const kept = got.bytes === null ? await sink?.finish() : await ctx.artifacts.put(meta, got.bytes);
    if (kept !== undefined) await ctx.recorded(kept);
    return got;
  } finally {
    if (!finished) await sink?.abandon();
  }
}

async function keepText(
  ctx: StepContext,
  name: string,
  evidenceOf: string,
  bytes: string,
  mediaType = "application/json",
): Promise<ArtifactRecord> {
  const kept = await ctx.artifacts.put({ name, mediaType, step: ctx.step.address, node: null, evidenceOf }, bytes);
  await ctx.recorded(kept);
  return kept;
}

/** The service Marathons of this moment, by what the root Marathon and Mesos have just said. */
function servicesOf(ctx: StepContext, taken: ReadonlyMap<string, Buffer | null>): readonly ServiceMarathon[] {
  const said = (name: string): Json => parseJson(taken.get(name)?.toString("utf8") ?? "") ?? null;
  const known = {
    apps: said("marathon/apps.json"),
    tasks: said("marathon/tasks.json"),
    frameworks: said("cluster/frameworks.json"),
    agents: parseAgents(said("cluster/slaves.json")) ?? [],
  };
  return findServiceMarathons(ctx.inventory, known, text(record(said("marathon/info.json"))["frameworkId"]));
}

/** The workbook's diagram and worksheets, made from the summary alone. */
async function drawAndFill(ctx: StepContext, summary: JsonRecord): Promise<void> {
  const { inventory, plan, step } = ctx;
  const drawn = architectureSvg(architectureOf(summary, inventory));
  await keepText(ctx, `${step.address}/architecture.svg`, "the architecture of the cluster", drawn, FIGURE_TYPE);
  const filled = worksheets(summary, inventory.name, plan.inputs["target"] ?? null);
  const text = `${JSON.stringify(filled, null, 1)}\n`;
  await keepText(ctx, `${step.address}/worksheets.json`, "the workbook's worksheets, filled in", text, DOCUMENT_TYPE);
}

async function capture(ctx: StepContext): Promise<Effect> {
  const taken = new Map<string, Buffer | null>();
  const missing: { name: string; why: string }[] = [];
  const takeAll = async (wanted: readonly CaptureItem[]): Promise<void> => {
    await mapBounded(wanted, AT_ONCE, async (item) => {
      const got = await takeAndKeep(ctx, item);
      if (got.ok) taken.set(item.name, got.bytes);
      else missing.push({ name: item.name, why: got.why });
    });
  };
  const root = captures(ctx.inventory, ctx.plan.facts);
  await takeAll(root);
  // Where service Marathons are follows from what was just captured: their tasks may have moved since the plan was made.
  const services = servicesOf(ctx, taken).flatMap(serviceCaptures);
  await takeAll(services);
  const items = [...root, ...services];
  const lost = ESSENTIAL.filter((name) => !taken.has(name));
  const reasons = missing.filter((one) => lost.includes(one.name)).map((one) => `${one.name}: ${one.why}`);
  if (lost.length > 0)
    return {
      kind: "failed",
      problem: {
        code: "capture-incomplete",
        text: `${ctx.step.address}: the state could not be captured`,
        expected: ESSENTIAL.join(", "),
        observed: reasons.join("; ") || lost.join(", "),
        next: `Look at the leading master and Marathon, then: ${ctx.spell("retry", ctx.step.address)}`,
      },
    };
  const captured = { platform: "dcos", items, taken, missing };
  const summary = summaryDocument(ctx, captured, (bytes) => summarise(bytes, ctx.inventory.nodes));
  const text = `${JSON.stringify(summary, null, 1)}\n`;
  const kept = await keepText(ctx, "summary.json", "the comparable essence of this snapshot", text);
  await drawAndFill(ctx, record(summary["summary"]));
  return captureDone(captured, kept.sha256);
}

/** Captures the cluster's state with its digest (workbook, "Capture current cluster state"): everything `captures` names, and a summary. */
export const captureState: StepKind = {
  name: "dcos/capture-state",
  effect: "read",
  shows: (_step, inventory) => [`state, tasks, agents, frameworks, Marathon and every node of ${inventory.name}; reads only`],
  doIt: capture,
};
