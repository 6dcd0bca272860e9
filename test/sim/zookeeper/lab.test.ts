import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { loadInventory } from "../../../src/document/load.ts";
import type { ByteStream } from "../../../src/engine/ports.ts";
import { createScaledClock } from "../../../src/sim/clock.ts";
import { chooseNetwork, startLab, type Lab } from "../../../src/sim/lab.ts";
import { createCluster, type ModelCluster } from "../../../src/sim/model/cluster.ts";
import { createSimRemote } from "../../../src/sim/remote.ts";
import { createRemote, type WiredRemote } from "../../../src/transport/remote.ts";
import { dial, everything, plainSession } from "./session.ts";

describe("ZooKeeper of a lab on the wire", () => {
  let folder: string;
  let cluster: ModelCluster;
  let lab: Lab;
  let remote: WiredRemote;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "pawl-lab-"));
    cluster = createCluster({
      masters: 3,
      privateAgents: 2,
      publicAgents: 1,
      version: "1.11.3",
      network: await chooseNetwork(),
      clock: createScaledClock({ startMs: Date.UTC(2026, 10, 21), scale: 1_000 }),
      faults: [],
    });
    lab = await startLab({ cluster, folder, timeScale: 1_000 });
    const { document: inventory } = await loadInventory(lab.inventoryFile);
    remote = createRemote({ inventory, env: {}, home: folder });
  });
  afterAll(async () => {
    await remote.close();
    await lab.stop();
    await rm(folder, { recursive: true, force: true });
  });

  const address = (name: string): string => cluster.nodes.find((node) => node.name === name)?.address ?? "";
  const told = async (stream: ByteStream): Promise<ReadonlyMap<string, unknown>> => {
    const session = await plainSession(stream);
    const found = await everything(session);
    await session.ask("closeSession", null);
    session.destroy();
    return found;
  };

  it("answers directly, through a master's SSH server and in process with the same tree", async () => {
    const direct = await told(await dial(address("m2"), 2181));
    const through = await remote.open?.("m2", address("m2"), 2181);
    if (through?.kind !== "open") throw new Error(JSON.stringify(through));
    expect(await told(through.stream)).toEqual(direct);
    const inside = await createSimRemote(cluster).open?.("m1", "127.0.0.1", 2181);
    if (inside?.kind !== "open") throw new Error(JSON.stringify(inside));
    expect(await told(inside.stream)).toEqual(direct);
    expect(direct.size).toBeGreaterThan(60);
  });

  it("says why there is no stream: nothing listens, or the machine is none of the inventory", async () => {
    expect(await remote.open?.("a1", address("a1"), 2181)).toMatchObject({ kind: "no-answer", code: "unreachable" });
    await expect(remote.open?.("nobody", address("m1"), 2181)).rejects.toThrow("no machine named nobody");
  });

  it("breaks off with an error when the node drops its connections, and not as if the server had finished", async () => {
    const through = await remote.open?.("m3", address("m3"), 2181);
    if (through?.kind !== "open") throw new Error(JSON.stringify(through));
    const { stream } = through;
    const ended: string[] = [];
    stream.on("end", () => ended.push("end"));
    const broken = new Promise<NodeJS.ErrnoException>((resolve) => stream.once("error", resolve));
    const session = await plainSession(stream);
    cluster.strike({ name: "hostkey-changed", node: "m3" });
    expect((await broken).code).toBe("ECONNRESET");
    await session.ended;
    expect(ended).toEqual([]);
  });
});
