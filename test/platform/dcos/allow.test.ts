import { describe, expect, it } from "vitest";
import { guard } from "../../../src/check/guard.ts";
import type { Remote } from "../../../src/engine/ports.ts";
import { ALLOW } from "../../../src/platform/dcos/allow.ts";
import { takeCapture } from "../../../src/action/take-capture.ts";
import { captures } from "../../../src/platform/dcos/capture/captures.ts";
import { facts, inventory, THREE } from "./sample.ts";

/** Answers everything and remembers what was sent. */
function echo(): { readonly remote: Remote; readonly sent: string[] } {
  const sent: string[] = [];
  const exited = { kind: "exited", code: 0, stdout: "", stderr: "" } as const;
  const remote: Remote = {
    run: async (target, command) => (sent.push(`${target}: ${command.argv.join(" ")}`), exited),
    stream: async (target, command) => (sent.push(`${target}: ${command.argv.join(" ")}`), exited),
    http: async (request) => (
      sent.push(`${request.method} ${request.url}`),
      { kind: "answered", status: 200, headers: {}, body: Buffer.from("{}"), url: request.url }
    ),
    tcp: async (host, port, send) => (sent.push(`${host}:${port} ${send}`), { kind: "answered", body: Buffer.from("x") }),
    close: async () => undefined,
  };
  return { remote, sent };
}

describe("what DC/OS may be read with", () => {
  it("covers every capture, and each one is sent", async () => {
    const { remote, sent } = echo();
    const reader = guard(remote, ALLOW);
    const items = captures(inventory(THREE), facts(THREE, "1.10.8", { baseline: { tasksTotal: 9_000, leader: "m2" } }));
    for (const item of items) expect((await takeCapture(reader, item)).ok, item.name).toBe(true);
    expect(sent).toHaveLength(items.length);
    expect(new Set(items.map((item) => item.name)).size).toBe(items.length);
    expect(sent.filter((one) => one.includes("/tasks?limit=2000"))).toHaveLength(6);
    expect(sent).toContain("GET http://10.0.0.12:5050/state");
  });

  it.each([
    ["/package/list", "application/vnd.dcos.package.list-request+json;charset=utf-8;version=v1", "{}", true],
    ["/package/list", "application/vnd.dcos.package.uninstall-request+json;charset=utf-8;version=v1", "{}", false],
    ["/package/list", "application/json", "{}", false],
    ["/package/uninstall", "application/vnd.dcos.package.list-request+json;charset=utf-8;version=v1", "{}", false],
    ["/api/v1", "application/vnd.dcos.package.list-request+json;charset=utf-8;version=v1", '{"type":"GET_STATE"}', false],
    ["/logging", "application/json", '{"logger":"ROOT","level":"off"}', false],
    ["/system/health/v1/report/diagnostics/create", "application/json", '{"nodes":["all"]}', false],
  ])("lets a POST to %s as %s with %s through: %s", async (path, type, body, allowed) => {
    const { remote, sent } = echo();
    const request = { method: "POST", url: `http://10.0.0.11:7070${path}`, body, headers: { "content-type": type } };
    const asked = guard(remote, ALLOW).http({ ...request, timeoutMs: 1_000, followRedirects: 0 });
    await (allowed ? expect(asked).resolves.toMatchObject({ status: 200 }) : expect(asked).rejects.toThrow(/not on its list/));
    expect(sent).toHaveLength(allowed ? 1 : 0);
  });

  it.each([
    "http://10.0.0.11:8181/exhibitor/v1/cluster/restart",
    "http://10.0.0.11:8181/exhibitor/v1/cluster/stop/10.0.0.12",
    "http://10.0.0.11:8181/exhibitor/v1/cluster/start",
    "http://10.0.0.11:8181/exhibitor/v1/cluster/set/restarts/false",
    "http://10.0.0.11:8181/exhibitor/v1/cluster/4ltr/kill",
    "http://10.0.0.11:8181/exhibitor/v1/config/set",
    "http://10.0.0.11:5050/machine/down",
    "http://10.0.0.11:5050/teardown",
    "http://10.0.0.11:5050/master/machine/up",
    "http://10.0.0.11:5050/state/../machine/down",
    "http://10.0.0.11:8080/v2/apps/../../admin",
  ])("does not let GET %s through", async (url) => {
    const { remote, sent } = echo();
    const asked = guard(remote, ALLOW).http({ method: "GET", url, timeoutMs: 1_000, followRedirects: 0 });
    await expect(asked).rejects.toMatchObject({ code: "not-allowed" });
    expect(sent).toEqual([]);
  });

  it.each([
    { method: "DELETE", url: "http://10.0.0.11:8080/v2/leader", body: undefined },
    { method: "DELETE", url: "http://10.0.0.11:8080/v2/apps/web", body: undefined },
    { method: "POST", url: "http://10.0.0.11:8080/v2/apps", body: "{}" },
    { method: "POST", url: "http://10.0.0.11:5050/api/v1", body: '{"type":"TEARDOWN"}' },
    { method: "POST", url: "http://10.0.0.11:5050/api/v1", body: '{"type":"GET_HEALTH","x":{"type":"MARK_AGENT_GONE"}}' },
    { method: "POST", url: "http://10.0.0.11:5050/maintenance/schedule", body: "{}" },
  ])("does not let $method $url through with $body", async ({ method, url, body }) => {
    const { remote, sent } = echo();
    await expect(
      guard(remote, ALLOW).http({ method, url, ...(body === undefined ? {} : { body }), timeoutMs: 1_000, followRedirects: 0 }),
    ).rejects.toMatchObject({ code: "not-allowed" });
    expect(sent).toEqual([]);
  });

  it("lets the calls of the typed API through that read", async () => {
    const { remote, sent } = echo();
    await guard(remote, ALLOW).http({
      method: "POST",
      url: "http://10.0.0.11:5050/api/v1",
      body: '{"type":"GET_HEALTH"}',
      timeoutMs: 1_000,
      followRedirects: 0,
    });
    expect(sent).toHaveLength(1);
  });

  it.each([
    ["sh", "-c", "rm -rf /"],
    ["bash", "dcos_node_upgrade.sh"],
    ["cat", "/etc/shadow"],
    ["cat", "/var/lib/dcos/../../etc/shadow"],
    ["tar", "-cf", "-", "-C", "/", "etc"],
    ["tar", "-cf", "/var/tmp/x.tar", "-C", "/", "var/lib/dcos/exhibitor"],
    ["tar", "-cf", "-", "-C", "/", "var/lib/dcos/exhibitor", "--checkpoint-action=exec=sh"],
    ["systemctl", "restart", "dcos-exhibitor"],
    ["docker", "rm", "-f", "x"],
    ["curl", "-X", "DELETE", "http://10.0.0.11:8080/v2/leader"],
  ])("does not let a node run %s %s %s", async (...argv) => {
    const { remote, sent } = echo();
    await expect(guard(remote, ALLOW).run("m1", { argv, timeoutMs: 1_000 })).rejects.toMatchObject({ code: "not-allowed" });
    expect(sent).toEqual([]);
  });
});
