import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, it } from "vitest";
import {
  SHARED,
  ask,
  get,
  json,
  lab,
  marathonApps,
  marathonTasks,
  mesosTasks,
  parse,
  until,
  type Lab,
  type MarathonApp,
} from "./support.ts";
import { differences, shapeOf, type Shape } from "./shape.ts";

const TEST_APP = { id: "/pawl/test", cmd: "sleep 3600", cpus: 0.1, mem: 32, instances: 1 };

/** What Marathon answers to a change. */
interface Answer {
  readonly message?: string;
  readonly deployments: readonly { readonly id: string }[];
  readonly details: readonly { readonly path: string }[];
}

async function send(
  one: Lab,
  method: string,
  target: string,
  body: unknown,
): Promise<{ readonly status: number; readonly body: Answer }> {
  const said = await ask(one.cluster, one.at("m1"), 8080, target, { method, body: body === null ? "" : JSON.stringify(body) });
  if (said.kind !== "answered") throw new Error(said.kind);
  return { status: said.status, body: parse<Answer>(said.body.toString()) };
}

const app = async (one: Lab, id: string): Promise<MarathonApp> =>
  (await json<{ readonly app: MarathonApp }>(one.cluster, one.at("m1"), 8080, `/v2/apps${id}`)).app;

describe("the model's Marathon", () => {
  it("is one leader behind every master, with the headers of the proxy", async () => {
    const one = lab();
    const { leader } = await json<{ readonly leader: string }>(one.cluster, one.at("m1"), 8080, "/v2/leader");
    for (const name of ["m1", "m2", "m3"]) {
      const said = await ask(one.cluster, one.at(name), 8080, "/ping");
      if (said.kind !== "answered") throw new Error(said.kind);
      expect(said.headers["X-Marathon-Leader"]).toBe(`http://${leader}`);
      expect(said.headers["X-Marathon-Via"] === undefined).toBe(`${one.at(name)}:8080` === leader);
    }
    expect((await json<{ readonly elected: boolean }>(one.cluster, one.at("m1"), 8080, "/v2/info")).elected).toBe(true);
  });

  it.each([
    ["1.9.9", "text/html", /<td>ROOT<\/td>\s*<td>INFO<\/td>[^]*<td>mesosphere<\/td>\s*<td>INHERIT<\/td>/],
    ["1.10.8", "application/json", /^\{"ROOT":"INFO",.*"mesosphere":"INFO \(inherited\)"/],
  ] as const)("tells its loggers as Marathon of DC/OS %s does, and takes no change by a GET", async (version, type, form) => {
    const one = lab({ version });
    const said = await ask(one.cluster, one.at("m1"), 8080, "/logging?logger=ROOT&level=OFF");
    if (said.kind !== "answered") throw new Error(said.kind);
    expect([said.status, said.headers["Content-Type"]?.startsWith(type)]).toEqual([200, true]);
    expect(said.body.toString()).toMatch(form);
  });

  it("runs about twenty tasks: one app pinned, one UNIQUE, one public, some with health checks", async () => {
    const one = lab();
    const apps = await marathonApps(one);
    const tasks = apps.flatMap((it) => it.tasks);
    expect(tasks.length).toBeGreaterThan(15);
    const operators = apps.flatMap((it) => it.constraints.map((constraint) => constraint.slice(0, 2).join(" ")));
    expect(operators).toEqual(expect.arrayContaining(["hostname LIKE", "hostname UNIQUE"]));
    for (const it of apps)
      expect([it.id, it.tasksRunning, it.tasksStaged, it.tasksUnhealthy]).toEqual([it.id, it.instances, 0, 0]);
    const cache = apps.find((it) => it.id === "/data/cache");
    expect(new Set(cache?.tasks.map((task) => task.host)).size).toBe(cache?.instances);
    const edge = apps.find((it) => it.id === "/edge/lb");
    expect(edge?.tasks.map((task) => task.host).toSorted()).toEqual([one.at("p1"), one.at("p2")]);
  });

  it("says the same as Mesos: task ids, hosts and agent ids", async () => {
    const one = lab();
    const mesos = (await mesosTasks(one, "m3")).map((it) => `${it.id} ${it.slave_id}`);
    const marathon = (await marathonTasks(one)).map((it) => `${it.id} ${it.slaveId}`);
    expect(mesos.toSorted()).toEqual(marathon.toSorted());
    const { frameworks } = await json<{ readonly frameworks: readonly { readonly name: string }[] }>(
      one.cluster,
      one.at("m3"),
      5050,
      "/frameworks",
    );
    const { frameworkId } = await json<{ readonly frameworkId: string }>(one.cluster, one.at("m1"), 8080, "/v2/info");
    expect(frameworks.find((it) => it.name === "marathon")).toMatchObject({
      id: frameworkId,
      active: true,
      connected: true,
    });
  });

  it("deploys a test app, runs it where its constraint says, and deletes it again", async () => {
    const one = lab();
    const created = await send(one, "POST", "/v2/apps", { ...TEST_APP, constraints: [["hostname", "LIKE", one.at("a3")]] });
    expect(created.status).toBe(201);
    expect((await json<readonly object[]>(one.cluster, one.at("m2"), 8080, "/v2/deployments"))[0]).toMatchObject({
      id: created.body.deployments[0]?.id,
      affectedApps: ["/pawl/test"],
    });
    await until(one, 60_000, 1_000, async () => (await app(one, "/pawl/test")).tasksRunning === 1);
    expect((await app(one, "/pawl/test")).tasks[0]?.host).toBe(one.at("a3"));
    expect(await json(one.cluster, one.at("m1"), 8080, "/v2/deployments")).toEqual([]);
    const deleted = await send(one, "DELETE", "/v2/apps/pawl/test", null);
    expect(deleted.body).toMatchObject({ deploymentId: expect.any(String), version: expect.any(String) });
    await until(
      one,
      60_000,
      1_000,
      async () => (await get(one.cluster, one.at("m1"), 8080, "/v2/apps/pawl/test")).status === 404,
    );
    expect(parse((await get(one.cluster, one.at("m1"), 8080, "/v2/apps/pawl/test")).body)).toEqual({
      message: "App '/pawl/test' does not exist",
    });
    const groups = (
      await json<{ readonly groups: readonly { readonly id: string }[] }>(one.cluster, one.at("m1"), 8080, "/v2/groups")
    ).groups.map((it) => it.id);
    expect(groups, "an emptied group remains").toContain("/pawl");
    const states = (await mesosTasks(one, "m3")).filter((it) => it.name === "test.pawl").map((it) => it.state);
    expect(states).toEqual(["TASK_KILLED"]);
  });

  it("keeps an app that fits nowhere in the queue, overdue, and its deployment open", async () => {
    const one = lab();
    await send(one, "POST", "/v2/apps", { ...TEST_APP, constraints: [["hostname", "LIKE", "10.9.9.9"]] });
    await one.clock.sleep(120_000);
    const { queue } = await json<{
      readonly queue: readonly { readonly app: { readonly id: string }; readonly count: number; readonly delay: object }[];
    }>(one.cluster, one.at("m1"), 8080, "/v2/queue");
    expect(queue.map((it) => [it.app.id, it.count, it.delay])).toEqual([
      ["/pawl/test", 1, { timeLeftSeconds: 0, overdue: true }],
    ]);
    expect(await json(one.cluster, one.at("m1"), 8080, "/v2/deployments")).toHaveLength(1);
  });

  it("refuses what Marathon refuses: bad JSON 400, a second app 409, a locked app 409, a bad constraint 422", async () => {
    const one = lab();
    expect(
      (await ask(one.cluster, one.at("m1"), 8080, "/v2/apps", { method: "POST", body: "{" })) as { status: number },
    ).toMatchObject({ status: 400 });
    await send(one, "POST", "/v2/apps", TEST_APP);
    expect((await send(one, "POST", "/v2/apps", TEST_APP)).status).toBe(409);
    const locked = await send(one, "PUT", "/v2/apps/pawl/test", { instances: 2 });
    expect([locked.status, locked.body.deployments.length]).toEqual([409, 1]);
    const bad = await send(one, "POST", "/v2/apps", { ...TEST_APP, id: "/other", constraints: [["hostname", "NEAR", "x"]] });
    expect([bad.status, bad.body.message, bad.body.details[0]?.path]).toEqual([422, "Object is not valid", "/constraints(0)"]);
  });

  it("has the fields of published answers that pawl reads", async () => {
    if (!existsSync(SHARED)) {
      expect(process.env["CI"] === "true" ? "the published captures beside the repository are missing" : "").toBe("");
      return;
    }
    const one = lab({ version: "1.10.8" });
    const published = (name: string): string => readFileSync(path.join(SHARED, "marathon", name), "utf8");
    const shown = async (target: string): Promise<Shape> => shapeOf((await get(one.cluster, one.at("m1"), 8080, target)).body);
    // Only the other direction is open: real answers also hold what an operator put into a definition.
    const missing = (list: readonly string[]): readonly string[] =>
      list.filter(
        (it) => it.startsWith("missing") && !/\.(labels|env|parameters|networks)\b|HAPROXY|portMappings\[\]\.name/.test(it),
      );
    expect(missing(differences(shapeOf(published("apps-1.5-networks.json")), await shown("/v2/apps?embed=apps.tasks")))).toEqual(
      [],
    );
    expect(
      missing(differences(shapeOf(published("doc-info.json")), await shown("/v2/info"))).filter(
        (it) => !it.includes(".marathon_config."),
      ),
    ).toEqual([]);
    expect(differences(shapeOf(published("gm-leader.json")), await shown("/v2/leader"))).toEqual([]);
    await send(one, "POST", "/v2/apps", TEST_APP);
    expect(
      missing(differences(shapeOf(published("deployments-one.json")), await shown("/v2/deployments"))).filter(
        (it) => !it.includes("readinessCheckResults"),
      ),
    ).toEqual([]);
  });
});
