import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { guard } from "../../../../src/check/guard.ts";
import type { JsonRecord } from "../../../../src/domain/json.ts";
import type { HttpAnswer, HttpRequest, Remote, StepContext } from "../../../../src/engine/ports.ts";
import { ALLOW } from "../../../../src/platform/dcos/allow.ts";
import { observe } from "../../../../src/platform/dcos/facts/observe.ts";
import { deployApp } from "../../../../src/platform/dcos/marathon/deploy-app.ts";
import { readMarathons } from "../../../../src/platform/dcos/marathon/read-marathons.ts";
import { removeApp } from "../../../../src/platform/dcos/marathon/remove-app.ts";
import { appIdOf, definitionOf, literally, whyNotRunning } from "../../../../src/platform/dcos/marathon/temporary-app.ts";
import { testLab, type TestLab } from "../lab.ts";
import { testSteps, type TestSteps } from "../step.ts";

const TARGET = "1.11.3";
const APP = { cmd: "while [ true ] ; do sleep 5 ; done", cpus: 0.1, mem: 10, portDefinitions: [] };
const ID = "/pawl-step-20261120t150000z-upgrade-all";
const DEPLOY = "all/deploy-app";

interface Stage {
  readonly lab: TestLab;
  readonly steps: TestSteps;
  readonly changes: string[];
  /** Stands between pawl and Marathon. */
  between: ((request: HttpRequest, ask: () => Promise<HttpAnswer>) => Promise<HttpAnswer>) | null;
  deploy(more?: JsonRecord): StepContext;
  remove(): StepContext;
  appsOf(): Promise<readonly { readonly id: string; readonly tasks: readonly { readonly host: string }[] }[]>;
}

/** A cluster on which a1 is upgraded, and the requests that changed something. */
async function stage(): Promise<Stage> {
  const real = testLab();
  const changes: string[] = [];
  const remote: Remote = {
    ...real.remote,
    http: (request) => {
      if (request.method !== "GET")
        changes.push(`${request.method} ${new URL(request.url).pathname}${new URL(request.url).search}`);
      const ask = (): Promise<HttpAnswer> => real.remote.http(request);
      return made.between === null ? ask() : made.between(request, ask);
    },
  };
  const lab = { ...real, remote };
  const { facts } = await observe(guard(real.remote, ALLOW), lab.inventory, { target: TARGET }, lab.clock);
  const upgraded = { ...facts, nodes: { ...facts.nodes, a1: { ...facts.nodes["a1"]!, complete: true } } };
  const steps = testSteps(lab, upgraded, TARGET);
  const made: Stage = {
    lab,
    steps,
    changes,
    between: null,
    deploy: (more = {}) => {
      const ctx = steps.context(deployApp, null, { with: { app: APP, ...more } });
      steps.records.set(DEPLOY, { ...steps.records.get(DEPLOY)!, startedAt: "2026-11-20T15:00:00.000Z" });
      return ctx;
    },
    remove: () => steps.context(removeApp, null, { with: {} }),
    appsOf: async () => {
      const url = `http://${lab.inventory.nodes[0]!.address}:8080/v2/apps?embed=apps.tasks`;
      const answer = await real.remote.http({ method: "GET", url, timeoutMs: 1_000, followRedirects: 0 });
      if (answer.kind !== "answered") throw new Error(answer.reason);
      return (JSON.parse(answer.body.toString()) as { apps: Awaited<ReturnType<Stage["appsOf"]>> }).apps;
    },
  };
  return made;
}

const lost: HttpAnswer = { kind: "no-answer", code: "reset", reason: "the connection was reset" };

describe("a test app", () => {
  it("runs on the upgraded node, is evidence, and is gone afterwards with its task", async () => {
    const { lab, steps, deploy, remove, changes, appsOf } = await stage();
    const before = (await appsOf()).map((app) => app.id);
    const done = await deployApp.doIt(deploy());
    const a1 = lab.inventory.nodes.find((node) => node.name === "a1")!;
    expect(done).toMatchObject({ kind: "done", output: { id: ID, node: "a1", host: a1.address } });
    expect((await appsOf()).find((app) => app.id === ID)?.tasks.map((task) => task.host)).toEqual([a1.address]);
    const kept = JSON.parse(steps.kept.get(`${DEPLOY}/app.json`)!.bytes.toString()) as { posted: JsonRecord };
    expect(kept.posted).toMatchObject({
      constraints: [["hostname", "LIKE", a1.address.replaceAll(".", String.raw`\.`)]],
      labels: { PAWL_RUN: "20261120T150000Z-upgrade", PAWL_STEP: DEPLOY },
    });
    expect(await removeApp.probe?.(remove())).toEqual({ kind: "not-begun" });
    expect(await removeApp.doIt(remove())).toMatchObject({ kind: "done", note: expect.stringContaining(ID) as string });
    expect((await appsOf()).map((app) => app.id)).toEqual(before);
    expect(changes).toEqual(["POST /v2/apps", `DELETE /v2/apps${ID}`]);
    expect(await removeApp.probe?.(remove())).toMatchObject({ kind: "done" });
  });

  it("stands on a public agent where the wave is one of public agents", async () => {
    const { steps, lab, deploy } = await stage();
    const p1 = lab.inventory.nodes.find((node) => node.name === "p1")!;
    const ctx = deploy({ role: "agent_public" });
    const facts = {
      ...ctx.plan.facts,
      nodes: { ...ctx.plan.facts.nodes, p1: { ...ctx.plan.facts.nodes["p1"]!, complete: true } },
    };
    expect(await deployApp.doIt({ ...ctx, plan: { ...ctx.plan, facts } })).toMatchObject({
      kind: "done",
      output: { host: p1.address },
    });
    expect(steps.kept.get(`${DEPLOY}/app.json`)!.bytes.toString()).toContain("slave_public");
  });

  it("is deployed once: a resume that finds it joins, and a lost answer is looked after, not repeated", async () => {
    const here = await stage();
    here.between = async (request, ask) => {
      const answer = await ask();
      return request.method === "POST" ? lost : answer;
    };
    expect(await deployApp.doIt(here.deploy())).toMatchObject({ kind: "done" });
    expect(await deployApp.probe?.(here.deploy())).toMatchObject({ kind: "running" });
    expect(await deployApp.doIt(here.deploy())).toMatchObject({ kind: "done" });
    expect(here.changes).toEqual(["POST /v2/apps"]);
  });

  it("never is somebody else's: an app of its name is neither taken over nor removed", async () => {
    const { lab, deploy, remove, changes, appsOf } = await stage();
    const body = JSON.stringify({ id: ID, cmd: "sleep 1000", labels: { PAWL_RUN: "another" } });
    await lab.remote.http({
      method: "POST",
      url: `http://${lab.inventory.nodes[0]!.address}:8080/v2/apps`,
      body,
      timeoutMs: 1_000,
      followRedirects: 0,
    });
    changes.length = 0;
    expect(await deployApp.mayI?.(deploy())).toMatchObject({ kind: "no", exit: "refused", problem: { code: "app-not-ours" } });
    expect(await deployApp.doIt(deploy())).toMatchObject({ kind: "failed", problem: { code: "app-not-ours" } });
    expect(await deployApp.probe?.(deploy())).toMatchObject({ kind: "failed" });
    expect(await removeApp.doIt(remove())).toMatchObject({ kind: "failed", problem: { code: "app-not-ours" } });
    expect(changes).toEqual([]);
    expect((await appsOf()).some((app) => app.id === ID)).toBe(true);
  });

  it("that Marathon does not take is explained in Marathon's words", async () => {
    const { deploy } = await stage();
    const refused = await deployApp.doIt(deploy({ pin: "none", app: { ...APP, constraints: [["hostname", "NEAR", "x"]] } }));
    expect(refused).toMatchObject({
      kind: "failed",
      problem: {
        code: "app-refused-422",
        observed: expect.stringContaining("operator must be one of") as string,
        next: expect.stringContaining("pawl retry") as string,
      },
    });
  });

  it("that finds no place is a failure with the reading kept, and is removed out of its own deployment", async () => {
    const { lab, deploy, remove, changes, steps, appsOf } = await stage();
    lab.cluster.strike({ name: "agent-never", node: "a1" });
    await lab.remote.run("a1", { argv: ["systemctl", "restart", "dcos-mesos-slave"], sudo: true, timeoutMs: 60_000 });
    await lab.clock.sleep(30_000);
    const late = await deployApp.doIt(deploy());
    expect(late).toMatchObject({ kind: "failed", problem: { code: "app-not-running", observed: "0 of 1 tasks run" } });
    expect(steps.kept.has(`${DEPLOY}/app.json`)).toBe(true);
    expect(await removeApp.doIt(remove())).toMatchObject({ kind: "done" });
    expect(changes).toEqual(["POST /v2/apps", `DELETE /v2/apps${ID}`, `DELETE /v2/apps${ID}?force=true`]);
    expect((await appsOf()).some((app) => app.id === ID)).toBe(false);
  });

  it("is not forced out of a deployment that other apps take part in", async () => {
    const here = await stage();
    await deployApp.doIt(here.deploy());
    here.between = async (request, ask) => {
      const path = new URL(request.url).pathname;
      const json = (status: number, value: unknown): HttpAnswer => ({
        kind: "answered",
        status,
        headers: {},
        body: Buffer.from(JSON.stringify(value)),
        url: request.url,
      });
      if (path === "/v2/deployments") return json(200, [{ id: "d1", affectedApps: [ID, "/shop/web"], affectedPods: [] }]);
      return request.method === "DELETE"
        ? json(409, { message: "App is locked by one or more deployments.", deployments: [{ id: "d1" }] })
        : ask();
    };
    expect(await removeApp.doIt(here.remove())).toMatchObject({
      kind: "failed",
      problem: { code: "app-not-removed", observed: expect.stringContaining("locked") as string },
    });
    expect(here.changes.filter((one) => one.includes("force"))).toEqual([]);
  });

  it.each([
    ["nobody names the deployment", { message: "App is locked by one or more deployments." }, []],
    ["the deployment is not listed", { message: "locked", deployments: [{ id: "d1" }] }, []],
    ["nobody says what it is about", { message: "locked", deployments: [{ id: "d1" }] }, [{ id: "d1" }]],
  ])("is not forced out of a deployment of which nothing is known: %s", async (_, refusal, listed) => {
    const here = await stage();
    await deployApp.doIt(here.deploy());
    here.between = async (request, ask) => {
      const json = (status: number, value: unknown): HttpAnswer => ({
        kind: "answered",
        status,
        headers: {},
        body: Buffer.from(JSON.stringify(value)),
        url: request.url,
      });
      if (new URL(request.url).pathname === "/v2/deployments") return json(200, listed);
      return request.method === "DELETE" ? json(409, refusal) : ask();
    };
    expect(await removeApp.doIt(here.remove())).toMatchObject({ kind: "failed", problem: { code: "app-not-removed" } });
    expect(here.changes.filter((one) => one.includes("force"))).toEqual([]);
  });

  it("is not left out where nodes were upgraded whose names nobody knows: nothing would have been tested", async () => {
    const { deploy, changes } = await stage();
    const here = deploy();
    const { facts } = here.plan;
    const nameless = { ...here, plan: { ...here.plan, facts: { ...facts, baseline: { ...facts.baseline, agents: null } } } };
    expect(await deployApp.mayI?.(nameless)).toMatchObject({ kind: "no", problem: { code: "app-unplaced" } });
    expect(await deployApp.doIt(nameless)).toMatchObject({ kind: "failed", problem: { code: "app-unplaced" } });
    expect(changes).toEqual([]);
  });

  it("a service Marathon at an address outside of the inventory is a gap, and the rest is read", async () => {
    const { lab } = await stage();
    const hosts = new Set(lab.inventory.nodes.map((node) => node.address));
    const reader = guard(lab.remote, ALLOW, { hosts });
    const strange = { frameworks: [{ id: "f", name: "marathon-other", webui_url: "http://marathon-other.example:8080" }] };
    const { readings } = await readMarathons(reader, lab.inventory, { frameworks: strange, agents: [] });
    expect(readings.map((one) => [one.name, one.workloads === null])).toEqual([
      ["marathon", false],
      ["marathon-user", false],
      ["marathon-other", true],
    ]);
    expect(readings[2]?.gaps.join()).toContain("no machine of the inventory");
  });

  it("whose Marathon says nothing is not known to be gone", async () => {
    const here = await stage();
    await deployApp.doIt(here.deploy());
    here.between = async (request, ask) =>
      request.url.includes("/v2/apps")
        ? { kind: "answered", status: 404, headers: {}, body: Buffer.from("<html>Not Found</html>"), url: request.url }
        : ask();
    expect(await removeApp.probe?.(here.remove())).toMatchObject({ kind: "cannot-tell" });
    expect(await removeApp.doIt(here.remove())).toMatchObject({ kind: "failed", problem: { code: "app-not-removed" } });
    expect(await deployApp.mayI?.(here.deploy())).toMatchObject({ kind: "no", problem: { code: "marathon-no-answer" } });
  });

  it("is left out where nothing was upgraded, or where it was not asked for", async () => {
    const { deploy, changes, remove } = await stage();
    expect(await deployApp.doIt(deploy({ role: "agent_public" }))).toEqual({
      kind: "done",
      note: "no upgraded agent_public node: nothing to test",
    });
    expect(await deployApp.doIt(deploy({ enabled: "false" }))).toEqual({ kind: "done", note: "left out: not asked for" });
    expect(changes).toEqual([]);
    expect(await removeApp.doIt(remove())).toMatchObject({ kind: "done" });
  });
});

describe("the words of a test app", () => {
  it("a host name as a pattern matches itself and nothing else", () => {
    fc.assert(
      fc.property(
        fc.string({ unit: fc.constantFrom(...Array.from("a1.-_[]()\\^$|?*+{}/:")), minLength: 1, maxLength: 12 }),
        fc.string({ unit: fc.constantFrom(...Array.from("a1.-b")), maxLength: 12 }),
        (host, other) => {
          const pattern = new RegExp(`^(?:${literally(host)})$`);
          expect(pattern.test(host)).toBe(true);
          expect(pattern.test(other)).toBe(other === host);
        },
      ),
      { seed: 4, numRuns: 300 },
    );
  });

  it("its id is one that Marathon takes, whatever the run and the phase are called", () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 40 }), fc.string({ maxLength: 20 }), (run, phase) => {
        expect(appIdOf(run, { name: "test-app", phase })).toMatch(/^\/[a-z0-9]+(?:-[a-z0-9]*)*$/);
      }),
      { seed: 4, numRuns: 300 },
    );
    expect(appIdOf("20261120T150000Z-upgrade-1.11.3", { name: "test-app", phase: "private-agents-1" })).toBe(
      "/pawl-test-app-20261120t150000z-upgrade-1-11-3-private-agents-1",
    );
  });

  it("what the runbook gives cannot take away its name, its mark or its place", () => {
    const own = { id: "/pawl-x", run: "r", step: "s", role: "agent" as const, hostname: "10.0.0.1" };
    expect(
      definitionOf(
        {
          id: "/shop/web",
          instances: 50,
          constraints: [],
          acceptedResourceRoles: ["slave_public"],
          labels: { PAWL_RUN: "no", TEAM: "ops" },
        },
        own,
      ),
    ).toEqual({
      disk: 0,
      id: "/pawl-x",
      instances: 1,
      acceptedResourceRoles: ["*"],
      constraints: [["hostname", "LIKE", String.raw`10\.0\.0\.1`]],
      labels: { PAWL_RUN: "r", PAWL_STEP: "s", TEAM: "ops" },
    });
  });

  it.each([
    [{}, /unknown number/],
    [{ tasksRunning: 0 }, /0 of 1/],
    [{ tasksRunning: 1 }, /does not say/],
    [{ tasksRunning: 1, deployments: [{ id: "d" }] }, /not finished/],
    [{ tasksRunning: 1, deployments: [] }, /0 tasks are listed/],
    [{ tasksRunning: 1, deployments: [], tasks: [{ host: "h", state: "TASK_STAGING" }] }, /TASK_STAGING/],
    [{ tasksRunning: 1, deployments: [], tasks: [{ host: "other", state: "TASK_RUNNING" }] }, /on other, not on h/],
    [{ tasksRunning: 1, deployments: [], tasks: [{ host: "h" }, { host: "h" }] }, /2 tasks/],
  ] satisfies [JsonRecord, RegExp][])("%j does not run as it must", (app, why) => {
    expect(whyNotRunning(app, "h")).toMatch(why);
  });

  it("runs where it must with one task, no deployment left, with or without a state (Marathon 1.4 lists none)", () => {
    expect(whyNotRunning({ tasksRunning: 1, deployments: [], tasks: [{ host: "h" }] }, "h")).toBeNull();
    expect(whyNotRunning({ tasksRunning: 1, deployments: [], tasks: [{ host: "x", state: "TASK_RUNNING" }] }, null)).toBeNull();
  });
});
