import { readFileSync } from "node:fs";
import { afterAll, describe, expect, it } from "vitest";
import { recordedRemote } from "../../src/check/recorded.ts";
import type { JsonRecord } from "../../src/domain/json.ts";
import type { Remote } from "../../src/engine/ports.ts";
import { ask, jq, MASTERS } from "./material.ts";

afterAll(() => jq.close());

describe("checks of nodes", () => {
  const good: JsonRecord = {
    version: "1.9.4",
    role: "master",
    roles: ["master"],
    installProgress: false,
    clockEpoch: 1_795_191_048,
    configSha256: "a".repeat(64),
    diskFreeKb: { opt: 9_000_000, var: 9_000_000 },
    uid: 0,
    masterCount: 3,
    bootstrapStatus: 200,
    units: { "dcos-mesos-master": { active: "active", sub: "running", restarts: null } },
    // What the machine and DC/OS's own checks say: a node of 1.9 has no program for them.
    program: "none",
    types: {},
    systemd: 219,
    ipset: "6.38",
    clockSynchronised: true,
    checksTime: true,
    provider: "onprem",
    skipsChecks: [],
    changed: [],
  };
  const of = (check: string, change: JsonRecord = {}) =>
    ask(check, { remote: recordedRemote([]), nodes: MASTERS, nodeFacts: { m1: good, m2: { ...good, ...change }, m3: good } });
  const CHECKS = [
    "no-half-done-activation",
    "role-file",
    "clock-in-step",
    "clock-close",
    "ssh-and-sudo",
    "bootstrap-reachable",
    "disk-space",
    "config-equal",
    "masters-present",
    "unit-health",
    "systemd-fits",
    "ipset-there",
    "time-synchronised",
    "clock-check-enabled",
    "not-from-template",
    "checks-not-skipped",
    "opt-mesosphere-untouched",
  ];

  it("pass a healthy cluster, one subject per node", async () => {
    for (const check of CHECKS)
      expect([check, await of(check)]).toEqual([
        check,
        expect.objectContaining({ verdict: "pass", asserted: { subjects: 3, passed: 3 } }),
      ]);
  });

  it("have no verdict where a node cannot be read", async () => {
    for (const check of CHECKS) {
      const answer = await ask(check, { remote: recordedRemote([]), nodes: MASTERS, nodeFacts: { m1: good, m3: good } });
      expect([check, answer.verdict, answer.why]).toEqual([check, "inconclusive", "no-answer"]);
    }
  });

  it("name the one node that is wrong", async () => {
    const wrong: Readonly<Record<string, JsonRecord>> = {
      "no-half-done-activation": { installProgress: true },
      "role-file": { roles: ["master", "slave"], role: null },
      "clock-in-step": { clockEpoch: 1_795_191_055 },
      "clock-close": { clockEpoch: 1_795_191_045 },
      "ssh-and-sudo": { uid: 1000 },
      "bootstrap-reachable": { bootstrapStatus: 503 },
      "disk-space": { diskFreeKb: { opt: 9_000_000, var: 1000 } },
      "config-equal": { configSha256: "b".repeat(64) },
      "masters-present": { masterCount: 5 },
      "unit-health": { units: { "dcos-marathon": { active: "failed", sub: "failed", restarts: 3 } } },
      "systemd-fits": { systemd: 208 },
      "ipset-there": { ipset: "" },
      "time-synchronised": { clockSynchronised: false },
      "clock-check-enabled": { checksTime: false },
      "not-from-template": { provider: "aws" },
      "checks-not-skipped": { skipsChecks: ["/etc/environment: SKIP_CHECKS=true"] },
      "opt-mesosphere-untouched": { changed: ["/opt/mesosphere/bin/mine"] },
    };
    for (const [check, change] of Object.entries(wrong)) {
      const answer = await of(check, change);
      expect([check, answer.verdict, answer.asserted.passed]).toEqual([check, "fail", 2]);
      expect(answer.observed).toMatch(/^m2: /);
    }
  });

  it("a clock three seconds off is advice, not a halt", async () => {
    expect((await of("clock-in-step", { clockEpoch: 1_795_191_051 })).verdict).toBe("pass");
    expect((await of("clock-close", { clockEpoch: 1_795_191_051 })).verdict).toBe("fail");
  });
});

describe("node-health on recorded outputs of DC/OS's own checks", () => {
  const recorded = (file: string): { readonly exitCode: number; readonly stdout: string; readonly stderr: string } =>
    JSON.parse(readFileSync(`test/fixture/dcos-checks/${file}.json`, "utf8")) as {
      exitCode: number;
      stdout: string;
      stderr: string;
    };
  const of = (version: string, role: string, file: string) => {
    const { exitCode, stdout, stderr } = recorded(file);
    const nodes = [{ name: "n1", address: "10.0.0.1", role, critical: false, ssh: {} }];
    const units = { "dcos-adminrouter": { active: "active", sub: "running", restarts: 0 } };
    const wanted = version < "1.12" ? "dcos-diagnostics" : "dcos-check-runner";
    const remote: Remote = {
      ...recordedRemote([]),
      run: (_target, command) =>
        Promise.resolve(
          command.argv[0]?.endsWith(wanted) === true
            ? { kind: "exited", code: exitCode, stdout, stderr }
            : { kind: "exited", code: 127, stdout: "", stderr: "not found" },
        ),
    };
    return ask("node-health", { remote, nodes, node: "n1", nodeFacts: { n1: { version, role, units } } });
  };

  it("passes what passed", async () => {
    expect((await of("1.11.13", "master", "1.11-diagnostics-node-poststart-master-pass")).verdict).toBe("pass");
    expect((await of("1.11.13", "agent", "1.11-diagnostics-node-poststart-agent-pass")).verdict).toBe("pass");
    expect((await of("1.12.5", "master", "1.12-check-runner-node-poststart-master-pass")).verdict).toBe("pass");
  });

  it("fails what failed, could not be run, or ran nothing with exit code 0", async () => {
    for (const [version, role, file] of [
      ["1.11.13", "master", "1.11-diagnostics-node-poststart-master-fail"],
      ["1.11.13", "agent", "1.11-diagnostics-node-poststart-agent-fail"],
      ["1.11.13", "master", "1.11-diagnostics-unexecutable"],
      ["1.12.5", "master", "1.12-check-runner-node-poststart-master-fail"],
      ["1.12.5", "master", "1.12-check-runner-bad-type"],
      ["1.12.5", "master", "1.12-check-runner-scriptform-pre-pass"],
      ["1.12.5", "master", "1.12-check-runner-scriptform-pre-fail"],
    ] as const) {
      expect([file, (await of(version, role, file)).verdict]).toEqual([file, "fail"]);
    }
  });
});
