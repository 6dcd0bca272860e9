import { describe, expect, it } from "vitest";
import { discoveredInventory } from "../../../src/cli/discovered-inventory.ts";
import type { Json, JsonRecord } from "../../../src/domain/json.ts";
import { createManagers } from "../../../src/platform/swarm/access/managers.ts";
import { discover } from "../../../src/platform/swarm/facts/discover.ts";
import { findings } from "../../../src/platform/swarm/facts/findings.ts";
import { observe } from "../../../src/platform/swarm/facts/observe.ts";
import { looking } from "../../../src/platform/swarm/looking/looking.ts";
import { renderSheet } from "../../../src/view/sheet.ts";
import { createMasker } from "../../../src/artifact/mask.ts";
import { good, infoOf, inventoryOf, recorded, recordedRemote, standingClock, type EngineAnswer } from "./recorded.ts";

const NODES = recorded("nodes-three-managers");
const INVENTORY = inventoryOf(NODES);
const node1 = INVENTORY.nodes.slice(0, 1);
const REPAINTED = "\u001b[2J\u001b[1;1Hall is well";

/** The recorded nodes with one of them told otherwise. */
function withStatus(hostname: string, status: JsonRecord): Json {
  return (NODES as readonly JsonRecord[]).map((one) =>
    (one["Description"] as JsonRecord)["Hostname"] === hostname
      ? { ...one, Status: { ...(one["Status"] as JsonRecord), ...status } }
      : one,
  );
}

describe("an inventory written from what a manager says", () => {
  const found = async (nodes: Json) => {
    const asked = { ...INVENTORY, nodes: node1 };
    const { reader } = recordedRemote(asked, (node, path) => (path === "/info" ? good(infoOf(NODES, node)) : good(nodes)));
    return discoveredInventory("swarm.yaml", "swarm", asked, await discover(reader, asked));
  };

  it("has nothing in it that a node's state or address smuggles in behind a line break", async () => {
    const hook = 'down\nhooks: { before-node: { argv: ["sh", "-c", "id"] } }\n#';
    const { text, document } = await found(withStatus("node5", { State: hook }));
    expect(document.hooks).toEqual({});
    expect(document.nodes.map((node) => node.name)).toEqual(["node1", "node2", "node3", "node4", "node5"]);
    expect(text.split("\n").filter((line) => line.includes("before-node"))).toEqual([
      expect.stringMatching(/^# Not ready now: /),
    ]);
  });

  it("moves no cursor of whoever reads the file", async () => {
    const { text } = await found(withStatus("node5", { State: REPAINTED }));
    expect(text).toContain("all is well");
    expect(text).not.toContain("\u001b");
  });

  it("is none where two nodes have one address, or one has none: nothing is to be written then", async () => {
    for (const Addr of ["", (NODES as readonly { readonly Status: { readonly Addr: string } }[])[0]?.Status.Addr ?? ""])
      await expect(found(withStatus("node5", { Addr }))).rejects.toMatchObject({ exit: "said-no", code: "no-inventory" });
  });
});

describe("a change that a manager answers with a fault of its own", () => {
  const answered = (status: number, message: string) => {
    const { remote, asked } = recordedRemote(INVENTORY, (): EngineAnswer => ({ status, body: { message } }));
    return createManagers(remote, INVENTORY)
      .post("/services/create", {})
      .then((written) => ({ kind: written.kind, asked: asked.length }));
  };

  it.each([
    "rpc error: code = Unknown desc = raft: failed to process the request: node lost leader status",
    "rpc error: code = Canceled desc = context canceled",
    "rpc error: code = Internal desc = stream terminated by RST_STREAM",
    "",
  ])("may have been done, and is read before anything else: %s", async (message) => {
    expect(await answered(500, message)).toEqual({ kind: "unknown", asked: 1 });
  });

  it.each([
    [500, "rpc error: code = InvalidArgument desc = EndpointSpec: duplicate published ports provided"],
    [500, "rpc error: code = FailedPrecondition desc = network is in use"],
    [501, "renaming services is not supported"],
    [409, "rpc error: code = AlreadyExists desc = name conflicts with an existing object"],
  ])("is certainly not done where it was turned down (%i): %s", async (status, message) => {
    expect(await answered(status, message)).toEqual({ kind: "refused", asked: 1 });
  });
});

describe("a service as it is shown", () => {
  const masker = createMasker({ key: Buffer.alloc(32, 7), secrets: [] });
  const show = async (service: Json, look: "service" | "history" = "service"): Promise<string> => {
    const { reader } = recordedRemote(INVENTORY, (node, path) => {
      if (path === "/info") return good(infoOf(NODES, node));
      return good(path === "/nodes" ? NODES : path.startsWith("/services") ? [service] : []);
    });
    const name = ((service as JsonRecord)["Spec"] as JsonRecord)["Name"] as string;
    const sheet = await looking[look]({ reader, inventory: INVENTORY, clock: standingClock() }, name);
    return renderSheet(sheet, { columns: 200, colour: false }, (text) => masker.text(text));
  };
  const service = (name: string, env: readonly string[]): Json => ({
    ID: "abcdefghijkl",
    Spec: { Name: name, TaskTemplate: { ContainerSpec: { Image: "pawl/ping:1.0", Env: env } }, Mode: { Global: {} } },
  });

  it("tells no value of its environment, whatever a variable is called", async () => {
    const shown = await show(service("web", ["DSN=sk-live-tiger", "DB_PASSWORD=correct horse battery", "PORT=8080"]));
    expect(shown).toMatch(/environment +DSN=masked:[0-9a-f]{12} DB_PASSWORD=masked:[0-9a-f]{12} PORT=masked:/);
    for (const secret of ["tiger", "horse", "battery"]) expect(shown).not.toContain(secret);
  });

  it("moves no cursor by its name", async () => {
    for (const look of ["service", "history"] as const) {
      const shown = await show(service(`web${REPAINTED}\nforged`, []), look);
      expect(shown).not.toContain("\u001b");
      expect(shown).not.toMatch(/^forged/m);
    }
  });
});

describe("two nodes of an inventory behind which one engine answers", () => {
  const see = async (info: (node: string) => Json) => {
    const { reader } = recordedRemote(INVENTORY, (node, path) => {
      if (path === "/info") return good(info(node));
      return good(path === "/nodes" ? NODES : []);
    });
    return (await observe(reader, INVENTORY, { target: "20.10.5" }, standingClock())).facts;
  };
  const verdict = (facts: Awaited<ReturnType<typeof see>>) =>
    findings(facts, INVENTORY).find((one) => one.id === "engines-are-their-own");

  it("are told, and neither counts as upgraded by the other's word", async () => {
    const facts = await see((node) => infoOf(NODES, node === "node5" ? "node4" : node));
    expect(verdict(facts)).toMatchObject({ verdict: "fail", severity: "mandatory" });
    expect(verdict(facts)?.observed).toMatch(/node4.*node5/);
    expect(facts.nodes["node5"]?.complete).toBe(false);
  });

  it("are no fault where each is its own", async () => {
    const facts = await see((node) => infoOf(NODES, node));
    expect(verdict(facts)).toMatchObject({ verdict: "pass" });
    expect(facts.nodes["node5"]?.complete).toBe(true);
  });
});
