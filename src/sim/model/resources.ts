import { double, type MesosJson } from "./mesos-json.ts";
import { releaseOf } from "./releases.ts";
import type { NodeState } from "./state.ts";

export interface Resources {
  readonly cpus: number;
  /** MiB, as Mesos counts. */
  readonly mem: number;
  readonly disk: number;
  readonly ports: string;
}

const PRIVATE: Resources = {
  cpus: 4,
  mem: 14_018,
  disk: 35_572,
  ports: "[1025-2180, 2182-3887, 3889-5049, 5052-8079, 8082-8180, 8182-32000]",
};
const PUBLIC: Resources = { cpus: 4, mem: 14_018, disk: 35_572, ports: "[1-21, 23-5050, 5052-32000]" };

/** What an agent offers: ports as DC/OS sets them for private and public agents. */
export function resourcesOf(node: NodeState): Resources {
  return node.role === "agent_public" ? PUBLIC : PRIVATE;
}

/** Attributes as strings: DC/OS marks public agents, and somebody has said where each agent stands. */
export function attributesOf(node: NodeState): Readonly<Record<string, string>> {
  return { ...(node.role === "agent_public" ? { public_ip: "true" } : {}), rack: node.rack };
}

/** Resources as `/state` and `/slaves` print them. */
export function amounts(cpus: number, mem: number, disk: number, ports?: string): MesosJson {
  const plain = { disk: double(disk), mem: double(mem), gpus: double(0), cpus: double(cpus) };
  return ports === undefined ? plain : { ...plain, ports };
}

/** The four resource fields of an agent: public agents reserve everything for `slave_public` (mesos-real.md, 14). */
export function resourceFields(node: NodeState): Record<string, MesosJson> {
  const { cpus, mem, disk, ports } = resourcesOf(node);
  const all = amounts(cpus, mem, disk, ports);
  const open = node.role !== "agent_public";
  return {
    resources: all,
    reserved_resources: open ? {} : { slave_public: all },
    unreserved_resources: open ? all : amounts(0, 0, 0),
  };
}

function ranges(ports: string): MesosJson {
  const range = ports
    .slice(1, -1)
    .split(", ")
    .map((part) => {
      const [begin = "0", end = "0"] = part.split("-");
      return { begin: Number(begin), end: Number(end) };
    });
  return { range };
}

/** The long form (`…_resources_full`) of an agent's resources. */
export function fullResources(node: NodeState): Record<string, MesosJson> {
  const { cpus, mem, disk, ports } = resourcesOf(node);
  const role = node.role === "agent_public" ? "slave_public" : "*";
  const extra = role === "*" ? {} : { reservations: [{ type: "STATIC", role }] };
  const scalar = (name: string, value: number): MesosJson => ({
    name,
    type: "SCALAR",
    scalar: { value: double(value) },
    role,
    ...extra,
  });
  const list: MesosJson[] = [
    scalar("cpus", cpus),
    scalar("mem", mem),
    scalar("disk", disk),
    { name: "ports", type: "RANGES", ranges: ranges(ports), role, ...extra },
  ];
  return role === "*"
    ? { reserved_resources_full: {}, unreserved_resources_full: list }
    : { reserved_resources_full: { slave_public: list }, unreserved_resources_full: [] };
}

/** Capabilities an agent of a release announces: they grew from Mesos 1.3 to 1.8. */
export function agentCapabilities(node: NodeState): readonly string[] {
  const { minor } = releaseOf(node.version);
  const names = ["MULTI_ROLE"];
  if (minor >= 10) names.push("HIERARCHICAL_ROLE", "RESERVATION_REFINEMENT");
  if (minor >= 11) names.push("RESOURCE_PROVIDER");
  if (minor >= 12) names.push("RESIZE_VOLUME");
  if (minor >= 13) names.push("AGENT_OPERATION_FEEDBACK");
  return minor === 9 ? [] : names;
}
