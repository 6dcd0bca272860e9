import type { SimHttpAnswer, SimHttpRequest } from "../ports.ts";
import { ensembleServes, stopZooKeeper, startZooKeeper } from "./ensemble.ts";
import { fourLetterWord } from "./four-letter.ts";
import { jsonAnswer, notFound } from "./http.ts";
import { masterOf, runsFor, type Model, type NodeState } from "./state.ts";
import { statOf } from "../zookeeper/tree.ts";
import { writeZnodes } from "./znode-writes.ts";

/** From process start to an open port. */
const BOOT_MS = 8_000;
/** `checkMs`: how often the monitor looks at its own ZooKeeper, with several masters and with one (dcos.md section 6). */
const CHECK_MS = { several: 30_000, one: 2_000 };
const DESCRIPTIONS = ["latent", "down", "not serving", "serving"];

/** Whether the Exhibitor of the node listens. */
export function exhibitorListens(model: Model, node: NodeState): boolean {
  return runsFor(model, masterOf(node).exhibitor, BOOT_MS);
}

interface Seen {
  readonly code: number;
  readonly leader: boolean;
}

/** What the node's own monitor last saw of its ZooKeeper: up to one check old. Null: its Exhibitor does not answer. */
function monitored(model: Model, node: NodeState): Seen | null {
  const { exhibitor, zookeeper } = masterOf(node);
  if (exhibitor.startedMs === null || !exhibitorListens(model, node)) return null;
  const everyMs = model.masters.length === 1 ? CHECK_MS.one : CHECK_MS.several;
  const firstMs = exhibitor.startedMs + BOOT_MS;
  const lookedMs = firstMs + Math.floor((model.clock.now() - firstMs) / everyMs) * everyMs;
  let seen: Seen = { code: 0, leader: false };
  for (const entry of zookeeper.history) if (entry.atMs <= lookedMs) seen = entry;
  return seen;
}

function entryOf(model: Model, node: NodeState): { code: number; description: string; hostname: string; isLeader: boolean } {
  const seen = monitored(model, node) ?? { code: 1, leader: false };
  return { code: seen.code, description: DESCRIPTIONS[seen.code] ?? "unknown", hostname: node.address, isLeader: seen.leader };
}

/** What DC/OS itself waits for before it starts a master's services: as many serving as masters, exactly one leader. */
export function exhibitorStable(model: Model, node: NodeState): boolean {
  if (!exhibitorListens(model, node)) return false;
  const entries = model.masters.map((one) => entryOf(model, one));
  return entries.every((one) => one.description === "serving") && entries.filter((one) => one.isLeader).length === 1;
}

function stateOf(model: Model, node: NodeState): Record<string, unknown> {
  const { code, description, isLeader } = entryOf(model, node);
  return { switches: { restarts: true, cleanup: true, backups: true }, state: code, description, isLeader };
}

/** `config/get-state`, with the field names of a recorded Exhibitor 1.5.5 answer and DC/OS's own paths and intervals. */
function configOf(model: Model, node: NodeState): Record<string, unknown> {
  const folder = "/var/lib/dcos/exhibitor/zookeeper";
  return {
    version: "v1.5.6",
    running: masterOf(node).zookeeper.startedMs !== null,
    backupActive: false,
    standaloneMode: model.masters.length === 1,
    extraHeadingText: null,
    nodeMutationsAllowed: true,
    config: {
      logIndexDirectory: `${folder}/transactions`,
      zookeeperInstallDirectory: "/opt/mesosphere/active/exhibitor/usr/zookeeper",
      zookeeperDataDirectory: `${folder}/snapshot`,
      zookeeperLogDirectory: `${folder}/transactions`,
      serversSpec: model.masters.map((one) => `${masterOf(one).serverId}:${one.address}`).join(","),
      backupExtra: {},
      zooCfgExtra: {
        tickTime: "2000",
        initLimit: "10",
        syncLimit: "5",
        quorumListenOnAllIPs: "true",
        maxClientCnxns: "0",
        "autopurge.snapRetainCount": "5",
        "autopurge.purgeInterval": "6",
      },
      javaEnvironment: "",
      log4jProperties: "",
      clientPort: 2181,
      connectPort: 2888,
      electionPort: 3888,
      checkMs: model.masters.length === 1 ? CHECK_MS.one : CHECK_MS.several,
      cleanupPeriodMs: 300_000,
      cleanupMaxFiles: 20,
      backupPeriodMs: 600_000,
      backupMaxStoreMs: 21_600_000,
      autoManageInstances: 1,
      autoManageInstancesSettlingPeriodMs: 0,
      autoManageInstancesFixedEnsembleSize: model.masters.length,
      autoManageInstancesApplyAllAtOnce: 1,
      observerThreshold: 0,
      serverId: masterOf(node).serverId,
      hostname: node.address,
      rollInProgress: false,
      rollStatus: "n/a",
      rollPercentDone: 0,
      controlPanel: {},
    },
  };
}

function command(model: Model, node: NodeState, verb: string): SimHttpAnswer {
  if (verb !== "start") stopZooKeeper(model, node);
  if (verb !== "stop") startZooKeeper(model, node);
  return jsonAnswer({ message: "OK", succeeded: true });
}

function wrapped(value: unknown): SimHttpAnswer {
  return jsonAnswer({ response: value, errorMessage: "", success: true });
}

/** Answers a request to the Exhibitor of a master (port 8181). Paths and shapes: dcos.md section 6. */
export function exhibitorHttp(model: Model, node: NodeState, request: SimHttpRequest): SimHttpAnswer {
  if (!exhibitorListens(model, node)) return { kind: "refused" };
  const url = new URL(request.path, "http://exhibitor");
  const words = url.pathname.replace(/^\/exhibitor\/v1\//, "").split("/");
  if (!url.pathname.startsWith("/exhibitor/v1/"))
    return notFound("text/html", "<html><head><title>404 Not Found</title></head><body>404 Not Found</body></html>");
  const [area = "", what = "", third, host] = words;
  const other = model.masters.find((one) => one.address === (what === "4ltr" ? host : third));
  if (area === "config" && what === "get-state") return jsonAnswer(configOf(model, node));
  if (area === "cluster") {
    if (what === "status") return jsonAnswer(model.masters.map((one) => entryOf(model, one)));
    if (what === "list") return jsonAnswer({ servers: model.masters.map((one) => one.address), port: 2181 });
    if (what === "log") return jsonAnswer("");
    if (what === "state")
      return third === undefined
        ? jsonAnswer(stateOf(model, node))
        : other === undefined
          ? wrapped({})
          : wrapped(stateOf(model, other));
    if (what === "4ltr" && third !== undefined) {
      const text = fourLetterWord(model, other ?? node, third);
      const answer = text === null || text === "" ? "* unknown *" : text;
      return host === undefined ? jsonAnswer(answer) : wrapped(answer);
    }
    if (what === "restart" || what === "stop" || what === "start") return command(model, other ?? node, what);
  }
  if (area === "explorer" && what === "node-data") {
    const znode = writeZnodes(model).tree.nodes.get(url.searchParams.get("key") ?? "");
    if (!ensembleServes(model)) return jsonAnswer({ bytes: "", str: "Exception", stat: "" });
    if (znode === undefined) return jsonAnswer({ bytes: "", str: "", stat: "* not found * " });
    const bytes = znode.data ?? Buffer.alloc(0);
    const { dataLength, ...rest } = statOf(znode);
    const { numChildren, pzxid, ...numbers } = rest;
    return jsonAnswer({
      bytes: bytes.toString("hex").replace(/../g, "$& ").trim(),
      str: bytes.toString("utf8"),
      stat: Object.entries({ ...numbers, datalength: dataLength, numChildren, pzxid })
        .map(([name, value]) => `${name}: ${String(value)}`)
        .join(", "),
    });
  }
  return notFound("text/html", "<html><head><title>404 Not Found</title></head><body>404 Not Found</body></html>");
}
