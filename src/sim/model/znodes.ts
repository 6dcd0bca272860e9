import { OPEN_ACL, PERMS, type Acl } from "../../zookeeper/records.ts";
import { marathonListens } from "./marathon.ts";
import { masterId } from "./mesos-view.ts";
import { hexOf, uuidOf } from "./random.ts";
import { releaseOf } from "./releases.ts";
import { masterOf, type App, type Candidate, type Model, type NodeState, type Task } from "./state.ts";

/** A znode some process of the cluster keeps. */
export interface KeptZnode {
  /** Null and empty are not the same to ZooKeeper. */
  readonly data: Buffer | null;
  readonly acl: readonly Acl[];
  /** Key of the session it ends with; null: persistent. */
  readonly session: string | null;
}

/** What the processes of the cluster keep in ZooKeeper at a moment. */
export interface KeptZnodes {
  /** By path, parents first. */
  readonly nodes: ReadonlyMap<string, KeptZnode>;
  /** Sessions by key: the server they began at, and their time-out. */
  readonly sessions: ReadonlyMap<string, { readonly server: number; readonly timeoutMs: number }>;
}

/** Everybody may read it and nobody change it: what the bootstrap of DC/OS gives the cluster's id (dcos/dcos, bootstrap.py, ANYONE_READ). */
const ANYONE_READ: readonly Acl[] = [{ perms: PERMS.read, scheme: "world", id: "anyone" }];
/** Mesos and Marathon ask for ten seconds (`--zk_session_timeout`). */
const SESSION_MS = 10_000;
/** Curator's, in Exhibitor. */
const CURATOR_SESSION_MS = 40_000;
const EMPTY = Buffer.alloc(0);

/** Java's `String.hashCode`. */
function javaHash(words: string): number {
  let hash = 0;
  for (const letter of words) hash = (Math.imul(hash, 31) + letter.charCodeAt(0)) | 0;
  return hash;
}

/** Path below `/state` of what Marathon keeps: sixteen buckets by hash for each category (Marathon's ZkPersistenceStore since 1.4). */
function bucketed(category: string, id: string): string {
  return `${category}/${Math.abs(javaHash(id) % 16).toString(16)}/${id}`;
}

/** Fields of a protocol buffer message: texts and whole numbers. What Marathon keeps is such a message; nobody here looks inside. */
function message(fields: readonly (string | number)[]): Buffer {
  const parts = fields.map((value, index) => {
    const tag = (index + 1) << 3;
    if (typeof value === "number") return Buffer.from([tag, ...varint(value)]);
    const bytes = Buffer.from(value);
    return Buffer.concat([Buffer.from([tag | 2, ...varint(bytes.length)]), bytes]);
  });
  return Buffer.concat(parts);
}

function varint(value: number): readonly number[] {
  const low = value % 128;
  return value < 128 ? [low] : [low | 128, ...varint(Math.floor(value / 128))];
}

/** What was made of an object that does not change under the same key. */
const made = new WeakMap<object, { readonly key: string; readonly bytes: Buffer }>();

function bytesOf(of: object, key: string, make: () => Buffer): Buffer {
  const known = made.get(of);
  if (known?.key === key) return known.bytes;
  const bytes = make();
  made.set(of, { key, bytes });
  return bytes;
}

interface Collector {
  readonly nodes: Map<string, KeptZnode>;
  readonly sessions: Map<string, { readonly server: number; readonly timeoutMs: number }>;
}

/** Keeps a znode, and the parents it needs: those are empty, as clients make them on the way. */
function keep(to: Collector, path: string, data: Buffer | string | null, more: Partial<KeptZnode> = {}): void {
  for (let cut = path.indexOf("/", 1); cut > 0; cut = path.indexOf("/", cut + 1)) {
    const parent = path.slice(0, cut);
    if (!to.nodes.has(parent)) to.nodes.set(parent, { data: EMPTY, acl: OPEN_ACL, session: null });
  }
  to.nodes.set(path, { acl: OPEN_ACL, session: null, ...more, data: typeof data === "string" ? Buffer.from(data) : data });
}

function keepSession(to: Collector, key: string, node: NodeState, timeoutMs = SESSION_MS): string {
  to.sessions.set(key, { server: masterOf(node).serverId, timeoutMs });
  return key;
}

function sequence(seq: number): string {
  return String(seq).padStart(10, "0");
}

/** MasterInfo as a master puts it there for agents and frameworks (recorded: mesos-real, zookeeper-znodes). */
function masterInfo(model: Model, { node }: Candidate): string {
  const { address } = node;
  const ip = Buffer.from(address.split(".").map(Number)).readUInt32LE(0);
  const release = releaseOf(node.version);
  return JSON.stringify({
    address: { hostname: address, ip: address, port: 5050 },
    ...(release.minor >= 11 ? { capabilities: [{ type: "AGENT_UPDATE" }] } : {}),
    hostname: address,
    id: masterId(model, node),
    ip,
    pid: `master@${address}:5050`,
    port: 5050,
    version: release.mesos,
  });
}

function keepMesos(model: Model, to: Collector): void {
  keep(to, "/mesos/log_replicas", EMPTY);
  for (const one of model.mesos.candidates) {
    const session = keepSession(to, `mesos/${one.node.name}/${one.processMs}`, one.node);
    keep(
      to,
      `/mesos/json.info_${sequence(one.seq)}`,
      bytesOf(one, one.node.version, () => Buffer.from(masterInfo(model, one))),
      {
        session,
      },
    );
    keep(to, `/mesos/log_replicas/${sequence(one.seq)}`, `log-replica(1)@${one.node.address}:5050`, { session });
  }
}

/** An entry of Curator's LeaderLatch: ephemeral and sequential, named by an id of its own. */
function keepLatch(
  model: Model,
  to: Collector,
  folder: string,
  one: Pick<Candidate, "node" | "seq">,
  session: string,
  data: string,
): void {
  const id = uuidOf(model.seed, `latch ${folder} ${one.node.name} ${one.seq}`);
  keep(to, `${folder}/_c_${id}-latch-${sequence(one.seq)}`, data, { session });
}

function storageId(appId: string): string {
  return appId.slice(1).replaceAll("/", "_");
}

function appBytes(app: App): Buffer {
  const { version, ...shape } = app;
  const text = JSON.stringify(shape);
  return bytesOf(app, `${version} ${text}`, () => message([app.id, app.cmd, app.instances, text, version]));
}

function taskBytes(task: Task): Buffer {
  return bytesOf(task, task.state, () =>
    message([task.id, task.node.address, task.slaveId, task.state, task.stagedMs, task.startedMs, task.version]),
  );
}

function keepMarathon(model: Model, to: Collector): void {
  const { marathon } = model;
  const state = "/marathon/state";
  for (const one of marathon.candidates) {
    const session = keepSession(to, `marathon/${one.node.name}/${one.processMs}`, one.node);
    keepLatch(model, to, "/marathon/leader-curator", one, session, `${one.node.address}:8080`);
  }
  // Where Marathon 1.5 and older told those before Curator who leads.
  if (marathon.stateMinor <= 5) keep(to, "/marathon/leader", EMPTY);
  keep(to, "/marathon/leader-curator", EMPTY);
  keep(to, `${state}/internal:storage:version`, message([1, marathon.stateMinor, 0, "PERSISTENCE"]));
  keep(to, `${state}/${bucketed("framework-id", "id")}`, message([model.ids.marathon]));
  keep(to, `${state}/${bucketed("group", "root")}`, message([[...marathon.groups].sort().join(" ")]));
  for (const app of marathon.apps.values()) {
    const path = `${state}/${bucketed("apps", storageId(app.id))}`;
    keep(to, path, appBytes(app));
    // Every version has a copy below the current one.
    keep(to, `${path}/${app.version}`, appBytes(app));
  }
  for (const task of model.tasks) {
    // `group_app.<uuid>` is the task, `group_app.marathon-<uuid>` its instance (Marathon since 1.4).
    const instance = task.id.replace(".", ".marathon-");
    keep(to, `${state}/${bucketed("instances", instance)}`, taskBytes(task));
  }
  keep(to, `${state}/deployment`, EMPTY);
  for (const one of marathon.deployments) keep(to, `${state}/${bucketed("deployment", one.id)}`, message([one.id, one.version]));
}

/** A Marathon that was installed from the catalogue keeps its state below `/universe` (dcos.md 7.1). */
function keepServiceMarathons(model: Model, to: Collector): void {
  for (const app of model.marathon.apps.values()) {
    if (app.labels["DCOS_PACKAGE_NAME"] !== "marathon") continue;
    const folder = `/universe/${app.labels["DCOS_SERVICE_NAME"] ?? storageId(app.id)}`;
    keep(to, `${folder}/leader-curator`, EMPTY);
    keep(to, `${folder}/state/internal:storage:version`, message([1, model.marathon.stateMinor, 0, "PERSISTENCE"]));
    keep(to, `${folder}/state/${bucketed("framework-id", "id")}`, message([uuidOf(model.seed, `framework ${app.id}`)]));
    keep(to, `${folder}/state/${bucketed("group", "root")}`, message(["/"]));
    const [server] = model.masters;
    const task = model.tasks.find((one) => one.appId === app.id && one.state === "TASK_RUNNING");
    if (task === undefined || server === undefined) continue;
    const session = keepSession(to, `service ${task.id}`, server);
    keepLatch(model, to, `${folder}/leader-curator`, { node: task.node, seq: 0 }, session, `${task.node.address}:${task.port}`);
  }
}

function keepOthers(model: Model, to: Collector): void {
  keep(to, "/cluster-id", model.clusterId, { acl: ANYONE_READ });
  keep(to, "/metronome/state/internal:storage:version", message([1, 0, 0]));
  keep(to, `/metronome/state/${bucketed("framework-id", "id")}`, message([model.ids.metronome]));
  // Never written since it was made: no data at all.
  keep(to, "/metronome/state/job-specs", null);
  keep(to, "/metronome/leader-curator", EMPTY);
  for (const [seq, node] of model.masters.entries()) {
    const { startedMs } = masterOf(node).marathon;
    // Metronome comes and goes with the Marathon beside it.
    if (startedMs === null || !marathonListens(model, node)) continue;
    const session = keepSession(to, `metronome/${node.name}/${startedMs}`, node);
    keepLatch(model, to, "/metronome/leader-curator", { node, seq }, session, `${node.address}:9000`);
  }
  const universe = "https://universe.mesosphere.com/repo";
  keep(to, "/cosmos/package/repositories", JSON.stringify([{ name: "Universe", uri: universe }]));
  // Bytes that are no text: a key.
  keep(to, "/dcos/auth-token-secret", Buffer.from(hexOf(model.seed, "auth token", 64), "hex"));
  for (const node of model.masters) {
    const { role, startedMs } = masterOf(node).zookeeper;
    if (role === "leading" || role === "following")
      keepSession(to, `exhibitor/${node.name}/${startedMs ?? 0}`, node, CURATOR_SESSION_MS);
  }
}

/** What is in ZooKeeper besides its own, made from what the processes of the cluster are doing now. */
export function keptZnodes(model: Model): KeptZnodes {
  const to: Collector = { nodes: new Map(), sessions: new Map() };
  keepOthers(model, to);
  keepMesos(model, to);
  keepMarathon(model, to);
  keepServiceMarathons(model, to);
  return to;
}
