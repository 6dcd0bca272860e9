import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it, vi } from "vitest";
import { breakClusterLocks, createClusterLock, findClusterLocks } from "../../src/action/cluster-lock.ts";
import { TAKE } from "../../src/action/cluster-lock-text.ts";
import { ModelManagers, partsOf, running, shellManagers } from "./lock-material.ts";

const folder = mkdtempSync(join(tmpdir(), "pawl-lock-"));
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

const place = (node: string): string => join(folder, node, "pawl/lock");
const left = (node: string): readonly string[] =>
  existsSync(join(folder, node, "pawl")) ? readdirSync(join(folder, node, "pawl")) : [];
const remote = shellManagers(folder);

describe("the lock on the managers", () => {
  it("is taken, kept by a resume, refused to another run, and given back without a trace", async () => {
    const nodes = ["k1", "k2", "k3"];
    const mine = createClusterLock(partsOf(remote, nodes, "id-1"));
    expect(await mine.take()).toEqual({ kind: "taken", nodes, holder: "anna@desk on desk" });
    expect(await createClusterLock(partsOf(remote, nodes, "id-1")).take()).toMatchObject({ kind: "taken" });
    const other = createClusterLock(partsOf(remote, nodes, "id-2", { run: "run-2" }));
    expect(await other.take()).toEqual({ kind: "held", holder: "anna@desk on desk, run run-1, since 1970-01-01T00:00:00.000Z" });
    expect(await other.release()).toEqual([]);
    expect(await mine.check()).toEqual({ kind: "ours" });
    expect(await mine.release()).toEqual(nodes);
    expect(nodes.flatMap(left)).toEqual([]);
  });

  it("tells two runs of one name apart: they may have begun in the same second on two machines", async () => {
    const nodes = ["n1", "n2", "n3"];
    expect((await createClusterLock(partsOf(remote, nodes, "id-1")).take()).kind).toBe("taken");
    const twin = createClusterLock(partsOf(remote, nodes, "id-2", { host: "laptop" }));
    expect((await twin.take()).kind).toBe("held");
    expect(await twin.check()).toMatchObject({ kind: "lost" });
  });

  it("gives signs of life in a long step, so that another machine does not take its holder for dead; none before and after", async () => {
    const nodes = ["h1", "h2", "h3"];
    let act: (() => void) | null = null;
    const everySoOften = (sign: () => void): (() => void) => {
      act = sign;
      return () => {
        act = null;
      };
    };
    const sign = (): void => act?.();
    const seen = (node: string): string => readFileSync(join(place(node), "seen"), "utf8");
    const lock = createClusterLock(partsOf(remote, nodes, "id-1", { everySoOften }));
    expect(act).toBeNull();
    await lock.take();
    // The soak has lasted for an hour: what was written before it is old.
    for (const node of nodes) writeFileSync(join(place(node), "seen"), "1000\n");
    const old = await findClusterLocks({ remote, nodes, path: "/pawl/lock", identity: null });
    expect(old.found.every((one) => (one.seenSeconds ?? 0) > 3_600)).toBe(true);
    sign();
    await vi.waitFor(() => expect(nodes.map(seen)).not.toContain("1000\n"));
    const found = await findClusterLocks({ remote, nodes, path: "/pawl/lock", identity: null });
    expect(found.found.every((one) => one.seenSeconds !== null && one.seenSeconds < 120)).toBe(true);
    sign();
    expect(await lock.release()).toEqual(nodes);
    expect(act).toBeNull();
    expect(nodes.flatMap(left)).toEqual([]);
  });

  it("that a late command left on one manager hinders nobody, is explained, and is taken away by unlock", async () => {
    const nodes = ["l1", "l2", "l3"];
    // Sent, given up, and carried out when its run had already ended.
    await createClusterLock(partsOf(remote, ["l2"], "late", { run: "run-late" })).take();
    const next = createClusterLock(partsOf(remote, nodes, "id-next", { run: "run-next" }));
    expect(await next.take()).toMatchObject({ kind: "taken", nodes: ["l1", "l3"] });
    expect(await next.check()).toEqual({ kind: "ours" });
    await next.release();
    const all = { remote, nodes, path: "/pawl/lock", identity: null };
    const { found, others } = await findClusterLocks(all);
    expect(found).toMatchObject([{ node: "l2", holder: { run: "run-late", holder: "anna@desk" } }]);
    expect(others.map((one) => one.text)).toEqual(["no lock", "no lock"]);
    expect(await breakClusterLocks(all, found)).toMatchObject([{ node: "l2", broken: true }]);
    expect(nodes.flatMap(left)).toEqual([]);
  });

  it("is one majority, whoever comes first: of two that start at once exactly one gets it and the other leaves nothing", async () => {
    for (const [round, count] of [3, 3, 4, 5, 1, 2].entries()) {
      const nodes = Array.from({ length: count }, (_, index) => `s${round}-${index}`);
      const runs = ["one", "two", "three"].map((id) => createClusterLock(partsOf(remote, nodes, id, { run: id, host: id })));
      const answers = await Promise.all(runs.map((run) => run.take()));
      const won = answers.flatMap((answer, index) => (answer.kind === "taken" ? [index] : []));
      expect([count, won.length]).toEqual([count, 1]);
      expect(answers.filter((answer) => answer.kind === "held")).toHaveLength(2);
      const [winner = 0] = won;
      expect(await runs[winner]?.check()).toEqual({ kind: "ours" });
      await runs[winner]?.release();
      expect(nodes.flatMap(left)).toEqual([]);
    }
  });

  it("that was cut in two by nobody's majority is given back by both", async () => {
    const nodes = ["e1", "e2", "e3", "e4"];
    const here = createClusterLock(partsOf(remote, nodes, "here", { run: "here" }));
    const there = createClusterLock(partsOf(remote, [...nodes].reverse(), "there", { run: "there", host: "laptop" }));
    // Another order for each: the worst that can be, which one order for everybody prevents.
    for (const [node, id] of [
      ["e1", "here"],
      ["e2", "here"],
      ["e3", "there"],
      ["e4", "there"],
    ] as const)
      expect((await createClusterLock(partsOf(remote, [node], id, { run: id })).take()).kind).toBe("taken");
    expect(await here.take()).toMatchObject({
      kind: "held",
      holder: expect.stringContaining("e1: ours; e2: ours; e3: anna@desk"),
    });
    expect(await there.take()).toMatchObject({ kind: "taken" });
    expect(await there.release()).toHaveLength(4);
    expect(nodes.flatMap(left)).toEqual([]);
  });

  it("needs a majority, and says who did not answer", async () => {
    const nodes = ["u1", "u2", "u3"];
    const dead = (silent: readonly string[]) =>
      running(async (node, argv) =>
        silent.includes(node)
          ? { kind: "lost", reason: "no route to host", code: "EHOSTUNREACH", sent: false }
          : remote.run(node, { argv, timeoutMs: 1_000 }),
      );
    const one = createClusterLock(partsOf(dead(["u2"]), nodes, "id-1"));
    expect(await one.take()).toMatchObject({ kind: "taken", nodes: ["u1", "u3"] });
    expect(await one.check()).toEqual({ kind: "ours" });
    expect(await createClusterLock(partsOf(dead(["u2", "u3"]), nodes, "id-1")).check()).toEqual({
      kind: "lost",
      reason: "ours on 1 of 3; u2: no route to host; u3: no route to host",
    });
    await one.release();
    expect(await createClusterLock(partsOf(dead(["u1", "u2"]), nodes, "id-1")).take()).toEqual({
      kind: "no-majority",
      reason: "0 of 3 managers, 2 are needed; u1: no route to host; u2: no route to host",
    });
    expect(nodes.flatMap(left)).toEqual([]);
  });

  it("whose line cannot be written leaves nothing behind that nobody could free", async () => {
    const nodes = ["f1", "f2", "f3"];
    const full = (which: readonly string[]) =>
      shellManagers(folder, Object.fromEntries(which.map((node) => [node, "printf() { return 1; }"])));
    expect(await createClusterLock(partsOf(full(["f1", "f2"]), nodes, "id-1")).take()).toMatchObject({ kind: "no-majority" });
    expect(nodes.flatMap(left)).toEqual([]);
    const second = createClusterLock(partsOf(full(["f1"]), nodes, "id-2", { run: "run-2" }));
    expect(await second.take()).toMatchObject({ kind: "taken", nodes: ["f2", "f3"] });
    expect(readFileSync(join(place("f2"), "holder"), "utf8")).toContain('"run":"run-2"');
  });

  it.each([
    ["made the folder", "printf() { kill -9 $$; }"],
    ["wrote the line beside it", "ln() { kill -9 $$; }"],
  ])("locks nobody out when its taker died after it had %s", async (name, crash) => {
    const nodes = [`c-${name.length}`];
    expect(
      (await createClusterLock(partsOf(shellManagers(folder, { [nodes[0] ?? ""]: crash }), nodes, "id-1")).take()).kind,
    ).toBe("no-majority");
    const next = createClusterLock(partsOf(remote, nodes, "id-2", { run: "run-2" }));
    expect(await next.take()).toMatchObject({ kind: "taken" });
    await next.release();
    expect(existsSync(place(nodes[0] ?? ""))).toBe(false);
  });

  it("is the dead taker's own where it died after the lock was made, and a resume finds it", async () => {
    const nodes = ["d1"];
    const crash = shellManagers(folder, { d1: "rm() { kill -9 $$; }" });
    expect((await createClusterLock(partsOf(crash, nodes, "id-1")).take()).kind).toBe("no-majority");
    expect(readFileSync(join(place("d1"), "holder"), "utf8")).toContain('"id":"id-1"');
    expect((await createClusterLock(partsOf(remote, nodes, "id-2", { run: "run-2" })).take()).kind).toBe("held");
    const resumed = createClusterLock(partsOf(remote, nodes, "id-1"));
    expect((await resumed.take()).kind).toBe("taken");
    await resumed.release();
    expect(left("d1")).toEqual([]);
  });

  it("is taken over from the dead engine of the same run, and from no other: two engines never work on one run", async () => {
    const nodes = ["r1", "r2", "r3"];
    const engine = (pid: number, host = "desk") => ({ pid, startTicks: "7", host, boot: "b", pidSpace: "p" });
    const dead = new Set<number>();
    const life = ({ pid, host }: { pid: number; host: string }) =>
      host !== "desk" ? ("unknown" as const) : dead.has(pid) ? ("dead" as const) : ("alive" as const);
    const of = (process: ReturnType<typeof engine>, id = "id-1") =>
      createClusterLock(partsOf(remote, nodes, id, { process, life, host: process.host }));
    const first = of(engine(1));
    expect((await first.take()).kind).toBe("taken");
    expect((await first.take()).kind).toBe("taken");
    // Its record lies where another machine, or another user of this one, reads it too.
    for (const other of [of(engine(2)), of(engine(1, "laptop"))]) {
      expect((await other.take()).kind).toBe("held");
      expect(await other.check()).toMatchObject({ kind: "lost" });
      expect(await other.release()).toEqual([]);
    }
    expect(await first.check()).toEqual({ kind: "ours" });
    dead.add(1);
    expect((await of(engine(2), "id-2").take()).kind).toBe("held");
    const second = of(engine(2));
    expect((await second.take()).kind).toBe("taken");
    // Who holds it now is who works, not who died.
    expect((await findClusterLocks(partsOf(remote, nodes, ""))).found.map((one) => one.holder?.process?.pid)).toEqual([2, 2, 2]);
    expect(await first.check()).toMatchObject({ kind: "lost" });
    expect(await first.release()).toEqual([]);
    expect(await second.check()).toEqual({ kind: "ours" });
    dead.add(2);
    const raced = await Promise.all([of(engine(3)).take(), of(engine(4)).take(), of(engine(5)).take()]);
    // Two never win. On a busy machine three may hinder each other so that nobody does: then whoever comes next has it.
    const won = raced.filter((one) => one.kind === "taken").length;
    expect(won).toBeLessThanOrEqual(1);
    if (won === 0) expect((await of(engine(6)).take()).kind).toBe("taken");
    for (const pid of [3, 4, 5, 6]) await of(engine(pid)).release();
    expect(nodes.flatMap(left)).toEqual([]);
  });

  it("is lost when it was broken, and a release then takes nothing from the new holder", async () => {
    const nodes = ["b1", "b2", "b3"];
    const mine = createClusterLock(partsOf(remote, nodes, "id-1"));
    await mine.take();
    const { found } = await findClusterLocks(partsOf(remote, nodes, ""));
    expect(found.map((one) => [one.node, one.holder?.id, (one.seenSeconds ?? 99) < 60])).toEqual(
      nodes.map((node) => [node, "id-1", true]),
    );
    expect((await breakClusterLocks(partsOf(remote, nodes, ""), found)).map((one) => [one.node, one.broken])).toEqual(
      nodes.map((node) => [node, true]),
    );
    expect(await mine.check()).toMatchObject({ kind: "lost", reason: "ours on 0 of 3; b1: no lock; b2: no lock; b3: no lock" });
    const other = createClusterLock(partsOf(remote, nodes, "id-2", { run: "run-2" }));
    await other.take();
    expect(await mine.release()).toEqual([]);
    expect(await other.check()).toEqual({ kind: "ours" });
    // What was found before is not what is there now: nothing of another run is broken.
    expect((await breakClusterLocks(partsOf(remote, nodes, ""), found)).map((one) => one.broken)).toEqual([false, false, false]);
    expect(await other.check()).toEqual({ kind: "ours" });
  });

  it("is not taken on a manager of another cluster, and is lost when a manager becomes one", async () => {
    const nodes = ["i1", "i2", "i3"];
    const say = (node: string, id: string): void => {
      mkdirSync(join(folder, node), { recursive: true });
      writeFileSync(join(folder, node, "identity"), `${id}\n`);
    };
    for (const node of nodes) say(node, "cluster-a");
    const identity = { file: "/identity", value: "cluster-a" };
    const mine = createClusterLock(partsOf(remote, nodes, "id-1", { identity }));
    expect(await mine.take()).toMatchObject({ kind: "taken" });
    expect(await mine.check()).toEqual({ kind: "ours" });
    const elsewhere = createClusterLock(partsOf(remote, nodes, "id-2", { identity: { file: "/identity", value: "cluster-b" } }));
    expect(await elsewhere.take()).toMatchObject({
      kind: "no-majority",
      reason: expect.stringContaining("i1: it belongs to another cluster (cluster-a)"),
    });
    say("i1", "cluster-c");
    expect(await mine.check()).toEqual({ kind: "ours" });
    say("i2", "cluster-c");
    expect(await mine.check()).toMatchObject({ kind: "lost", reason: expect.stringContaining("another cluster (cluster-c)") });
  });

  it("does what the model of it does, command by command", async () => {
    const model = new ModelManagers();
    const both = running(async (node, argv) => {
      const real = await remote.run(node, { argv, timeoutMs: 1_000 });
      const expected = model.carryOut(node, argv);
      const words = (outcome: typeof real): unknown =>
        outcome.kind === "exited"
          ? outcome.stdout
              .trim()
              .replace(/\n\d+\n/, "\nseconds\n")
              .split("\n")
          : outcome;
      expect(words(real)).toEqual(words(expected));
      return real;
    });
    const nodes = ["w1", "w2"];
    const one = createClusterLock(partsOf(both, nodes, "id-1"));
    const two = createClusterLock(partsOf(both, nodes, "id-2", { run: "run-2" }));
    const acts = [
      () => one.take(),
      () => two.take(),
      () => one.check(),
      () => two.check(),
      () => two.release(),
      () => one.take(),
      () => one.release(),
      () => two.take(),
      () => one.check(),
      () => two.release(),
    ];
    for (const act of acts) await act();
    const { found } = await findClusterLocks(partsOf(both, nodes, ""));
    expect(found).toEqual([]);
    expect(TAKE).not.toContain("rm -rf");
  });
});
