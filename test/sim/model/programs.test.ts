import { readFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, it } from "vitest";
import { FIXTURE, START_MS, lab, parse, run, type Lab, type Ran } from "./support.ts";

interface Recorded {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

function recordedCheck(name: string): Recorded {
  return parse<Recorded>(readFileSync(path.join(FIXTURE, "dcos-checks", name), "utf8"));
}

type Checks = { readonly checks: Readonly<Record<string, object>> };

/** The recorded runner saw another address. */
function here(one: Lab, node: string, text: string): string {
  return text.replaceAll("10.0.4.177", one.at(node));
}

describe("dcos checks of a node, beside the recorded runners", () => {
  it("prints what dcos-diagnostics of 1.11 prints on a healthy master and agent", async () => {
    const one = lab({ version: "1.11.13" });
    for (const [node, name] of [
      ["m1", "master"],
      ["a1", "agent"],
    ] as const) {
      const ran = await run(one.node(node), ["/opt/mesosphere/bin/dcos-diagnostics", "check", "node-poststart"]);
      const recorded = recordedCheck(`1.11-diagnostics-node-poststart-${name}-pass.json`);
      expect(ran).toEqual({ code: recorded.exitCode, out: here(one, node, recorded.stdout), err: recorded.stderr });
    }
  });

  it("prints what dcos-check-runner of 1.12 prints: passed, listed, called as the upgrade script does, of an unknown type", async () => {
    const one = lab({ version: "1.12.5" });
    const runner = (...words: string[]): Promise<Ran> => run(one.node("m1"), ["dcos-check-runner", "check", ...words]);
    const passed = recordedCheck("1.12-check-runner-node-poststart-master-pass.json");
    expect(await runner("node-poststart")).toEqual({ code: 0, out: here(one, "m1", passed.stdout), err: "" });
    expect((await runner("--list", "node-poststart")).out).toBe(recordedCheck("1.12-check-runner-list-master.json").stdout);
    expect(await runner("node-poststart", "cluster")).toEqual({
      code: 0,
      out: recordedCheck("1.12-check-runner-scriptform-pre-pass.json").stdout,
      err: "",
    });
    const bad = await runner("nope");
    expect([bad.code, bad.err.replace(/time="[^"]*"/, 'time="<time>"')]).toEqual([
      1,
      recordedCheck("1.12-check-runner-bad-type.json").stderr,
    ]);
  });

  it("fails as recorded: the replog check is unknown (3), the clock critical (2), and the exit code is the worst", async () => {
    const one = lab({ version: "1.12.5", faults: ["replog-not-recovered@m1:start"] });
    await one.clock.sleep(60_000);
    const ran = await run(one.node("m1"), ["dcos-check-runner", "check", "node-poststart"]);
    const recorded = parse<Checks>(recordedCheck("1.12-check-runner-node-poststart-master-fail.json").stdout).checks[
      "mesos_master_replog_synchronized"
    ];
    expect(ran.code).toBe(3);
    expect(parse<Checks>(ran.out).checks["mesos_master_replog_synchronized"]).toEqual(recorded);
  });

  it("answers an unknown name with an error and exit code 0 in 1.13, and with an empty success before", async () => {
    const late = await run(lab({ version: "1.13.9" }).node("m1"), ["dcos-check-runner", "check", "node-poststart", "cluster"]);
    expect([late.code, parse<Checks>(late.out).checks]).toEqual([0, ["cluster: Check not found"]]);
    expect((await run(lab({ version: "1.9.9" }).node("m1"), ["dcos-diagnostics", "check", "cluster"])).code).toBe(127);
  });
});

describe("programs of a node", () => {
  it("tells versions through dcos-shell, and only those of its role", async () => {
    const one = lab({ version: "1.11.3" });
    expect(await run(one.node("m1"), ["/opt/mesosphere/bin/dcos-shell", "mesos-master", "--version"])).toMatchObject({
      code: 0,
      out: "mesos 1.5.2\n",
    });
    expect(await run(one.node("a1"), ["dcos-shell", "/opt/mesosphere/bin/mesos-slave", "--version"])).toMatchObject({
      code: 0,
      out: "mesos 1.5.2\n",
    });
    expect((await run(one.node("a1"), ["dcos-shell", "mesos-master", "--version"])).code).toBe(127);
  });

  it("has a clock: date in the usual forms, synchronised or not", async () => {
    const one = lab({ faults: ["clock-skew@a2:start"] });
    const date = async (...words: string[]): Promise<string> => (await run(one.node("m1"), ["date", ...words])).out.trim();
    expect(await date("+%s.%N")).toBe(`${START_MS / 1000}.000000000`);
    expect(await date()).toBe("Fri Nov 20 15:00:00 UTC 2026");
    expect(await date("-u", "+%Y-%m-%dT%H:%M:%SZ")).toBe("2026-11-20T15:00:00Z");
    expect(await date("-u", "-d", "@1500000000", "+%F")).toBe("2017-07-14");
    expect((await run(one.node("m1"), ["timedatectl"])).out).toContain("NTP synchronized: yes");
    expect((await run(one.node("a2"), ["ntptime"])).code).toBe(5);
  });

  it("has curl with its exit codes: 6 unknown host, 7 refused, 22 with -f, 2 usage", async () => {
    const one = lab();
    const curl = (...words: string[]): Promise<Ran> => run(one.node("m1"), ["curl", ...words]);
    expect(await curl("-sS", "http://nowhere.example/")).toMatchObject({
      code: 6,
      err: "curl: (6) Could not resolve host: nowhere.example\n",
    });
    expect((await curl("-s", `http://${one.at("a1")}:81/`)).code).toBe(7);
    expect(await curl("-sS", `http://127.0.0.1:5050/`)).toMatchObject({ code: 0, out: "404 Not Found." });
    expect((await curl("-fsS", `http://${one.at("m1")}:5050/nope`)).code).toBe(22);
    expect((await curl("--wrong")).code).toBe(2);
    expect((await curl("-s", "-o", "/dev/null", "-w", "%{http_code}\\n", `http://${one.at("m1")}:5050/state`)).out).toBe("307\n");
    expect(parse<{ readonly version: string }>((await curl("-sL", "http://leader.mesos:5050/master/version")).out).version).toBe(
      "1.4.2",
    );
    expect((await curl("-fsSL", `http://${one.at("m1")}:5050/slaves`)).out).toContain('"slaves":[');
    expect((await curl("-sI", `http://${one.at("m1")}:5050/redirect`)).out).toMatch(
      /^HTTP\/1\.1 307 Temporary Redirect\r\n[\s\S]*Location: \/\//,
    );
    expect(
      (
        await curl(
          "-s",
          "-XPOST",
          "-H",
          "Content-Type: application/json",
          "-d",
          '{"type":"GET_HEALTH"}',
          `http://${one.at("m3")}:5050/api/v1`,
        )
      ).out,
    ).toBe('{"type":"GET_HEALTH","get_health":{"healthy":true}}');
    expect((await curl("-sSo", "/no/such/folder/file", `http://${one.at("m1")}:5050/version`)).code).toBe(23);
  });

  it("knows disks, names, containers and DNS", async () => {
    const one = lab();
    const rows = (await run(one.node("a1"), ["df", "-Pk", "/opt/mesosphere", "/var/lib/mesos"])).out.trim().split("\n");
    expect(rows).toHaveLength(3);
    expect(Number(rows[1]?.trim().split(/\s+/)[3])).toBeGreaterThan(5 * 1024 * 1024);
    expect((await run(one.node("a1"), ["df", "-Pk", "/nowhere"])).code).toBe(1);
    expect((await run(one.node("a1"), ["hostname"])).out).toBe("a1\n");
    expect((await run(one.node("p1"), ["docker", "ps", "-q"])).out).toMatch(/^[0-9a-f]{12}\n$/);
    expect((await run(one.node("a1"), ["ping", "-c1", "ready.spartan"])).code).toBe(0);
    expect((await run(one.node("a1"), ["ping", "-c", "1", "nowhere.example"])).code).toBe(2);
    expect((await run(one.node("a1"), ["id", "-u"], { user: "core" })).out).toBe("500\n");
    expect((await run(one.node("m1"), ["journalctl", "-u", "dcos-exhibitor", "-n", "20", "--no-pager"])).out).toContain(
      "Started Exhibitor",
    );
    expect((await run(one.node("m1"), ["systemctl", "status", "dcos-nope"])).code).toBe(4);
  });
});

describe("files of a node", () => {
  it("are laid out as DC/OS does, one key a line and the version first", async () => {
    const one = lab({ version: "1.12.5" });
    const read = (name: string, file: string): Promise<string> => one.node(name).fs.readFile(file);
    expect(await read("m1", "/opt/mesosphere/etc/dcos-version.json")).toMatch(
      /^\{\n {2}"version": "1\.12\.5",\n {2}"dcos-variant": "open",\n {2}"dcos-image-commit": "[0-9a-f]{40}",\n {2}"bootstrap-id": "[0-9a-f]{40}"\n\}\n$/,
    );
    expect(await one.node("p1").fs.readdir("/etc/mesosphere/roles")).toEqual(["slave_public"]);
    expect(await read("m1", "/opt/mesosphere/etc/master_count")).toBe("3\n");
    expect(await read("a1", "/var/lib/dcos/cluster-id")).toBe(`${one.cluster.id}\n`);
    // The text of ip-detect, and config.yaml as PyYAML dumps it with every value as literal text (dcos/dcos, gen).
    expect(await read("a1", "/opt/mesosphere/bin/detect_ip")).toBe("#!/bin/sh\nhostname -I | cut -d' ' -f1\n");
    expect(await read("a1", "/opt/mesosphere/etc/user.config.yaml")).toMatch(
      /^"bootstrap_url": \|-\n {2}http:\/\/\S+\n"check_time": \|-\n {2}true\n[\s\S]*"master_list": \|-\n {2}\["\S+", "\S+", "\S+"\]\n/,
    );
    expect(await read("a1", "/opt/mesosphere/environment.export")).toContain("export DCOS_VERSION=1.12.5\n");
    expect((await read("a1", "/proc/sys/kernel/random/boot_id")).trim()).toBe(one.node("a1").bootId);
    const folder = "/var/lib/dcos/exhibitor/zookeeper";
    expect(await read("m2", `${folder}/snapshot/myid`)).toBe("2\n");
    expect((await one.node("m2").fs.readdir(`${folder}/snapshot/version-2`)).toSorted()).toEqual([
      "acceptedEpoch",
      "currentEpoch",
      expect.stringMatching(/^snapshot\.[0-9a-f]+$/),
    ]);
    expect(await one.node("m2").fs.readdir(`${folder}/transactions/version-2`)).toEqual([
      expect.stringMatching(/^log\.[0-9a-f]+$/),
    ]);
  });

  it("that live are made at every read, and keep what somebody wrote into them", async () => {
    const one = lab();
    const read = (): Promise<string> => one.node("a1").fs.readFile("/proc/uptime");
    const before = Number((await read()).split(" ")[0]);
    await one.clock.sleep(10_000);
    expect(Number((await read()).split(" ")[0]) - before).toBe(10);
    await one.node("a1").fs.writeFile("/proc/uptime", "1 1\n");
    expect(await read()).toBe("1 1\n");
  });

  it("exist for five hundred agents over several networks, each with an address of its own", () => {
    const one = lab({ privateAgents: 500, publicAgents: 20 });
    const addresses = one.cluster.nodes.map((node) => node.address);
    expect(new Set(addresses).size).toBe(523);
    expect(addresses.every((it) => it.split(".").every((part) => Number(part) >= 0 && Number(part) <= 254))).toBe(true);
    expect(one.cluster.listeners).toHaveLength(3 * 8 + 520 + 1);
  });
});
