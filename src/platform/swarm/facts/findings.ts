import type { Inventory, InventoryNode } from "../../../domain/inventory.ts";
import type { Json, JsonRecord } from "../../../domain/json.ts";
import { list, number, record, text } from "../../../domain/json-fields.ts";
import { finding, type Judgement } from "../../../domain/judgement.ts";
import type { Facts, Finding } from "../../../domain/plan.ts";
import { managersOf, quorumOf } from "../contract.ts";
import { mistaken } from "./identity.ts";

type Trouble = Judgement["bad"];

/** A clock that is further off than this spoils what is told by time stamps (design: advisory above 1 s, mandatory above 5 s). */
const SKEW_MS = 1_000;
const SKEW_MANDATORY_MS = 5_000;

function detailsOf(facts: Facts, node: InventoryNode): JsonRecord {
  return facts.nodes[node.name]?.details ?? {};
}

function of(nodes: readonly InventoryNode[], tell: (node: InventoryNode) => string | null): Trouble {
  return nodes.flatMap((node) => {
    const told = tell(node);
    return told === null ? [] : [{ node: node.name, text: `${node.name}: ${told}` }];
  });
}

const noSwarm = [{ node: null, text: "no manager answers" }];

function oneCluster(facts: Facts): Judgement {
  const ids = list(facts.baseline["clusterIds"]).flatMap((one) => text(one) ?? []);
  return {
    id: "one-swarm",
    title: "The managers are of one Swarm",
    expected: "one Swarm id, told by the managers themselves",
    good: facts.clusterId,
    bad: ids.length > 1 ? [{ node: null, text: `${ids.length} Swarms: ${ids.join(", ")}` }] : [],
    unknown: ids.length === 0 ? [{ node: null, text: "no manager tells its Swarm's id" }] : [],
    remedy: "Take the managers of another Swarm out of the inventory, or ask a manager that has quorum.",
  };
}

function enginesAnswer(facts: Facts, inventory: Inventory): Judgement {
  return {
    id: "engines-answer",
    title: "Every node's engine answers",
    expected: `${inventory.nodes.length} engines answer`,
    good: `${inventory.nodes.length} answer`,
    bad: of(inventory.nodes, (node) =>
      facts.nodes[node.name]?.reachable === true ? null : (text(detailsOf(facts, node)["reason"]) ?? "no answer"),
    ),
    unknown: [],
    remedy: "Correct address, key or host key; start the engine; or let pawl's user reach its socket (docs/swarm.md).",
  };
}

/** An upgrade acts on a machine by its address: behind each must be its own engine, or one node's word counts for another. */
function enginesAreTheirOwn(facts: Facts, inventory: Inventory): Judgement {
  const others = mistaken(facts.nodes, inventory);
  return {
    id: "engines-are-their-own",
    title: "Behind each address is that node's own engine",
    expected: "another member of the Swarm behind each address, the one the Swarm knows by it",
    good: `${inventory.nodes.length} engines`,
    bad: of(inventory.nodes, (node) => others.get(node.name) ?? null),
    unknown: of(inventory.nodes, (node) =>
      text(detailsOf(facts, node)["nodeId"]) === null ? "its engine does not say who it is" : null,
    ),
    remedy:
      "Correct the addresses, ports and sockets of these nodes in the inventory; look at forwarded ports and cloned machines.",
  };
}

function oneLeader(facts: Facts): Judgement {
  const leader = text(facts.baseline["leader"]) ?? facts.last["manager"]?.[0] ?? null;
  const known = facts.counts["manager"] !== null;
  return {
    id: "one-leader",
    title: "One manager leads",
    expected: "exactly one leader",
    good: `${leader ?? ""} leads`,
    bad: known && leader === null ? [{ node: null, text: "no single leader" }] : [],
    unknown: known ? [] : noSwarm,
    remedy: "Wait for the election (some ten seconds), or bring managers back until more than half of them are reachable.",
  };
}

function managersReachable(facts: Facts): Judgement {
  const managers = facts.baseline["managers"];
  const away = list(managers)
    .map(record)
    .filter((one) => one["reachability"] !== "reachable");
  return {
    id: "managers-reachable",
    title: "Every manager is reachable by the others",
    expected: "all managers reachable",
    good: `${list(managers).length} reachable`,
    bad: away.map((one) => ({
      node: text(one["name"]),
      text: `${text(one["name"]) ?? "?"}: ${text(one["reachability"]) ?? "unknown"}`,
    })),
    unknown: Array.isArray(managers) ? [] : noSwarm,
    remedy: "Look at these managers' engines and at port 2377 between managers. Touch no other manager meanwhile.",
  };
}

/** A manager that is stopped must leave a quorum behind (swarm.md, "Upgrading the engine": never more than one away). */
function quorumMargin(facts: Facts): Judgement {
  const total = facts.counts["manager"] ?? null;
  const margin = number(facts.baseline["margin"]);
  const needed = total === null ? null : quorumOf(total);
  const enough = margin !== null && margin >= 1;
  return {
    id: "quorum-margin",
    title: "One manager can be away without losing quorum",
    expected: "more managers reachable than the quorum needs",
    good: total === null || needed === null ? "" : `${total} managers, quorum ${needed}, ${margin ?? "?"} to spare`,
    bad:
      margin === null || enough || total === null
        ? []
        : [
            {
              node: null,
              text:
                total === 1
                  ? "there is one manager: while it restarts nothing can be decided, and its state is nowhere else"
                  : `${total} managers, quorum ${needed ?? "?"}, ${margin} to spare`,
            },
          ],
    unknown: margin === null ? noSwarm : [],
    // A single manager is a choice some make; a Swarm on the brink is not.
    severity: total === 1 ? "waivable" : "mandatory",
    remedy: "Bring managers back, or have three or five of them: an even number bears no more than one fewer.",
  };
}

function nodesReady(facts: Facts): Judgement {
  const notReady = facts.baseline["notReady"];
  return {
    id: "nodes-ready",
    title: "Every node of the Swarm is ready",
    expected: "every node ready",
    good: "all ready",
    bad: list(notReady).map((one) => {
      const name = text(record(one)["name"]) ?? "?";
      return { node: name, text: `${name}: ${text(record(one)["state"]) ?? "unknown"}` };
    }),
    unknown: Array.isArray(notReady) ? [] : noSwarm,
    remedy: "Bring the node back, or remove it from the Swarm if it is gone for good (docker node rm).",
  };
}

function rolesAsPlanned(facts: Facts, inventory: Inventory): Judgement {
  const answering = inventory.nodes.filter((node) => facts.nodes[node.name]?.reachable === true);
  return {
    id: "roles-as-planned",
    title: "Every node has the role the inventory gives it",
    expected: "manager or worker as in the inventory",
    good: "as in the inventory",
    bad: of(answering, (node) => {
      const role = facts.nodes[node.name]?.role ?? null;
      if (role === null) return `in no Swarm (${text(detailsOf(facts, node)["swarmState"]) ?? "unknown"})`;
      return role === node.role ? null : `is a ${role}, the inventory says ${node.role}`;
    }),
    unknown: [],
    remedy: "Correct the inventory (pawl inventory discover), or promote, demote or join the node.",
  };
}

function nodesCovered(facts: Facts, inventory: Inventory): Judgement {
  const extra = facts.baseline["notInInventory"];
  const strangers = inventory.nodes.filter((node) => detailsOf(facts, node)["listed"] === false);
  return {
    id: "nodes-covered",
    title: "The inventory has every node of the Swarm, and no other",
    expected: "the same nodes in both",
    good: `${inventory.nodes.length} nodes`,
    bad: [
      ...list(extra).flatMap((one) => {
        const name = text(one);
        return name === null ? [] : [{ node: null, text: `${name} is not in the inventory` }];
      }),
      ...(Array.isArray(extra) ? of(strangers, () => "is not in the Swarm") : []),
    ],
    unknown: Array.isArray(extra) ? [] : noSwarm,
    remedy: "Write the inventory again from the Swarm (pawl inventory discover), or remove nodes that are gone.",
  };
}

function oneVersion(facts: Facts): Judgement {
  const engines = list(facts.baseline["engines"]).map(record);
  const versions = [...new Set(engines.map((one) => text(one["version"]) ?? "unknown"))].sort();
  const shown = versions.map(
    (version) =>
      `${version} on ${engines
        .filter((one) => (text(one["version"]) ?? "unknown") === version)
        .map((one) => text(one["name"]) ?? "?")
        .join(", ")}`,
  );
  return {
    id: "one-engine-version",
    title: "All engines have one version",
    expected: "one version",
    good: versions.join(""),
    bad: versions.length > 1 ? [{ node: null, text: shown.join("; ") }] : [],
    unknown: engines.length === 0 ? noSwarm : [],
    severity: "advisory",
    remedy: "A Swarm of mixed versions works while it is being upgraded; finish the upgrade.",
  };
}

function clocks(facts: Facts, inventory: Inventory): Judgement {
  const skews = inventory.nodes.map((node) => Math.abs(number(detailsOf(facts, node)["skewMs"]) ?? 0));
  return {
    id: "clocks-agree",
    title: "The nodes' clocks agree with this machine's",
    expected: "within 1 s",
    good: "within 1 s",
    bad: of(inventory.nodes, (node) => {
      const skew = number(detailsOf(facts, node)["skewMs"]);
      return skew === null || Math.abs(skew) <= SKEW_MS ? null : `${(skew / 1_000).toFixed(1)} s off`;
    }),
    unknown: of(inventory.nodes, (node) =>
      number(detailsOf(facts, node)["skewMs"]) === null ? "its clock could not be read" : null,
    ),
    severity: skews.some((skew) => skew > SKEW_MANDATORY_MS) ? "mandatory" : "advisory",
    remedy: "Mend time synchronisation on these machines.",
  };
}

/** Services in the middle of an update, or short of tasks, hide what an upgrade does to them (swarm.md, "Before"). */
function servicesSettled(facts: Facts): Judgement {
  const services: Json | undefined = facts.baseline["services"];
  const tell = (one: JsonRecord): string | null => {
    const state = text(one["updateState"]);
    const [serving, desired] = [number(one["serving"]), number(one["desired"])];
    if (state !== null && !/^(?:completed|rollback_completed)$/.test(state)) return `update is ${state}`;
    if (serving === null || desired === null) return null;
    return serving < desired ? `${serving} of ${desired} tasks serve` : null;
  };
  return {
    id: "services-settled",
    title: "Every service is whole, and none is being updated",
    expected: "as many tasks as asked for, no update under way, paused or rolled back to a halt",
    good: `${list(services).length} services`,
    bad: list(services)
      .map(record)
      .flatMap((one) => {
        const told = tell(one);
        return told === null ? [] : [{ node: null, text: `${text(one["name"]) ?? "?"}: ${told}` }];
      }),
    unknown: Array.isArray(services)
      ? list(services)
          .map(record)
          .filter((one) => number(one["serving"]) === null || number(one["desired"]) === null)
          .map((one) => ({ node: null, text: `${text(one["name"]) ?? "?"}: its tasks could not be counted` }))
      : noSwarm,
    severity: "waivable",
    remedy: "Look with pawl service show NAME and pawl service history NAME; finish, mend or roll back the update first.",
  };
}

/** A locked manager that restarts stays out of the Swarm until somebody unlocks it (swarm.md, "Before", 3). */
function autolock(facts: Facts, inventory: Inventory): Judgement {
  const locked = managersOf(inventory).filter((node) => detailsOf(facts, node)["autolock"] === true);
  return {
    id: "autolock-off",
    title: "Managers come back by themselves after a restart (autolock)",
    expected: "autolock off, or the unlock key at hand",
    good: "autolock is off",
    bad: locked.length === 0 ? [] : [{ node: null, text: "autolock is on: each restarted manager needs docker swarm unlock" }],
    unknown: managersOf(inventory).some((node) => typeof detailsOf(facts, node)["autolock"] === "boolean")
      ? []
      : [{ node: null, text: "no manager tells" }],
    severity: "waivable",
    remedy: "Have the unlock key at hand (docker swarm unlock-key); pawl never keeps it.",
  };
}

/** What must hold whatever is done to a service: it is one Swarm, and somebody leads it. */
const NEEDED: readonly string[] = ["one-swarm", "one-leader"];

/** The services a run is about are looked at by its own steps; a way back from a bad update must not wait for other services or nodes. */
function aboutService({ baseline }: Facts, service: string | undefined, stack: string | undefined): JsonRecord {
  const others = (one: Json): boolean =>
    text(record(one)["name"]) !== (service ?? "") && (stack === undefined || text(record(one)["stack"]) !== stack);
  return Array.isArray(baseline["services"]) ? { ...baseline, services: list(baseline["services"]).filter(others) } : baseline;
}

/**
 * Pure findings over what was observed of a Swarm. In a run about one service or stack (`inputs`) what troubles nodes and other services
 * is told, and stands in nobody's way.
 */
export function findings(all: Facts, inventory: Inventory, inputs: Readonly<Record<string, string>> = {}): readonly Finding[] {
  const { service, stack } = inputs;
  const about = service !== undefined || stack !== undefined;
  const facts = about ? { ...all, baseline: aboutService(all, service, stack) } : all;
  const judged = judgements(facts, inventory).map(finding);
  return about ? judged.map((one) => (NEEDED.includes(one.id) ? one : { ...one, severity: "advisory" as const })) : judged;
}

function judgements(facts: Facts, inventory: Inventory): readonly Judgement[] {
  return [
    oneCluster(facts),
    enginesAnswer(facts, inventory),
    enginesAreTheirOwn(facts, inventory),
    rolesAsPlanned(facts, inventory),
    nodesCovered(facts, inventory),
    oneLeader(facts),
    managersReachable(facts),
    quorumMargin(facts),
    nodesReady(facts),
    servicesSettled(facts),
    oneVersion(facts),
    autolock(facts, inventory),
    clocks(facts, inventory),
  ];
}
