import { afterAll, describe, expect, it } from "vitest";
import { guard } from "../../src/check/guard.ts";
import { recordedRemote } from "../../src/check/recorded.ts";
import { createChecks } from "../../src/check/runner.ts";
import type { Remote } from "../../src/engine/ports.ts";
import { createDcosPlatform } from "../../src/platform/dcos/platform.ts";
import { AGENTS, checks, inventoryOf, jq, MASTERS } from "./material.ts";

afterAll(() => jq.close());

const dcos = createDcosPlatform();

/** A remote that answers every request with something, so that no second reading is left out because a first one failed. */
function recorder(): { readonly remote: Remote; readonly sent: string[] } {
  const sent: string[] = [];
  return {
    sent,
    remote: {
      ...recordedRemote([]),
      http: async (request) => {
        sent.push(`${request.method} ${new URL(request.url).pathname}`);
        return { kind: "answered", status: 200, headers: {}, body: Buffer.from("{}"), url: request.url };
      },
      run: async (_target, command) => {
        sent.push(command.argv[0] === "sh" ? `sh ${command.argv[3] ?? ""}` : command.argv.join(" "));
        return { kind: "exited", code: 0, stdout: "{}", stderr: "" };
      },
      tcp: async (_host, _port, word) => {
        sent.push(word);
        return { kind: "answered", body: Buffer.from("x\t1") };
      },
    },
  };
}

describe("the checks of DC/OS", () => {
  it("send only what is on DC/OS's own list of reading requests", async () => {
    const { remote, sent } = recorder();
    const runner = createChecks({
      checks,
      remote: guard(remote, dcos.allow),
      inventory: inventoryOf([...MASTERS, ...AGENTS]),
      platform: dcos,
      facts: null,
      clock: { now: () => 1_795_191_048_000, monotonic: () => 0, sleep: async () => undefined },
      jq,
    });
    const answers = await runner.measure(
      checks.map((check) => ({ check: check.name, node: "m1", context: { inputs: { target: "1.11.3" } } })),
    );
    expect(answers).toHaveLength(checks.length);
    expect(new Set(sent)).toEqual(
      new Set([
        "GET /exhibitor/v1/cluster/status",
        "GET /exhibitor/v1/config/get-state",
        "GET /maintenance/status",
        "GET /metrics/snapshot",
        "GET /redirect",
        "GET /slaves",
        "GET /state-summary",
        "GET /tasks",
        "GET /v2/apps",
        "GET /v2/deployments",
        "GET /v2/eventSubscriptions",
        "GET /v2/info",
        "GET /v2/leader",
        "GET /v2/pods",
        "GET /v2/queue",
        "GET /version",
        "POST /api/v1",
        "cat /opt/mesosphere/etc/dcos-version.json",
        "/opt/mesosphere/bin/dcos-check-runner check node-poststart",
        "/opt/mesosphere/bin/dcos-diagnostics check node-poststart",
        `grep -A1 -E ^["']?security["']? *: /opt/mesosphere/etc/user.config.yaml`,
        "ls /opt/mesosphere/lib/libltdl.so.7",
        "mntr",
        "srvr",
        "sh pawl-checks",
        "sh pawl-facts",
        "sh pawl-machine",
        "timeout 30 docker ps -q",
        "GET /exhibitor/v1/explorer/node-data",
        "GET /flags",
        "GET /logging",
        "timedatectl",
      ]),
    );
  });

  it("pass nothing when every answer is empty, but for the one whose good answer is (Mesos: no maintenance)", async () => {
    const { remote } = recorder();
    const runner = createChecks({
      checks,
      remote,
      inventory: inventoryOf([...MASTERS, ...AGENTS]),
      platform: { ports: dcos.ports, nodeFacts: async () => ({}) },
      facts: null,
      clock: { now: () => 1_795_191_048_000, monotonic: () => 0, sleep: async () => undefined },
      jq,
    });
    const answers = await runner.measure(checks.map((check) => ({ check: check.name, node: "m1", context: { inputs: {} } })));
    expect(answers.filter((answer) => answer.verdict === "pass").map((answer) => answer.check)).toEqual(["no-maintenance"]);
  });
});
