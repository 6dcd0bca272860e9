import { readFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { createFakeClock, type BusyClock } from "../../../src/sim/clock.ts";
import { parseFault } from "../../../src/sim/faults.ts";
import { createCluster, type ModelCluster } from "../../../src/sim/model/cluster.ts";
import type { SimHttpAnswer, SimNode } from "../../../src/sim/ports.ts";

export const START_MS = Date.UTC(2026, 10, 20, 15, 0, 0);
const HERE = path.dirname(fileURLToPath(import.meta.url));
export const FIXTURE = path.join(HERE, "../../fixture");
/** Published captures are not part of this repository; they lie beside it. */
export const SHARED = path.join(HERE, "../../../../shared/fixtures/dcos");

export interface Lab {
  readonly clock: BusyClock;
  readonly cluster: ModelCluster;
  readonly node: (name: string) => SimNode;
  readonly at: (name: string) => string;
}

export interface LabOptions {
  readonly masters?: number;
  readonly privateAgents?: number;
  readonly publicAgents?: number;
  readonly version?: string;
  readonly faults?: readonly string[];
  readonly seed?: number;
  readonly authentication?: { readonly principal: string; readonly secret: string; readonly metrics: boolean };
}

/** A cluster on a fake clock: 3 masters, 5 private and 2 public agents unless told otherwise. */
export function lab(options: LabOptions = {}): Lab {
  const clock = createFakeClock(START_MS);
  const cluster = createCluster({
    masters: options.masters ?? 3,
    privateAgents: options.privateAgents ?? 5,
    publicAgents: options.publicAgents ?? 2,
    version: options.version ?? "1.10.8",
    clock,
    faults: (options.faults ?? []).map((text) => parseFault(text)),
    ...(options.seed === undefined ? {} : { seed: options.seed }),
    ...(options.authentication === undefined ? {} : { authentication: options.authentication }),
  });
  const node = (name: string): SimNode => {
    const found = [...cluster.nodes, cluster.bootstrap].find((one) => one.name === name);
    if (found === undefined) throw new Error(`no node ${name}`);
    return found;
  };
  for (const one of [...cluster.nodes, cluster.bootstrap]) clocks.set(one, clock);
  return { clock, cluster, node, at: (name) => node(name).address };
}

/** The clock of each node's world. */
const clocks = new WeakMap<SimNode, BusyClock>();

export interface Ran {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** Runs a program of a node, or `bash FILE …` through the model. */
export async function run(
  where: SimNode,
  argv: readonly string[],
  options: { readonly user?: string; readonly signal?: AbortSignal } = {},
): Promise<Ran> {
  const [name = "", file = ""] = argv;
  const program = name === "bash" ? where.scriptProgram(file) : (where.programs.get(name) ?? null);
  if (program === null) throw new Error(`${where.name} has no ${argv.join(" ")}`);
  const signal = options.signal ?? new AbortController().signal;
  let out = "";
  let err = "";
  const code = await program({
    argv,
    stdin: Buffer.alloc(0),
    cwd: "/root",
    env: {},
    user: options.user ?? "root",
    signal,
    out: async (text) => void (out += text.toString()),
    err: async (text) => void (err += text.toString()),
    sleep: (ms) => clocks.get(where)?.sleep(ms, signal) ?? Promise.reject(new Error(`${where.name} is of no world`)),
  });
  return { code, out, err };
}

export async function ask(
  cluster: ModelCluster,
  host: string,
  port: number,
  target: string,
  more: { method?: string; body?: string; headers?: Readonly<Record<string, string>> } = {},
): Promise<SimHttpAnswer> {
  return cluster.http(host, port, {
    method: more.method ?? "GET",
    path: target,
    headers: more.headers ?? {},
    body: more.body ?? "",
  });
}

/** Status, body text and Location of an answer; `refused` has status 0. */
export async function get(
  cluster: ModelCluster,
  host: string,
  port: number,
  target: string,
): Promise<{ status: number; body: string; location: string | null }> {
  const said = await ask(cluster, host, port, target);
  if (said.kind !== "answered") return { status: 0, body: said.kind, location: null };
  return { status: said.status, body: said.body.toString(), location: said.headers["Location"] ?? null };
}

/** JSON text as what the caller knows it to be; `fallback`, where given, is for empty text. */
export function parse<T>(text: string, fallback?: T): T {
  return text === "" && fallback !== undefined ? fallback : (JSON.parse(text) as T);
}

/** The JSON of an answer with status 200; anything else throws. */
export async function json<T>(cluster: ModelCluster, host: string, port: number, target: string): Promise<T> {
  const said = await get(cluster, host, port, target);
  if (said.status !== 200) throw new Error(`${host}:${port}${target} answered ${said.status} ${said.body}`);
  return parse<T>(said.body);
}

export type Metrics = Readonly<Record<string, number>>;

export interface Slave {
  readonly id: string;
  readonly hostname: string;
  readonly active: boolean;
  readonly registered_time: number;
  readonly reregistered_time?: number;
  readonly attributes: { readonly public_ip?: string };
  readonly reserved_resources: Readonly<Record<string, { readonly cpus: number }>>;
  readonly unreserved_resources: { readonly cpus: number };
}

export interface MesosTask {
  readonly id: string;
  readonly name: string;
  readonly slave_id: string;
  readonly state: string;
  readonly statuses: readonly { readonly timestamp: number }[];
}

export interface MarathonTask {
  readonly id: string;
  readonly host: string;
  readonly slaveId: string;
}

export interface MarathonApp {
  readonly id: string;
  readonly instances: number;
  readonly tasksRunning: number;
  readonly tasksStaged: number;
  readonly tasksUnhealthy: number;
  readonly constraints: readonly (readonly string[])[];
  readonly tasks: readonly MarathonTask[];
}

export interface ExhibitorEntry {
  readonly code: number;
  readonly description: string;
  readonly hostname: string;
  readonly isLeader: boolean;
}

/** A master's own metrics. */
export async function metrics(one: Lab, master: string): Promise<Metrics> {
  return json<Metrics>(one.cluster, one.at(master), 5050, "/metrics/snapshot");
}

/** The leader's list of agents. */
export async function slaves(
  one: Lab,
  leader: string,
): Promise<{ readonly slaves: readonly Slave[]; readonly recovered_slaves: readonly Slave[] }> {
  return json(one.cluster, one.at(leader), 5050, "/slaves");
}

/** Tasks as the leading Mesos master lists them. */
export async function mesosTasks(one: Lab, leader: string, query = ""): Promise<readonly MesosTask[]> {
  return (await json<{ readonly tasks: readonly MesosTask[] }>(one.cluster, one.at(leader), 5050, `/tasks${query}`)).tasks;
}

/** Tasks as Marathon lists them. */
export async function marathonTasks(one: Lab): Promise<readonly MarathonTask[]> {
  return (await json<{ readonly tasks: readonly MarathonTask[] }>(one.cluster, one.at("m1"), 8080, "/v2/tasks")).tasks;
}

/** Apps with their tasks as Marathon lists them. */
export async function marathonApps(one: Lab): Promise<readonly MarathonApp[]> {
  return (await json<{ readonly apps: readonly MarathonApp[] }>(one.cluster, one.at("m1"), 8080, "/v2/apps?embed=apps.tasks"))
    .apps;
}

/** What one Exhibitor says of all of them. */
export async function exhibitorStatus(one: Lab, asked: string): Promise<readonly ExhibitorEntry[]> {
  return json(one.cluster, one.at(asked), 8181, "/exhibitor/v1/cluster/status");
}

/** The DC/OS version a node's version file names. */
export async function versionOn(one: Lab, name: string): Promise<string> {
  return parse<{ readonly version: string }>(await one.node(name).fs.readFile("/opt/mesosphere/etc/dcos-version.json")).version;
}

/** The master that says it is elected, or a list of names where that is not exactly one. */
export async function elected(one: Lab): Promise<string> {
  const names: string[] = [];
  for (const node of one.cluster.nodes.filter((it) => it.name.startsWith("m"))) {
    const said = await get(one.cluster, node.address, 5050, "/metrics/snapshot");
    if (said.status === 200 && parse<Metrics>(said.body)["master/elected"] === 1) names.push(node.name);
  }
  return names.join("+");
}

/** Sleeps in steps until the condition holds; returns the simulated ms it took, or throws after the limit. */
export async function until(one: Lab, limitMs: number, stepMs: number, holds: () => Promise<boolean>): Promise<number> {
  const begin = one.clock.now();
  while (!(await holds())) {
    if (one.clock.now() - begin > limitMs) throw new Error(`not within ${limitMs / 1000} s of simulated time`);
    await one.clock.sleep(stepMs);
  }
  return one.clock.now() - begin;
}

/** Generates the upgrade script on the bootstrap machine, fetches it to the node and runs it. */
export async function upgrade(
  one: Lab,
  name: string,
  from: string,
  target: string,
  options: { readonly words?: readonly string[]; readonly signal?: AbortSignal } = {},
): Promise<Ran> {
  const made = await run(one.cluster.bootstrap, [
    "bash",
    `/opt/dcos/${target}/dcos_generate_config.sh`,
    "--generate-node-upgrade-script",
    from,
  ]);
  const url = /^Node upgrade script URL: (\S+)$/m.exec(made.out)?.[1] ?? "";
  const fetched = await run(one.node(name), ["curl", "-fsSL", "-o", "/root/dcos_node_upgrade.sh", url]);
  if (fetched.code !== 0) throw new Error(`curl ended with ${fetched.code}: ${fetched.err}`);
  return run(one.node(name), ["bash", "/root/dcos_node_upgrade.sh", ...(options.words ?? [])], options);
}

export interface Capture {
  readonly node: string;
  readonly method: string;
  readonly path: string;
  readonly call?: { readonly type: string };
  /** Absent where nothing answered; then there is an `error`. */
  readonly status?: number;
  readonly head?: string;
  readonly error?: string;
  readonly epochSeconds: number;
  readonly body: string;
}

/** The answers of one recorded moment of a real cluster (test/fixture/mesos-real/README.md). */
export function captures(file: string): readonly Capture[] {
  return parse<{ readonly captures: readonly Capture[] }>(readFileSync(path.join(FIXTURE, "mesos-real", file), "utf8")).captures;
}
