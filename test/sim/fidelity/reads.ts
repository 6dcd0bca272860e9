import { readdirSync } from "node:fs";
import { join } from "node:path";
import { loadChecks } from "../../../src/document/load.ts";
import type { Check, ReadingSpec } from "../../../src/domain/documents.ts";
import type { Facts } from "../../../src/domain/plan.ts";
import type { Command, HttpAnswer, HttpRequest, Remote } from "../../../src/engine/ports.ts";
import { captures } from "../../../src/platform/dcos/capture/captures.ts";
import { PORTS } from "../../../src/platform/dcos/contract.ts";
import { CHECKS_NAME } from "../../../src/platform/dcos/facts/checks-script.ts";
import { MACHINE_NAME } from "../../../src/platform/dcos/facts/machine-script.ts";
import { FACTS_NAME } from "../../../src/platform/dcos/facts/facts-script.ts";
import { rollOut, type Rollout } from "../../platform/dcos/rollout.ts";
import { testLab } from "../../platform/dcos/lab.ts";

const ROOT = join(import.meta.dirname, "../../..");

/** A read in words: `mesos-master GET /slaves`, `mesos-master POST /api/v1 GET_HEALTH`, `zookeeper mntr`, `sh pawl-facts`, `cat /…`. */
export type Read = string;

/** Every check that ships. */
export const CHECKS: readonly Check[] = (
  await loadChecks(readdirSync(join(ROOT, "checks/dcos")).map((file) => join(ROOT, "checks/dcos", file)))
).map((one) => one.document);

function httpRead(service: string, method: string, target: string, body: string | undefined): Read {
  const path = target.replace(/\?.*$/, "");
  const type = /"type"\s*:\s*"(\w+)"/.exec(body ?? "")?.[1];
  return `${service} ${method} ${path}${type === undefined ? "" : ` ${type}`}`;
}

/** A script is named by its `$0`; paths that differ from run to run are left out. */
function commandRead(argv: readonly string[]): Read {
  const [program = "", flag, , name = "?"] = argv;
  if (program === "sh" && flag === "-c") return `sh ${name}${name === "pawl-job" ? ` ${argv[4] ?? ""}` : ""}`;
  return argv.join(" ").replace(/\/upgrade\/[0-9a-f]{32}\//, "/upgrade/<id>/");
}

/** What a check's reading asks. */
export function readOf(spec: ReadingSpec): Read {
  switch (spec.kind) {
    case "http": {
      const [, service = "?", target = "/"] = /\{port\.([a-z-]+)\}(\/.*)?$/.exec(spec.url) ?? [];
      return httpRead(service, spec.method, target, spec.body);
    }
    case "four-letter":
      return `${spec.port} ${spec.word}`;
    case "command":
      return commandRead(spec.argv);
    case "facts":
      return `sh ${{ node: FACTS_NAME, machine: MACHINE_NAME, checks: CHECKS_NAME }[spec.about]}`;
    case "file":
      return `local file ${spec.path}`;
    case "step":
      return "the step's own output";
  }
}

function requestRead(request: Pick<HttpRequest, "method" | "url" | "body">): Read {
  const url = new URL(request.url);
  const service = Object.entries(PORTS).find(([, port]) => String(port) === url.port)?.[0] ?? `port ${url.port}`;
  return httpRead(service, request.method, url.pathname, request.body);
}

export interface Recording {
  readonly remote: Remote;
  /** Answers by read, in the order they came. */
  readonly http: ReadonlyMap<Read, readonly HttpAnswer[]>;
  readonly words: ReadonlySet<Read>;
  /** Commands by their name, one of each. */
  readonly commands: ReadonlyMap<Read, Command>;
}

/** A remote that remembers what it was asked. */
function recording(remote: Remote): Recording {
  const http = new Map<Read, HttpAnswer[]>();
  const words = new Set<Read>();
  const commands = new Map<Read, Command>();
  const note = (command: Command): void => {
    const name = commandRead(command.argv);
    if (!commands.has(name)) commands.set(name, command);
  };
  return {
    http,
    words,
    commands,
    remote: {
      ...remote,
      run: (target, command, signal) => (note(command), remote.run(target, command, signal)),
      stream: (target, command, onChunk, signal) => (note(command), remote.stream(target, command, onChunk, signal)),
      http: async (request, signal) => {
        const answer = await remote.http(request, signal);
        const read = requestRead(request);
        http.set(read, [...(http.get(read) ?? []), answer]);
        return answer;
      },
      tcp: (host, port, send, timeoutMs, signal) => {
        words.add(`zookeeper ${send}`);
        return remote.tcp(host, port, send, timeoutMs, signal);
      },
    },
  };
}

/** What the shipped checks ask, by check. */
export function checkReads(): ReadonlyMap<string, readonly Read[]> {
  return new Map(CHECKS.map((check) => [check.name, Object.values(check.readings).map(readOf)]));
}

/** What the capture of a snapshot asks. */
export function captureReads(): readonly Read[] {
  const facts: Facts = { clusterId: "c", observedAt: "", nodes: {}, last: {}, counts: {}, baseline: {} };
  return captures(testLab().inventory, facts).map(({ read }) => {
    switch (read.kind) {
      case "http":
        return requestRead(read.request);
      case "tcp":
        return `zookeeper ${read.send}`;
      case "command":
        return commandRead(read.command.argv);
    }
  });
}

/** One upgrade of a small cluster by the shipped runbook, with everything it asked; nodes are lost contact with on the way. */
export async function recordedUpgrade(): Promise<{ readonly run: Rollout; readonly recorded: Recording }> {
  const recordings: Recording[] = [];
  const run = await rollOut({
    privateAgents: 2,
    publicAgents: 1,
    faults: ["ssh-drop@a2:during"],
    watch: (remote) => {
      const one = recording(remote);
      recordings.push(one);
      return one.remote;
    },
  });
  const [recorded] = recordings;
  if (recorded === undefined) throw new Error("nothing was recorded");
  return { run, recorded };
}
