import { createJq } from "../../src/check/jq.ts";
import { createChecks } from "../../src/check/runner.ts";
import type { Check, ReadingSpec } from "../../src/domain/documents.ts";
import type { Inventory, InventoryNode } from "../../src/domain/inventory.ts";
import type { Json, JsonRecord } from "../../src/domain/json.ts";
import type { CheckAnswer, Checks, HttpAnswer, Remote } from "../../src/engine/ports.ts";

export const jq = createJq();

export const NODES: readonly InventoryNode[] = [
  { name: "n1", address: "10.0.0.1", role: "boss", critical: false, ssh: {} },
  { name: "n2", address: "10.0.0.2", role: "boss", critical: false, ssh: {} },
  { name: "w1", address: "fd00::1", role: "worker", critical: false, ssh: {} },
];

export const METRIC: Extract<ReadingSpec, { kind: "http" }> = {
  kind: "http",
  method: "GET",
  url: "http://{address}:{port.api}/m",
  followRedirects: 0,
  as: "json",
  timeoutMs: 1000,
  optional: false,
};

export function check(name: string, more: Partial<Check> = {}): Check {
  return {
    name,
    title: "t",
    why: "w",
    source: "s",
    platform: "toy",
    severity: "mandatory",
    scope: { kind: "role", roles: ["boss"] },
    readings: { m: METRIC },
    pass: ".m.ok",
    show: ".m",
    gate: { consecutivePasses: 1, spanMs: 0, intervalMs: 1, deadlineMs: 1 },
    remedy: "r",
    refuses: [],
    ...more,
  };
}

export interface Rig {
  readonly checks: Checks;
  readonly sent: string[];
}

export type Answers = Readonly<Record<string, Json>>;

function textOf(value: Json): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}

/** Answers by URL, word or command line; a string is a body as it is, a number a status, anything missing is no answer. */
export function rig(
  checks: readonly Check[],
  answers: Answers,
  more: { readonly folder?: string; readonly nodeFacts?: () => Promise<Json> } = {},
): Rig {
  const sent: string[] = [];
  const remote: Remote = {
    http: async (request) => {
      sent.push(`${request.method} ${request.url}${request.body === undefined ? "" : ` ${request.body}`}`);
      const given = answers[request.url];
      if (given === undefined) return { kind: "no-answer", code: "ECONNREFUSED", reason: "refused" };
      const body = typeof given === "string" ? given : JSON.stringify(given);
      const answer: HttpAnswer = {
        kind: "answered",
        status: typeof given === "number" ? given : 200,
        headers: { location: "//x" },
        body: Buffer.from(typeof given === "number" ? "" : body),
        url: request.url,
      };
      return answer;
    },
    run: async (target, command) => {
      sent.push(`${target}${command.sudo === true ? " as root" : ""}: ${command.argv.join(" ")}`);
      const given = answers[command.argv.join(" ")];
      if (given === undefined) return { kind: "lost", reason: "refused", code: "ECONNREFUSED", sent: false };
      return typeof given === "number"
        ? { kind: "exited", code: given, stdout: "", stderr: "it broke\nbadly" }
        : { kind: "exited", code: 0, stdout: textOf(given), stderr: "" };
    },
    stream: async () => ({ kind: "lost", reason: "unused", code: "unused", sent: false }),
    tcp: async (host, port, send) => {
      sent.push(`${host}:${port} ${send}`);
      const given = answers[send];
      return given === undefined
        ? { kind: "no-answer", code: "ECONNREFUSED", reason: "refused" }
        : { kind: "answered", body: Buffer.from(textOf(given)) };
    },
    close: async () => undefined,
  };
  const inventory: Inventory = {
    name: "i",
    platform: "toy",
    folder: more.folder ?? ".",
    ssh: {},
    ports: { api: 81 },
    nodes: NODES,
    scripts: {},
    hooks: {},
    siteSteps: [],
    settings: {},
  };
  const platform = { ports: { api: 80, words: 2181 }, nodeFacts: more.nodeFacts ?? (async () => null) };
  const clock = { now: () => 5_000_500, monotonic: () => 0, sleep: async () => undefined };
  return { checks: createChecks({ checks, remote, inventory, platform, facts: null, clock, jq }), sent };
}

export async function one(rigged: Rig, name: string, node: string | null = null, context: JsonRecord = {}): Promise<CheckAnswer> {
  const [answer] = await rigged.checks.measure([{ check: name, node, context }]);
  if (answer === undefined) throw new Error("no answer");
  return answer;
}
