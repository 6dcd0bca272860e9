import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { describe, expect, it } from "vitest";
import { checkCommand } from "../../src/cli/commands/check.ts";
import type { CheckDeps, LiveCheck } from "../../src/cli/commands/check.ts";
import type { CheckAnswer } from "../../src/engine/ports.ts";
import { createDcosPlatform } from "../../src/platform/dcos/platform.ts";
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
  return runOn(capturedIo(cwd), ...argv);
}

async function runOn(io: CapturedIo, ...argv: readonly string[]): Promise<Ran> {
  const live: LiveCheck[] = [];
  const deps: CheckDeps = {
    checks: resolve("checks/dcos"),
    services: (platform) =>
      platform === "dcos"
        ? { ports: { "mesos-master": 5050, "mesos-agent": 5051 }, roles: { "mesos-master": "master", "mesos-agent": "agent" } }
        : null,
    recorded: (platform) => (platform === "dcos" ? createDcosPlatform() : null),
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
    const answer = JSON.parse(io.stdout[0] ?? "") as object;
    expect(Object.keys(answer)).toEqual(["check", "verdict", "why", "asserted", "subjects"]);
    expect(answer).toMatchObject({
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

  it("takes the raw answer to a reading, by name, with the node it is of, several together", async () => {
    const folder = mkdtempSync(join(tmpdir(), "pawl-check-"));
    writeFileSync(join(folder, "queue.json"), '{"queue":[]}');
    writeFileSync(join(folder, "deployments.json"), "[]");
    const quiet = await run(folder, "marathon-quiet", "--evidence", "queue=queue.json", "deployments=deployments.json");
    expect([quiet.io.ended(), quiet.io.stdout.join("\n")]).toEqual(["ok", expect.stringContaining("1 of 1 subject passed")]);
    const half = await run(folder, "marathon-quiet", "--evidence", "queue=queue.json");
    expect([half.io.ended(), half.io.stdout.join("\n")]).toEqual(["said-no", expect.stringContaining("inconclusive: no-answer")]);
    const words = (name: string) => resolve(`test/fixture/zookeeper/3.4.10/${name}`);
    const servers = ["follower1", "leader", "follower3"].flatMap((name, index) =>
      ["mntr", "srvr"].map((word) => `m${index + 1}.${word}=${words(`${name}-${word}.txt`)}`),
    );
    const ensemble = await run(folder, "zookeeper-quorum", "--json", "--evidence", ...servers);
    expect(JSON.parse(ensemble.io.stdout[0] ?? "")).toMatchObject({
      verdict: "pass",
      why: null,
      asserted: { subjects: 3, passed: 3 },
    });
    const alone = await run(
      folder,
      "zookeeper-quorum",
      "--evidence",
      `m1.mntr=${words("noquorum-mntr.txt")}`,
      `m1.srvr=${words("noquorum-srvr.txt")}`,
    );
    expect([alone.io.ended(), alone.io.stdout.join("\n")]).toEqual([
      "said-no",
      expect.stringContaining("not currently serving requests"),
    ]);
  });

  it("says what does not fit: another reading's name is 2, a page instead of JSON is 3, neither is a verdict", async () => {
    const folder = mkdtempSync(join(tmpdir(), "pawl-check-"));
    writeFileSync(join(folder, "page.html"), "<html>Sign in</html>");
    await expect(run(folder, "marathon-quiet", "--evidence", "quue=page.html")).rejects.toMatchObject({
      exit: "usage",
      code: "check.no-such-reading",
      details: { expected: "one of deployments, queue" },
    });
    await expect(run(folder, "marathon-quiet", "--evidence", "queue=page.html")).rejects.toMatchObject({
      exit: "invalid-document",
      details: { observed: expect.stringContaining("not JSON") as string },
    });
    await expect(run(folder, "replog-recovered", "--evidence", "m1.redirect=page.html")).rejects.toMatchObject({
      exit: "invalid-document",
      details: { observed: expect.stringContaining("{ status, location, body }") as string },
    });
  });

  it("has no verdict on answers that say nothing: null, an empty object, a list, a number, a number too large for one", async () => {
    const folder = mkdtempSync(join(tmpdir(), "pawl-check-"));
    for (const [body, why] of [
      ["null", "missing-field"],
      ["{}", "missing-field"],
      ["[]", "bad-filter"],
      ["0", "bad-filter"],
      ['{"slaves":"none"}', "missing-field"],
    ] as const) {
      writeFileSync(join(folder, "body.json"), body);
      const { io } = await run(folder, "agents-registered", "--json", "--evidence", "slaves=body.json");
      expect([body, io.ended(), JSON.parse(io.stdout[0] ?? "")]).toEqual([
        body,
        "said-no",
        expect.objectContaining({ verdict: "inconclusive", why }),
      ]);
    }
    writeFileSync(join(folder, "body.json"), '{"rollInProgress":1e999}');
    const { io } = await run(folder, "exhibitor-no-rolling-change", "--node", "m1", "--json", "--evidence", "state=body.json");
    expect(JSON.parse(io.stdout[0] ?? "")).toMatchObject({
      verdict: "inconclusive",
      why: "missing-field",
      subjects: [{ subject: "m1" }],
    });
  });

  it("fits a width of 80", async () => {
    for (const [name, ...files] of [
      ["one-leader", "leader-killed/01-1s-stale-leader"],
      ["agents-registered", "agent-killed/03-unreachable"],
      ["replog-recovered", "quorum-lost/02-leader-alone-13s"],
    ] as const) {
      const { io } = await runOn(capturedIo(FIXTURES, 80), name, "--evidence", ...moments(...files));
      const lines = io.stdout.join("\n").split("\n");
      expect(lines.filter((line) => line.length > 80)).toEqual([]);
      expect(lines.length).toBeLessThan(20);
    }
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
