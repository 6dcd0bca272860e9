import { InMemoryFs } from "just-bash";
import { createScaledClock } from "../../src/sim/clock.ts";
import type {
  Program,
  SimClock,
  SimCluster,
  SimHttpAnswer,
  SimHttpRequest,
  SimListener,
  SimNode,
  SimTcpAnswer,
} from "../../src/sim/ports.ts";

/** A node with hand-made programs, for tests of the shell and the wire that need no product. */
export interface ToyNode extends SimNode {
  bootId: string;
  online: boolean;
  readonly programs: Map<string, Program>;
  readonly scripts: Map<string, Program>;
}

function toyNode(name: string, address: string): ToyNode {
  const scripts = new Map<string, Program>();
  const fs = new InMemoryFs();
  // As on every machine: without it just-bash looks for no command along PATH.
  fs.mkdirSync("/usr/bin", { recursive: true });
  return {
    name,
    address,
    bootId: `boot-of-${name}`,
    fs,
    programs: new Map(),
    scripts,
    online: true,
    scriptProgram: (path) => scripts.get(path) ?? null,
  };
}

export interface ToyCluster extends SimCluster {
  readonly nodes: ToyNode[];
  readonly bootstrap: ToyNode;
  listeners: SimListener[];
  answer: (host: string, port: number, request: SimHttpRequest) => SimHttpAnswer;
  answerTcp: (host: string, port: number, text: string) => SimTcpAnswer;
  drop(node: string): void;
  readonly ailments: Map<string, "hang" | "hostkey-changed">;
  healed: number;
}

/** `network` is the first three numbers of loopback addresses; beyond 200 nodes the next third number is used. */
export function toyCluster(
  network = "127.77.0",
  nodeNames: readonly string[] = ["m1", "a1"],
  clock: SimClock = createScaledClock({ startMs: Date.UTC(2026, 10, 21), scale: 1000 }),
): ToyCluster {
  const [a = "127", b = "77", c = "0"] = network.split(".");
  const addressOf = (index: number): string => `${a}.${b}.${Number(c) + Math.floor(index / 200)}.${(index % 200) + 10}`;
  const cuts: ((node: string) => void)[] = [];
  const cluster: ToyCluster = {
    id: "toy",
    clock,
    nodes: nodeNames.map((name, index) => toyNode(name, addressOf(index))),
    bootstrap: toyNode("bootstrap", `${a}.${b}.${c}.5`),
    listeners: [],
    answer: () => ({ kind: "refused" }),
    answerTcp: () => ({ kind: "refused" }),
    http: async (host, port, request) => cluster.answer(host, port, request),
    tcp: async (host, port, text) => cluster.answerTcp(host, port, text),
    // Four letters, an answer, the end.
    serve: (host, port, stream) => {
      let text = "";
      stream.on("data", (chunk: Buffer) => {
        text += chunk.toString("latin1");
        if (text.length < 4) return;
        const answer = cluster.answerTcp(host, port, text.slice(0, 4));
        if (answer.kind === "answered") stream.end(answer.body);
        else if (answer.kind === "refused") stream.destroy();
      });
      return true;
    },
    onDrop: (cut) => cuts.push(cut),
    drop: (node) => {
      for (const cut of cuts) cut(node);
    },
    ailments: new Map(),
    sshAilment: (node) => cluster.ailments.get(node) ?? "fine",
    healed: 0,
    heal: () => {
      cluster.healed += 1;
    },
  };
  return cluster;
}
