import type { SimHttpAnswer } from "../ports.ts";
import { answer } from "./http.ts";
import type { MesosJson } from "./mesos-json.ts";
import { registerAgent, removeAgent, startAgent } from "./registry.ts";
import { laterAt, type MaintenanceWindow, type Model } from "./state.ts";

/** systemd starts a dead agent again after this. */
const RESTART_MS = 15_000;
const DONE = answer(200, null, "");

interface Machine {
  readonly hostname: string;
  readonly ip: string;
}

function refusal(body: string): SimHttpAnswer {
  return answer(400, "text/plain; charset=utf-8", body);
}

function parse(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    return null;
  }
}

function scheduled(model: Model): readonly Machine[] {
  return model.mesos.maintenance.windows.flatMap((window) => window.machine_ids);
}

/** `/maintenance/status`: lists only where there is something in them, of two different forms (recorded: maintenance-and-drain). */
export function maintenanceStatus(model: Model): MesosJson {
  const { down } = model.mesos.maintenance;
  const id = ({ hostname, ip }: Machine): { hostname: string; ip: string } => ({ hostname, ip });
  const gone = scheduled(model).filter((one) => down.has(one.hostname));
  const draining = scheduled(model).filter((one) => !down.has(one.hostname));
  return {
    ...(gone.length === 0 ? {} : { down_machines: gone.map(id) }),
    ...(draining.length === 0 ? {} : { draining_machines: draining.map((one) => ({ id: id(one) })) }),
  };
}

/** `/maintenance/schedule`: what was posted; `{}` where nothing is. */
export function maintenanceSchedule(model: Model): MesosJson {
  const { windows } = model.mesos.maintenance;
  return windows.length === 0 ? {} : { windows: windows.map((one) => one as unknown as MesosJson) };
}

function goDown(model: Model, machine: Machine): void {
  model.mesos.maintenance.down.add(machine.hostname);
  const node = model.byAddress.get(machine.hostname);
  if (node === undefined || node.agent === null) return;
  removeAgent(model, node);
  laterAt(model, node, RESTART_MS, () => startAgent(model, node));
}

function comeUp(model: Model, machine: Machine): void {
  const { maintenance } = model.mesos;
  maintenance.down.delete(machine.hostname);
  // A machine that is up again leaves the schedule.
  maintenance.windows = maintenance.windows
    .map((window) => ({ ...window, machine_ids: window.machine_ids.filter((one) => one.hostname !== machine.hostname) }))
    .filter((window) => window.machine_ids.length > 0);
  const node = model.byAddress.get(machine.hostname);
  if (node !== undefined && node.agent !== null) registerAgent(model, node);
}

/**
 * What the leader does with a post to `/maintenance/schedule`, `/machine/down` or `/machine/up`: 200 and no body, or 400 where the
 * machine is not in the state for it (dcos.md 9.2). Down ends the agent's process and its tasks. Null: another path.
 */
export function maintenancePost(model: Model, path: string, body: string): SimHttpAnswer | null {
  const { maintenance } = model.mesos;
  if (path === "maintenance/schedule") {
    const windows = (parse(body) as { readonly windows?: readonly MaintenanceWindow[] } | null)?.windows;
    if (windows === undefined) return refusal("Failed to parse body into JSON");
    maintenance.windows = windows;
    return DONE;
  }
  if (path !== "machine/down" && path !== "machine/up") return null;
  const machines = parse(body);
  if (!Array.isArray(machines)) return refusal("Failed to parse body into JSON");
  const wanted = machines as readonly Machine[];
  const down = path === "machine/down";
  const fits = (one: Machine): boolean =>
    down ? scheduled(model).some((it) => it.hostname === one.hostname) : maintenance.down.has(one.hostname);
  const odd = wanted.find((one) => !fits(one));
  if (odd !== undefined)
    return refusal(`Machine '${odd.hostname}' is not ${down ? "part of a maintenance schedule" : "down for maintenance"}`);
  for (const machine of wanted) (down ? goDown : comeUp)(model, machine);
  return DONE;
}
