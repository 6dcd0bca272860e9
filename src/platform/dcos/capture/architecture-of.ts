import type { Inventory } from "../../../domain/inventory.ts";
import type { JsonRecord } from "../../../domain/json.ts";
import { list, record, text } from "../../../domain/json-fields.ts";
import { plural } from "./architecture-page.ts";
import type { Architecture } from "./architecture.ts";
import { byRack, placedAgents, tally } from "./placement.ts";

function leaders(summary: JsonRecord, name: string): readonly string[] {
  const led = record(summary["leaders"])[name];
  return [...list(led).map((one) => text(one) ?? ""), ...(typeof led === "string" ? [led.replace(/:\d+$/, "")] : [])];
}

/** The diagram's content, from a snapshot's summary and the inventory. Pure. */
export function architectureOf(summary: JsonRecord, inventory: Inventory): Architecture {
  const nodes = record(summary["nodes"]);
  const components = record(summary["components"]);
  const [mesos, zookeeper, marathon] = ["mesos", "zookeeper", "marathon"].map((name) => leaders(summary, name));
  const agents = placedAgents(summary);
  const version = (line: string, value: string | null): readonly string[] => (value === null ? [] : [`${line} ${value}`]);
  const masters = inventory.nodes
    .filter((node) => node.role === "master")
    .map((node): Architecture["masters"][number] => ({
      name: node.name,
      address: node.address,
      rack: node.rack ?? null,
      versions: [
        ...version("DC/OS", text(record(nodes[node.name])["version"])),
        ...version("Mesos", text(record(components["mesos"])[node.name])),
        ...version("ZooKeeper", text(record(components["zookeeper"])[node.name])),
      ],
      leads: [
        ...(mesos?.includes(node.name) === true ? (["Mesos"] as const) : []),
        ...(marathon?.includes(node.address) === true ? (["Marathon"] as const) : []),
        ...(zookeeper?.includes(node.name) === true ? (["ZooKeeper"] as const) : []),
      ],
    }));
  const versions = tally(Object.values(nodes).map((one) => text(record(one)["version"])));
  return {
    cluster: inventory.name,
    subtitle: `DC/OS ${versions}; ${plural(masters.length, "master")}, ${plural(agents.length, "agent")}, ${plural(Object.keys(record(summary["apps"])).length, "app")}, ${plural(Object.keys(record(summary["tasks"])).length, "running task")}`,
    bootstrap: inventory.bootstrap === undefined ? null : { address: inventory.bootstrap.address, url: inventory.bootstrap.url },
    masters,
    marathon: text(components["marathon"]) === null ? "Marathon not captured" : `Marathon ${text(components["marathon"]) ?? ""}`,
    services: Object.entries(record(summary["services"])).map(([name, one]) => ({
      name,
      version: text(record(one)["version"]) === null ? "version not captured" : `Marathon ${text(record(one)["version"]) ?? ""}`,
      apps: record(one)["apps"] === null ? null : Object.keys(record(record(one)["apps"])).length,
    })),
    private: byRack(agents, "agent"),
    public: byRack(agents, "agent_public"),
  };
}
