import { describe, expect, it } from "vitest";
import type { Json, JsonRecord } from "../../../src/domain/json.ts";
import { list, parseJson, record, text } from "../../../src/domain/json-fields.ts";
import { activateNode } from "../../../src/platform/swarm/node/activate-node.ts";
import { drainNode } from "../../../src/platform/swarm/node/drain-node.ts";
import { nodeSteps, settle, type NodeSteps } from "./node-step.ts";
import { good, inventoryOf, recorded, recordedRemote, type EngineAnswer } from "./recorded.ts";

const word = (value: Json | undefined): string => text(value) ?? "";
const NODES = recorded("nodes") as readonly JsonRecord[];
const TASKS = recorded("tasks") as readonly JsonRecord[];
const SERVICE = word(TASKS[0]?.["ServiceID"]);
const NODE3 = word(NODES[2]?.["ID"]);

interface World {
  readonly steps: NodeSteps;
  readonly asked: readonly string[];
  /** Bodies that were sent to node3's update, as JSON. */
  readonly sent: readonly Json[];
  spec(): JsonRecord;
}

interface Wishes {
  readonly spec?: JsonRecord;
  /** Looks until the drained task has started elsewhere; Infinity: never. */
  readonly looks?: number;
  /** What the first updates are answered, instead of what they do. */
  readonly refusals?: readonly EngineAnswer[];
  readonly constraints?: readonly string[];
  readonly planned?: string;
  readonly nodes?: readonly JsonRecord[];
}

const STALE: EngineAnswer = { status: 500, body: { message: "rpc error: code = Unknown desc = update out of sequence" } };

/** A recorded Swarm of three, of which node3 can be drained: its task moves to node1 after some looks (tasks-drained.json). */
function world(wishes: Wishes = {}): World {
  const nodes = wishes.nodes ?? NODES;
  const inventory = inventoryOf(NODES);
  const sent: Json[] = [];
  const refusals = [...(wishes.refusals ?? [])];
  let spec: JsonRecord = { ...record(nodes[2]?.["Spec"]), ...wishes.spec };
  let index = 100;
  let looked = 0;
  const drained = (): boolean => spec["Availability"] === "drain";
  const tasks = (): Json => {
    if (!drained()) return TASKS;
    looked += 1;
    const moved = looked > (wishes.looks ?? 2);
    return TASKS.flatMap((task) => {
      if (task["NodeID"] !== NODE3) return [task];
      const old = {
        ...task,
        DesiredState: "shutdown",
        Status: { ...record(task["Status"]), State: looked > 1 ? "shutdown" : "running" },
      };
      const fresh = {
        ...task,
        ID: "fresh",
        NodeID: moved ? (NODES[0]?.["ID"] ?? null) : null,
        Status: { State: moved ? "running" : "pending", Err: "no suitable node" },
      };
      return [old, fresh];
    });
  };
  const service = {
    ID: SERVICE,
    Spec: {
      Name: "ping",
      Mode: { Replicated: { Replicas: 4 } },
      TaskTemplate: { Placement: { Constraints: wishes.constraints ?? [] } },
    },
  };
  const node3 = (): JsonRecord => ({ ...nodes[2], Spec: spec, Version: { Index: index } });
  const { remote, asked } = recordedRemote(inventory, (_node, path, request) => {
    if (request.method === "POST" && path.startsWith(`/nodes/${NODE3}/update`)) {
      const refusal = refusals.shift();
      sent.push(parseJson(request.body ?? "") ?? null);
      if (refusal !== undefined) {
        index += 1;
        return refusal;
      }
      if (path !== `/nodes/${NODE3}/update?version=${index}`) return STALE;
      spec = record(sent.at(-1));
      index += 1;
      return good("");
    }
    if (path === "/nodes") return good([...nodes.slice(0, 2), node3()]);
    if (path === `/nodes/${NODE3}`) return good(node3());
    if (path.startsWith("/services")) return good([service]);
    return path.startsWith("/tasks") ? good(tasks()) : undefined;
  });
  const details = Object.fromEntries(
    NODES.map((node, at) => [
      inventory.nodes[at]?.name ?? "",
      { nodeId: node["ID"] ?? null, state: "ready", availability: at === 2 ? (wishes.planned ?? "active") : "active" },
    ]),
  );
  const steps = nodeSteps(inventory, remote, {
    nodes: details,
    baseline: { services: [{ id: SERVICE, serving: 4, desired: 4 }] },
  });
  return { steps, asked, sent, spec: () => spec };
}

const OWN = { Name: "three", Labels: { zone: "a", disk: "ssd" }, Something: { new: ["in", "a", "later", "API"] } };

describe("draining a node", () => {
  it("changes the availability and nothing else of the spec, and is done when every task serves elsewhere", async () => {
    const { steps, sent, asked } = world({ spec: OWN });
    const end = await drainNode.doIt(steps.context(drainNode, "node3"));
    expect(end).toMatchObject({ kind: "done", output: { node: "node3", id: NODE3, availability: "active" } });
    expect(sent).toEqual([{ ...OWN, Role: "worker", Availability: "drain" }]);
    expect(asked.filter((one) => one.includes("POST"))).toEqual([`node1 POST /nodes/${NODE3}/update?version=100`]);
    const kept = [...steps.kept.values()].map((one) => [one.meta.name, parseJson(one.bytes.toString("utf8"))]);
    expect(kept).toEqual([
      [
        "all/node3/drain-node/node-before.json",
        expect.objectContaining({ id: NODE3, spec: { ...OWN, Role: "worker", Availability: "active" } }),
      ],
    ]);
  });

  it("sends a fresh spec where the node was changed in between: three times again, then gives up and says so", async () => {
    const twice = world({ refusals: [STALE, STALE] });
    expect(await drainNode.doIt(twice.steps.context(drainNode, "node3"))).toMatchObject({ kind: "done" });
    expect(twice.sent).toHaveLength(3);
    const always = world({ refusals: [STALE, STALE, STALE, STALE, STALE] });
    expect(await drainNode.doIt(always.steps.context(drainNode, "node3"))).toMatchObject({
      kind: "failed",
      problem: { code: "drain-refused", node: "node3" },
    });
    expect(always.sent).toHaveLength(4);
  });

  it("never repeats a change that may have arrived", async () => {
    const { steps, sent } = world({ refusals: [{ lost: "reset" }] });
    expect(await drainNode.doIt(steps.context(drainNode, "node3"))).toMatchObject({
      kind: "unknown",
      problem: { code: "contact-lost.drain" },
    });
    expect(sent).toHaveLength(1);
  });

  it("fails at its time limit, and says which service is short and what its task says", async () => {
    const { steps, spec } = world({ looks: Infinity });
    const end = await drainNode.doIt(steps.context(drainNode, "node3", { with: { limit: "30s" } }));
    expect(end).toMatchObject({
      kind: "failed",
      problem: { code: "drain-overdue", observed: "ping: 3 of 4 serve (no suitable node)", node: "node3" },
    });
    // It stays as it is, and is named.
    expect(spec()["Availability"]).toBe("drain");
  });

  it("does not wait for a service that may stand still", async () => {
    const { steps } = world({ looks: Infinity });
    expect(await drainNode.doIt(steps.context(drainNode, "node3", { with: { accept: "ping" } }))).toMatchObject({ kind: "done" });
  });

  it("is refused, with every reason, where a task has nowhere to go; and allowed where somebody has named the service", async () => {
    const { steps, sent } = world({ constraints: ["node.hostname==node3"] });
    expect(await drainNode.mayI?.(steps.context(drainNode, "node3"))).toMatchObject({
      kind: "no",
      exit: "refused",
      problem: {
        code: "nowhere-to-go",
        observed:
          "ping.2 would have nowhere to go: node1 does not meet node.hostname==node3, node2 does not meet node.hostname==node3",
        next: expect.stringContaining("--set accept=ping") as string,
      },
    });
    expect(sent).toEqual([]);
    expect(await drainNode.mayI?.(steps.context(drainNode, "node3", { with: { accept: "ping" } }))).toMatchObject({
      kind: "yes",
    });
    expect(await drainNode.mayI?.(world().steps.context(drainNode, "node3"))).toMatchObject({ kind: "yes" });
  });

  it("asks the Swarm itself where the step belongs to no phase of a node, and knows no node that the inventory has not", async () => {
    const down = NODES.map((node, at) => (at === 1 ? { ...node, Status: { State: "down", Addr: "198.18.18.12" } } : node));
    const ill = world({ nodes: down });
    expect(await drainNode.mayI?.(ill.steps.context(drainNode, null, { with: { node: "node3" } }))).toMatchObject({
      kind: "no",
      problem: { code: "another-node-away" },
    });
    expect(await drainNode.mayI?.(world().steps.context(drainNode, null, { with: { node: "node9" } }))).toMatchObject({
      kind: "no",
      problem: { code: "no-such-node", observed: "node9" },
    });
  });

  it("halts where somebody has drained the node since the plan; on a second attempt that was the first", async () => {
    const { steps } = world({ spec: { Availability: "drain" }, looks: 0 });
    expect(await drainNode.mayI?.(steps.context(drainNode, "node3"))).toMatchObject({
      kind: "no",
      problem: { code: "availability-changed", expected: "active", observed: "drain" },
    });
    expect(await drainNode.mayI?.(steps.context(drainNode, "node3", { attempts: 1 }))).toMatchObject({ kind: "yes" });
  });

  it("looks after a crash, and waits on where the node is drained: nothing is sent again, and what it was before is not forgotten", async () => {
    const { steps, sent } = world({ spec: { Availability: "drain" }, looks: 1 });
    const ctx = steps.context(drainNode, "node3", { attempts: 1 });
    expect(await drainNode.probe?.(ctx)).toMatchObject({ kind: "running" });
    expect(await drainNode.doIt(ctx)).toMatchObject({ kind: "done", output: { availability: "active" } });
    expect(sent).toEqual([]);
    expect(await drainNode.probe?.(world().steps.context(drainNode, "node3", { attempts: 1 }))).toEqual({ kind: "not-begun" });
  });
});

describe("taking a node back", () => {
  it("gives it the availability of before, and leaves every other part of its spec, also one that was changed meanwhile", async () => {
    const { steps, sent, spec } = world({ spec: { ...OWN, Availability: "drain", Labels: { zone: "b" } } });
    steps.context(drainNode, "node3");
    settle(steps, "all/node3/drain-node", { node: "node3", id: NODE3, availability: "active" });
    expect(await activateNode.doIt(steps.context(activateNode, "node3"))).toMatchObject({
      kind: "done",
      note: expect.stringContaining("do not come back") as string,
    });
    expect(sent).toEqual([{ ...OWN, Role: "worker", Availability: "active", Labels: { zone: "b" } }]);
    expect(spec()["Availability"]).toBe("active");
    expect(list(record(spec()["Something"])["new"])).toHaveLength(4);
  });

  it("leaves a node drained or paused that was so before", async () => {
    for (const before of ["drain", "pause"]) {
      const { steps, sent } = world({ spec: { Availability: "drain" }, planned: before, looks: 0 });
      steps.context(drainNode, "node3");
      settle(steps, "all/node3/drain-node", { node: "node3", id: NODE3, availability: before });
      expect(await activateNode.doIt(steps.context(activateNode, "node3"))).toMatchObject({
        kind: "done",
        note: `${before}, as it was before`,
      });
      expect(sent.map((one) => record(one)["Availability"])).toEqual(before === "drain" ? [] : ["pause"]);
    }
  });

  it("is looked at after a crash: done where it is so, begun anew where it is not", async () => {
    const probe = async (availability: string): Promise<unknown> => {
      const { steps } = world({ spec: { Availability: availability }, looks: 0 });
      return activateNode.probe?.(steps.context(activateNode, "node3", { attempts: 1 }));
    };
    expect(await probe("active")).toMatchObject({ kind: "done" });
    expect(await probe("drain")).toEqual({ kind: "not-begun" });
  });
});
