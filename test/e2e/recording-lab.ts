import { createHash, randomInt } from "node:crypto";
import { createScaledClock } from "../../src/sim/clock.ts";
import { chooseNetwork, startLab, type Lab } from "../../src/sim/lab.ts";
import { createCluster } from "../../src/sim/model/cluster.ts";
import type { SimNode } from "../../src/sim/ports.ts";

/** What reached the machines of a lab since the record was last taken. */
export interface Record {
  /** Command lines as they came over SSH, by node: `m1: …`. */
  readonly lines: readonly string[];
  /** Every process that ran on a node because of them: program and words. */
  readonly processes: readonly (readonly string[])[];
  /** `METHOD :port path body`. */
  readonly requests: readonly string[];
  /** `:port word`. */
  readonly words: readonly string[];
}

/** A lab in this process that writes down everything that is asked of its machines. */
export interface RecordingLab {
  readonly lab: Lab;
  /** Addresses of the nodes by name. */
  readonly addresses: Readonly<{ [name: string]: string }>;
  /** Gives the record and begins a new one. */
  take(): Record;
  /** SHA-256 of every file of every machine, `node path`. */
  files(): Promise<ReadonlyMap<string, string>>;
}

async function filesOf(node: SimNode): Promise<readonly (readonly [string, string])[]> {
  const found: (readonly [string, string])[] = [];
  for (const path of node.fs.getAllPaths().toSorted()) {
    // The kernel's own files change by themselves.
    if (/^\/(?:proc|sys|dev)(?:\/|$)/.test(path)) continue;
    const about = await node.fs.lstat(path);
    const content = about.isFile
      ? createHash("sha256")
          .update(await node.fs.readFileBuffer(path))
          .digest("hex")
      : "no file";
    found.push([`${node.name} ${path}`, `${content} ${about.mode.toString(8)}`]);
  }
  return found;
}

export async function startRecordingLab(
  folder: string,
  size: { readonly masters: number; readonly privateAgents: number; readonly publicAgents: number },
): Promise<RecordingLab> {
  const cluster = createCluster({
    ...size,
    version: "1.9.4",
    clock: createScaledClock({ startMs: Date.now(), scale: 3_000 }),
    faults: [],
    network: await chooseNetwork(),
    seed: randomInt(1, 2 ** 31),
  });
  const machines = [...cluster.nodes, cluster.bootstrap];
  let lines: string[] = [];
  let processes: (readonly string[])[] = [];
  let requests: string[] = [];
  let words: string[] = [];
  for (const node of machines) {
    const started = node.processStarted?.bind(node);
    Object.assign(node, {
      commandAsked: (line: string) => void lines.push(`${node.name}: ${line}`),
      processStarted: (pid: number, argv: readonly string[]) => {
        processes.push(argv);
        started?.(pid, argv);
      },
    });
  }
  const { http, tcp } = cluster;
  Object.assign(cluster, {
    http: ((host, port, request) => {
      requests.push(`${request.method} :${port} ${request.path}${request.body === "" ? "" : ` ${request.body}`}`);
      return http.call(cluster, host, port, request);
    }) satisfies typeof cluster.http,
    tcp: ((host, port, text) => {
      words.push(`:${port} ${text}`);
      return tcp.call(cluster, host, port, text);
    }) satisfies typeof cluster.tcp,
  });
  const lab = await startLab({ cluster, folder, timeScale: 3_000, name: "recorded" });
  return {
    lab,
    addresses: Object.fromEntries(machines.map((node) => [node.name, node.address])),
    take() {
      const record = { lines, processes, requests, words };
      [lines, processes, requests, words] = [[], [], [], []];
      return record;
    },
    files: async () => new Map((await Promise.all(machines.map(filesOf))).flat()),
  };
}
