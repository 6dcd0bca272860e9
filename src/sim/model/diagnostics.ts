import type { SimHttpAnswer, SimHttpRequest } from "../ports.ts";
import { answer, jsonAnswer } from "./http.ts";
import { leadingMaster } from "./mesos.ts";
import { releaseOf } from "./releases.ts";
import { unhealthyUnits, unitNames, unitState } from "./services.ts";
import { unitListens } from "./side-services.ts";
import type { Model, NodeState } from "./state.ts";

/** Port of 3dt (1.9) and dcos-diagnostics on a master (dcos.md 2.1). */
export const DIAGNOSTICS_PORT = 1050;
const BASE = "/system/health/v1";

/** Health of a unit or node: 0 healthy, 1 not (dcos.md 5.5). */
type Health = 0 | 1;

interface UnitHealth {
  readonly id: string;
  readonly title: string;
  readonly health: Health;
}

function unitsOf(model: Model, node: NodeState): readonly UnitHealth[] {
  const bad = new Set(unhealthyUnits(model, node).map((unit) => unit.id));
  return unitNames(node).map((id) => ({
    id,
    title: unitState(model, node, id)?.description ?? id,
    health: bad.has(id) ? 1 : 0,
  }));
}

function healthOf(units: readonly UnitHealth[]): Health {
  return units.some((unit) => unit.health === 1) ? 1 : 0;
}

function prettyName(id: string): string {
  return id
    .replace(/^dcos-/, "")
    .replace(/\.\w+$/, "")
    .replaceAll("-", " ");
}

/** What this node's own diagnostics say (dcos-diagnostics, structures.go: UnitsHealthResponseJSONStruct; 1.9: 3dt_version). */
function own(model: Model, node: NodeState): object {
  const units = unitsOf(model, node);
  return {
    units: units.map(({ id, title, health }) => ({ id, health, output: "", description: title, help: "", name: prettyName(id) })),
    hostname: node.address,
    ip: node.address,
    dcos_version: node.version,
    node_role: node.role,
    mesos_id: node.agent?.id ?? "",
    [releaseOf(node.version).minor === 9 ? "3dt_version" : "dcos_diagnostics_version"]: "0.2.9",
    system: {},
  };
}

/** Every node with its units, as the masters pull them from all nodes. */
function pulled(model: Model): readonly { readonly node: NodeState; readonly units: readonly UnitHealth[] }[] {
  return model.nodes.filter((node) => node.role !== "bootstrap").map((node) => ({ node, units: unitsOf(model, node) }));
}

/** Units of the whole cluster: unhealthy where one is on any node. */
function clusterUnits(model: Model): readonly UnitHealth[] {
  const all = new Map<string, UnitHealth>();
  for (const { units } of pulled(model)) for (const unit of units) if (all.get(unit.id)?.health !== 1) all.set(unit.id, unit);
  return [...all.values()].toSorted((a, b) => (a.id < b.id ? -1 : 1));
}

/** The whole tree (structures.go: MonitoringResponse). Go writes its times with their zone. */
function report(model: Model): object {
  const at = new Date(model.clock.now()).toISOString();
  const leader = leadingMaster(model);
  const nodes = pulled(model);
  const unit = ({ id, title, health }: UnitHealth) => ({
    UnitName: id,
    Health: health,
    Title: title,
    Timestamp: at,
    PrettyName: prettyName(id),
  });
  const head = (node: NodeState, units: readonly UnitHealth[]) => ({
    Leader: node === leader,
    Role: node.role,
    IP: node.address,
    Host: "",
    Health: healthOf(units),
    Output: {},
    MesosID: node.agent?.id ?? "",
  });
  return {
    Units: Object.fromEntries(
      clusterUnits(model).map((one) => [
        one.id,
        {
          ...unit(one),
          Nodes: nodes.flatMap(({ node, units }) => (units.some(({ id }) => id === one.id) ? [head(node, units)] : [])),
        },
      ]),
    ),
    Nodes: Object.fromEntries(nodes.map(({ node, units }) => [node.address, { ...head(node, units), Units: units.map(unit) }])),
    UpdatedTime: at,
  };
}

/** The health API of a master's diagnostics (dcos.md 5.5; dcos-diagnostics, api/router.go). */
export function diagnosticsHttp(model: Model, node: NodeState, request: SimHttpRequest): SimHttpAnswer {
  const program = releaseOf(node.version).minor === 9 ? "3dt-master" : "diagnostics-master";
  if (!unitListens(model, node, program)) return { kind: "refused" };
  const path = new URL(request.path, "http://diagnostics").pathname;
  if (request.method !== "GET") return answer(405, null, "");
  switch (path) {
    case BASE:
      return jsonAnswer(own(model, node));
    case `${BASE}/units`:
      return jsonAnswer({
        units: clusterUnits(model).map(({ id, title, health }) => ({ id, name: prettyName(id), health, description: title })),
      });
    case `${BASE}/nodes`:
      return jsonAnswer({
        nodes: pulled(model).map((one) => ({ host_ip: one.node.address, health: healthOf(one.units), role: one.node.role })),
      });
    case `${BASE}/report`:
      return jsonAnswer(report(model));
    default:
      return answer(404, "text/plain; charset=utf-8", "404 page not found\n");
  }
}
