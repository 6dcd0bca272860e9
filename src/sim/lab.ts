import { randomBytes, randomInt } from "node:crypto";
import { chmod, mkdir, readFile, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { join, resolve } from "node:path";
import { PawlError } from "../domain/errors.ts";
import { writeInventory } from "./lab-inventory.ts";
import { createControlServer } from "./lab-control.ts";
import { labKey, type LabKey } from "./lab-keys.ts";
import type { SimCluster, SimNode } from "./ports.ts";
import { killEverything, machineOf } from "./shell/machine.ts";
import { openServers } from "./wire/open-servers.ts";
import { openWire } from "./wire/wire.ts";

export interface LabOptions {
  readonly cluster: SimCluster;
  /** Where keys, known_hosts, ssh_config and inventory.yaml are written; made with mode 0700. */
  readonly folder: string;
  /** SSH port of every node, default 2222. */
  readonly sshPort?: number;
  /** How many times faster than the wall simulated time moves; told to whoever asks. */
  readonly timeScale: number;
  /** Name in the inventory, default `lab`. */
  readonly name?: string;
  /** Role of a node in the inventory; default by its name: m… master, p… agent_public, others agent. */
  readonly roleOf?: (node: SimNode) => string;
}

/** A cluster on the wire with everything a client needs to reach it. */
export interface Lab {
  readonly folder: string;
  readonly inventoryFile: string;
  readonly sshConfigFile: string;
  /** Base URL of the control server. */
  readonly control: string;
  /** Settles when the lab was stopped, by `stop` or over the control address. */
  readonly stopped: Promise<void>;
  stop(): Promise<void>;
}

const SSH_PORT = 2222;
const SECRET_BYTES = 32;
/** Host number and port that hold a block of addresses for one lab. */
const HOLD = { host: 254, port: 20022 };
/** Third numbers a lab may use beyond its first, for clusters of more than a hundred nodes. */
const NETWORKS = 8;
const TRIES = 60;

/**
 * A free block of loopback addresses: `127.x.y`, and the seven blocks after it. It stays taken until this process ends, so that
 * two labs never mix. Throws
 * PawlError where only 127.0.0.1 exists (macOS without aliases).
 */
export async function chooseNetwork(): Promise<string> {
  let last: unknown = null;
  for (let round = 0; round < TRIES; round += 1) {
    const network = `127.${randomInt(64, 250)}.${randomInt(0, 31) * NETWORKS}`;
    const server = createServer();
    try {
      await new Promise<void>((done, fail) => {
        server.once("error", fail);
        server.listen({ host: `${network}.${HOLD.host}`, port: HOLD.port, exclusive: true }, () => done());
      });
      server.unref();
      return network;
    } catch (error) {
      last = error;
      if (error instanceof Error && "code" in error && error.code !== "EADDRINUSE") break;
    }
  }
  throw new PawlError("refused", "no-loopback-block", "There is no free block of loopback addresses for the embedded cluster.", {
    expected: "addresses 127.x.y.z that can be listened on, as on Linux",
    observed: last instanceof Error ? last.message : String(last),
    next: "Stop other labs (`pawl lab` in another terminal), or run the embedded cluster on Linux.",
  });
}

/** The secret all keys of a lab come from; kept in its folder, so that a lab started again has the same keys. */
async function secretOf(folder: string): Promise<Buffer> {
  const file = join(folder, "secret");
  try {
    const kept = Buffer.from((await readFile(file, "utf8")).trim(), "hex");
    if (kept.length === SECRET_BYTES) return kept;
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "ENOENT")) throw error;
  }
  const fresh = randomBytes(SECRET_BYTES);
  await writeFile(file, `${fresh.toString("hex")}\n`, { mode: 0o600 });
  return fresh;
}

function cannotListen(error: unknown): PawlError {
  return new PawlError("refused", "lab-cannot-listen", "The embedded cluster could not take its addresses.", {
    expected: "every node's address and port free",
    observed: error instanceof Error ? error.message : String(error),
    next: "Stop the program that listens there, or choose another SSH port or network.",
    cause: error,
  });
}

/**
 * Starts a lab: the cluster's wire door, a control server on 127.0.0.1, and the files a client needs. Rejects with a PawlError
 * when an address is taken. Stopping it leaves the folder.
 */
export async function startLab(options: LabOptions): Promise<Lab> {
  const { cluster, timeScale } = options;
  const folder = resolve(options.folder);
  const sshPort = options.sshPort ?? SSH_PORT;
  await mkdir(folder, { recursive: true, mode: 0o700 });
  await chmod(folder, 0o700);
  const secret = await secretOf(folder);
  const keys = new Map<string, LabKey>();
  const hostKey = (node: string, other = false): LabKey => {
    const name = `host ${node}${other ? " other" : ""}`;
    const key = keys.get(name) ?? labKey(secret, name);
    keys.set(name, key);
    return key;
  };
  const userKey = labKey(secret, "user");

  const wire = await openWire({ cluster, sshPort, hostKey, userKey }).catch((error: unknown) => {
    throw cannotListen(error);
  });
  const open = openServers();
  let told: () => void = () => undefined;
  const stopped = new Promise<void>((done) => {
    told = done;
  });
  let stopping: Promise<void> | null = null;
  const stop = (): Promise<void> => {
    stopping ??= Promise.all([wire.close(), open.close()]).then(() => {
      // What still runs on the nodes would keep this process alive.
      for (const node of [...cluster.nodes, cluster.bootstrap]) killEverything(machineOf(node, cluster.clock));
      told();
    });
    return stopping;
  };
  try {
    const server = createControlServer({
      cluster,
      timeScale,
      proof: (node, nonce) => hostKey(node).sign(nonce),
      publicKey: (node) => hostKey(node).blob,
      stop,
    });
    const control = `http://127.0.0.1:${await open.listen(server, "127.0.0.1", 0)}`;
    const files = await writeInventory({ ...options, folder, sshPort, control, userKey, hostKey: (node) => hostKey(node) });
    return { folder, ...files, control, stopped, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}
