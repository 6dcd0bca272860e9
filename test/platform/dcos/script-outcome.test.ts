import { describe, expect, it } from "vitest";
import { judgeScriptEnd, judgeVanished } from "../../../src/platform/dcos/upgrade/script-outcome.ts";

const TARGET = "1.11.3";
const untouched = { version: "1.10.8", installProgress: false };
const switched = { version: TARGET, installProgress: false };
const halfDone = { version: TARGET, installProgress: true };
const FOUND = (version: string): string =>
  `ERROR: Expecting to upgrade DC/OS from 1.10.8 to 1.11.3. Version found on node: ${version}\n`;
const ROLE =
  "ERROR: Can't determine this node's role. One of master, slave, or slave_public must be present under /etc/mesosphere/roles.\n";

describe("the exit code of the upgrade script", () => {
  it.each([
    { what: "0: the gates decide", code: 0, stdout: "", stderr: "", report: null, kind: "done", problem: null },
    {
      what: "1, found equals target: verify",
      code: 1,
      stdout: FOUND(TARGET),
      stderr: "",
      report: switched,
      kind: "done",
      problem: null,
    },
    {
      what: "1, found is anything else: wrong node",
      code: 1,
      stdout: FOUND("1.9.9"),
      stderr: "",
      report: { version: "1.9.9", installProgress: false },
      kind: "failed",
      problem: "script-wrong-node",
    },
    {
      what: "1, node checks refused",
      code: 1,
      stdout: "Cannot proceed with upgrade, node checks failed\n",
      stderr: '{"status": 2, "checks": {"clock_sync": {"output": "x", "status": 2}}}',
      report: untouched,
      kind: "failed",
      problem: "script-checks-refused",
    },
    { what: "1, role line", code: 1, stdout: ROLE, stderr: "", report: untouched, kind: "failed", problem: "script-role" },
    {
      what: "1, not root",
      code: 1,
      stdout: "",
      stderr: "This script must be run as root\n",
      report: untouched,
      kind: "failed",
      problem: "script-not-root",
    },
    {
      what: "1, no message, file still old: the fetch failed",
      code: 1,
      stdout: "Upgrading DC/OS agent 1.10.8 -> 1.11.3\n",
      stderr: "",
      report: untouched,
      kind: "failed",
      problem: "script-failed",
    },
    {
      what: "1, file already new: post-checks failed",
      code: 1,
      stdout: "",
      stderr: "Upgrade not successful, checks failed\n",
      report: switched,
      kind: "failed",
      problem: "script-after-activation",
    },
    {
      what: "1, the activation is half done",
      code: 1,
      stdout: "",
      stderr: "",
      report: { version: "1.10.8", installProgress: true },
      kind: "failed",
      problem: "script-after-activation",
    },
    {
      what: "2, no output: terminal type",
      code: 2,
      stdout: "",
      stderr: "",
      report: untouched,
      kind: "failed",
      problem: "script-terminal",
    },
    {
      what: "1, and the node cannot be read",
      code: 1,
      stdout: "",
      stderr: "",
      report: null,
      kind: "unknown",
      problem: "script-unclear",
    },
    {
      what: "1, and the marker cannot be read",
      code: 1,
      stdout: "",
      stderr: "",
      report: { version: "1.10.8", installProgress: null },
      kind: "unknown",
      problem: "script-unclear",
    },
  ])("$what", ({ code, stdout, stderr, report, kind, problem }) => {
    const verdict = judgeScriptEnd({ node: "a1", code, stdout, stderr, report, target: TARGET });
    expect(verdict.kind).toBe(kind);
    expect(verdict.kind === "done" ? null : verdict.problem.code).toBe(problem);
  });

  it("names the checks that refused, and what the node says after a failure", () => {
    const refused = judgeScriptEnd({
      node: "a1",
      code: 1,
      stdout: "Cannot proceed with upgrade, node checks failed\n",
      stderr: '{"status": 2, "checks": {"tar": {"output": "", "status": 0}, "clock_sync": {"output": "x", "status": 2}}}',
      report: untouched,
      target: TARGET,
    });
    expect(refused).toMatchObject({ problem: { observed: "failing: clock_sync", node: "a1" } });
    const late = judgeScriptEnd({ node: "a1", code: 1, stdout: "", stderr: "", report: halfDone, target: TARGET });
    expect(late).toMatchObject({
      problem: { observed: "exit code 1; version file 1.11.3, install_progress is there: the activation is half done; " },
    });
  });
});

describe("a script whose process vanished", () => {
  it.each([
    { what: "switched and finished: done, the gates verify", why: "gone", report: switched, kind: "done" },
    { what: "rebooted before anything was switched: may be tried again", why: "rebooted", report: untouched, kind: "failed" },
    { what: "never started, nothing switched: may be tried again", why: "absent", report: untouched, kind: "failed" },
    { what: "gone with nothing switched: its children may still run", why: "gone", report: untouched, kind: "unknown" },
    { what: "half done: a person must look", why: "rebooted", report: halfDone, kind: "unknown" },
    { what: "an unreadable node: a person must look", why: "rebooted", report: null, kind: "unknown" },
  ])("$what", ({ why, report, kind }) => {
    expect(judgeVanished("a1", why, report, TARGET).kind).toBe(kind);
  });
});
