import { existsSync, readFileSync } from "node:fs";
import { afterAll, describe, expect, it } from "vitest";
import { byHandFindings, isDue } from "../../src/cli/hop-requirements.ts";
import { loadRunbook } from "../../src/document/load.ts";
import type { Json } from "../../src/domain/json.ts";
import type { Outcome, Remote } from "../../src/engine/ports.ts";
import { recordedRemote } from "../../src/check/recorded.ts";
import { guard } from "../../src/check/guard.ts";
import { createDcosPlatform } from "../../src/platform/dcos/platform.ts";
import { testLab } from "../platform/dcos/lab.ts";
import { AGENTS, ask, checks, jq, MASTERS } from "./material.ts";

afterAll(() => jq.close());

/** A remote that gives one body for every path, and one outcome for every command. */
function saying(bodies: Readonly<Record<string, { readonly status: number; readonly body: string }>>, outcome?: Outcome): Remote {
  return {
    ...recordedRemote([]),
    http: (request) => {
      const said = bodies[new URL(request.url).pathname];
      if (said === undefined) return Promise.resolve({ kind: "no-answer", code: "ECONNREFUSED", reason: "refused" });
      return Promise.resolve({
        kind: "answered",
        status: said.status,
        headers: {},
        body: Buffer.from(said.body),
        url: request.url,
      });
    },
    run: () => Promise.resolve(outcome ?? { kind: "lost", reason: "no route", code: "EHOSTUNREACH", sent: false }),
  };
}
const json = (value: Json): { readonly status: number; readonly body: string } => ({ status: 200, body: JSON.stringify(value) });
const exited = (code: number, stdout: string, stderr = ""): Outcome => ({ kind: "exited", code, stdout, stderr });
const image = (text: string): Json => ({ id: "/one", container: { type: "DOCKER", docker: { image: text } } });
const apps = (...images: readonly string[]): Remote => saying({ "/v2/apps": json({ apps: images.map(image) }) });

const bound = checks.filter((check) => check.when !== undefined);
const due = (from: string, to: string): readonly string[] =>
  bound
    .filter((check) => isDue(check.when, { from, to }))
    .map((check) => check.name)
    .toSorted();

describe("the requirements of a hop", () => {
  it.each([
    ["1.9.9", "1.10.8", ["event-subscribers-off", "libltdl-removed", "marathon-lb-fits-1.10", "service-marathon-fits-1.10"]],
    ["1.10.8", "1.11.3", []],
    ["1.11.4", "1.12.0", ["clock-synchronised", "mesos-fits-marathon-1.7", "security-mode-fits-1.12"]],
    ["1.12.3", "1.13.2", ["app-ids-fit-1.13"]],
    // A published hop over a minor crosses both boundaries.
    ["1.10.9", "1.12.3", ["clock-synchronised", "mesos-fits-marathon-1.7", "security-mode-fits-1.12"]],
    ["1.11.9", "1.13.5", ["app-ids-fit-1.13", "clock-synchronised", "mesos-fits-marathon-1.7", "security-mode-fits-1.12"]],
    // A patch within a minor crosses none, nor does the move to where the cluster is.
    ["1.9.4", "1.9.9", []],
    ["1.12.0", "1.12.5", []],
    ["1.12.5", "1.12.5", []],
  ])("from %s to %s are those of the boundaries it crosses", (from, to, expected) => {
    expect(due(from, to)).toEqual(expected);
  });

  it("are all asked where the hop is not known: nothing is left out on a guess", () => {
    expect(bound.every((check) => isDue(check.when, null))).toBe(true);
  });

  it("that nothing can be asked about are told, never passed, and bind nobody", async () => {
    const { document } = await loadRunbook("runbooks/dcos-upgrade.yaml");
    const told = byHandFindings(document.byHand, { from: "1.9.9", to: "1.10.8" });
    expect(told.map((one) => one.id)).toEqual([
      "rex-ray-form",
      "names-fail-for-moments",
      "enterprise-1.10.3",
      "nothing-else-changes",
    ]);
    expect(told.every((one) => one.verdict === "inconclusive" && one.severity === "advisory" && one.byHand === true)).toBe(true);
    expect(byHandFindings(document.byHand, { from: "1.9.4", to: "1.9.9" }).map((one) => one.id)).toEqual([
      "nothing-else-changes",
    ]);
  });
});

describe("marathon-lb-fits-1.10", () => {
  it.each([
    ["no Marathon-LB at all", ["registry.example/shop/web:41"], "pass"],
    ["1.11.0", ["mesosphere/marathon-lb:v1.11.0"], "pass"],
    ["1.10.2", ["mesosphere/marathon-lb:v1.10.2"], "fail"],
    ["a registry with a port", ["registry.example:5000/mesosphere/marathon-lb:v1.9.3"], "fail"],
    ["a tag that tells nothing", ["mesosphere/marathon-lb:latest"], "inconclusive"],
    ["no tag", ["mesosphere/marathon-lb"], "inconclusive"],
    ["an old one beside one that tells nothing", ["mesosphere/marathon-lb:latest", "marathon-lb:v1.8.0"], "fail"],
    ["an image that only has the word in its name", ["registry.example/marathon-lb-exporter:v0.1.0"], "pass"],
  ])("%s: %s is %s", async (_, images, verdict) => {
    expect((await ask("marathon-lb-fits-1.10", { remote: apps(...images), nodes: MASTERS })).verdict).toBe(verdict);
  });

  it("does not take an answer without a list of apps for one without Marathon-LB", async () => {
    const answer = await ask("marathon-lb-fits-1.10", { remote: saying({ "/v2/apps": json({}) }), nodes: MASTERS });
    expect([answer.verdict, answer.why]).toEqual(["inconclusive", "missing-field"]);
  });

  it("finds the image in the published form of an app", async (context) => {
    const file = "../shared/fixtures/dcos/marathon/mom-ee-permissive-1.5.json";
    if (!existsSync(file) && process.env["CI"] !== "true")
      context.skip("not run: the published app definitions are not beside this checkout");
    const app = JSON.parse(readFileSync(file, "utf8")) as Json;
    const answer = await ask("service-marathon-fits-1.10", {
      remote: saying({ "/v2/apps": json({ apps: [app] }) }),
      nodes: MASTERS,
    });
    expect(answer.verdict).toBe("inconclusive");
    expect(answer.observed).toContain("/marathon-user-ee mesosphere/marathon-dcos-ee:");
  });
});

describe("the other requirements", () => {
  it.each([
    ["mesosphere/marathon:v1.3.4", "fail"],
    ["mesosphere/marathon:v1.3.5", "pass"],
    ["mesosphere/marathon-dcos-ee:1.4.7_1.9.8", "pass"],
    ["mesosphere/marathon-lb:v1.9.0", "pass"],
  ])("service-marathon-fits-1.10: %s is %s", async (text, verdict) => {
    expect((await ask("service-marathon-fits-1.10", { remote: apps(text), nodes: MASTERS })).verdict).toBe(verdict);
  });

  it.each([
    ["nobody", { status: 200, body: '{"callbackUrls":[]}' }, "pass"],
    ["somebody", { status: 200, body: '{"callbackUrls":["http://10.0.0.9/e"]}' }, "fail"],
    [
      "callbacks switched off",
      {
        status: 400,
        body: '{"message":"http event callback system is not running on this Marathon instance. Please re-start this instance with \\"--event_subscriber http_callback\\"."}',
      },
      "pass",
    ],
    ["another complaint", { status: 400, body: '{"message":"Invalid JSON"}' }, "inconclusive"],
    ["a page", { status: 200, body: "<html>" }, "inconclusive"],
  ])("event-subscribers-off: %s", async (_, said, verdict) => {
    const answer = await ask("event-subscribers-off", { remote: saying({ "/v2/eventSubscriptions": said }), nodes: MASTERS });
    expect(answer.verdict).toBe(verdict);
  });

  it.each([
    ["there", exited(0, "/opt/mesosphere/lib/libltdl.so.7\n"), "fail"],
    ["GNU ls", exited(2, "", "ls: cannot access '/opt/mesosphere/lib/libltdl.so.7': No such file or directory\n"), "pass"],
    ["busybox ls", exited(1, "", "ls: /opt/mesosphere/lib/libltdl.so.7: No such file or directory\n"), "pass"],
    ["not allowed to look", exited(2, "", "ls: cannot access '/opt/mesosphere/lib': Permission denied\n"), "inconclusive"],
    ["no contact", undefined, "inconclusive"],
  ])("libltdl-removed: %s", async (_, outcome, verdict) => {
    expect((await ask("libltdl-removed", { remote: saying({}, outcome), nodes: AGENTS })).verdict).toBe(verdict);
  });

  it.each([
    ["NTP synchronized: yes", "pass"],
    ["System clock synchronized: yes", "pass"],
    ["NTP synchronized: no", "fail"],
    ["Local time: Tue", "inconclusive"],
  ])("clock-synchronised: %s", async (line, verdict) => {
    const remote = saying({}, exited(0, `Universal time: now\n      ${line}\n RTC in local TZ: no\n`));
    expect((await ask("clock-synchronised", { remote, nodes: MASTERS })).verdict).toBe(verdict);
  });

  it.each([
    [exited(0, '"security": |-\n  disabled\n"telemetry_enabled": |-\n'), "fail"],
    [exited(0, '"security": |-\n  permissive\n"telemetry_enabled": |-\n'), "pass"],
    [exited(0, '"security": |-\n'), "inconclusive"],
    [exited(0, "security: disabled\n"), "fail"],
    [exited(0, "security: 'disabled'\n"), "fail"],
    [exited(0, "security: permissive\n"), "pass"],
    [exited(1, ""), "pass"],
    [exited(2, "", "grep: /opt/mesosphere/etc/user.config.yaml: Permission denied\n"), "inconclusive"],
  ])("security-mode-fits-1.12: %o", async (outcome, verdict) => {
    expect((await ask("security-mode-fits-1.12", { remote: saying({}, outcome), nodes: MASTERS })).verdict).toBe(verdict);
  });

  it.each([
    [["/shop/web"], [], "pass"],
    [["/shop/tasks-of-today"], [], "pass"],
    [["/tasks"], [], "fail"],
    [[], ["/ops/restart"], "fail"],
  ])("app-ids-fit-1.13: apps %j and pods %j", async (ids, pods, verdict) => {
    const remote = saying({
      "/v2/apps": json({ apps: ids.map((id) => ({ id })) }),
      "/v2/pods": json(pods.map((id) => ({ id }))),
    });
    expect((await ask("app-ids-fit-1.13", { remote, nodes: MASTERS })).verdict).toBe(verdict);
  });
});

describe("the embedded cluster", () => {
  const platform = createDcosPlatform();

  it.each(["1.9.9", "1.11.3", "1.12.3"])("at %s answers every requirement of the hops that begin there", async (version) => {
    const { remote, inventory } = testLab({ version });
    const reader = guard(remote, platform.allow);
    const next: Readonly<Record<string, string>> = { "1.9.9": "1.10.8", "1.11.3": "1.12.0", "1.12.3": "1.13.2" };
    for (const name of due(version, next[version] ?? "")) {
      const answer = await ask(name, { remote: reader, nodes: inventory.nodes });
      expect([name, answer.verdict]).toEqual([name, "pass"]);
    }
  });

  it("fails the agent that still has the library, and names it", async () => {
    const { cluster, remote, inventory } = testLab({ version: "1.9.9" });
    const agent = cluster.nodes.find((node) => node.name === "a2");
    await agent?.fs.mkdir("/opt/mesosphere/lib", { recursive: true });
    await agent?.fs.writeFile("/opt/mesosphere/lib/libltdl.so.7", "elf");
    const answer = await ask("libltdl-removed", { remote: guard(remote, platform.allow), nodes: inventory.nodes });
    expect(answer.verdict).toBe("fail");
    expect(answer.subjects.filter((one) => one.verdict === "fail").map((one) => one.subject)).toEqual(["a2"]);
  });
});
