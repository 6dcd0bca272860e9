import { describe, expect, it } from "vitest";
import { changeSpec } from "../../../src/platform/swarm/access/change-spec.ts";
import { createManagers, PATIENCE_MS } from "../../../src/platform/swarm/access/managers.ts";
import type { Json, JsonRecord } from "../../../src/domain/json.ts";
import { good, inventoryOf, NO_LEADER, NOT_A_MANAGER, recorded, recordedRemote, standingClock } from "./recorded.ts";

const NODES = recorded("nodes-three-managers");
const INVENTORY = inventoryOf(NODES);
const errors = recorded("errors") as Readonly<Record<string, { readonly status: number; readonly body: Json }>>;

describe("reading from the managers of a Swarm", () => {
  it("asks the one that answered last, and no worker", async () => {
    const { reader, asked } = recordedRemote(INVENTORY, () => good(NODES));
    const managers = createManagers(reader, INVENTORY);
    await managers.get("/nodes");
    await managers.get("/nodes");
    expect(asked).toEqual(["node1 GET /nodes", "node1 GET /nodes"]);
  });

  it.each([
    ["is away", { lost: "unreachable" }],
    ["has no leader", NO_LEADER],
    ["was demoted", NOT_A_MANAGER],
  ])("goes to another where the first %s, and stays with it", async (_how, trouble) => {
    const { reader, asked } = recordedRemote(INVENTORY, (node) => (node === "node1" ? trouble : good(NODES)));
    const managers = createManagers(reader, INVENTORY);
    expect(await managers.get("/nodes")).toMatchObject({ ok: true, node: "node2" });
    expect(await managers.get("/nodes")).toMatchObject({ ok: true, node: "node2" });
    expect(asked).toEqual(["node1 GET /nodes", "node2 GET /nodes", "node2 GET /nodes"]);
  });

  it("waits for an election, as long as one takes", async () => {
    const clock = standingClock();
    const begun = clock.now();
    const { reader } = recordedRemote(INVENTORY, () => (clock.now() - begun < 9_000 ? NO_LEADER : good(NODES)));
    const managers = createManagers(reader, INVENTORY, { patience: { clock, forMs: PATIENCE_MS } });
    expect(await managers.get("/nodes")).toMatchObject({ ok: true });
    expect(clock.slept).toBe(9_000);
  });

  it("gives up after half a minute, and says what each of them said", async () => {
    const clock = standingClock();
    const { reader } = recordedRemote(INVENTORY, (node) => (node === "node2" ? { lost: "timed-out" } : NO_LEADER));
    const managers = createManagers(reader, INVENTORY, { patience: { clock, forMs: PATIENCE_MS } });
    const said = await managers.get("/nodes");
    expect(said).toMatchObject({ ok: false, status: null });
    expect(said.ok ? "" : said.why).toMatch(/node1: HTTP 500, .*does not have a leader.*node2: timed-out; node3: HTTP 500/);
    expect(clock.slept).toBeLessThanOrEqual(PATIENCE_MS);
  });

  it("takes a no for a no: what does not exist is not asked of another", async () => {
    const { reader, asked } = recordedRemote(INVENTORY, () => errors["service-not-found"]);
    expect(await createManagers(reader, INVENTORY).get("/services/nope")).toMatchObject({ ok: false, status: 404 });
    expect(asked).toEqual(["node1 GET /services/nope"]);
  });

  it("leaves out the one that is about to be touched", async () => {
    const { reader, asked } = recordedRemote(INVENTORY, () => good(NODES));
    await createManagers(reader, INVENTORY, { except: "node1" }).get("/nodes");
    expect(asked).toEqual(["node2 GET /nodes"]);
  });
});

describe("a change sent to the managers of a Swarm", () => {
  it("that never left goes to another", async () => {
    const { remote, asked } = recordedRemote(INVENTORY, (node) => (node === "node1" ? { lost: "refused" } : good({ ID: "x" })));
    expect(await createManagers(remote, INVENTORY).post("/services/create", {})).toMatchObject({ kind: "done", node: "node2" });
    expect(asked).toEqual(["node1 POST /services/create", "node2 POST /services/create"]);
  });

  it.each([
    ["was lost on its way", { lost: "reset" }],
    ["got no answer", { lost: "timed-out" }],
    ["came to a manager that lost its leader", NO_LEADER],
  ])("that %s is unknown, and never sent again", async (_how, trouble) => {
    const { remote, asked } = recordedRemote(INVENTORY, () => trouble);
    expect(await createManagers(remote, INVENTORY).post("/services/create", {})).toMatchObject({ kind: "unknown" });
    expect(asked).toHaveLength(1);
  });

  it("that was refused says why", async () => {
    const { remote } = recordedRemote(INVENTORY, () => errors["service-create-duplicate-name"]);
    expect(await createManagers(remote, INVENTORY).post("/services/create", {})).toMatchObject({
      kind: "refused",
      status: 409,
      why: expect.stringContaining("service ping already exists") as string,
    });
  });
});

describe("a change of a node's spec", () => {
  const node = (NODES as readonly JsonRecord[])[3] ?? {};
  const drained = (spec: JsonRecord): JsonRecord | null =>
    spec["Availability"] === "drain" ? null : { ...spec, Availability: "drain" };

  it("sends back all of it with the version it was read with, and is made anew from what is read then where that is stale", async () => {
    let index = 20;
    const sent: string[] = [];
    const { remote, asked } = recordedRemote(INVENTORY, (_name, path, request) => {
      if (request.method === "GET") return good({ ...node, Version: { Index: index } });
      if (path.endsWith(`version=${index}`) && index > 21) {
        sent.push(request.body ?? "");
        return good(null);
      }
      index += 1;
      return errors["service-update-stale-version"];
    });
    expect(await changeSpec(createManagers(remote, INVENTORY), "nodes", "abc", drained)).toMatchObject({ kind: "done" });
    expect(asked.filter((one) => one.includes("POST"))).toEqual([
      "node1 POST /nodes/abc/update?version=20",
      "node1 POST /nodes/abc/update?version=21",
      "node1 POST /nodes/abc/update?version=22",
    ]);
    expect(JSON.parse(sent[0] ?? "")).toEqual({ Labels: {}, Role: "worker", Availability: "drain" });
  });

  it("that is there already sends nothing", async () => {
    const spec = { Labels: {}, Role: "worker", Availability: "drain" };
    const { remote, asked } = recordedRemote(INVENTORY, () => good({ ...node, Spec: spec }));
    expect(await changeSpec(createManagers(remote, INVENTORY), "nodes", "abc", drained)).toMatchObject({ kind: "unchanged" });
    expect(asked).toEqual(["node1 GET /nodes/abc"]);
  });

  it("gives up where it is stale again and again", async () => {
    const { remote } = recordedRemote(INVENTORY, (_name, _path, request) =>
      request.method === "GET" ? good(node) : errors["service-update-stale-version"],
    );
    expect(await changeSpec(createManagers(remote, INVENTORY), "nodes", "abc", drained)).toMatchObject({ kind: "stale" });
  });
});
