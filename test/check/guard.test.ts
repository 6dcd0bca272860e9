import { describe, expect, it } from "vitest";
import { guard } from "../../src/check/guard.ts";
import { PawlError } from "../../src/domain/errors.ts";
import type { AllowList, Command, HttpAnswer, Remote } from "../../src/engine/ports.ts";

const allow: AllowList = {
  http: [
    { method: "GET", path: /\/exhibitor\/v1\/cluster\/(status|list)/ },
    { method: "GET", path: /^\/slaves$/ },
    { method: "POST", path: /\/api\/v1/, body: /\{"type":"GET_[A-Z]+"\}/ },
  ],
  commands: [["cat", /\/opt\/mesosphere\/etc\/[a-z.-]+/], ["uptime"], ["ls", "-l", "..."]],
  fourLetter: ["mntr"],
};

interface Sent {
  readonly remote: Remote;
  readonly log: string[];
}

function recorder(answers: Readonly<Record<string, HttpAnswer>> = {}): Sent {
  const log: string[] = [];
  const answered: HttpAnswer = { kind: "answered", status: 200, headers: {}, body: Buffer.from("ok"), url: "" };
  const remote: Remote = {
    run: async (target, command) => {
      log.push(`${target}: ${command.argv.join(" ")}`);
      return { kind: "exited", code: 0, stdout: "", stderr: "" };
    },
    stream: async (target, command) => {
      log.push(`${target}: ${command.argv.join(" ")}`);
      return { kind: "exited", code: 0, stdout: "", stderr: "" };
    },
    http: async (request) => {
      log.push(`${request.method} ${request.url} follow=${request.followRedirects}`);
      return answers[request.url] ?? answered;
    },
    tcp: async (host, port, send) => {
      log.push(`${host}:${port} ${send}`);
      return { kind: "answered", body: Buffer.from("") };
    },
    close: async () => undefined,
  };
  return { remote, log };
}

function get(url: string, method = "GET", body?: string): Parameters<Remote["http"]>[0] {
  return { method, url, timeoutMs: 1000, followRedirects: 3, ...(body === undefined ? {} : { body }) };
}

async function refusal(promise: Promise<unknown>): Promise<PawlError> {
  try {
    await promise;
  } catch (error) {
    if (error instanceof PawlError) return error;
    throw error;
  }
  throw new Error("it was sent");
}

describe("what is not on the list", () => {
  const requests: readonly [string, ReturnType<typeof get>][] = [
    ["a GET that stops a server", get("http://h:8181/exhibitor/v1/cluster/stop")],
    ["a listed path behind another method", get("http://h:8181/exhibitor/v1/cluster/status", "DELETE")],
    ["a path that only begins like a listed one", get("http://h:8181/exhibitor/v1/cluster/status/x")],
    ["a path that only ends like a listed one", get("http://h:8181/x/exhibitor/v1/cluster/status")],
    ["dots that climb out", get("http://h:8181/exhibitor/v1/cluster/status/../stop")],
    ["encoded dots", get("http://h:8181/exhibitor/v1/cluster/status/%2e%2e/stop")],
    ["a changing call on a typed API", get("http://h:5050/api/v1", "POST", '{"type":"TEARDOWN"}')],
    [
      "a reading call with a changing one behind it",
      get("http://h:5050/api/v1", "POST", '{"type":"GET_HEALTH"}{"type":"TEARDOWN"}'),
    ],
    ["a body where none is listed", get("http://h:5050/slaves", "GET", "x")],
    ["another scheme", get("file:///slaves")],
    ["no address at all", get("/slaves")],
  ];
  for (const [name, request] of requests) {
    it(`${name} throws before it is sent`, async () => {
      const { remote, log } = recorder();
      const error = await refusal(guard(remote, allow).http(request));
      expect([error.exit, error.code]).toEqual(["refused", "not-allowed"]);
      expect(log).toEqual([]);
    });
  }

  const commands: readonly [string, Command][] = [
    ["another program", { argv: ["rm", "-rf", "/"], timeoutMs: 1 }],
    ["another program as root", { argv: ["rm", "-rf", "/"], sudo: true, timeoutMs: 1 }],
    ["a listed program through sudo as a word", { argv: ["sudo", "uptime"], timeoutMs: 1 }],
    ["one word more", { argv: ["uptime", "-p"], timeoutMs: 1 }],
    ["one word less", { argv: ["cat"], timeoutMs: 1 }],
    ["a word that only begins like a listed one", { argv: ["cat", "/opt/mesosphere/etc/x; reboot"], timeoutMs: 1 }],
    ["a second line in a word", { argv: ["cat", "/opt/mesosphere/etc/x\n/etc/shadow"], timeoutMs: 1 }],
    ["a listed program with input", { argv: ["uptime"], stdin: "x", timeoutMs: 1 }],
    ["nothing at all", { argv: [], timeoutMs: 1 }],
  ];
  for (const [name, command] of commands) {
    it(`${name} throws before it is sent, run or streamed`, async () => {
      const { remote, log } = recorder();
      expect((await refusal(guard(remote, allow).run("m1", command))).code).toBe("not-allowed");
      expect((await refusal(guard(remote, allow).stream("m1", command, () => undefined))).code).toBe("not-allowed");
      expect(log).toEqual([]);
    });
  }

  it("a word to ZooKeeper that is not listed throws before it is sent", async () => {
    const { remote, log } = recorder();
    for (const word of ["kill", "mntr\nkill", "MNTR", ""])
      expect((await refusal(guard(remote, allow).tcp("h", 2181, word, 1))).code).toBe("not-allowed");
    expect(log).toEqual([]);
  });
});

describe("what is on the list", () => {
  it("is sent as it was asked for, as root too", async () => {
    const { remote, log } = recorder();
    const reader = guard(remote, allow, ["http://boot/up.sh"]);
    await reader.http(get("http://h:8181/exhibitor/v1/cluster/status"));
    await reader.http(get("http://h:5050/api/v1", "POST", '{"type":"GET_HEALTH"}'));
    await reader.http(get("http://boot/up.sh", "HEAD"));
    await reader.run("m1", { argv: ["cat", "/opt/mesosphere/etc/dcos-version.json"], sudo: true, timeoutMs: 1 });
    await reader.run("m1", { argv: ["ls", "-l", "/a", "/b"], timeoutMs: 1 });
    await reader.tcp("h", 2181, "mntr", 1);
    expect(log).toEqual([
      "GET http://h:8181/exhibitor/v1/cluster/status follow=0",
      "POST http://h:5050/api/v1 follow=0",
      "HEAD http://boot/up.sh follow=0",
      "m1: cat /opt/mesosphere/etc/dcos-version.json",
      "m1: ls -l /a /b",
      "h:2181 mntr",
    ]);
  });

  it("an extra address is readable only, and only as a whole", async () => {
    const { remote, log } = recorder();
    const reader = guard(remote, allow, ["http://boot/up.sh"]);
    await refusal(reader.http(get("http://boot/up.sh", "PUT")));
    await refusal(reader.http(get("http://boot/up.sh?x=1")));
    expect(log).toEqual([]);
  });
});

describe("redirects", () => {
  const to = (location: string): HttpAnswer => ({
    kind: "answered",
    status: 307,
    headers: { location },
    body: Buffer.alloc(0),
    url: "",
  });

  it("are followed to the leader, scheme-relative as Mesos sends them", async () => {
    const { remote, log } = recorder({ "http://m2:5050/slaves": to("//m1:5050/slaves") });
    const answer = await guard(remote, allow).http(get("http://m2:5050/slaves"));
    expect(answer.kind === "answered" && answer.status).toBe(200);
    expect(log).toEqual(["GET http://m2:5050/slaves follow=0", "GET http://m1:5050/slaves follow=0"]);
  });

  it("never lead to something that is not listed", async () => {
    const { remote, log } = recorder({ "http://m2:5050/slaves": to("//m1:8181/exhibitor/v1/cluster/stop") });
    expect((await refusal(guard(remote, allow).http(get("http://m2:5050/slaves")))).code).toBe("not-allowed");
    expect(log).toEqual(["GET http://m2:5050/slaves follow=0"]);
  });

  it("end after as many as were allowed, with the redirect itself as the answer", async () => {
    const { remote, log } = recorder({ "http://m1:5050/slaves": to("//m1:5050/slaves") });
    const answer = await guard(remote, allow).http(get("http://m1:5050/slaves"));
    expect(answer.kind === "answered" && answer.status).toBe(307);
    expect(log).toHaveLength(4);
  });
});
