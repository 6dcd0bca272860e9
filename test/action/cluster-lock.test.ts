import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { breakClusterLock, createClusterLock, type LockParts } from "../../src/action/cluster-lock.ts";
import type { Outcome, Remote } from "../../src/engine/ports.ts";

const folder = mkdtempSync(join(tmpdir(), "pawl-lock-"));
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

const never = (): never => {
  throw new RangeError("the lock only runs commands");
};

/** Managers that are folders of this machine, their commands run by its own sh. `full`: where nothing can be written. */
function managers(nodes: readonly string[], run: string, full: readonly string[] = []): LockParts {
  const path = "/pawl/lock";
  const remote: Remote = {
    run(node, command): Promise<Outcome> {
      const [, , script = "", name = "", d = "", ...args] = command.argv;
      const text = full.includes(node) ? `printf() { return 1; }\n${script}` : script;
      const { status, stdout, stderr } = spawnSync("sh", ["-c", text, name, join(folder, node, d), ...args], {
        encoding: "utf8",
      });
      return Promise.resolve({ kind: "exited", code: status ?? -1, stdout, stderr });
    },
    stream: never,
    http: never,
    tcp: never,
    close: () => Promise.resolve(),
  };
  return { remote, nodes, path, run, actor: "anna@desk", host: "desk", clock: { now: () => 0 } };
}
const place = (node: string): string => join(folder, node, "pawl/lock");

describe("the lock on the managers", () => {
  it("is taken, kept by a resume, refused to another run, and given back", async () => {
    const nodes = ["k1", "k2", "k3"];
    const mine = createClusterLock(managers(nodes, "run-1"));
    expect(await mine.take()).toEqual({ kind: "taken", nodes, holder: "anna@desk on desk" });
    expect(await createClusterLock(managers(nodes, "run-1")).take()).toMatchObject({ kind: "taken" });
    const other = createClusterLock(managers(nodes, "run-2"));
    expect(await other.take()).toEqual({ kind: "held", holder: "anna@desk on desk, run run-1, since 1970-01-01T00:00:00.000Z" });
    expect(await other.release()).toEqual([]);
    expect(await mine.check()).toEqual({ kind: "ours" });
    expect(await mine.release()).toEqual(nodes);
    expect(nodes.some((node) => existsSync(place(node)))).toBe(false);
  });

  it("whose line cannot be written leaves nothing behind that nobody could free", async () => {
    const nodes = ["f1", "f2", "f3"];
    expect(await createClusterLock(managers(nodes, "run-1", ["f1", "f2"])).take()).toMatchObject({ kind: "no-majority" });
    expect(nodes.some((node) => existsSync(place(node)))).toBe(false);
    expect(await createClusterLock(managers(nodes, "run-2", ["f1"])).take()).toMatchObject({
      kind: "taken",
      nodes: ["f2", "f3"],
    });
    expect(readFileSync(join(place("f2"), "holder"), "utf8")).toContain('"run":"run-2"');
  });

  it("is lost when it was broken, and a release then takes nothing from the new holder", async () => {
    const nodes = ["b1", "b2", "b3"];
    const mine = createClusterLock(managers(nodes, "run-1"));
    await mine.take();
    const broken = await breakClusterLock(managers(nodes, ""));
    expect(broken.map((one) => one.found)).toEqual(
      nodes.map(() => "anna@desk on desk, run run-1, since 1970-01-01T00:00:00.000Z"),
    );
    expect(await mine.check()).toMatchObject({ kind: "lost" });
    await createClusterLock(managers(nodes, "run-2")).take();
    expect(await mine.release()).toEqual([]);
    expect(await createClusterLock(managers(nodes, "run-2")).check()).toEqual({ kind: "ours" });
  });
});
