import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { guard } from "../../../src/check/guard.ts";
import type { Inventory, InventoryNode } from "../../../src/domain/inventory.ts";
import type { Json } from "../../../src/domain/json.ts";
import type { Clock, HttpAnswer, HttpRequest, Remote } from "../../../src/engine/ports.ts";
import { ALLOW } from "../../../src/platform/swarm/allow.ts";

/** A recording of a real Swarm (test/fixture/swarm; its README says of what). */
export function recorded(name: string): Json {
  return JSON.parse(readFileSync(resolve(import.meta.dirname, "../../fixture/swarm", `${name}.json`), "utf8")) as Json;
}

/** The nodes of a recording as an inventory has them. */
export function inventoryOf(nodes: Json): Inventory {
  const entries = nodes as readonly {
    readonly Description: { readonly Hostname: string };
    readonly Spec: { readonly Role: string };
    readonly Status: { readonly Addr: string };
  }[];
  return {
    ...{ name: "lab", platform: "swarm", folder: ".", ssh: {}, ports: {}, scripts: {}, hooks: {}, siteSteps: [], settings: {} },
    nodes: entries.map(({ Description, Spec, Status }): InventoryNode => ({
      ...{ name: Description.Hostname, address: Status.Addr, role: Spec.Role, critical: false, ssh: {} },
    })),
  };
}

/** What one engine answers to a path; a status and a body, or a failure of the way to it. */
export type EngineAnswer = { readonly status: number; readonly body: Json } | { readonly lost: string };

export const good = (body: Json): EngineAnswer => ({ status: 200, body });
/** As recorded (errors.json). */
export const NO_LEADER: EngineAnswer = {
  status: 500,
  body: {
    message:
      "rpc error: code = Unknown desc = The swarm does not have a leader. It's possible that too few managers are online. Make sure more than half of the managers are online.",
  },
};
export const NOT_A_MANAGER: EngineAnswer = {
  status: 503,
  body: {
    message:
      "This node is not a swarm manager. Worker nodes can't be used to view or modify cluster state. Please run this command on a manager node or promote the current node to a manager.",
  },
};

/** A remote whose engines answer from recordings, and what it was asked: `node1 GET /nodes`. */
export interface RecordedRemote {
  readonly remote: Remote;
  /** The same behind the platform's allow-list. */
  readonly reader: Remote;
  readonly asked: readonly string[];
}

/** `answer` is asked for every request, with the node's name; undefined is a 404. */
export function recordedRemote(
  inventory: Inventory,
  answer: (node: string, path: string, request: HttpRequest) => EngineAnswer | undefined,
): RecordedRemote {
  const asked: string[] = [];
  const none = (): never => {
    throw new Error("only HTTP in this test");
  };
  const remote: Remote = {
    run: none,
    stream: none,
    tcp: none,
    async http(request): Promise<HttpAnswer> {
      const url = new URL(request.url);
      const node = inventory.nodes.find((one) => one.address === url.hostname)?.name ?? url.hostname;
      const path = `${url.pathname}${decodeURIComponent(url.search)}`;
      asked.push(`${node} ${request.method} ${path}`);
      const said = answer(node, path, request) ?? { status: 404, body: { message: "page not found" } };
      if ("lost" in said) return { kind: "no-answer", code: said.lost, reason: `${node}: ${said.lost}` };
      return {
        kind: "answered",
        status: said.status,
        headers: {},
        body: Buffer.from(JSON.stringify(said.body)),
        url: request.url,
      };
    },
    close: () => Promise.resolve(),
  };
  return { remote, reader: guard(remote, ALLOW), asked };
}

/** A clock that stands at a time of the recordings, and moves by sleeping. */
export function standingClock(at = "2026-11-20T15:31:30Z"): Clock & { slept: number } {
  let now = Date.parse(at);
  const clock = {
    slept: 0,
    now: () => now,
    monotonic: () => now,
    async sleep(ms: number): Promise<void> {
      clock.slept += ms;
      now += ms;
    },
  };
  return clock;
}

/** What a member's `/info` says, from the recording of a manager or worker, as the given node of a `GET /nodes` recording. */
export function infoOf(nodes: Json, hostname: string, more: Readonly<Record<string, Json>> = {}): Json {
  const { manager, worker } = recorded("info-swarm") as Readonly<Record<string, Json>>;
  const entry = (
    nodes as readonly {
      readonly ID: string;
      readonly Description: { readonly Hostname: string; readonly Engine: { readonly EngineVersion: string } };
      readonly Spec: { readonly Role: string };
    }[]
  ).find((one) => one.Description.Hostname === hostname);
  if (entry === undefined) throw new Error(`no node ${hostname} in the recording`);
  const swarm = (entry.Spec.Role === "manager" ? manager : worker) as Readonly<Record<string, Json>>;
  return {
    Name: hostname,
    ServerVersion: entry.Description.Engine.EngineVersion,
    SystemTime: "2026-11-20T15:31:30.0Z",
    Swarm: { ...swarm, NodeID: entry.ID },
    ...more,
  };
}
