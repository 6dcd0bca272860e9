import { execFile } from "node:child_process";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { basename } from "node:path";
import { createInterface } from "node:readline";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parse } from "yaml";
import type { RunEvent } from "../../src/domain/events.ts";
import type { Finding, Plan } from "../../src/domain/plan.ts";
import { Desk, finish, type ResultLine } from "./pawl.ts";
import { effectsBegun, eventsOf, nodesTouched, readPlanOf } from "./record.ts";

type Lab = Awaited<ReturnType<Desk["lab"]>>;

const MASTERS = ["m1", "m2", "m3"];
const AGENTS = ["a1", "a2", "p1"];
const CLUSTER = ["--masters", "3", "--private", "2", "--public", "1", "--time-scale", "5000"];
/** Soaks are no subject here: a lab may shorten them. */
const SOAKS = ["masters", "canary", "waves", "public"].flatMap((name) => ["--set", `soak-${name}=5m`]);

async function versionsOf(lab: Lab, nodes: readonly string[]): Promise<readonly string[]> {
  const state = await lab.state();
  return [...new Set(nodes.map((node) => state[node]?.version ?? "none"))];
}

/** Nodes that ran the upgrade script to this version, once for each time. */
async function scriptsTo(lab: Lab, target: string): Promise<readonly string[]> {
  const state = await lab.state();
  return Object.entries(state)
    .flatMap(([node, { scriptRuns }]) => scriptRuns.filter((run) => run.target === target).map(() => node))
    .toSorted();
}

/** Runs pawl until it has told an event of this type, and holds it there. */
async function heldAt(
  desk: Desk,
  args: readonly string[],
  type: RunEvent["type"],
): Promise<{ readonly run: string; readonly goOn: () => Promise<ResultLine> }> {
  const child = desk.start([...args, "--json"]);
  if (child.stdout === null) throw new Error("no stdout");
  let last = "";
  const run = await new Promise<string>((done, fail) => {
    let created = "";
    if (child.stdout === null) return;
    createInterface({ input: child.stdout }).on("line", (line) => {
      last = line;
      const event = JSON.parse(line) as RunEvent;
      if (event.type === "run.created") created = event.run;
      if (event.type !== type) return;
      child.kill("SIGSTOP");
      done(created);
    });
    child.on("close", (code) => fail(new Error(`pawl ended with ${code} before ${type}: ${last}`)));
  });
  return {
    run,
    async goOn() {
      child.kill("SIGCONT");
      await finish(child);
      return JSON.parse(last) as ResultLine;
    },
  };
}

/** One cluster's story, in order: each test finds what the ones before it left. */
describe("an embedded cluster in a process of its own", () => {
  let desk: Desk;
  let lab: Lab;
  let address: string;
  /** Runs by what they were for, so that later tests find them. */
  const runs = { before: "", after: "", first: "" };

  beforeAll(async () => {
    desk = await Desk.create();
    lab = await desk.lab(...CLUSTER);
    const inventory = parse(await readFile(lab.inventory, "utf8")) as {
      readonly nodes: readonly { readonly name: string; readonly address: string }[];
    };
    address = inventory.nodes.find((node) => node.name === "m1")?.address ?? "";
  }, 120_000);
  afterAll(async () => {
    await lab.stop();
    await desk.clear();
  });

  const on = (...args: readonly string[]): readonly string[] => [...args, "-i", lab.inventory];

  it("answers OpenSSH: a person reads a node's version", { timeout: 60_000 }, async () => {
    const ssh = execFileWithoutInput("ssh", ["-F", lab.sshConfig, "m1", "jq -r .version /opt/mesosphere/etc/dcos-version.json"]);
    expect(await ssh).toBe("1.9.4\n");
  });

  it("answers curl: a person reads the master's metrics", { timeout: 60_000 }, async () => {
    const text = await execFileWithoutInput("curl", ["-fsS", "--max-time", "20", `http://${address}:5050/metrics/snapshot`]);
    // Mesos escapes the slashes of its names.
    expect(text).toContain(String.raw`registrar\/log\/recovered`);
    expect(JSON.parse(text)).toMatchObject({ "registrar/log/recovered": 1 });
  });

  it("passes the preflight, which leaves evidence that verifies and changes nothing", { timeout: 120_000 }, async () => {
    const { code, value } = await desk.document(...on("preflight", "--to", "1.11.3"));
    const found = value as {
      readonly exit: number;
      readonly run: string;
      readonly findings: readonly Finding[];
      readonly hops: readonly string[];
      readonly plan: Plan;
    };
    expect(code, JSON.stringify(found.findings.filter((one) => one.verdict !== "pass"))).toBe(0);
    expect(found.exit).toBe(0);
    expect(found.hops).toEqual(["1.9.9", "1.10.8", "1.11.3"]);
    expect(found.findings.length).toBeGreaterThan(25);
    expect(found.findings.map((one) => one.id)).toEqual(
      expect.arrayContaining([
        "version-path",
        "replog-recovered",
        "exhibitor-serving",
        "agents-counted",
        "bootstrap-reachable",
        "config-equal",
      ]),
    );
    expect(found.findings.filter((one) => one.verdict !== "pass" && one.severity !== "advisory")).toEqual([]);
    expect((await desk.pawl("verify", found.run)).code).toBe(0);
    expect(eventsOf(await desk.journal(found.run), "lock.taken")).toEqual([]);
    expect(await scriptsTo(lab, "1.9.9")).toEqual([]);
    const shown = await desk.pawl(...on("preflight", "--to", "1.11.3", "--dry-run"));
    expect(shown.code).toBe(0);
    expect(shown.out).toContain("Preflight passed.");
  });

  it("refuses a way that the policy does not know, with the shortest one it does", { timeout: 120_000 }, async () => {
    const { code, out } = await desk.pawl(...on("preflight", "--to", "1.8.9"));
    expect(code).toBe(4);
    expect(out).toContain("Nothing was changed");
  });

  it("gives equal snapshots where nothing happened in between", { timeout: 180_000 }, async () => {
    const [one, two] = [await desk.json(...on("snapshot")), await desk.json(...on("snapshot"))];
    expect([one.code, two.code]).toEqual([0, 0]);
    runs.before = two.value.run ?? "";
    const equal = await desk.pawl("diff", one.value.run ?? "", runs.before);
    expect(equal.code, equal.out).toBe(0);
    expect((await desk.pawl("verify", runs.before)).code).toBe(0);
    expect(effectsBegun(await readPlanOf(runs.before), await desk.journal(runs.before))).toEqual([]);
  });

  it("answers one check, with what was asserted", { timeout: 60_000 }, async () => {
    const { code, value } = await desk.document(...on("check", "replog-recovered"));
    expect(code).toBe(0);
    expect(value).toMatchObject({ check: "replog-recovered", verdict: "pass", why: null, asserted: { subjects: 3, passed: 3 } });
  });

  it("shows the plan: masters one by one before any agent, and every stop", { timeout: 60_000 }, async () => {
    const { code, out } = await desk.pawl(...on("plan", "--to", "1.9.9"));
    expect(code).toBe(0);
    for (const node of [...MASTERS, ...AGENTS]) expect(out).toContain(node);
    // By their headings: the list of what is written once names phases as well.
    expect(out.search(/^ *\d+ masters /m)).toBeGreaterThan(0);
    expect(out.search(/^ *\d+ masters /m)).toBeLessThan(out.search(/^ *\d+ private-agents-1 /m));
    expect(await scriptsTo(lab, "1.9.9")).toEqual([]);
  });

  it(
    "waits with 8 before the first effect where nobody can approve; approve and resume go on to the next stop, and so on",
    { timeout: 300_000 },
    async () => {
      const waiting = await desk.json(...on("upgrade", "--to", "1.9.9", ...SOAKS, "--ticket", "CHG-1"));
      expect(waiting.code).toBe(8);
      expect(waiting.value).toMatchObject({ exit: 8, name: "waiting" });
      runs.first = waiting.value.run ?? "";
      const plan = await readPlanOf(runs.first);
      expect(effectsBegun(plan, waiting.events)).toEqual([]);
      expect(eventsOf(waiting.events, "lock.taken")).toEqual([]);
      const status = await desk.pawl("status", "latest");
      expect(status.code).toBe(0);
      expect(status.out).toContain("pawl approve");

      const approved = await desk.pawl("approve", "latest", "--reason", "the window is open");
      expect(approved.code, approved.err).toBe(0);
      const onward = await desk.json("resume", "latest");
      expect(onward.value).toMatchObject({ exit: 8, run: runs.first });
      expect(onward.code).toBe(8);
      expect(await versionsOf(lab, MASTERS)).toEqual(["1.9.9"]);
      expect(await versionsOf(lab, AGENTS)).toEqual(["1.9.4"]);
      const halt = eventsOf(onward.events, "run.halted").at(-1);
      expect(halt).toMatchObject({ exit: 8, step: "masters/confirm" });

      const finished = await desk.json("resume", runs.first, "--yes");
      expect(finished.value, JSON.stringify(eventsOf(finished.events, "run.halted"))).toMatchObject({ exit: 0, run: runs.first });
      expect(await scriptsTo(lab, "1.9.9")).toEqual([...AGENTS, ...MASTERS].toSorted());
      expect((await desk.pawl("verify", runs.first)).code).toBe(0);
      const decided = eventsOf(await desk.journal(runs.first), "operator.decided");
      expect(decided[0]).toMatchObject({ choice: "approve", target: "start", reason: "the window is open" });
      expect(decided.length).toBeGreaterThan(2);
    },
  );

  it(
    "lets one run in at a time: a second ends with 9 and names the holder, on this machine and on another",
    { timeout: 300_000 },
    async () => {
      const held = await heldAt(
        desk,
        on("upgrade", "--to", "1.10.8", "--yes", "--stop-after", "masters", ...SOAKS),
        "lock.taken",
      );
      const here = await desk.pawl(...on("upgrade", "--to", "1.10.8", "--yes"));
      expect(here.code, here.err).toBe(9);
      expect(here.err).toContain(held.run);
      const there = await desk.pawlAs(
        { PAWL_STATE_DIR: desk.path("another-machine") },
        ...on("upgrade", "--to", "1.10.8", "--yes", "--output-dir", desk.path("elsewhere")),
      );
      expect(there.code, there.err + there.out).toBe(9);
      expect(there.err + there.out).toContain(held.run);
      expect(await scriptsTo(lab, "1.10.8")).toEqual([]);

      const ended = await held.goOn();
      expect(ended).toMatchObject({ exit: 0, name: "ok" });
      const events = await desk.journal(ended.run ?? "");
      expect(nodesTouched(await readPlanOf(ended.run ?? ""), events).toSorted()).toEqual(MASTERS);
      expect(await versionsOf(lab, MASTERS)).toEqual(["1.10.8"]);
      expect(await versionsOf(lab, AGENTS)).toEqual(["1.9.9"]);
    },
  );

  it(
    "takes up a cluster that is half upgraded: the masters are complete (found so), the agents are what is left",
    { timeout: 300_000 },
    async () => {
      const planned = await desk.pawl(...on("plan", "--to", "1.10.8"));
      expect(planned.code).toBe(0);
      expect(planned.out).toContain("complete (found so)");
      const { code, value, events } = await desk.json(...on("upgrade", "--to", "1.10.8", "--yes", ...SOAKS));
      expect(code, JSON.stringify(eventsOf(events, "run.halted"))).toBe(0);
      const plan = await readPlanOf(value.run ?? "");
      expect(plan.found.map(({ node }) => node).toSorted()).toEqual(MASTERS);
      expect(nodesTouched(plan, events).toSorted()).toEqual(AGENTS);
      expect(await versionsOf(lab, [...MASTERS, ...AGENTS])).toEqual(["1.10.8"]);
      expect(await scriptsTo(lab, "1.10.8")).toEqual([...AGENTS, ...MASTERS].toSorted());
      const again = await desk.json(...on("upgrade", "--to", "1.10.8", "--yes"));
      expect(again.value).toEqual({ type: "result", exit: 0, name: "ok", run: null, runs: [] });
    },
  );

  it("shows what the upgrade changed as differences between two snapshots", { timeout: 120_000 }, async () => {
    const after = await desk.json(...on("snapshot"));
    expect(after.code).toBe(0);
    runs.after = after.value.run ?? "";
    const { code, value } = await desk.document("diff", runs.before, runs.after);
    // Different, and all of it explained by the upgrades in between.
    expect(code).toBe(0);
    const { equal, differences } = value as { readonly equal: boolean; readonly differences: readonly unknown[] };
    expect(equal).toBe(false);
    const versions = differences
      .map((one) => JSON.stringify(one))
      .filter((text) => text.includes("1.9.4") && text.includes("1.10.8"));
    for (const node of [...MASTERS, ...AGENTS])
      expect(
        versions.some((text) => text.includes(node)),
        node,
      ).toBe(true);
  });

  it("lists its runs and tells about each: runs, status, report", { timeout: 60_000 }, async () => {
    const { code, value } = await desk.document("runs");
    expect(code).toBe(0);
    const listed = (value as { readonly runs: readonly { readonly run: string; readonly phase: string }[] }).runs;
    expect(listed.map((one) => one.run)).toEqual(
      expect.arrayContaining([runs.before, runs.after, runs.first].map((run) => basename(run))),
    );
    expect(listed.filter((one) => one.phase === "unreadable")).toEqual([]);
    const report = await desk.pawl("report", runs.first);
    expect(report.code).toBe(0);
    for (const word of ["1.9.4", "1.9.9", "CHG-1", "the window is open"]) expect(report.out).toContain(word);
    const latest = await desk.pawl("report", "latest");
    expect(latest.code).toBe(0);
    const status = await desk.document("status", basename(runs.first));
    expect(status.code).toBe(0);
    expect(status.value).toMatchObject({ phase: "completed" });
  });

  it("takes snapshots by schedule: each tells its drift, and only as many as wanted are kept", { timeout: 180_000 }, async () => {
    const schedule = (): ReturnType<Desk["json"]> =>
      desk.json(...on("schedule", "--once", "--keep", "1", "--output-dir", desk.path("nightly")));
    const one = await schedule();
    expect(one).toMatchObject({ code: 0, value: { exit: 0, drift: null, removed: [] } });
    const two = await schedule();
    expect(two).toMatchObject({
      code: 0,
      value: { exit: 0, drift: { since: one.value.run, differences: 0 }, removed: [one.value.run] },
    });
    const [cluster = ""] = await readdir(desk.path("nightly"));
    expect(await readdir(desk.path("nightly", cluster))).toEqual([basename(two.value.run ?? "")]);
  });
});

describe("a lab's time is honoured only where every node proves that it is that lab", () => {
  it(
    "refuses an inventory whose lab block belongs to another lab, before anything is asked of the nodes",
    { timeout: 120_000 },
    async () => {
      const [mine, other] = [await Desk.create(), await Desk.create()];
      try {
        const small = ["--masters", "1", "--private", "1", "--public", "0"];
        const [lab, foreign] = await Promise.all([mine.lab(...small), other.lab(...small)]);
        const text = await readFile(lab.inventory, "utf8");
        const swapped = text.replace(lab.control, foreign.control);
        expect(swapped).not.toBe(text);
        await writeFile(mine.path("swapped.yaml"), swapped);
        const refused = await mine.pawl("preflight", "-i", mine.path("swapped.yaml"), "--to", "1.9.9");
        expect(refused.code, refused.out).toBe(3);
        expect(refused.err).toContain("lab");
        expect((await mine.pawl("check", "one-leader", "-i", lab.inventory)).code).toBe(0);
        await lab.stop();
        await foreign.stop();
      } finally {
        await mine.clear();
        await other.clear();
      }
    },
  );
});

describe("a lab with a fault", () => {
  it(
    "halts the upgrade, is healed, and the same run goes on to its end without a second script on any node",
    { timeout: 300_000 },
    async () => {
      const desk = await Desk.create();
      try {
        const lab = await desk.lab(...CLUSTER, "--fault", "replog-not-recovered@m2");
        const halted = await desk.json("upgrade", "-i", lab.inventory, "--to", "1.9.9", "--yes", ...SOAKS);
        expect(halted.code).toBe(5);
        expect(eventsOf(halted.events, "run.halted").at(-1)?.problem.observed).toContain("m2");
        expect(await versionsOf(lab, AGENTS)).toEqual(["1.9.4"]);
        const run = halted.value.run ?? "";
        // `--yes` approves what the plan announces; what becomes of a refused gate is a person's decision.
        expect((await desk.json("resume", run, "--yes")).code).toBe(5);
        const status = await desk.pawl("status", run);
        expect(status.out).toContain("masters/m2/upgrade");
        expect(status.out).toMatch(/pawl retry \S+ masters\/m2\/upgrade/);

        const healed = await desk.pawl("lab", "heal", "-i", lab.inventory);
        expect(healed.code, healed.err).toBe(0);
        const retried = await desk.pawl("retry", run, "masters/m2/upgrade", "--reason", "the log has recovered");
        expect(retried.code, retried.err).toBe(0);
        const { code, value, events } = await desk.json("resume", run, "--yes");
        expect(code, JSON.stringify(eventsOf(events, "run.halted").at(-1))).toBe(0);
        expect(value).toMatchObject({ run, runs: [run] });
        expect(await scriptsTo(lab, "1.9.9")).toEqual([...AGENTS, ...MASTERS].toSorted());
        expect((await desk.pawl("verify", run)).code).toBe(0);
        expect((await desk.document("status", "latest")).value).toMatchObject({ phase: "completed" });
        await lab.stop();
      } finally {
        await desk.clear();
      }
    },
  );
});

/** Standard output of a program that gets an empty input. */
async function execFileWithoutInput(file: string, args: readonly string[]): Promise<string> {
  const running = promisify(execFile)(file, args);
  running.child.stdin?.end();
  return (await running).stdout;
}
