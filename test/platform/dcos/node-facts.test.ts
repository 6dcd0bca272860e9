import { execFileSync } from "node:child_process";
import { describe, expect, it } from "vitest";
import { FACTS_NAME, FACTS_SCRIPT, factsCommand } from "../../../src/platform/dcos/facts/facts-script.ts";
import { judgeFacts, parseFacts } from "../../../src/platform/dcos/facts/node-facts.ts";
import type { Json } from "../../../src/domain/json.ts";
import { inventory, node } from "./sample.ts";

const SECTIONS: Readonly<Record<string, string>> = {
  version:
    '{\n  "version": "1.11.3",\n  "dcos-image-commit": "0123456789abcdef0123456789abcdef01234567",\n  "bootstrap-id": "b"\n}',
  roles: "slave_public",
  "install-progress": "absent",
  date: "1795191060.250000000",
  config: `${"a".repeat(64)}  /opt/mesosphere/etc/user.config.yaml`,
  "disk-opt": "Filesystem 1024-blocks Used Available Capacity Mounted on\n/dev/sda9 41152812 9812440 31340372 24% /",
  "disk-var": "Filesystem 1024-blocks Used Available Capacity Mounted on\n/dev/sdb1 103081248 21450116 81631132 21% /var/lib",
  boot: "11111111-2222-3333-4444-555555555555",
  cluster: "c-1",
  uid: "0",
  masters: "",
  units:
    "Id=dcos-mesos-slave-public.service\nActiveState=active\nSubState=running\nNRestarts=2\n\nId=dcos-adminrouter-agent.service\nActiveState=activating\nSubState=auto-restart",
  os: 'NAME="Container Linux by CoreOS"\nID=coreos\nVERSION=1688.5.3\nPRETTY_NAME="Container Linux by CoreOS 1688.5.3 (Rhyolite)"',
  kernel: "4.14.48-coreos-r2",
  docker: "Docker version 17.12.1-ce, build 7390fc6",
  machine: "0123456789abcdef0123456789abcdef",
  ipv6: "0",
  activated: "1790000000",
  edition: "",
  bootstrap: "HTTP/1.1 200 OK\nContent-Length: 41",
};

function output(change: Readonly<Record<string, string>> = {}, end = true): string {
  const parts = Object.entries({ ...SECTIONS, ...change }).map(([name, body]) => `\n=== ${name}\n${body}\n`);
  return parts.join("") + (end ? "\n=== end\n" : "");
}

describe("the facts a node prints", () => {
  it("are parsed section by section", () => {
    expect(parseFacts(output())).toEqual({
      version: "1.11.3",
      imageCommit: "0123456789abcdef0123456789abcdef01234567",
      role: "agent_public",
      roles: ["slave_public"],
      installProgress: false,
      clockEpoch: 1795191060.25,
      configSha256: "a".repeat(64),
      diskFreeKb: { opt: 31340372, var: 81631132 },
      bootId: "11111111-2222-3333-4444-555555555555",
      clusterId: "c-1",
      uid: 0,
      masterCount: null,
      units: {
        "dcos-mesos-slave-public": { active: "active", sub: "running", restarts: 2 },
        "dcos-adminrouter-agent": { active: "activating", sub: "auto-restart", restarts: null },
      },
      os: "Container Linux by CoreOS 1688.5.3 (Rhyolite)",
      osRelease: null,
      kernel: "4.14.48-coreos-r2",
      docker: "17.12.1-ce",
      machineId: "0123456789abcdef0123456789abcdef",
      edition: null,
      ipv6: true,
      activatedEpoch: 1790000000,
      bootstrapStatus: 200,
    });
  });

  it.each([
    {
      what: "an os-release without a pretty name",
      change: { os: "NAME='Debian GNU/Linux'\nID=debian" },
      field: "os",
      want: "Debian GNU/Linux",
    },
    {
      what: "CentOS, whose os-release has the major number only",
      change: {
        os: 'NAME="CentOS Linux"\nVERSION_ID="7"\nPRETTY_NAME="CentOS Linux 7 (Core)"\nCentOS Linux release 7.4.1708 (Core)',
      },
      field: "osRelease",
      want: "7.4",
    },
    { what: "a release in os-release", change: { os: 'NAME=x\nVERSION_ID="9.2"' }, field: "osRelease", want: "9.2" },
    { what: "no os-release", change: { os: "" }, field: "os", want: null },
    { what: "no Docker", change: { docker: "" }, field: "docker", want: null },
    { what: "a machine-id that was never made", change: { machine: "uninitialized" }, field: "machineId", want: null },
    { what: "the open edition's own unit", change: { edition: "dcos-oauth" }, field: "edition", want: "open" },
    {
      what: "the Enterprise edition's own units",
      change: { edition: "dcos-bouncer\ndcos-vault" },
      field: "edition",
      want: "enterprise",
    },
    { what: "units of both editions", change: { edition: "dcos-oauth\ndcos-vault" }, field: "edition", want: null },
    {
      what: "bouncer from 1.13 on, which both editions have",
      change: { version: '{"version": "1.13.9"}', edition: "dcos-bouncer" },
      field: "edition",
      want: null,
    },
    {
      what: "a version file that names the variant",
      change: { version: '{"version": "1.12.5", "dcos-variant": "enterprise"}', edition: "dcos-oauth" },
      field: "edition",
      want: "enterprise",
    },
    { what: "IPv6 switched off", change: { ipv6: "1" }, field: "ipv6", want: false },
    { what: "a kernel without IPv6", change: { ipv6: "absent" }, field: "ipv6", want: false },
    { what: "a node that does not tell of IPv6", change: { ipv6: "" }, field: "ipv6", want: null },
    { what: "no record of the activation", change: { activated: "" }, field: "activatedEpoch", want: null },
    { what: "a proxy that is well", change: { proxy: "200" }, field: "proxyStatus", want: 200 },
    { what: "a proxy that does not answer", change: { proxy: "000" }, field: "proxyStatus", want: null },
    { what: "no proxy to ask", change: { proxy: "" }, field: "proxyStatus", want: undefined },
    { what: "no version file", change: { version: "" }, field: "version", want: null },
    { what: "a version file that is no JSON", change: { version: '{"version": ' }, field: "version", want: null },
    { what: "no role file", change: { roles: "" }, field: "role", want: null },
    { what: "two role files", change: { roles: "slave\nslave_public" }, field: "role", want: null },
    { what: "a provider's own role beside the right one", change: { roles: "aws\nmaster" }, field: "role", want: "master" },
    { what: "the marker of an activation", change: { "install-progress": "present" }, field: "installProgress", want: true },
    { what: "a marker that could not be looked for", change: { "install-progress": "" }, field: "installProgress", want: null },
    { what: "a date without a fraction", change: { date: "1795191060" }, field: "clockEpoch", want: 1795191060 },
    { what: "a busybox date that knows no %N", change: { date: "1795191060.%N" }, field: "clockEpoch", want: 1795191060 },
    { what: "no configuration", change: { config: "" }, field: "configSha256", want: null },
    {
      what: "a df without a line for the disk",
      change: { "disk-var": "Filesystem 1024-blocks" },
      field: "diskFreeKb",
      want: { opt: 31340372, var: null },
    },
    {
      what: "a bootstrap machine that says 404",
      change: { bootstrap: "HTTP/1.1 404 Not Found" },
      field: "bootstrapStatus",
      want: 404,
    },
    {
      what: "a bootstrap machine that does not answer",
      change: { bootstrap: "curl: (7) Failed to connect" },
      field: "bootstrapStatus",
      want: null,
    },
    { what: "no bootstrap machine to ask", change: { bootstrap: "" }, field: "bootstrapStatus", want: undefined },
    { what: "a master's count", change: { masters: "5" }, field: "masterCount", want: 5 },
  ])("keep what is missing as null: $what", ({ change, field, want }) => {
    const report = parseFacts(output(change));
    expect(report?.[field as keyof typeof report]).toEqual(want);
  });

  it("are no reading when the output was cut before its end", () => {
    expect(parseFacts(output({}, false))).toBeNull();
    expect(judgeFacts({ kind: "exited", code: 0, stdout: output({}, false), stderr: "" })).toMatchObject({
      kind: "unreadable",
      code: "facts.incomplete",
    });
  });

  it("tell a refused sudo, a lost connection and a time-out apart", () => {
    expect(judgeFacts({ kind: "exited", code: 1, stdout: "", stderr: "sudo: a password is required\n" })).toMatchObject({
      code: "ssh.sudo",
      reason: "sudo refused: sudo: a password is required",
    });
    expect(judgeFacts({ kind: "lost", reason: "connection refused", code: "refused", sent: false })).toMatchObject({
      code: "ssh.refused",
    });
    expect(judgeFacts({ kind: "timed-out", afterMs: 30_000, stdout: "", stderr: "" })).toMatchObject({ code: "ssh.timeout" });
  });

  it.each(["sh", "bash"])("come whole out of a real %s, also on a machine that is no DC/OS node", (shell) => {
    const printed = execFileSync(shell, ["-c", FACTS_SCRIPT, FACTS_NAME, "", "", "no-such.service"], {
      encoding: "utf8",
      stdio: ["ignore", "pipe", "ignore"],
    });
    const report = parseFacts(printed);
    expect(report).toMatchObject({ version: null, role: null, roles: [], uid: process.getuid?.() });
    expect(report?.installProgress).toBe(false);
    expect(Math.abs((report?.clockEpoch ?? 0) - Date.now() / 1000)).toBeLessThan(3600);
    expect(report?.diskFreeKb.var).toBeGreaterThan(0);
    expect(report?.bootstrapStatus).toBeUndefined();
  });
});

describe("the command that reads a node", () => {
  it("asks the bootstrap machine's marker file and the units of the role, as root", () => {
    const command = factsCommand(inventory(["m1"]), node("m1"));
    expect(command.sudo).toBe(true);
    expect(command.argv.slice(4)).toEqual([
      "http://10.0.0.5:8090/bootstrap.latest",
      "",
      "dcos-exhibitor.service",
      "dcos-mesos-master.service",
      "dcos-mesos-dns.service",
      "dcos-marathon.service",
      "dcos-adminrouter.service",
    ]);
  });

  it("asks the load balancer of those agents that have one by the inventory's word", () => {
    const asked = (name: string, haproxy: Json): string | undefined =>
      factsCommand(inventory(["m1", "a1", "a2", "p1"], { settings: { haproxy } }), node(name)).argv[5];
    expect(["m1", "a1", "p1"].map((name) => asked(name, {}))).toEqual(["", "", "http://127.0.0.1:9090/_haproxy_health_check"]);
    const bridge = { port: 8888, path: "/health", on: ["agent", "p1"] };
    expect(["m1", "a1", "p1"].map((name) => asked(name, bridge))).toEqual([
      "",
      "http://127.0.0.1:8888/health",
      "http://127.0.0.1:8888/health",
    ]);
    expect([asked("p1", false), asked("p1", null), asked("p1", { path: "/x;reboot" })]).toEqual(["", "", ""]);
  });

  it("asks for a prepared script where there is no bootstrap machine, and for nothing where there is neither", () => {
    const { name, platform, folder, ssh, ports, nodes, scripts, hooks, siteSteps, settings } = inventory(["a1"]);
    const without = { name, platform, folder, ssh, ports, nodes, scripts, hooks, siteSteps, settings };
    const script = { url: "http://10.0.0.5/up.sh", sha256: "b".repeat(64) };
    expect(factsCommand({ ...without, scripts: { "1.11.3": script } }, node("a1")).argv[4]).toBe("http://10.0.0.5/up.sh");
    expect(factsCommand(without, node("a1")).argv[4]).toBe("");
  });
});
