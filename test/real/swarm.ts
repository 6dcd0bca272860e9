import { execFile, execFileSync, spawn, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import type { Inventory } from "../../src/domain/inventory.ts";
import { describeReal } from "./requires.ts";

/** One machine of a real Swarm: a network, file system and engine of its own, reached by SSH. */
export interface SwarmNode {
  readonly name: string;
  readonly address: string;
  readonly role: "manager" | "worker";
  /** Its engine's socket as this machine reaches it, past SSH: for the test's own view. */
  readonly socket: string;
}

/** How a node fails: its engine ends in order, is killed, the machine loses power, or its cable is pulled. */
type HowToFail = "engine" | "crash" | "host" | "link";

/** A real Swarm on this machine. */
export interface Swarm {
  readonly nodes: readonly SwarmNode[];
  readonly folder: string;
  readonly identityFile: string;
  readonly knownHosts: string;
  /** Tags of `pawl/ping` that every node holds: 1.0, 1.1, 1.2, bugged, sick, late. */
  readonly images: readonly string[];
  node(name: string): SwarmNode;
  inventory(): Inventory;
  /** The same as a file in `folder`; further lines go before the nodes. Returns its path. */
  writeInventory(file: string, lines?: readonly string[]): string;
  /** Docker's own command line against one node's engine; what it printed. */
  docker(node: string, ...words: readonly string[]): string;
  /** The Engine API of one node, asked past pawl: the JSON it answers. */
  api(node: string, path: string): unknown;
  /** Runs a command on a node; what it printed. */
  exec(node: string, ...words: readonly string[]): string;
  stopNode(node: string, how?: HowToFail): Promise<void>;
  startNode(node: string): Promise<void>;
  /** Ends every node and removes what they left. */
  stop(): Promise<void>;
}

export interface SwarmOptions {
  readonly nodes: number;
  readonly managers: number;
  /** The dispatcher's heartbeat, such as `2s`: how soon a node that fails is noticed. */
  readonly heartbeat?: string;
  /** An engine version of `swarm-cluster engines`, such as 20.10.5. */
  readonly engine?: string;
}

const SCRIPT = resolve(import.meta.dirname, "swarm-cluster");
/** What the script ends with where this machine cannot run it. */
const CANNOT = 77;
const PACKAGES = [
  "docker.io",
  "busybox-static",
  "iproute2",
  "iptables",
  "openssh-server",
  "openssh-client",
  "util-linux",
  "curl",
] as const;

/** Why this machine cannot run a Swarm of its own (rights, kernel), in words; null where it can. */
function lacking(): string | null {
  const checked = spawnSync(SCRIPT, ["check"], { encoding: "utf8" });
  if (checked.status === 0) return null;
  const why = `${checked.stderr}${checked.error?.message ?? ""}`.trim().split("\n").at(-1) ?? "";
  return checked.status === CANNOT ? why : `swarm-cluster check failed: ${why}`;
}

/** Debian suites whose engines tests use, newest last. */
const SUITES = ["bookworm", "trixie"] as const;

/** Why packages of these engine versions cannot be had, in words; null where they are there. Fetched once per machine, half a minute. */
function enginesLacking(versions: readonly string[]): string | null {
  const missing = (listed: string): readonly string[] => versions.filter((one) => !listed.includes(` ${one}`));
  const cached = spawnSync(SCRIPT, ["engines", "--cached"], { encoding: "utf8" });
  if (missing(cached.stdout).length === 0) return null;
  const fetched = spawnSync(SCRIPT, ["engines", ...SUITES], { encoding: "utf8", timeout: 300_000 });
  const still = missing(fetched.stdout);
  if (still.length === 0) return null;
  const why = fetched.stderr.trim().split("\n").at(-1) ?? "";
  return `packages of Docker engine ${still.join(", ")} from Debian ${SUITES.join(", ")}${why === "" ? "" : ` (${why})`}`;
}

/** A group of tests on a real Swarm: what is missing on this machine is named, and with CI=true that is a failure. `engines`: other versions it needs. */
export function describeSwarm(name: string, body: () => void, engines: readonly string[] = []): void {
  const here = lacking();
  describeReal(name, PACKAGES, body, here ?? (engines.length === 0 ? null : enginesLacking(engines)));
}

/** Waits for the end of its input, our pipe, and takes the cluster down then: however the test's process ends, no node outlives it. */
const GUARD = `cat >/dev/null; "$1" --state "$2" down; rm -rf "$3"`;

/** Starts a Swarm: five nodes take about five seconds. Call it in `beforeAll`, with a limit of two minutes. */
export async function startSwarm(options: SwarmOptions): Promise<Swarm> {
  // Short: sockets lie below it.
  const folder = mkdtempSync(join(tmpdir(), "pawl-sw-"));
  const state = join(folder, "c");
  const guard = spawn("sh", ["-c", GUARD, "guard", SCRIPT, state, folder], {
    stdio: ["pipe", "ignore", "ignore"],
    detached: true,
  });
  guard.stdin.on("error", () => undefined);
  const ended = new Promise<void>((done) => guard.once("exit", () => done()));
  const stop = async (): Promise<void> => {
    guard.stdin.end();
    await ended;
    rmSync(folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 });
  };
  try {
    const { heartbeat, engine } = options;
    await lab(state, [
      "up",
      ...["--nodes", String(options.nodes), "--managers", String(options.managers)],
      ...(heartbeat === undefined ? [] : ["--heartbeat", heartbeat]),
      ...(engine === undefined ? [] : ["--engine", engine]),
    ]);
    return swarmIn(folder, state, await lab(state, ["env"]), stop);
  } catch (error) {
    await stop();
    throw error;
  }
}

async function lab(state: string, words: readonly string[]): Promise<string> {
  const { stdout } = await promisify(execFile)(SCRIPT, ["--state", state, ...words], { encoding: "utf8", timeout: 300_000 });
  return stdout;
}

/** What `swarm-cluster env` prints. */
interface Environment {
  readonly ssh: { readonly user: string; readonly identityFile: string; readonly knownHosts: string };
  readonly images: readonly string[];
  readonly nodes: readonly SwarmNode[];
}

function swarmIn(folder: string, state: string, printed: string, stop: () => Promise<void>): Swarm {
  const { ssh, images, nodes } = JSON.parse(printed) as Environment;
  const node = (name: string): SwarmNode => {
    const found = nodes.find((one) => one.name === name);
    if (found === undefined) throw new Error(`no node ${name}`);
    return found;
  };
  const run = (program: string, words: readonly string[]): string =>
    execFileSync(program, words, {
      encoding: "utf8",
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...process.env, DOCKER_CONFIG: join(folder, "docker") },
    });
  return {
    nodes,
    folder,
    images,
    identityFile: ssh.identityFile,
    knownHosts: ssh.knownHosts,
    node,
    inventory: () => ({
      name: "lab",
      platform: "swarm",
      folder,
      ssh: { user: ssh.user, identityFile: ssh.identityFile, knownHosts: ssh.knownHosts },
      ports: {},
      scripts: {},
      hooks: {},
      siteSteps: [],
      settings: {},
      nodes: nodes.map(({ name, address, role }) => ({ name, address, role, critical: false, ssh: {} })),
    }),
    writeInventory(file, lines = []) {
      const path = join(folder, file);
      const text = [
        "apiVersion: pawl/v1",
        "kind: Inventory",
        "metadata: { name: lab }",
        "platform: swarm",
        `ssh: { user: ${ssh.user}, identity-file: ${ssh.identityFile}, known-hosts: ${ssh.knownHosts} }`,
        ...lines,
        "nodes:",
        ...nodes.map((one) => `  - { name: ${one.name}, address: ${one.address}, role: ${one.role} }`),
        "",
      ];
      writeFileSync(path, text.join("\n"));
      return path;
    },
    docker: (name, ...words) => run("docker", ["-H", `unix://${node(name).socket}`, ...words]),
    api: (name, path) =>
      JSON.parse(run("curl", ["-sS", "--max-time", "30", "--unix-socket", node(name).socket, `http://engine${path}`])) as unknown,
    exec: (name, ...words) => run(SCRIPT, ["--state", state, "exec", name, ...words]),
    async stopNode(name, how = "engine") {
      await lab(state, ["stop-node", name, "--how", how]);
    },
    async startNode(name) {
      await lab(state, ["start-node", name]);
    },
    stop,
  };
}
