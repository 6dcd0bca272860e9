import { execFile } from "node:child_process";
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:net";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

/** A copy of the product with one check document spoilt, and a cluster whose every door counts who knocks. */
const product = mkdtempSync(join(tmpdir(), "pawl-spoilt-"));
let door: Server;
let knocks = 0;

beforeAll(async () => {
  for (const part of ["bin", "src", "checks", "runbooks", "package.json", "tsconfig.json"])
    cpSync(resolve(part), join(product, part), { recursive: true });
  symlinkSync(resolve("node_modules"), join(product, "node_modules"));
  door = createServer((socket) => {
    knocks += 1;
    socket.destroy();
  });
  await new Promise<void>((ready) => door.listen(0, "127.0.0.1", ready));
  const { port } = door.address() as AddressInfo;
  const services = ["mesos-master", "mesos-agent", "marathon", "exhibitor", "zookeeper"].map((name) => `${name}: ${port}`);
  writeFileSync(
    join(product, "inventory.yaml"),
    `apiVersion: pawl/v1
kind: Inventory
metadata: { name: counted }
platform: dcos
ssh: { user: core, port: ${port} }
ports: { ${services.join(", ")} }
bootstrap: { address: 127.0.0.1, url: "http://127.0.0.1:${port}" }
nodes:
  - { name: m1, address: 127.0.0.1, role: master }
`,
  );
});

afterAll(async () => {
  await new Promise((closed) => door.close(closed));
  rmSync(product, { recursive: true, force: true });
});

async function pawl(...args: readonly string[]): Promise<{ readonly code: number; readonly out: string; readonly err: string }> {
  knocks = 0;
  return new Promise((done) => {
    const env = { ...process.env, PAWL_STATE_DIR: join(product, "state"), HOME: product };
    execFile(process.execPath, [join(product, "bin/pawl.js"), ...args], { cwd: product, env }, (error, out, err) =>
      done({ code: typeof error?.code === "number" ? error.code : 0, out, err }),
    );
  });
}

/** Changes one text in a file of the copy for the time of a test. */
async function spoilt<T>(file: string, from: string, to: string, test: () => Promise<T>): Promise<T> {
  const path = join(product, file);
  const good = readFileSync(path, "utf8");
  expect(good).toContain(from);
  writeFileSync(path, good.replace(from, to));
  try {
    return await test();
  } finally {
    writeFileSync(path, good);
  }
}

const PREFLIGHT = ["preflight", "-i", "inventory.yaml", "--to", "1.10.8"];
const UPGRADE = ["upgrade", "-i", "inventory.yaml", "--to", "1.10.8", "--yes"];

describe("a check that is wrong about a reading that came with it", () => {
  it("the checks as they came: the cluster is asked", { timeout: 120_000 }, async () => {
    const { code } = await pawl(...PREFLIGHT);
    expect(knocks).toBeGreaterThan(0);
    expect(code).toBe(1);
    rmSync(join(product, "backups"), { recursive: true, force: true });
  });

  it(
    "one that passes its recorded bad reading ends a preflight with 1 before the first request; reading and file are named",
    { timeout: 120_000 },
    async () => {
      const { code, out, err } = await spoilt(
        "checks/dcos/masters.yaml",
        '(.metrics."registrar/log/recovered" | numbers) == 1',
        '(.metrics."registrar/log/recovered" | numbers) >= 0',
        () => pawl(...PREFLIGHT),
      );
      expect([code, knocks, out]).toEqual([1, 0, ""]);
      const said = err.replace(/\s+/g, " ");
      expect(said).toContain(
        'replog-recovered, "the log of one that does not lead has not recovered": it must be refused and is a pass',
      );
      expect(said).toContain("checks/dcos/masters.yaml");
      expect(said).toContain("The cluster was not asked anything");
      expect(readdirSync(product)).not.toContain("backups");
    },
  );

  it("one that refuses its recorded good reading ends an upgrade the same way", { timeout: 120_000 }, async () => {
    const { code, err } = await spoilt(
      "checks/dcos/nodes.yaml",
      'pass: "(.node.uid | numbers) == 0"',
      'pass: "(.node.uid | numbers) < 0"',
      () => pawl(...UPGRADE),
    );
    expect([code, knocks]).toEqual([1, 0]);
    expect(err.replace(/\s+/g, " ")).toContain('ssh-and-sudo, "root on every node": it must pass and is a fail');
    expect(readdirSync(product)).not.toContain("backups");
  });

  it("a runbook that makes a gate easier than its check allows ends an upgrade the same way", { timeout: 120_000 }, async () => {
    const { code, err } = await spoilt(
      "runbooks/dcos-upgrade.yaml",
      "          - zookeeper-quorum\n",
      "          - { check: zookeeper-quorum, passes: 1, span: 0s }\n",
      () => pawl(...UPGRADE),
    );
    expect([code, knocks]).toEqual([1, 0]);
    expect(err.replace(/\s+/g, " ")).toContain('zookeeper-quorum, "one reading": the gate is satisfied with it');
  });
});
