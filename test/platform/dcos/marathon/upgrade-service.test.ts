import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { guard } from "../../../../src/check/guard.ts";
import type { Json, JsonRecord } from "../../../../src/domain/json.ts";
import type { Facts } from "../../../../src/domain/plan.ts";
import type { HttpAnswer, HttpRequest, Remote, StepContext } from "../../../../src/engine/ports.ts";
import { ALLOW } from "../../../../src/platform/dcos/allow.ts";
import { observe } from "../../../../src/platform/dcos/facts/observe.ts";
import { changesOf, imageVersion } from "../../../../src/platform/dcos/marathon/service-comparison.ts";
import { upgradeService } from "../../../../src/platform/dcos/marathon/upgrade-service.ts";
import { testLab, type TestLab } from "../lab.ts";
import { testSteps, type TestSteps } from "../step.ts";

const TARGET = "1.11.3";
const ADDRESS = "all/upgrade-service-marathon";
const APP = "/ops/marathon-user";
const NEW_IMAGE = /registry\.example\/mesosphere\/marathon:v1\.6\.\d+/;

interface Stage {
  readonly lab: TestLab;
  readonly facts: Facts;
  readonly steps: TestSteps;
  readonly changes: { readonly path: string; readonly body: JsonRecord }[];
  /** Stands between pawl and every Marathon. */
  between: ((request: HttpRequest, ask: () => Promise<HttpAnswer>) => Promise<HttpAnswer>) | null;
  context(): StepContext;
}

async function stage(settings?: JsonRecord): Promise<Stage> {
  const real = testLab();
  const changes: Stage["changes"] = [];
  const remote: Remote = {
    ...real.remote,
    http: (request) => {
      const body = JSON.parse(request.body ?? "{}") as JsonRecord;
      if (request.method !== "GET") changes.push({ path: `${request.method} ${new URL(request.url).pathname}`, body });
      const ask = (): Promise<HttpAnswer> => real.remote.http(request);
      return made.between === null ? ask() : made.between(request, ask);
    },
  };
  const inventory = settings === undefined ? real.inventory : { ...real.inventory, settings };
  const lab = { ...real, remote, inventory };
  const { facts } = await observe(guard(real.remote, ALLOW), inventory, { target: TARGET }, lab.clock);
  const steps = testSteps(lab, facts, TARGET);
  const made: Stage = { lab, facts, steps, changes, between: null, context: () => steps.context(upgradeService, null) };
  return made;
}

function serviceOf(facts: Facts): JsonRecord {
  return (facts.baseline["marathons"] as readonly JsonRecord[]).find((one) => one["root"] === false)!;
}

const lost: HttpAnswer = { kind: "no-answer", code: "reset", reason: "the connection was reset" };
const answered = (request: HttpRequest, value: unknown): HttpAnswer => ({
  kind: "answered",
  status: 200,
  headers: {},
  body: Buffer.from(JSON.stringify(value)),
  url: request.url,
});

describe("a service Marathon", () => {
  it("is found, with its framework, apps and tasks, without a word in the inventory", async () => {
    const { facts } = await stage({});
    expect(serviceOf(facts)).toMatchObject({
      name: "marathon-user",
      app: APP,
      gaps: [],
      deployments: [],
      instances: { "/reports/daily": 1, "/reports/feed": 1 },
    });
    expect(serviceOf(facts)["tasks"]).toHaveLength(2);
    expect(serviceOf(facts)["frameworkId"]).toMatch(/-0002$/);
  });

  it("gets its new image and nothing else, and is what it was when its apps are back", async () => {
    const { facts, steps, changes, context } = await stage();
    expect(await upgradeService.mayI?.(context())).toEqual({ kind: "yes" });
    const done = await upgradeService.doIt(context());
    expect(done).toMatchObject({
      kind: "done",
      note: expect.stringMatching(/^marathon-user 1\.6\.\d+: 2 tasks as before$/) as string,
    });
    expect(changes.map((one) => one.path)).toEqual([`PUT /v2/apps${APP}`]);
    expect(Object.keys(changes[0]!.body)).toEqual(["container"]);
    const shown = JSON.parse(steps.kept.get(`${ADDRESS}/marathon-user-change.json`)!.bytes.toString()) as { rows: unknown };
    expect(shown.rows).toEqual([
      { field: "container.docker.image", before: serviceOf(facts)["image"], after: expect.stringMatching(NEW_IMAGE) as string },
    ]);
    const kept = JSON.parse(steps.kept.get(`${ADDRESS}/marathon-user.json`)!.bytes.toString()) as { now: JsonRecord };
    expect(kept.now).toMatchObject({ frameworkId: serviceOf(facts)["frameworkId"], tasks: serviceOf(facts)["tasks"] });
    // Taken up again it sends nothing: the image is the wanted one.
    expect(await upgradeService.probe?.(context())).toMatchObject({ kind: "running" });
    expect(await upgradeService.doIt(context())).toMatchObject({ kind: "done" });
    expect(changes).toHaveLength(1);
  });

  it("is sent back as it was read but for the image, whatever it has, and nothing is forced", { timeout: 60_000 }, async () => {
    const here = await stage();
    const image = serviceOf(here.facts)["image"];
    const word = fc.string({ minLength: 1, maxLength: 12 });
    const some = fc.dictionary(word, fc.jsonValue({ maxDepth: 2 }) as fc.Arbitrary<Json>, { maxKeys: 4 });
    const definition = fc.record({
      env: some,
      labels: some,
      secrets: some,
      constraints: fc.array(fc.array(word, { maxLength: 3 }), { maxLength: 2 }),
      container: fc.record({
        docker: some,
        rest: some,
        volumes: fc.array(some, { maxLength: 2 }),
        portMappings: fc.array(some, { maxLength: 2 }),
      }),
      version: word,
    });
    await fc.assert(
      fc.asyncProperty(definition, async ({ container: { rest, docker, ...lists }, ...own }) => {
        const container = { ...rest, ...lists, docker: { ...docker, image } };
        const asked: string[] = [];
        here.changes.length = 0;
        here.between = async (request, ask) => {
          if (request.method !== "GET") asked.push(request.url);
          // Refused, so that nothing has to be waited for.
          if (request.method === "PUT")
            return { ...answered(request, { message: "locked", deployments: [{ id: "d" }] }), status: 409 } as HttpAnswer;
          return request.url.endsWith(`/v2/apps${APP}`) ? answered(request, { app: { ...own, id: APP, container } }) : ask();
        };
        const end = await upgradeService.doIt(here.context());
        expect(end).toMatchObject({ kind: "failed", problem: { code: "service-marathon-refused-409" } });
        expect(asked.map((url) => new URL(url).search)).toEqual([""]);
        const [sent] = here.changes;
        expect(Object.keys(sent?.body ?? {})).toEqual(["container"]);
        const back = JSON.parse(JSON.stringify(sent?.body["container"])) as { docker: JsonRecord };
        expect(back.docker["image"]).toMatch(NEW_IMAGE);
        expect({ ...back, docker: { ...back.docker, image } }).toEqual(JSON.parse(JSON.stringify(container)));
      }),
      { seed: 20261121, numRuns: 40 },
    );
  });

  it("that somebody changed since the plan was made, or a moment ago, is not touched", async () => {
    const other = await stage();
    other.between = async (request, ask) => {
      const answer = await ask();
      if (!request.url.endsWith(`/v2/apps${APP}`) || answer.kind !== "answered") return answer;
      return answered(request, JSON.parse(answer.body.toString().replaceAll(/marathon:v[\d.]+/g, "marathon:v1.5.99")));
    };
    expect(await upgradeService.doIt(other.context())).toMatchObject({
      kind: "failed",
      problem: { code: "service-marathon-changed", observed: expect.stringContaining("v1.5.99") as string },
    });
    const racing = await stage();
    let looks = 0;
    racing.between = async (request, ask) => {
      const answer = await ask();
      if (!request.url.endsWith(`/v2/apps${APP}`) || answer.kind !== "answered") return answer;
      looks += 1;
      const { app } = JSON.parse(answer.body.toString()) as { app: JsonRecord };
      return answered(request, { app: { ...app, version: `version ${looks}` } });
    };
    expect(await upgradeService.doIt(racing.context())).toMatchObject({
      kind: "failed",
      problem: { code: "service-marathon-changed", observed: "version version 2" },
    });
    expect([...other.changes, ...racing.changes]).toEqual([]);
  });

  it("whose answer is lost is looked at, not changed twice", async () => {
    const here = await stage();
    here.between = async (request, ask) => {
      const answer = await ask();
      return request.method === "PUT" ? lost : answer;
    };
    expect(await upgradeService.doIt(here.context())).toMatchObject({ kind: "done" });
    expect(here.changes).toHaveLength(1);
  });

  it("is not changed while a deployment runs, the root Marathon's or its own", async () => {
    for (const path of [":8080/v2/deployments", ":31500/v2/deployments"]) {
      const here = await stage();
      here.between = async (request, ask) =>
        request.url.endsWith(path) ? answered(request, [{ id: "d1", affectedApps: ["/x"] }]) : ask();
      expect(await upgradeService.mayI?.(here.context()), path).toMatchObject({
        kind: "no",
        exit: "gate-halted",
        problem: { code: "service-marathon-busy" },
      });
      expect(await upgradeService.doIt(here.context())).toMatchObject({
        kind: "failed",
        problem: { code: "service-marathon-busy" },
      });
      expect(here.changes).toEqual([]);
    }
  });

  it("for which no image is named is looked at, and that is said", async () => {
    const { changes, context } = await stage({});
    expect(await upgradeService.doIt(context())).toMatchObject({
      kind: "done",
      note: expect.stringContaining("looked at, not changed") as string,
    });
    expect(changes).toEqual([]);
    expect(upgradeService.shows({ with: { target: TARGET }, node: null }, testLab().inventory)[0]).toMatch(
      /^PUT \/v2\/apps\/ops\/marathon-user container\.docker\.image: /,
    );
  });

  it.each([
    ["/v2/info", (value: JsonRecord) => ({ ...value, frameworkId: "another" }), /framework id is another/],
    ["/v2/info", (value: JsonRecord) => ({ ...value, version: "1.4.0" }), /says it is 1\.4\.0/],
    [
      "/v2/apps",
      () => ({ apps: [{ id: "/reports/daily", instances: 3 }] }),
      /\/reports\/daily had 1 instances, has 3; \/reports\/feed had 1 instances, is gone/,
    ],
    ["/v2/tasks", () => ({ tasks: [] }), /2 of 2 tasks are not there any more/],
  ])("that is not what it was is a failure that says what differs (%s)", async (path, spoil, why) => {
    const here = await stage();
    here.between = async (request, ask) => {
      const answer = await ask();
      if (!request.url.includes(`:31500${path}`) || answer.kind !== "answered") return answer;
      return answered(request, spoil(JSON.parse(answer.body.toString()) as JsonRecord));
    };
    const end = await upgradeService.doIt(here.context());
    expect(end).toMatchObject({
      kind: "failed",
      problem: { code: "service-marathon-differs", observed: expect.stringMatching(why) as string },
    });
  });

  it("that was never read is not touched: nothing could be compared", async () => {
    const here = await stage();
    const spoilt = here.steps.context(upgradeService, null);
    const marathons = (here.facts.baseline["marathons"] as readonly JsonRecord[]).map((one) =>
      one["root"] === true ? one : { ...one, tasks: null, gaps: ["it does not answer"] },
    );
    const plan = { ...spoilt.plan, facts: { ...here.facts, baseline: { ...here.facts.baseline, marathons } } };
    expect(await upgradeService.mayI?.({ ...spoilt, plan })).toMatchObject({
      kind: "no",
      problem: { code: "service-marathon-unread", observed: "it does not answer" },
    });
  });

  it("is none in a cluster without one", async () => {
    const lab = testLab({ privateAgents: 1 });
    const { facts } = await observe(guard(lab.remote, ALLOW), lab.inventory, { target: TARGET }, lab.clock);
    const steps = testSteps(lab, facts, TARGET);
    expect(await upgradeService.doIt(steps.context(upgradeService, null))).toEqual({
      kind: "done",
      note: "this cluster has no service Marathon",
    });
  });
});

describe("what a change is made of", () => {
  it("is told field by field", () => {
    expect(changesOf({ a: 1, b: { c: [1], d: 2 } }, { a: 1, b: { c: [1, 2] }, e: null })).toEqual([
      { field: "b.c", before: [1], after: [1, 2] },
      { field: "b.d", before: 2, after: null },
    ]);
    expect([
      imageVersion("r:5000/marathon:v1.5.8"),
      imageVersion("marathon:1.4.11-ee"),
      imageVersion("marathon:latest"),
      imageVersion("r:5000/marathon"),
    ]).toEqual(["1.5.8", "1.4.11", null, null]);
  });
});
