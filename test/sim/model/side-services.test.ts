import { describe, expect, it } from "vitest";
import { ask, json, lab, parse, type Lab } from "./support.ts";

const LIST = { "content-type": "application/vnd.dcos.package.list-request+json;charset=utf-8;version=v1" };

/** What a master answers on one of these ports. */
const get = <T>(one: Lab, port: number, path: string): Promise<T> => json<T>(one.cluster, one.at("m1"), port, path);

describe("the services beside Mesos and Marathon on a master of the model", () => {
  it("tell the health of every node and unit, and of the master itself, in the words of its release", async () => {
    const one = lab({ version: "1.9.9" });
    const { nodes } = await get<{ nodes: { host_ip: string; health: number; role: string }[] }>(
      one,
      1050,
      "/system/health/v1/nodes",
    );
    expect(nodes.map((node) => [node.role, node.health])).toEqual([
      ...Array.from({ length: 3 }, () => ["master", 0]),
      ...Array.from({ length: 5 }, () => ["agent", 0]),
      ...Array.from({ length: 2 }, () => ["agent_public", 0]),
    ]);
    const own = await get<Record<string, unknown>>(one, 1050, "/system/health/v1");
    expect(own).toMatchObject({
      dcos_version: "1.9.9",
      node_role: "master",
      ip: one.at("m1"),
      "3dt_version": expect.any(String),
    });
    const later = await get<Record<string, unknown>>(lab({ version: "1.11.3" }), 1050, "/system/health/v1");
    expect(later["dcos_diagnostics_version"]).toEqual(expect.any(String));
  });

  it("name a unit that is down on one node as unhealthy over all, in the units, the nodes and the report", async () => {
    const one = lab({ faults: ["agent-never@a1:start"] });
    const { units } = await get<{ units: { id: string; health: number }[] }>(one, 1050, "/system/health/v1/units");
    expect(units.filter((unit) => unit.health === 1).map((unit) => unit.id)).toEqual(["dcos-mesos-slave.service"]);
    const report = await get<{
      Units: Record<string, { Nodes: { IP: string; Health: number }[] }>;
      Nodes: Record<string, unknown>;
    }>(one, 1050, "/system/health/v1/report");
    const slaves = report.Units["dcos-mesos-slave.service"]?.Nodes ?? [];
    expect(slaves.filter((node) => node.Health === 1).map((node) => node.IP)).toEqual([one.at("a1")]);
    expect(report.Nodes[one.at("a1")]).toMatchObject({ Role: "agent", Health: 1, MesosID: expect.any(String) });
  });

  it("list packages to a call of the right media type only, and act on nothing", async () => {
    const one = lab();
    const post = (headers: Record<string, string>) =>
      ask(one.cluster, one.at("m1"), 7070, "/package/list", { method: "POST", body: "{}", headers });
    const said = await post(LIST);
    if (said.kind !== "answered") throw new Error(said.kind);
    expect(parse<{ packages: { appId: string }[] }>(said.body.toString()).packages.map((one) => one.appId)).toEqual([
      expect.stringMatching(/^\//),
    ]);
    expect(await post({ "content-type": "application/json" })).toMatchObject({ status: 400 });
    const cancel = await ask(one.cluster, one.at("m1"), 1050, "/system/health/v1/report/diagnostics/cancel", { method: "POST" });
    expect(cancel).not.toMatchObject({ status: 200 });
  });

  it("know the masters and every task by name", async () => {
    const one = lab();
    const hosts = await get<{ host: string; ip: string }[]>(one, 8123, "/v1/hosts/master.mesos");
    expect(hosts.map((host) => host.ip)).toEqual(["m1", "m2", "m3"].map((name) => one.at(name)));
    const { frameworks } = await get<{ frameworks: { name: string; tasks: { id: string }[] }[] }>(one, 8123, "/v1/enumerate");
    expect(frameworks[0]?.tasks.length).toBeGreaterThan(15);
    expect(await get(one, 8123, "/v1/hosts/nobody.mesos")).toEqual([{ host: "", ip: "" }]);
    expect(await get(one, 9000, "/v1/jobs")).toEqual([]);
  });
});
