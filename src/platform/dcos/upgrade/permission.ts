import type { NodeName } from "../../../domain/inventory.ts";
import type { Problem } from "../../../domain/errors.ts";
import { allSteps } from "../../../domain/plan.ts";
import { isBusy } from "../../../domain/status.ts";
import type { InventoryNode } from "../../../domain/inventory.ts";
import type { Permission, StepContext } from "../../../engine/ports.ts";
import { agentsOf, mastersOf, quorumOf, urlOf } from "../contract.ts";
import { getJson } from "../http-reading.ts";
import { list, number, record, text } from "../../../domain/json-fields.ts";
import { readEnsemble, type Ensemble } from "../facts/leadership.ts";
import { isNode, leaderOf, parseAgents, type AgentEntry } from "../mesos.ts";
import { readNode, type NodeReport } from "../facts/node-facts.ts";
import { isServing } from "../zookeeper/four-letter-words.ts";
import { requireProof } from "../zookeeper/proof-age.ts";
import type { ScratchOf } from "../zookeeper/proof.ts";

type No = Extract<Permission, { kind: "no" }>;
type Denial = No | null;

function no(exit: No["exit"], problem: Problem): No {
  return { kind: "no", exit, problem };
}

/** Readings right before a node are repeated this often where they say no: an election or a registration may be under way. */
const ATTEMPTS = 4;
const PAUSE_MS = 10_000;

/** Nodes the run has in hand or set aside, apart from this one: their trouble is known. */
function nodesInHand(ctx: Pick<StepContext, "plan" | "record">, self: NodeName): ReadonlySet<NodeName> {
  const nodes = new Set<NodeName>();
  for (const step of allSteps(ctx.plan)) {
    if (step.node === null || step.node === self || step.effect === "read") continue;
    const { status } = ctx.record(step.address);
    if (isBusy(status) || status === "set-aside" || status === "error" || status === "unknown") nodes.add(step.node);
  }
  return nodes;
}

/**
 * Whether the masters can lose this one: pure. Without it the rest must hold the quorum (else refused), and none of the rest
 * may be down, out of the vote or with a log that has not recovered (else halted). Design rule 6; workbook: no upgrade with a
 * master missing.
 */
export function judgeMasters(ensemble: Ensemble, masters: readonly InventoryNode[], without: NodeName | null): Denial {
  const troubles = masters
    .filter((node) => node.name !== without)
    .flatMap((node) => {
      const mesos = ensemble.masters.find((one) => one.node === node.name);
      const server = ensemble.servers.find((one) => one.node === node.name);
      if (server === undefined || !isServing(server, masters.length))
        return [{ node: node.name, text: `${node.name}: ZooKeeper does not serve (${server?.why ?? "no answer"})` }];
      if (mesos?.recovered !== true)
        return [
          {
            node: node.name,
            text: `${node.name}: the replicated log has not recovered (${mesos?.why ?? "the metric is not 1"})`,
          },
        ];
      return [];
    });
  const rest = masters.length - (without === null ? 0 : 1);
  const needed = masters.length === 1 ? 0 : quorumOf(masters.length);
  const observed = troubles.map((one) => one.text).join("; ");
  if (troubles.length > 0 && rest - troubles.length < needed)
    return no("refused", {
      code: "quorum-would-be-lost",
      text: `${without === null ? "The masters have no quorum" : `Taking ${without} down would lose the quorum`}.`,
      expected: `${needed} of ${masters.length} masters serve without it`,
      observed,
      next: "Repair the masters named here; nothing else may be touched before.",
    });
  if (troubles.length > 0)
    return no("gate-halted", {
      code: "master-down",
      text: "Another master is down.",
      expected: "every other master serves",
      observed,
      next: "Repair it first; masters have no failure budget.",
    });
  const lost = ensemble.masters.filter((one) => one.node !== without && one.redirect === null);
  if (lost.length > 0 && lost.length < ensemble.masters.length - (without === null ? 0 : 1))
    return no("gate-halted", {
      code: "master-out-of-quorum",
      text: "A master does not know who leads.",
      expected: "every other master redirects to the leader",
      observed: lost.map((one) => one.node).join(", "),
      next: "Look at its connection to ZooKeeper and to the other masters; masters have no failure budget.",
    });
  // What the node itself believes counts only while it leads: a broken one may redirect anywhere.
  const heard = ensemble.masters.filter((one) => one.node !== without || one.elected === true);
  if (masters.length > 1 && leaderOf(heard, masters) === null) {
    const elected = ensemble.masters.filter((one) => one.elected === true).map((one) => one.node);
    return no("gate-halted", {
      code: "no-single-leader",
      text: "The masters do not agree on one leader.",
      expected: "exactly one elected master, named by every redirect",
      observed:
        elected.length === 0
          ? "none elected"
          : `elected: ${elected.join(", ")}; redirects: ${ensemble.masters.map((one) => one.redirect ?? "none").join(", ")}`,
    });
  }
  return null;
}

/** Whether the cluster can lose this agent now: every agent that is not in hand or set aside is registered and active. Pure. */
export function judgeAgents(
  listed: readonly AgentEntry[] | null,
  agents: readonly InventoryNode[],
  self: InventoryNode,
  inHand: ReadonlySet<NodeName>,
  touched: boolean,
): Denial {
  if (listed === null)
    return no("gate-halted", {
      code: "agents-unread",
      text: "The leading master's list of agents could not be read.",
      next: "Look at the leading master, then measure again.",
    });
  const active = (node: InventoryNode): boolean => listed.some((entry) => isNode(entry, node) && entry.active);
  const troubled = agents.filter((node) => node.name !== self.name && !inHand.has(node.name) && !active(node));
  if (troubled.length > 0)
    return no("gate-halted", {
      code: "other-agents-down",
      text: "Agents that are not in hand are not active.",
      expected: "every other agent registered and active",
      observed: troubled.map((node) => node.name).join(", "),
      next: "Bring them back, or set them aside with a reason.",
    });
  if (!active(self) && !touched)
    return no("gate-halted", {
      code: "agent-not-active",
      text: `${self.name} is not active on the leading master, before anything was done to it.`,
      node: self.name,
      expected: "the agent is registered and active before it is touched",
      next: "Bring it back first, or set it aside.",
    });
  return null;
}

/**
 * Never two changes at once (design rule 10; workbook, FAQ): a node that has not begun its upgrade must carry the configuration,
 * the number of masters and the cluster it had when the plan was made. What could not be read says nothing here.
 */
function changedMeanwhile(report: NodeReport, node: InventoryNode, ctx: Pick<StepContext, "plan">): Denial {
  const planned = ctx.plan.facts.nodes[node.name];
  if (planned === undefined || report.version !== planned.version || report.installProgress === true) return null;
  const { configSha256, masterCount } = planned.details;
  const told = [
    { what: "configuration", code: "config-changed", then: text(configSha256), now: report.configSha256 },
    { what: "number of masters", code: "masters-changed", then: number(masterCount), now: report.masterCount },
    { what: "cluster", code: "cluster-changed", then: ctx.plan.facts.clusterId || null, now: report.clusterId },
  ].find(({ then, now }) => then !== null && now !== null && then !== now);
  if (told === undefined) return null;
  return no("refused", {
    code: told.code,
    text: `${node.name} has another ${told.what} than when the plan was made.`,
    node: node.name,
    expected: String(told.then),
    observed: String(told.now),
    next: "Find out who changes the cluster meanwhile. An upgrade and another change are never done together: finish or undo that one, then plan again.",
  });
}

/** Whether the node itself is still what the plan says: role, version, root. Pure. */
export function judgeNode(report: NodeReport, node: InventoryNode, ctx: Pick<StepContext, "plan">): Denial {
  const target = ctx.plan.inputs["target"];
  const planned = ctx.plan.facts.nodes[node.name]?.version ?? null;
  const allowed = [planned, target].filter((version) => version !== null && version !== undefined);
  if (report.role !== node.role)
    return no("gate-halted", {
      code: "role-changed",
      text: `${node.name} no longer has the role the plan gave it.`,
      node: node.name,
      expected: node.role,
      observed: report.roles.join(", ") || "no role file",
      next: "Correct the files under /etc/mesosphere/roles or the inventory, then plan again.",
    });
  if (report.version === null || !allowed.includes(report.version))
    return no("refused", {
      code: "version-moved",
      text: `${node.name} is at a version the plan does not know.`,
      node: node.name,
      expected: allowed.join(" or "),
      observed: report.version ?? "no version file",
      next: "Somebody changed this node since the plan was made: plan again.",
    });
  const changed = changedMeanwhile(report, node, ctx);
  if (changed !== null) return changed;
  if (report.uid !== 0)
    return no("step-failed", {
      code: "not-root",
      text: `Commands on ${node.name} do not run as root.`,
      node: node.name,
      expected: "uid 0",
      observed: `uid ${report.uid ?? "unknown"}`,
      next: "Let the SSH user use sudo without a password.",
    });
  return null;
}

/** An answer, and the readings it was made from. */
interface Asked {
  readonly denial: Denial;
  readonly seen: Readonly<Record<string, unknown>>;
}

async function askOnce(ctx: StepContext, node: InventoryNode): Promise<Asked> {
  const { remote, inventory } = ctx;
  const masters = mastersOf(inventory);
  const [ensemble, answer] = await Promise.all([readEnsemble(remote, inventory), readNode(remote, inventory, node)]);
  if (answer.kind === "unreadable") {
    const denial = no("gate-halted", {
      code: answer.code,
      text: `${node.name} cannot be read.`,
      node: node.name,
      expected: "the node answers before it is touched",
      observed: answer.reason,
      next: answer.code.includes("host-key-")
        ? `Another machine answers in the place of ${node.name}, or it was given another host key: look at its console. The new key is trusted only when you have put it into known_hosts yourself.`
        : `Look at ${node.name}: connection, host key, sudo.`,
    });
    return { denial, seen: { ensemble, node: { code: answer.code, reason: answer.reason } } };
  }
  const seen = { ensemble, node: answer.report };
  const own = judgeNode(answer.report, node, ctx);
  if (own !== null) return { denial: own, seen };
  if (node.role === "master") {
    const others = judgeMasters(ensemble, masters, node.name);
    return { denial: others ?? (await exhibitorDenial(ctx, node, masters)), seen };
  }
  const together = judgeMasters(ensemble, masters, null);
  if (together !== null) return { denial: together, seen };
  const leader = leaderOf(ensemble.masters, masters) ?? masters[0];
  const slaves =
    leader === undefined
      ? null
      : await getJson(remote, urlOf(inventory, leader, "mesos-master", "/slaves"), { timeoutMs: 60_000, followRedirects: 1 });
  const listed = slaves?.ok === true ? parseAgents(slaves.value) : null;
  const touched = answer.report.version === ctx.plan.inputs["target"] || answer.report.installProgress === true;
  return {
    denial: judgeAgents(listed, agentsOf(inventory), node, nodesInHand(ctx, node.name), touched),
    seen: { ...seen, agents: listed },
  };
}

/** Exhibitor, asked of another master: as many others serving as there are others (dcos.md section 6). */
async function exhibitorDenial(ctx: StepContext, node: InventoryNode, masters: readonly InventoryNode[]): Promise<Denial> {
  const other = masters.find((one) => one.name !== node.name);
  if (other === undefined) return null;
  const status = await getJson(ctx.remote, urlOf(ctx.inventory, other, "exhibitor", "/exhibitor/v1/cluster/status"));
  const entries = status.ok ? list(status.value).map(record) : [];
  const serving = entries.filter((one) => one["description"] === "serving").map((one) => one["hostname"]);
  const absent = masters.filter((one) => one.name !== node.name && !serving.includes(one.address));
  if (status.ok && absent.length === 0) return null;
  const observed = status.ok ? `not serving: ${absent.map((one) => one.name).join(", ")}` : status.why;
  return no("gate-halted", {
    code: "exhibitor-not-full",
    text: "Exhibitor does not show every other master as serving.",
    expected: `${masters.length - 1} others serving, asked of ${other.name}`,
    observed,
    next: "Wait for Exhibitor to settle, or look at the masters named here.",
  });
}

/** The no with the readings behind it, kept as evidence. */
async function withEvidence(ctx: StepContext, node: InventoryNode, denial: No, seen: Asked["seen"]): Promise<No> {
  const meta = {
    name: `${ctx.step.address}/permission.json`,
    mediaType: "application/json",
    step: ctx.step.address,
    node: node.name,
    evidenceOf: `why ${node.name} was not touched: ${denial.problem.code}`,
  };
  const kept = await ctx.artifacts.put(meta, `${JSON.stringify(seen)}\n`);
  await ctx.recorded(kept);
  return { ...denial, problem: { ...denial.problem, evidence: [`artifacts/${kept.sha256}`] } };
}

/**
 * May this node be taken out of service now? Asked of the cluster right before (design rule 6), up to four times over half a
 * minute: a wrong no costs a pause, a wrong yes costs a quorum. Only reads. Before the first master, a backup whose proof has become too
 * old is made and proven again first.
 */
export async function permission(ctx: StepContext, scratchOf: ScratchOf): Promise<Permission> {
  const { node } = ctx;
  if (node === null) return { kind: "yes" };
  const backup = node.role === "master" ? await requireProof(ctx, scratchOf) : null;
  if (backup !== null && backup.problem !== null) return no("gate-halted", { node: node.name, ...backup.problem });
  for (let attempt = 1; ; attempt++) {
    const { denial, seen } = await askOnce(ctx, node);
    // Only what is worth a line of the record: that it was asked right before is so of every node.
    if (denial === null) return backup?.note == null ? { kind: "yes" } : { kind: "yes", note: backup.note };
    if (attempt === ATTEMPTS || ctx.stopping.aborted) return withEvidence(ctx, node, denial, seen);
    ctx.say(`${denial.problem.text} ${denial.problem.observed ?? ""} Asking again in ${PAUSE_MS / 1_000} s.`);
    await ctx.clock.sleep(PAUSE_MS, ctx.stopping);
  }
}

/** Gates and watches whose refusal means that tasks were lost or an app is below its own minimum: such a node is never set aside (design rule 8). */
const COSTLY = /^(?:gate|watch)\.(?:tasks-lost|tasks-running|apps-as-before)$/;

/** Whether the failure cost tasks or an app its minimum. */
export function isCostly(problem: Problem): boolean {
  return COSTLY.test(problem.code);
}
