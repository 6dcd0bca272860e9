import type { Problem } from "../../../domain/errors.ts";
import type { InventoryNode } from "../../../domain/inventory.ts";
import { record, text } from "../../../domain/json-fields.ts";
import { canonical } from "../../../domain/json.ts";
import { allSteps } from "../../../domain/plan.ts";
import type { Effect, Look, StepContext, StepKind } from "../../../engine/ports.ts";
import { changeSpec } from "../access/change-spec.ts";
import { parseNodes } from "../entries/node-entry.ts";
import { drainNode } from "./drain-node.ts";
import { nodeOf, noNode, ownEntry, patientManagers, plannedAvailability } from "./swarm-now.ts";

/** What the node was before this run drained it; null where no drain of it is complete. */
function remembered(ctx: StepContext, node: InventoryNode): string | null {
  const drain = allSteps(ctx.plan).find(
    (one) => one.kind === drainNode.name && (one.node ?? text(one.with["node"])) === node.name,
  );
  return drain === undefined ? null : text(record(ctx.record(drain.address).output ?? {})["availability"]);
}

/** A drain that a person forced to be complete left no output: what the plan has seen holds then. */
function wantedOf(ctx: StepContext, node: InventoryNode): string {
  return remembered(ctx, node) ?? plannedAvailability(ctx, node) ?? "active";
}

function trouble(ctx: StepContext, node: InventoryNode, code: string, what: string, observed: string): Problem {
  return {
    code,
    text: `${node.name} ${what}.`,
    expected: `availability ${wantedOf(ctx, node)}, as before the drain`,
    observed,
    node: node.name,
    next: `Look at docker node inspect ${node.name}, then: ${ctx.spell("resume")}`,
  };
}

async function activate(ctx: StepContext): Promise<Effect> {
  const node = nodeOf(ctx);
  if (node === null) return { kind: "failed", problem: noNode(ctx) };
  const managers = patientManagers(ctx);
  const said = await managers.get("/nodes");
  const entry = said.ok ? ownEntry(parseNodes(said.value) ?? [], node, ctx) : null;
  if (entry === null)
    return {
      kind: "failed",
      problem: trouble(ctx, node, "node-not-listed", "cannot be found in the Swarm", said.ok ? "not listed" : said.why),
    };
  const wanted = wantedOf(ctx, node);
  const before = canonical({ ...entry.spec, Availability: wanted });
  const written = await changeSpec(managers, "nodes", entry.id, (spec) =>
    spec["Availability"] === wanted ? null : { ...spec, Availability: wanted },
  );
  switch (written.kind) {
    case "refused":
    case "stale":
      return { kind: "failed", problem: trouble(ctx, node, "activate-refused", `could not be set to ${wanted}`, written.why) };
    case "unknown":
      return {
        kind: "unknown",
        problem: trouble(ctx, node, "contact-lost.activate", `may or may not be ${wanted} again`, written.why),
      };
    case "unchanged":
    case "done":
  }
  const after = await managers.get("/nodes");
  const now = after.ok ? ownEntry(parseNodes(after.value) ?? [], node, ctx) : null;
  if (now?.availability !== wanted)
    return {
      kind: "failed",
      problem: trouble(ctx, node, "not-activated", `is not ${wanted} again`, now?.availability ?? "no answer"),
    };
  if (canonical(now.spec) !== before) ctx.say(`somebody else has changed the spec of ${node.name} in between; that change stays`);
  if (wanted !== "active") return { kind: "done", note: `${wanted}, as it was before` };
  ctx.say(`${node.name} takes new tasks again. Those that have gone stay where they are: Swarm moves no running task.`);
  return { kind: "done", note: "active again; tasks that have gone do not come back by themselves" };
}

/** After a crash: the availability itself tells. */
async function look(ctx: StepContext): Promise<Look> {
  const node = nodeOf(ctx);
  if (node === null) return { kind: "not-begun" };
  const said = await patientManagers(ctx).get("/nodes");
  const entry = said.ok ? ownEntry(parseNodes(said.value) ?? [], node, ctx) : null;
  if (entry === null)
    return {
      kind: "cannot-tell",
      problem: trouble(ctx, node, "no-manager-answers", "cannot be looked at", said.ok ? "not listed" : said.why),
    };
  const wanted = wantedOf(ctx, node);
  return entry.availability === wanted ? { kind: "done", note: `${node.name} is ${wanted}` } : { kind: "not-begun" };
}

/** Gives a drained node back the availability it had before; labels, role and name stay as they are (swarm.md, "Node fields"). */
export const activateNode: StepKind = {
  name: "swarm/activate-node",
  effect: "write",
  shows: (step) => [
    `POST /nodes/${step.node ?? text(step.with["node"]) ?? ""}/update with the availability of before the drain, the rest of its spec as it is`,
  ],
  plannedMs: () => 1_000,
  doIt: activate,
  probe: look,
};
