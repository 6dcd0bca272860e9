import type { Problem } from "../../../domain/errors.ts";
import type { InventoryNode, NodeName } from "../../../domain/inventory.ts";
import { allSteps } from "../../../domain/plan.ts";
import { isBusy } from "../../../domain/status.ts";
import type { Permission, StepContext } from "../../../engine/ports.ts";
import { createManagers, PATIENCE_MS } from "../access/managers.ts";
import { quorumOf } from "../contract.ts";
import { entryOf, nodeNames, parseNodes, type NodeEntry } from "../entries/node-entry.ts";

type No = Extract<Permission, { kind: "no" }>;

/** What is asked right before is asked again where it says no: after an election every node is unknown for some seconds. */
const ATTEMPTS = 4;
const PAUSE_MS = 10_000;

function no(problem: Problem, exit: No["exit"] = "gate-halted"): No {
  return { kind: "no", exit, problem };
}

/** What decides about one node, by the Swarm's own list of nodes. `expectedAway`: nodes the run itself has in hand or set aside. */
export function judgeNodes(
  nodes: readonly NodeEntry[],
  names: ReadonlyMap<string, string>,
  node: InventoryNode,
  expectedAway: ReadonlySet<NodeName>,
): No | null {
  const self = entryOf(nodes, node);
  if (self === null)
    return no({
      code: "node-not-listed",
      text: `The Swarm does not list ${node.name}.`,
      expected: `one node with the address ${node.address}`,
      node: node.name,
      next: "Look at docker node ls, and correct the inventory or join the node.",
    });
  if (self.role !== node.role)
    return no({
      code: "role-changed",
      text: `${node.name} is no longer what the plan takes it for.`,
      expected: node.role,
      observed: self.role ?? "no role",
      node: node.name,
      next: "Make a new plan.",
    });
  const managers = nodes.filter((one) => one.role === "manager");
  if (managers.filter((one) => one.leader).length !== 1)
    return no({
      code: "no-leader",
      text: "No single manager leads.",
      expected: "exactly one leader",
      observed: `${managers.filter((one) => one.leader).length} leaders`,
      node: node.name,
      next: "Wait for the election to end, or bring managers back.",
    });
  const others = managers.filter((one) => one.id !== self.id && one.reachability === "reachable");
  if (self.role === "manager" && others.length < quorumOf(managers.length) && managers.length > 1)
    return no(
      {
        code: "quorum-at-risk",
        text: `Without ${node.name} the managers would lose their quorum.`,
        expected: `${quorumOf(managers.length)} other managers reachable`,
        observed: `${others.length} reachable: ${others.map((one) => names.get(one.id) ?? one.hostname).join(", ") || "none"}`,
        node: node.name,
        next: "Bring the other managers back first.",
      },
      "refused",
    );
  const away = nodes.filter((one) => {
    const name = names.get(one.id) ?? one.hostname;
    if (one.id === self.id || expectedAway.has(name)) return false;
    return one.state !== "ready" || (one.role === "manager" && one.reachability !== "reachable");
  });
  if (away.length === 0) return null;
  return no({
    code: "another-node-away",
    text: "Another node is away already.",
    expected: "every other node ready, every other manager reachable",
    observed: away
      .map(
        (one) =>
          `${names.get(one.id) ?? one.hostname}: ${one.state ?? "unknown"}${one.role === "manager" ? `, ${one.reachability ?? "unknown"}` : ""}`,
      )
      .join("; "),
    node: node.name,
    next: "Bring it back, or remove it from the Swarm if it is gone for good.",
  });
}

/** Nodes the run has in hand or set aside, apart from this one: their trouble is known. */
function expectedAway(ctx: Pick<StepContext, "plan" | "record">, self: NodeName): ReadonlySet<NodeName> {
  return new Set(
    allSteps(ctx.plan).flatMap((step) => {
      if (step.node === null || step.node === self || step.effect === "read") return [];
      const { status } = ctx.record(step.address);
      return isBusy(status) || status === "set-aside" || status === "error" || status === "unknown" ? [step.node] : [];
    }),
  );
}

async function askOnce(ctx: StepContext, node: InventoryNode): Promise<No | null> {
  // Of a manager that stays: the node's own word about itself says nothing about the Swarm without it.
  const alone = ctx.inventory.nodes.filter((one) => one.role === "manager").length === 1;
  const patience = { clock: ctx.clock, forMs: PATIENCE_MS };
  const managers = createManagers(ctx.remote, ctx.inventory, { patience, ...(alone ? {} : { except: node.name }) });
  const said = await managers.get("/nodes");
  const nodes = said.ok ? parseNodes(said.value) : null;
  if (nodes !== null) return judgeNodes(nodes, nodeNames(nodes, ctx.inventory), node, expectedAway(ctx, node.name));
  return no({
    code: "no-manager-answers",
    text: `No other manager tells how the Swarm is, so ${node.name} is not touched.`,
    expected: "an answer from a manager that stays",
    observed: said.ok ? "an answer that lists no nodes" : said.why,
    node: node.name,
    next: "Look whether more than half of the managers are reachable: pawl nodes -i FILE",
  });
}

/**
 * May this node be taken out of service now? Asked right before of a manager that stays (design rule 6): its role, one leader, a quorum
 * without it, nobody else away. Only reads.
 */
export async function permission(ctx: StepContext): Promise<Permission> {
  const { node } = ctx;
  if (node === null) return { kind: "yes" };
  for (let attempt = 1; ; attempt++) {
    const denial = await askOnce(ctx, node);
    if (denial === null) return attempt === 1 ? { kind: "yes" } : { kind: "yes", note: `asked ${attempt} times` };
    if (attempt === ATTEMPTS || ctx.stopping.aborted) return denial;
    ctx.say(`${denial.problem.text} ${denial.problem.observed ?? ""} Asking again in ${PAUSE_MS / 1_000} s.`);
    await ctx.clock.sleep(PAUSE_MS, ctx.stopping);
  }
}
