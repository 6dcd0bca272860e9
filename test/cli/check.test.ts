import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { describe, expect, it } from "vitest";
import { checkCommand } from "../../src/cli/commands/check.ts";
import type { CheckDeps, LiveCheck } from "../../src/cli/commands/check.ts";
import type { CheckAnswer } from "../../src/engine/ports.ts";
import { capturedIo } from "./captured-io.ts";
import type { CapturedIo } from "./captured-io.ts";

const FIXTURES = resolve("test/fixture/mesos-real");
const PASSED: CheckAnswer = {
  check: "one-leader",
  verdict: "pass",
  why: null,
  fatal: false,
  asserted: { subjects: 1, passed: 1 },
  observed: "m1: elected 1",
  evidence: "{}",
  subjects: [{ subject: "m1", verdict: "pass", why: null, value: 1 }],
};

interface Ran {
  readonly io: CapturedIo;
  readonly live: readonly LiveCheck[];
}

async function run(cwd: string, ...argv: readonly string[]): Promise<Ran> {
  const io = capturedIo(cwd);
  const live: LiveCheck[] = [];
  const deps: CheckDeps = {
    checks: resolve("checks/dcos"),
    services: (platform) =>
      platform === "dcos"
        ? { ports: { "mesos-master": 5050, "mesos-agent": 5051 }, roles: { "mesos-master": "master", "mesos-agent": "agent" } }
        : null,
    measure: (asked) => {
      live.push(asked);
      return Promise.resolve(PASSED);
    },
  };
  await checkCommand(io, deps).parseAsync([...argv], { from: "user" });
  return { io, live };
}

function moments(...names: readonly string[]): readonly string[] {
  return names.map((name) => `${name}.json`);
}

describe("pawl check on recorded answers", () => {
  it("passes a healthy ensemble: 0, one JSON document with what was asserted", async () => {
    const { io } = await run(
      FIXTURES,
      "one-leader",
      "--json",
      "--evidence",
      ...moments("steady/01-leader", "steady/02-non-leader"),
    );
    expect(io.ended()).toBe("ok");
    expect(io.stdout).toHaveLength(1);
    expect(JSON.parse(io.stdout[0] ?? "")).toMatchObject({
      check: "one-leader",
      verdict: "pass",
      why: null,
      asserted: { subjects: 3, passed: 3 },
      subjects: [{ subject: "m1", verdict: "pass" }, { subject: "m2" }, { subject: "m3" }],
    });
  });

  it("fails a leader killed a second ago: 1, with what was observed and the remedy", async () => {
    const { io } = await run(FIXTURES, "one-leader", "--evidence", ...moments("leader-killed/01-1s-stale-leader"));
    expect(io.ended()).toBe("said-no");
    const text = io.stdout.join("\n");
    expect(text).toContain("one-leader  fail  0 of 2 subjects passed");
    expect(text).toContain("redirect //127.0.21.1:5050");
    expect(text).toContain("remedy");
  });

  it("takes back the evidence of a check, with the facts of a plan beside it", async () => {
    const folder = mkdtempSync(join(tmpdir(), "pawl-check-"));
    const evidence = {
      missing: {},
      subjects: { cluster: { tasks: { tasks: [{ id: "web.1", state: "TASK_RUNNING" }] } } },
      who: { cluster: { name: "cluster" } },
    };
    writeFileSync(join(folder, "evidence.json"), JSON.stringify(evidence));
    writeFileSync(join(folder, "plan.json"), JSON.stringify({ v: 1, facts: { baseline: { runningTasks: ["web.1"] } } }));
    const { io } = await run(folder, "tasks-running", "--evidence", "evidence.json", "plan.json", "--json");
    expect([io.ended(), (JSON.parse(io.stdout[0] ?? "") as CheckAnswer).verdict]).toEqual(["ok", "pass"]);
    writeFileSync(join(folder, "plan.json"), JSON.stringify({ v: 1, facts: { baseline: { runningTasks: ["web.1", "db.1"] } } }));
    const worse = await run(folder, "tasks-running", "--evidence", "evidence.json", "plan.json", "--json");
    expect(worse.io.ended()).toBe("said-no");
  });

  it("takes inputs for checks that need them; without them the answer is no verdict, which is no pass", async () => {
    const folder = mkdtempSync(join(tmpdir(), "pawl-check-"));
    writeFileSync(join(folder, "e.json"), JSON.stringify({ subjects: { a1: { file: { version: "1.11.3" } } } }));
    expect((await run(folder, "node-version-file", "--evidence", "e.json", "--set", "target=1.11.3")).io.ended()).toBe("ok");
    const without = await run(folder, "node-version-file", "--evidence", "e.json");
    expect(without.io.ended()).toBe("said-no");
    expect(without.io.stdout.join("\n")).toContain("inconclusive: missing-field");
  });

  it("refuses what is no evidence with 3, and what cannot be read with 2", async () => {
    const folder = mkdtempSync(join(tmpdir(), "pawl-check-"));
    writeFileSync(join(folder, "text.json"), "no json");
    writeFileSync(join(folder, "other.json"), '{"a":1}');
    for (const file of ["text.json", "other.json"])
      await expect(run(folder, "one-leader", "--evidence", file)).rejects.toMatchObject({ exit: "invalid-document" });
    await expect(run(folder, "one-leader", "--evidence", "none.json")).rejects.toMatchObject({ exit: "usage" });
  });
});

describe("pawl check on a cluster", () => {
  it("hands the check, the inventory, the node and the inputs on, and prints the answer", async () => {
    const { io, live } = await run("/somewhere", "one-leader", "-i", "inv.yaml", "--node", "m2", "--set", "target=1.11.3");
    expect(live).toMatchObject([
      { check: { name: "one-leader" }, inventory: "/somewhere/inv.yaml", node: "m2", inputs: { target: "1.11.3" } },
    ]);
    expect([io.ended(), io.stdout.join("\n")]).toEqual([
      "ok",
      expect.stringContaining("one-leader  pass  1 of 1 subject passed"),
    ]);
  });

  it("needs a cluster or evidence, a known name, and inputs as KEY=VALUE: 2", async () => {
    await expect(run(".", "one-leader")).rejects.toMatchObject({ exit: "usage", code: "check.no-cluster" });
    await expect(run(".", "one-leadr", "-i", "x")).rejects.toMatchObject({
      exit: "usage",
      code: "check.unknown",
      details: { next: expect.stringContaining("one-leader") as string },
    });
    await expect(run(".", "one-leader", "-i", "x", "--set", "target")).rejects.toMatchObject({ exit: "usage" });
  });
});

it("the recorded answers the tests stand on are those of a real cluster", () => {
  expect(readFileSync(join(FIXTURES, "README.md"), "utf8")).toContain("Apache Mesos 1.11.0");
});
