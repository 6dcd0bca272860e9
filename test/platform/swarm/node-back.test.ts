import { describe, expect, it } from "vitest";
import type { JsonRecord } from "../../../src/domain/json.ts";
import { list, record } from "../../../src/domain/json-fields.ts";
import type { TarReport } from "../../../src/action/tar-scan.ts";
import { parseNodes, type NodeEntry } from "../../../src/platform/swarm/entries/node-entry.ts";
import { parseInfo, type InfoAnswer } from "../../../src/platform/swarm/facts/engine-info.ts";
import { moveFindings, movesBaseline } from "../../../src/platform/swarm/node/moves-finding.ts";
import { notBack } from "../../../src/platform/swarm/node/node-back.ts";
import { judgeCopy } from "../../../src/platform/swarm/node/raft-copy.ts";
import type { Facts } from "../../../src/domain/plan.ts";
import { inventoryOf, recorded } from "./recorded.ts";

const MIXED = recorded("nodes-mixed-versions") as readonly JsonRecord[];
const INVENTORY = inventoryOf(MIXED);
const entries = (nodes: readonly JsonRecord[] = MIXED): readonly NodeEntry[] => parseNodes(nodes) ?? [];
const machine = (name: string) => {
  const found = INVENTORY.nodes.find((one) => one.name === name);
  if (found === undefined) throw new Error(name);
  return found;
};

/** What a node's own engine says of itself. */
function own(name: string, version: string, swarm: JsonRecord = {}): InfoAnswer {
  const body = JSON.stringify({ ServerVersion: version, Swarm: { LocalNodeState: "active", ControlAvailable: true, ...swarm } });
  const info = parseInfo(body, null);
  if (info === null) throw new Error(body);
  return { kind: "read", node: machine(name), info };
}

function missing(
  name: string,
  answer: InfoAnswer,
  target: string | null,
  change: JsonRecord = {},
  nodes = MIXED,
): readonly string[] {
  const changed = nodes.map((one) => (record(one["Description"])["Hostname"] === name ? { ...one, ...change } : one));
  const listed = entries(changed);
  return notBack(machine(name), listed.find((one) => one.hostname === name) ?? null, listed, answer, target);
}

describe("a node whose engine was restarted", () => {
  it("is back where it and a manager say the same: recorded in the middle of an upgrade", () => {
    expect(missing("node2", own("node2", "20.10.24+dfsg1"), "20.10.24")).toEqual([]);
    expect(missing("node2", own("node2", "20.10.24+dfsg1"), null)).toEqual([]);
  });

  it("is not back with the old engine, nor while the managers have not heard of the new one", () => {
    const todo = MIXED.map((one) => ({
      name: record(one["Description"])["Hostname"],
      engine: record(record(one["Description"])["Engine"])["EngineVersion"],
    })).find((one) => one.engine === "20.10.5+dfsg1");
    const name = typeof todo?.name === "string" ? todo.name : "";
    expect(missing(name, own(name, "20.10.5+dfsg1"), "20.10.24")).toEqual([
      "its engine says 20.10.5+dfsg1",
      "the managers have heard of 20.10.5+dfsg1",
    ]);
    expect(missing(name, own(name, "20.10.24+dfsg1"), "20.10.24")).toEqual(["the managers have heard of 20.10.5+dfsg1"]);
  });

  it("is not back as a manager that is new and not reachable yet (observed: 2 to 4 s)", () => {
    const change = { ManagerStatus: { Reachability: "unreachable", Addr: "198.18.19.13:2377" } };
    expect(missing("node3", own("node3", "20.10.24+dfsg1"), "20.10.24", change)).toEqual(["as a manager it is unreachable"]);
  });

  it("is not back where it is down, unknown, demoted, not listed, or nobody leads", () => {
    const engine = own("node3", "20.10.24+dfsg1");
    expect(missing("node3", engine, "20.10.24", { Status: { State: "unknown" } })).toEqual(["the managers see it unknown"]);
    expect(missing("node3", engine, "20.10.24", { Spec: { Role: "worker", Availability: "active" } })).toEqual([
      "its role is worker",
    ]);
    const nobody = MIXED.map((one) =>
      "ManagerStatus" in one ? { ...one, ManagerStatus: { ...record(one["ManagerStatus"]), Leader: false } } : one,
    );
    expect(missing("node3", engine, "20.10.24", {}, nobody)).toEqual(["no single manager leads"]);
    expect(notBack(machine("node3"), null, [], engine, null)).toEqual(["the Swarm does not list it"]);
  });

  it("that is locked says what only people can do", () => {
    const locked = own("node2", "20.10.24+dfsg1", { LocalNodeState: "locked", ControlAvailable: false });
    expect(missing("node2", locked, "20.10.24")).toEqual([
      "it is locked: run docker swarm unlock on it, with the key that only people have",
    ]);
    const silent: InfoAnswer = { kind: "unread", node: machine("node2"), code: "refused", reason: "refused" };
    expect(missing("node2", silent, "20.10.24")).toEqual(["its engine does not answer (refused)"]);
  });
});

describe("a backup of a manager's state", () => {
  const FILES = [
    "raft/wal-v3-encrypted/0.wal",
    "state.json",
    "docker-state.json",
    "certificates/swarm-node.crt",
    "certificates/swarm-node.key",
    "raft/snap-v3-encrypted/1-2.snap",
  ];
  const archive = (names: readonly string[], empty: string | null = null): TarReport => ({
    files: names.map((name) => ({ name: `swarm/${name}`, bytes: name === empty ? 0 : 9, sha256: name })),
    bytes: 1,
    ended: true,
    damage: null,
  });
  const onNode = (names: readonly string[]): ReadonlyMap<string, string> => new Map(names.map((name) => [`swarm/${name}`, name]));

  it("is whole with every file the node has, each with its digest; a young Swarm has no snapshot of its log", () => {
    expect(judgeCopy(archive(FILES), onNode(FILES))).toEqual({ wrong: null, proven: 6, snapshots: 1 });
    const young = FILES.slice(0, 5);
    expect(judgeCopy(archive(young), onNode(young))).toEqual({ wrong: null, proven: 5, snapshots: 0 });
  });

  it("is none without the log, the key or the state, nor with an empty one", () => {
    for (const name of FILES.slice(0, 5)) {
      const rest = FILES.filter((one) => one !== name);
      expect(judgeCopy(archive(rest), onNode(rest)).wrong, name).toMatchObject({ observed: "not in the archive" });
      expect(judgeCopy(archive(FILES, name), onNode(FILES)).wrong, name).toMatchObject({ observed: "an empty file" });
    }
  });

  it("is none where a file differs, is missing, or came from nowhere", () => {
    const other = new Map([...onNode(FILES), ["swarm/state.json", "else"]]);
    expect(judgeCopy(archive(FILES), other).wrong).toEqual({
      expected: "swarm/state.json with SHA-256 else",
      observed: "state.json",
    });
    expect(judgeCopy(archive(FILES), onNode([...FILES, "worker/tasks.db"])).wrong).toMatchObject({
      observed: "not in the archive",
    });
    expect(judgeCopy(archive([...FILES, "x"]), onNode(FILES)).wrong).toMatchObject({ observed: "swarm/x" });
  });
});

describe("what a preflight says about a drain", () => {
  const TASKS = recorded("tasks") as readonly JsonRecord[];
  const NODES = recorded("nodes") as readonly JsonRecord[];
  const pinned = {
    ID: TASKS[0]?.["ServiceID"] ?? null,
    Spec: {
      Name: "ping",
      Mode: { Replicated: { Replicas: 4 } },
      TaskTemplate: { Placement: { Constraints: ["node.hostname==node3"] } },
    },
  };

  function findings(inputs: Readonly<Record<string, string>>, services: readonly JsonRecord[] = [pinned]): readonly string[] {
    const inventory = inventoryOf(NODES);
    const item = (name: string, bytes: unknown) => ({
      meta: { name: `observed/${name}.json`, mediaType: "application/json", step: null, node: null, evidenceOf: name },
      bytes: JSON.stringify(bytes),
    });
    const nodes = Object.fromEntries(
      NODES.map((one, at) => [
        inventory.nodes[at]?.name ?? "",
        { version: null, role: null, reachable: true, complete: at === 0, details: { nodeId: one["ID"] ?? null } },
      ]),
    );
    const facts: Facts = { clusterId: "c", observedAt: "", nodes, last: {}, counts: {}, baseline: {} };
    const observation = { facts, evidence: [item("nodes", NODES), item("services", services), item("tasks", TASKS)], gaps: [] };
    const moves = movesBaseline(observation, inventory, inputs);
    return moveFindings({ ...facts, baseline: { moves } }).map(
      (one) => `${one.id}: ${one.severity} ${one.verdict} ${one.nodes.join(",")}`,
    );
  }

  it("nothing for a run that drains no node", () => {
    expect(findings({})).toEqual([]);
  });

  it("names the node that is asked for, or every node that is not at the target yet", () => {
    expect(findings({ node: "node3" })).toEqual([
      "tasks-can-move: mandatory fail node3",
      "drained-services-stay: advisory pass ",
    ]);
    expect(findings({ node: "node3", accept: "ping" })[0]).toBe("tasks-can-move: mandatory pass ");
    expect(findings({ target: "26.1.5" })[0]).toBe("tasks-can-move: mandatory fail node3");
    expect(findings({ node: "node9" })[0]).toBe("tasks-can-move: mandatory inconclusive node9");
    expect(list(findings({ target: "26.1.5" }, [{ ...pinned, Spec: { ...pinned.Spec, TaskTemplate: {} } }]))[0]).toBe(
      "tasks-can-move: mandatory pass ",
    );
  });
});
