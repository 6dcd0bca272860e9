import type { JsonRecord } from "../../../domain/json.ts";
import { list, record, text } from "../../../domain/json-fields.ts";
import { publishedComponents } from "./component-table.ts";
import { byRack, placedAgents, tally, type PlacedAgent } from "./placement.ts";

/** More names than this in one cell are summed up. */
const MOST_NAMES = 6;

function few(names: readonly string[]): string {
  const shown = names.slice(0, MOST_NAMES).join(", ");
  return names.length <= MOST_NAMES ? shown : `${shown} and ${names.length - MOST_NAMES} more`;
}

/** The worksheet "Node-Rack Configuration": a row for each rack, and their total. */
function rackRows(agents: readonly PlacedAgent[], role: PlacedAgent["role"]): readonly JsonRecord[] {
  const groups = byRack(agents, role);
  const rows = groups.map(({ rack, agents: members }) => {
    const tied = new Map(members.flatMap((one) => one.tied.map(({ app, ties }) => [app, ties])));
    return {
      rackNumber: rack ?? "not known",
      numberOfNodes: members.length,
      nodes: few(members.map((one) => one.name)),
      tasks: members.reduce((sum, one) => sum + one.tasks, 0),
      pinnedOrUniqueTasks: [...tied].map(([app, ties]) => `${app} (${ties})`).join(", ") || "none",
    };
  });
  const all = groups.flatMap((one) => one.agents);
  return [
    ...rows,
    {
      rackNumber: "Total",
      numberOfNodes: all.length,
      nodes: "",
      tasks: all.reduce((sum, one) => sum + one.tasks, 0),
      pinnedOrUniqueTasks: "",
    },
  ];
}

function nodesOf(summary: JsonRecord): readonly JsonRecord[] {
  return Object.values(record(summary["nodes"])).map(record);
}

/** The table "Gathering Data": what is there, and what the target brings. */
function gatheringRows(summary: JsonRecord, target: string | null): readonly JsonRecord[] {
  const nodes = nodesOf(summary);
  const components = record(summary["components"]);
  const published = new Map(
    target === null ? [] : publishedComponents(target).map((one) => [one.component, one.versions.join(" or ")]),
  );
  const unchanged = target === null ? "" : "as it is: never changed together with DC/OS";
  const of = (name: string): string => published.get(name) ?? "";
  const tied = Object.values(record(summary["apps"])).length;
  const services = Object.entries(record(summary["services"])).map(
    ([name, one]) => `${name} ${text(record(one)["version"]) ?? "?"}`,
  );
  return [
    { activity: "Version of DC/OS", currentResult: tally(nodes.map((one) => text(one["version"]))), targetVersion: target ?? "" },
    {
      activity: "Version of Marathon",
      currentResult: text(components["marathon"]) ?? "not captured",
      targetVersion: of("marathon"),
    },
    { activity: "Version of service Marathon", currentResult: services.join(", ") || "none found", targetVersion: "" },
    {
      activity: "Version of Mesos",
      currentResult: tally(Object.values(record(components["mesos"])).map((one) => text(one))),
      targetVersion: of("mesos"),
    },
    {
      activity: "Version of ZooKeeper",
      currentResult: tally(Object.values(record(components["zookeeper"])).map((one) => text(one))),
      targetVersion: of("zookeeper"),
    },
    {
      activity: "Version of Metronome",
      currentResult: text(components["metronome"]) ?? "not captured",
      targetVersion: of("metronome"),
    },
    { activity: "Version of Cosmos", currentResult: text(components["cosmos"]) ?? "not captured", targetVersion: of("cosmos") },
    {
      activity: "Version of the operating environment",
      currentResult: tally(nodes.map((one) => text(one["os"]))),
      targetVersion: unchanged,
    },
    {
      activity: "Version of the kernel",
      currentResult: tally(nodes.map((one) => text(one["kernel"]))),
      targetVersion: unchanged,
    },
    { activity: "Version of Docker", currentResult: tally(nodes.map((one) => text(one["docker"]))), targetVersion: unchanged },
    { activity: "Existing support cases", currentResult: "asked of a person: pawl questions", targetVersion: "" },
    {
      activity: "DC/OS log bundle",
      currentResult: "by hand: dcos-diagnostics makes it when it is asked to, which is not a reading",
      targetVersion: "",
    },
    { activity: "journalctl and systemctl output", currentResult: "nodes/<name>/journal.txt and units.txt", targetVersion: "" },
    { activity: "Application data", currentResult: "asked of a person: pawl questions", targetVersion: "" },
    { activity: "What is running, where", currentResult: `${tied} apps: the tables below`, targetVersion: "" },
  ];
}

/** The table "Cluster State". */
function stateRows(summary: JsonRecord, agents: readonly PlacedAgent[]): readonly JsonRecord[] {
  const leaders = record(summary["leaders"]);
  const of = (name: string): string =>
    list(leaders[name])
      .map((one) => text(one) ?? "")
      .join(", ") ||
    text(leaders[name]) ||
    "nobody";
  const count = (role: PlacedAgent["role"]): number => agents.filter((one) => one.role === role).length;
  const masters = nodesOf(summary).filter((one) => one["role"] === "master").length;
  const maintenance = record(summary["maintenance"]);
  const still = [...list(maintenance["draining"]), ...list(maintenance["down"])].map((one) => text(one) ?? "");
  return [
    { activity: "Number of running tasks", result: String(Object.keys(record(summary["tasks"])).length) },
    { activity: "Apps deployed on Marathon", result: String(Object.keys(record(summary["apps"])).length) },
    {
      activity: "Number of nodes",
      result: `${masters} masters, ${count("agent")} private and ${count("agent_public")} public agents`,
    },
    {
      activity: "Nodes that are registered and not active",
      result: few(agents.filter((one) => !one.active).map((one) => one.name)) || "none",
    },
    { activity: "Machines in maintenance", result: few(still) || "none" },
    { activity: "Leading Mesos master", result: of("mesos") },
    { activity: "Leading Marathon", result: of("marathon") },
    { activity: "Leading ZooKeeper server", result: of("zookeeper") },
    { activity: "Persistent znodes", result: typeof summary["znodes"] === "number" ? String(summary["znodes"]) : "not captured" },
  ];
}

/** Apps that constraints or data tie to places, and where their tasks run. */
function tiedRows(summary: JsonRecord, agents: readonly PlacedAgent[]): readonly JsonRecord[] {
  const where = new Map<string, { readonly ties: string; readonly nodes: string[] }>();
  for (const agent of agents) {
    for (const { app, ties } of agent.tied) {
      const known = where.get(app) ?? { ties, nodes: [] };
      known.nodes.push(agent.name);
      where.set(app, known);
    }
  }
  return [...where]
    .toSorted((a, b) => (a[0] < b[0] ? -1 : 1))
    .map(([app, { ties, nodes }]) => ({
      app,
      tiedBy: ties,
      instances: record(record(summary["apps"])[app])["instances"] ?? null,
      runsOn: few(nodes),
    }));
}

/**
 * The workbook's worksheets, filled in: cluster state, gathered data against the target, nodes by rack with what is pinned there,
 * and containers per node (workbook, "Capturing Current Cluster and Application State", "Gathering Data", "Node-Rack Configuration
 * Worksheet"). `target` is null where no upgrade is planned. Pure.
 */
export function worksheets(summary: JsonRecord, cluster: string, target: string | null): JsonRecord {
  const agents = placedAgents(summary);
  const unknown = agents.filter((one) => one.rack === null).length;
  return {
    title: `Worksheets of ${cluster}`,
    note:
      unknown === 0
        ? "Filled from what was captured."
        : `Filled from what was captured. Where ${unknown === agents.length ? "the agents stand" : `${unknown} of ${agents.length} agents stand`} is not known: say it in the inventory (rack) or in an attribute of the agent.`,
    clusterState: stateRows(summary, agents),
    gatheringData: gatheringRows(summary, target),
    privateAgents: rackRows(agents, "agent"),
    publicAgents: rackRows(agents, "agent_public"),
    pinnedAndConstrainedApps: tiedRows(summary, agents),
    containersPerNode: agents.map(({ name, rack, tasks, containers }) => ({
      node: name,
      rack: rack ?? "",
      tasks,
      dockerContainers: containers ?? "not captured",
    })),
  };
}
