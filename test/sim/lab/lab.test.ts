import { readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { loadInventory } from "../../../src/document/load.ts";
import { chooseNetwork, startLab } from "../../../src/sim/lab.ts";
import { labKey } from "../../../src/sim/lab-keys.ts";
import { createLabClock, proveLab } from "../../../src/transport/lab-clock.ts";
import { toyLab, type ToyLab } from "../wire/toy-lab.ts";

const opened: ToyLab[] = [];
afterEach(async () => {
  await Promise.all(opened.splice(0).map((toy) => toy.stop()));
});

async function setUp(): Promise<ToyLab> {
  const toy = await toyLab();
  opened.push(toy);
  return toy;
}

async function post(url: string, body: unknown): Promise<{ status: number; json: Record<string, unknown> }> {
  const answer = await fetch(url, { method: "POST", body: JSON.stringify(body) });
  return { status: answer.status, json: (await answer.json()) as Record<string, unknown> };
}

describe("a lab", () => {
  it("tells the time, and moves it only while somebody sleeps", async () => {
    const { lab, cluster } = await setUp();
    const clock = await createLabClock(lab.control);
    const before = clock.now();
    expect(before).toBe(cluster.clock.now());
    await clock.sleep(60_000);
    expect(clock.now() - before).toBe(60_000);
    expect(await (await fetch(`${lab.control}/`)).json()).toEqual({ lab: "toy", timeScale: 1000, now: before + 60_000 });
  });

  it("holds its time still for one client while another one sleeps, and gives it its sleep afterwards", async () => {
    const { lab, cluster } = await setUp();
    const [looks, sleeps] = [await createLabClock(lab.control), await createLabClock(lab.control)];
    const slept = sleeps.sleep(3_600_000);
    await expect.poll(() => cluster.clock.now() > looks.now()).toBe(true);
    const release = await looks.hold();
    const held = cluster.clock.now();
    expect(looks.now()).toBe(held);
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(cluster.clock.now()).toBe(held);
    release();
    await slept;
    expect(sleeps.now()).toBeGreaterThanOrEqual(held);
  });

  it("is held by nobody whose connection is gone", async () => {
    const { lab, cluster } = await setUp();
    const clock = await createLabClock(lab.control);
    const gone = new AbortController();
    await fetch(`${lab.control}/hold`, { method: "POST", signal: gone.signal });
    gone.abort();
    const before = cluster.clock.now();
    await clock.sleep(60_000);
    expect(cluster.clock.now() - before).toBe(60_000);
  });

  it("takes back the sleep of a client that goes away", async () => {
    const { lab } = await setUp();
    const clock = await createLabClock(lab.control);
    const before = clock.now();
    const giveUp = new AbortController();
    const slept = clock.sleep(1e12, giveUp.signal);
    giveUp.abort();
    await slept;
    expect(clock.now() - before).toBeLessThan(1e9);
  });

  it("proves by every node's host key that it is this lab, and no other lab can", async () => {
    const { lab } = await setUp();
    const other = await setUp();
    const known = (await readFile(join(lab.folder, "known_hosts"), "utf8")).trim().split("\n");
    const nodes = ["m1", "a1"].map((name, index) => ({ name, hostKey: (known[index] ?? "").split(" ").slice(1).join(" ") }));
    await expect(proveLab({ control: lab.control, nodes })).resolves.toBeUndefined();
    await expect(proveLab({ control: other.lab.control, nodes })).rejects.toThrow(
      /has not proved it|none of its nodes has proved it/,
    );
  });

  it("signs nothing but nonces", async () => {
    const { lab } = await setUp();
    expect((await post(`${lab.control}/prove`, { nonce: "transfer all money" })).status).toBe(400);
    expect((await post(`${lab.control}/sleep`, { ms: "long" })).status).toBe(400);
    expect((await fetch(`${lab.control}/elsewhere`)).status).toBe(404);
  });

  it("heals, and stops when told to over its control address", async () => {
    const { lab, cluster } = await setUp();
    await post(`${lab.control}/heal`, {});
    expect(cluster.healed).toBe(1);
    expect((await post(`${lab.control}/shutdown`, {})).status).toBe(200);
    await lab.stopped;
    await expect(fetch(`${lab.control}/`)).rejects.toThrow();
  });

  it("writes an inventory that validates, with every node and installer, and keeps its secrets to itself", async () => {
    const toy = await toyLab();
    opened.push(toy);
    toy.cluster.bootstrap.fs.writeFileSync("/opt/dcos/1.10.8/dcos_generate_config.sh", "#!/bin/bash\n");
    const { lab } = toy;
    await lab.stop();
    const again = await startLab({ cluster: toy.cluster, folder: lab.folder, timeScale: 1500 });
    try {
      const { document: inventory } = await loadInventory(again.inventoryFile);
      expect(inventory.nodes.map(({ name, address, role }) => ({ name, address, role }))).toEqual([
        { name: "m1", address: toy.cluster.nodes[0]!.address, role: "master" },
        { name: "a1", address: toy.cluster.nodes[1]!.address, role: "agent" },
      ]);
      expect(inventory.lab).toEqual({ control: again.control, timeScale: 1500 });
      expect(inventory.bootstrap?.installers).toEqual({ "1.10.8": "/opt/dcos/1.10.8/dcos_generate_config.sh" });
      expect((await stat(lab.folder)).mode & 0o777).toBe(0o700);
      for (const file of ["id_ed25519", "secret", "known_hosts", "inventory.yaml"])
        expect((await stat(join(lab.folder, file))).mode & 0o777).toBe(0o600);
    } finally {
      await again.stop();
    }
  });

  it("has the same keys when it is started again in its folder", async () => {
    const { lab, cluster } = await setUp();
    const before = await readFile(join(lab.folder, "known_hosts"), "utf8");
    await lab.stop();
    const again = await startLab({ cluster, folder: lab.folder, timeScale: 1000 });
    await again.stop();
    expect(await readFile(join(lab.folder, "known_hosts"), "utf8")).toBe(before);
  });

  it("says which address is taken instead of starting half", async () => {
    const { cluster, lab } = await setUp();
    await expect(startLab({ cluster, folder: lab.folder, timeScale: 1000 })).rejects.toMatchObject({ code: "lab-cannot-listen" });
  });

  it("never shares its block of addresses", async () => {
    const blocks = await Promise.all(Array.from({ length: 20 }, () => chooseNetwork()));
    expect(new Set(blocks).size).toBe(20);
  });
});

describe("lab keys", () => {
  it("are the same for the same secret and name, and others otherwise", () => {
    const secret = Buffer.alloc(32, 1);
    expect(labKey(secret, "m1").file).toBe(labKey(secret, "m1").file);
    expect(labKey(secret, "m1").line).not.toBe(labKey(secret, "m2").line);
    expect(labKey(Buffer.alloc(32, 2), "m1").line).not.toBe(labKey(secret, "m1").line);
  });

  it("are read by ssh2, every one of many", async () => {
    const { default: ssh2 } = await import("ssh2");
    for (let index = 0; index < 300; index += 1) {
      const key = labKey(Buffer.alloc(32, 7), String(index));
      const parsed = ssh2.utils.parseKey(key.file);
      if (parsed instanceof Error) throw parsed;
      expect([parsed].flat()[0]?.getPublicSSH().equals(key.blob)).toBe(true);
    }
  });
});
