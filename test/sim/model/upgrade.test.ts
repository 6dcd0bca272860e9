import { describe, expect, it } from "vitest";
import {
  elected,
  exhibitorStatus,
  get,
  json,
  lab,
  marathonTasks,
  metrics,
  run,
  until,
  upgrade,
  versionOn,
  type Lab,
} from "./support.ts";

async function settled(one: Lab, agents: number): Promise<boolean> {
  const leader = await elected(one);
  if (!/^m\d$/.test(leader)) return false;
  const values = await metrics(one, leader);
  if ((await get(one.cluster, one.at("m1"), 8181, "/exhibitor/v1/cluster/status")).status !== 200) return false;
  const status = await exhibitorStatus(one, "m1");
  const marathon = await get(one.cluster, one.at("m1"), 8080, "/v2/info");
  if (marathon.status !== 200 || values["master/slaves_active"] !== agents || values["master/frameworks_connected"] !== 2)
    return false;
  return status.every((it) => it.description === "serving") && status.filter((it) => it.isLeader).length === 1;
}

describe("the upgrade script of the model", () => {
  it("is generated with its URL as the last line, and served with a shebang and both versions baked in", async () => {
    const one = lab({ version: "1.10.8" });
    const made = await run(one.cluster.bootstrap, [
      "bash",
      "/opt/dcos/1.11.3/dcos_generate_config.sh",
      "--generate-node-upgrade-script",
      "1.10.8",
    ]);
    expect(made.code).toBe(0);
    const url =
      /^Node upgrade script URL: (http:\/\/127\.83\.12\.5:8090\/1\.11\.3\/upgrade\/[0-9a-f]{32}\/dcos_node_upgrade\.sh)$/.exec(
        made.out.trim().split("\n").at(-1) ?? "",
      )?.[1];
    const text = await run(one.node("m1"), ["curl", "-fsSL", url ?? ""]);
    expect(text.out).toMatch(
      /^#!\/bin\/bash\n[\s\S]*ERROR: Expecting to upgrade DC\/OS from 1\.10\.8 to 1\.11\.3\. Version found on node: /,
    );
    const again = await run(one.cluster.bootstrap, [
      "bash",
      "/opt/dcos/1.11.3/dcos_generate_config.sh",
      "--generate-node-upgrade-script",
      "1.10.8",
    ]);
    expect(again.out.trim().split("\n").at(-1)).not.toContain(url?.split("/").at(-2) ?? "?");
    const missing = await run(one.node("m1"), [
      "curl",
      "-sS",
      "http://127.83.12.5:8090/1.11.3/upgrade/none/dcos_node_upgrade.sh",
    ]);
    expect(missing.out).toContain("<center><h1>404 Not Found</h1></center>");
    expect((await run(one.node("m1"), ["curl", "-fsSI", "http://127.83.12.5:8090/1.11.3/bootstrap.latest"])).out).toMatch(
      /^HTTP\/1\.1 200 OK\r\n/,
    );
  });

  it("takes a cluster through three hops in the workbook's order, without losing a task, an agent id or the framework", async () => {
    const one = lab({ version: "1.9.4", privateAgents: 2, publicAgents: 1 });
    const tasks = async (): Promise<string> =>
      (await marathonTasks(one))
        .map((it) => it.id)
        .toSorted()
        .join("\n");
    const before = await tasks();
    const ids = Object.values(one.cluster.inspect()).map((it) => it.agentId);
    const framework = (await json<{ readonly frameworkId: string }>(one.cluster, one.at("m1"), 8080, "/v2/info")).frameworkId;
    let from = "1.9.4";
    for (const target of ["1.9.9", "1.10.8", "1.11.3"]) {
      const leader = await elected(one);
      const order = [...["m1", "m2", "m3"].filter((it) => it !== leader), leader, "a1", "a2", "p1"];
      for (const name of order) {
        const ran = await upgrade(one, name, from, target, { words: ["--verbose"] });
        expect([name, target, ran.code, ran.err]).toEqual([name, target, 0, ""]);
        await until(one, 400_000, 5_000, () => settled(one, 3));
        expect(await versionOn(one, name)).toBe(target);
      }
      from = target;
    }
    expect(await tasks()).toBe(before);
    expect(Object.values(one.cluster.inspect()).map((it) => it.agentId)).toEqual(ids);
    expect(await json(one.cluster, one.at("m2"), 8080, "/v2/info")).toMatchObject({
      frameworkId: framework,
      version: "1.6.496-b83ae55eb",
    });
    for (const { scriptRuns } of Object.values(one.cluster.inspect()))
      expect(scriptRuns.map((it) => [it.from, it.target, it.exit])).toEqual([
        ["1.9.4", "1.9.9", 0],
        ["1.9.9", "1.10.8", 0],
        ["1.10.8", "1.11.3", 0],
      ]);
    const versions = await Promise.all(
      ["m1", "m2", "m3"].map(
        async (it) => (await json<{ readonly version: string }>(one.cluster, one.at(it), 5050, "/version")).version,
      ),
    );
    expect(new Set(versions)).toEqual(new Set(["1.5.2"]));
  });

  it("announces, fetches and activates, and prints the fetch only where pkgpanda may speak", async () => {
    for (const [from, target, words, speaks] of [
      ["1.9.9", "1.10.8", [], true],
      ["1.10.8", "1.11.3", [], false],
      ["1.10.8", "1.11.3", ["--verbose"], true],
      ["1.12.5", "1.13.9", ["--verbose"], true],
    ] as const) {
      const one = lab({ version: from, privateAgents: 1, publicAgents: 0 });
      const ran = await upgrade(one, "a1", from, target, { words });
      expect(ran.out.replaceAll("\r", "\n")).toMatch(new RegExp(`(^|\n)Upgrading DC/OS agent ${from} -> ${target}\n`));
      expect([target, ran.out.includes("\rFetched: mesos--"), ran.code]).toEqual([target, speaks, 0]);
      if (target === "1.13.9") expect(ran.out.startsWith("Verbose mode on\n")).toBe(true);
    }
  });

  it("ends at the version gate with exit 1 on stdout, whatever else the node found", async () => {
    const one = lab({ version: "1.10.8", privateAgents: 1 });
    expect(await upgrade(one, "a1", "1.10.7", "1.11.3")).toMatchObject({
      code: 1,
      err: "",
      out: "ERROR: Expecting to upgrade DC/OS from 1.10.7 to 1.11.3. Version found on node: 1.10.8\n",
    });
    expect((await upgrade(one, "a1", "1.10.8", "1.11.3")).code).toBe(0);
    const twice = await run(one.node("a1"), ["bash", "/root/dcos_node_upgrade.sh"]);
    expect(twice).toMatchObject({
      code: 1,
      out: "ERROR: Expecting to upgrade DC/OS from 1.10.8 to 1.11.3. Version found on node: 1.11.3\n",
    });
  });

  it("wants root, and exactly one role file", async () => {
    const one = lab({ version: "1.9.9", privateAgents: 1 });
    await upgrade(one, "a1", "1.9.8", "1.10.8");
    await one
      .node("a1")
      .fs.writeFile(
        "/root/up.sh",
        (
          await run(one.node("a1"), [
            "curl",
            "-s",
            (
              await run(one.cluster.bootstrap, [
                "bash",
                "/opt/dcos/1.10.8/dcos_generate_config.sh",
                "--generate-node-upgrade-script",
                "1.9.9",
              ])
            ).out
              .trim()
              .split(" ")
              .at(-1) ?? "",
          ])
        ).out,
      );
    expect(await run(one.node("a1"), ["bash", "/root/up.sh"], { user: "core" })).toMatchObject({
      code: 1,
      err: "This script must be run as root\n",
    });
    await one.node("a1").fs.writeFile("/etc/mesosphere/roles/slave_public", "");
    const ran = await run(one.node("a1"), ["bash", "/root/up.sh"]);
    expect(ran.code).toBe(1);
    expect(ran.out).toContain("ERROR: Can't determine this node's role.");
  });

  it("marks the activation, and leaves the mark behind when it is killed in it", async () => {
    const one = lab({ version: "1.12.5", privateAgents: 1 });
    const progress = "/opt/mesosphere/install_progress";
    const abort = new AbortController();
    const running = upgrade(one, "a1", "1.12.5", "1.13.9", { signal: abort.signal });
    await until(one, 300_000, 1_000, () => one.node("a1").fs.exists(progress));
    expect((await get(one.cluster, one.at("a1"), 5051, "/health")).status).toBe(0);
    abort.abort();
    expect((await running).code).toBe(143);
    expect(await one.node("a1").fs.exists(progress)).toBe(true);
  });

  it("does nothing to the node when it is killed while it fetches", async () => {
    const one = lab({ version: "1.12.5", privateAgents: 1 });
    const abort = new AbortController();
    const running = upgrade(one, "a1", "1.12.5", "1.13.9", { signal: abort.signal });
    await one.clock.sleep(50_000);
    abort.abort();
    expect((await running).code).toBe(143);
    expect(await versionOn(one, "a1")).toBe("1.12.5");
    expect((await get(one.cluster, one.at("a1"), 5051, "/health")).status).toBe(200);
  });

  it("ends before the services are up where the target's script checks nothing, and waits for them in 1.10 and 1.11", async () => {
    const late = lab({ version: "1.12.5" });
    expect((await upgrade(late, "m1", "1.12.5", "1.13.9")).code).toBe(0);
    expect((await get(late.cluster, late.at("m1"), 5050, "/health")).status).toBe(0);
    const early = lab({ version: "1.10.8" });
    expect((await upgrade(early, "m1", "1.10.8", "1.11.3")).code).toBe(0);
    expect((await get(early.cluster, early.at("m1"), 5050, "/health")).status).toBe(200);
  });

  it("waits for Exhibitor after a hop to 1.9 on a master", async () => {
    const one = lab({ version: "1.9.4" });
    const ran = await upgrade(one, "m2", "1.9.4", "1.9.9");
    expect(ran.out).toContain("Waiting for Exhibitor...\n");
    expect(ran.code).toBe(0);
  });

  it("keeps its script recognisable through copies and moves, and not after a change", async () => {
    const one = lab({ version: "1.12.5", privateAgents: 1 });
    await upgrade(one, "a1", "1.12.4", "1.13.9");
    const { fs } = one.node("a1");
    await fs.cp("/root/dcos_node_upgrade.sh", "/root/copy.sh");
    await fs.mv("/root/copy.sh", "/tmp/moved.sh");
    expect(one.node("a1").scriptProgram("/tmp/moved.sh")).not.toBeNull();
    expect(one.node("a1").scriptProgram("/root/copy.sh")).toBeNull();
    const text = await fs.readFile("/tmp/moved.sh");
    await fs.writeFile("/tmp/moved.sh", text.slice(0, text.length - 40));
    expect(one.node("a1").scriptProgram("/tmp/moved.sh"), "a truncated download is not the script").toBeNull();
    await fs.rm("/root/dcos_node_upgrade.sh");
    expect(one.node("a1").scriptProgram("/root/dcos_node_upgrade.sh")).toBeNull();
  });
});
