import { readFileSync } from "node:fs";
import { createJq } from "../../src/check/jq.ts";
import type { Jq } from "../../src/check/jq.ts";
import { parseEvidence, recordedRemote } from "../../src/check/recorded.ts";
import type { Capture } from "../../src/check/recorded.ts";
import { createChecks } from "../../src/check/runner.ts";
import { loadChecks } from "../../src/document/load.ts";
import type { Check } from "../../src/domain/documents.ts";
import type { Inventory, InventoryNode } from "../../src/domain/inventory.ts";
import type { Json, JsonRecord } from "../../src/domain/json.ts";
import type { Facts } from "../../src/domain/plan.ts";
import type { CheckAnswer, HttpAnswer, Remote } from "../../src/engine/ports.ts";

export const jq: Jq = createJq();

export const checks: readonly Check[] = (await loadChecks("checks/dcos")).map((one) => one.document);

const PORTS = { "mesos-master": 5050, "mesos-agent": 5051, marathon: 8080, exhibitor: 8181, zookeeper: 2181 };

function node(name: string, address: string, role: string): InventoryNode {
  return { name, address, role, critical: false, ssh: {} };
}

export const M1 = node("m1", "127.0.21.1", "master");
export const M2 = node("m2", "127.0.21.2", "master");
export const M3 = node("m3", "127.0.21.3", "master");
export const MASTERS = [M1, M2, M3];
/** The agents of the recorded cluster: a4 and a5 are the public ones. */
export const AGENTS = ["1", "2", "3", "4", "5"].map((n) => node(`a${n}`, `127.0.22.${n}`, n > "3" ? "agent_public" : "agent"));

export function inventoryOf(nodes: readonly InventoryNode[]): Inventory {
  return {
    name: "recorded",
    platform: "dcos",
    folder: ".",
    ssh: {},
    ports: {},
    nodes,
    scripts: {},
    hooks: {},
    siteSteps: [],
    settings: {},
  };
}

/** Recorded answers of a real cluster, by event and moment. */
export function captured(...moments: readonly string[]): readonly Capture[] {
  return parseEvidence(
    moments.map((moment) => ({ file: moment, text: readFileSync(`test/fixture/mesos-real/${moment}.json`, "utf8") })),
  ).captures;
}

/** The body of one recorded answer. */
export function bodyOf(captures: readonly Capture[], nodeName: string, path: string): Json {
  const found = captures.findLast((one) => one.node === nodeName && one.path === path)?.answer;
  if (found?.kind !== "answered") throw new Error(`${path} of ${nodeName} was not recorded`);
  return JSON.parse(found.body.toString("utf8")) as Json;
}

export interface Asked {
  readonly remote: Remote;
  readonly nodes: readonly InventoryNode[];
  readonly node?: string;
  readonly context?: JsonRecord;
  readonly baseline?: JsonRecord;
  readonly observedAt?: string;
  readonly nowSeconds?: number;
  readonly nodeFacts?: Readonly<Record<string, Json>>;
}

/** Measures one check of DC/OS against a remote. */
export async function ask(name: string, asked: Asked): Promise<CheckAnswer> {
  const nowMs = (asked.nowSeconds ?? 1_795_191_048) * 1000;
  const facts: Facts = {
    clusterId: "c",
    observedAt: asked.observedAt ?? "2026-11-20T16:00:00.000Z",
    nodes: {},
    last: {},
    counts: {},
    baseline: asked.baseline ?? {},
  };
  const runner = createChecks({
    checks,
    remote: asked.remote,
    inventory: inventoryOf(asked.nodes),
    platform: { ports: PORTS, nodeFacts: (_remote, _inventory, one) => Promise.resolve(asked.nodeFacts?.[one.name] ?? null) },
    facts,
    clock: { now: () => nowMs, monotonic: () => nowMs, sleep: () => Promise.resolve() },
    jq,
  });
  const context = { inputs: {}, since: 0, inHand: [], setAside: [], complete: [], all: [], ...asked.context };
  const [answer] = await runner.measure([{ check: name, node: asked.node ?? null, context }]);
  if (answer === undefined) throw new Error("no answer");
  return answer;
}

/**
 * Adds what the captures lack: the answer to GET_HEALTH, which was recorded on some masters only. It follows the rule
 * observed on the others: 307 on a non-leader, 200 on a recovered leader, 503 on one that has not recovered.
 */
export function withHealth(remote: Remote): Remote {
  return {
    ...remote,
    http: async (request, signal) => {
      if (request.method !== "POST") return remote.http(request, signal);
      const recorded = await remote.http(request, signal);
      if (recorded.kind === "answered") return recorded;
      const url = new URL("/metrics/snapshot", request.url).href;
      const metrics = await remote.http({ method: "GET", url, timeoutMs: request.timeoutMs, followRedirects: 0 }, signal);
      if (metrics.kind === "no-answer") return metrics;
      if (metrics.status !== 200) return metrics;
      const values = JSON.parse(metrics.body.toString("utf8")) as Readonly<Record<string, number>>;
      const status = values["master/elected"] !== 1 ? 307 : values["registrar/log/recovered"] === 1 ? 200 : 503;
      return { kind: "answered", status, headers: {}, body: Buffer.alloc(0), url: request.url };
    },
  };
}

interface TimelineRow {
  readonly t: number;
  readonly node?: string;
  readonly path?: string;
  readonly status?: number | null;
  readonly location?: string;
  readonly error?: string;
  readonly metrics?: Readonly<Record<string, number>>;
  readonly mark?: string;
}

/** What pollers saw of a real cluster, change by change. */
export function timelineOf(event: string): readonly TimelineRow[] {
  const lines = readFileSync(`test/fixture/mesos-real/${event}/timeline.jsonl`, "utf8").trim().split("\n");
  return lines.map((line) => JSON.parse(line) as TimelineRow);
}

/** A remote that answers metrics and redirects as the recorded masters did at `atSeconds` after the event's start. */
export function replayAt(rows: readonly TimelineRow[], atSeconds: number): Remote {
  const silent: HttpAnswer = { kind: "no-answer", code: "recorded-error", reason: "no answer" };
  return withHealth({
    ...recordedRemote([]),
    http: (request) => {
      const url = new URL(request.url);
      const name = MASTERS.find((one) => one.address === url.hostname)?.name;
      const row = rows.findLast((one) => one.t <= atSeconds && one.node === name && one.path === url.pathname);
      if (request.method !== "GET" || row === undefined || typeof row.status !== "number") return Promise.resolve(silent);
      const headers: Record<string, string> = row.location === undefined ? {} : { location: row.location };
      return Promise.resolve({
        kind: "answered",
        status: row.status,
        headers,
        body: Buffer.from(JSON.stringify(row.metrics ?? {})),
        url: request.url,
      });
    },
  });
}
