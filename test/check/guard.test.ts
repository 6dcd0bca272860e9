import { describe, expect, it } from "vitest";
import { guard } from "../../src/check/guard.ts";
import { PawlError } from "../../src/domain/errors.ts";
import type { AllowList, Command, HttpAnswer, HttpRequest, Remote } from "../../src/engine/ports.ts";

const allow: AllowList = {
  http: [
    { method: "GET", path: /\/exhibitor\/v1\/cluster\/(status|list)/ },
    { method: "GET", path: /^\/slaves$/ },
    { method: "GET", path: /\/tasks/, query: /limit=\d+/ },
    { method: "POST", path: /\/api\/v1/, body: /\{"type":"GET_[A-Z]+"\}/ },
  ],
  commands: [["show", "...", /[a-z]+/], ["cat", /\/opt\/mesosphere\/etc\/[a-z.-]+/], ["uptime"], ["ls", "-l", "..."]],
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
  const requests: readonly [string, HttpRequest][] = [
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
    ["the same path with an empty part", get("http://h:5050//slaves")],
    ["a slash in disguise", get("http://h:5050/x%2fslaves")],
    ["dots in disguise that lead to a listed path", get("http://h:5050/x/%2e%2e/slaves")],
    ["dots in disguise twice", get("http://h:5050/apps/%252e%252e/slaves")],
    ["dots that lead to a listed path", get("http://h:5050/x/../slaves")],
    ["a back slash", get("http://h:5050/x\\..\\slaves")],
    ["a tab that parsers drop", get("http://h:5050/sla\tves")],
    ["a line break that parsers drop", get("http://h:5050/slaves\r\nX: y")],
    ["a parameter of the path", get("http://h:5050/slaves;x=1")],
    ["another case", get("http://h:5050/SLAVES")],
    ["a query where none is listed", get("http://h:5050/slaves?x=1")],
    ["a query other than the listed one", get("http://h:5050/tasks?limit=5&then=stop")],
    ["a fragment", get("http://h:5050/slaves#x")],
    ["a login in the address", get("http://user:word@h:5050/slaves")],
    ["a header that renames the method", { ...get("http://h:5050/slaves"), headers: { "X-HTTP-Method-Override": "DELETE" } }],
    ["a header of another host", { ...get("http://h:5050/slaves"), headers: { Host: "other" } }],
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
    ["a null byte in a word", { argv: ["ls", "-l", "a\0b"], timeoutMs: 1 }],
    ["one of many words that is not listed", { argv: ["show", "a", "-H", "b"], timeoutMs: 1 }],
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
    const reader = guard(remote, allow, { urls: ["http://boot/up.sh"] });
    await reader.http(get("http://h:8181/exhibitor/v1/cluster/status"));
    await reader.http(get("http://h:5050/api/v1", "POST", '{"type":"GET_HEALTH"}'));
    await reader.http(get("http://boot/up.sh", "HEAD"));
    await reader.run("m1", { argv: ["cat", "/opt/mesosphere/etc/dcos-version.json"], sudo: true, timeoutMs: 1 });
    await reader.http(get("http://h:5050/tasks?limit=2000"));
    await reader.run("m1", { argv: ["show"], timeoutMs: 1 });
    await reader.run("m1", { argv: ["show", "a", "b"], timeoutMs: 1 });
    await reader.run("m1", { argv: ["ls", "-l", "/a", "/b"], timeoutMs: 1 });
    await reader.tcp("h", 2181, "mntr", 1);
    expect(log).toEqual([
      "GET http://h:8181/exhibitor/v1/cluster/status follow=0",
      "POST http://h:5050/api/v1 follow=0",
      "HEAD http://boot/up.sh follow=0",
      "m1: cat /opt/mesosphere/etc/dcos-version.json",
      "GET http://h:5050/tasks?limit=2000 follow=0",
      "m1: show",
      "m1: show a b",
      "m1: ls -l /a /b",
      "h:2181 mntr",
    ]);
  });

  it("an extra address is readable only, and only as a whole", async () => {
    const { remote, log } = recorder();
    const reader = guard(remote, allow, { urls: ["http://boot/up.sh"] });
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

  it.each([
    ["a path that is not listed", "//m1:8181/exhibitor/v1/cluster/stop"],
    ["another machine", "http://elsewhere:5050/slaves"],
    ["another scheme", "file:///slaves"],
    ["a login in the address", "http://user:word@m1:5050/slaves"],
    ["a query that is not listed", "//m1:5050/slaves?then=stop"],
    ["no address at all", "http://"],
  ])("that lead to %s are no answer, and nothing more is sent", async (_what, location) => {
    const { remote, log } = recorder({ "http://m2:5050/slaves": to(location) });
    const answer = await guard(remote, allow, { hosts: new Set(["m1", "m2"]) }).http(get("http://m2:5050/slaves"));
    expect(answer).toMatchObject({ kind: "no-answer", code: "redirect-refused" });
    expect(log).toEqual(["GET http://m2:5050/slaves follow=0"]);
  });

  it("that lead in a circle, or further than was allowed, are no answer", async () => {
    const circle = recorder({ "http://m1:5050/slaves": to("//m2:5050/slaves"), "http://m2:5050/slaves": to("//m1:5050/slaves") });
    expect(await guard(circle.remote, allow).http(get("http://m1:5050/slaves"))).toMatchObject({ code: "redirect-loop" });
    expect(circle.log).toHaveLength(2);
    const chain = recorder({ "http://m1:5050/slaves": to("//m2:5050/slaves"), "http://m2:5050/slaves": to("//m3:5050/slaves") });
    expect(await guard(chain.remote, allow).http({ ...get("http://m1:5050/slaves"), followRedirects: 1 })).toMatchObject({
      code: "redirect-loop",
    });
    expect(chain.log).toHaveLength(2);
  });

  it("are the answer itself where none may be followed, and the way is then told that nobody else may answer", async () => {
    const { remote } = recorder({ "http://m1:5050/slaves": to("//m2:5050/slaves") });
    const asked: HttpRequest[] = [];
    const watching: Remote = { ...remote, http: async (request) => (asked.push(request), remote.http(request)) };
    const answer = await guard(watching, allow).http({ ...get("http://m1:5050/slaves"), followRedirects: 0 });
    expect(answer).toMatchObject({ kind: "answered", status: 307 });
    await guard(watching, allow).http(get("http://m3:5050/slaves"));
    expect(asked.map((one) => one.thisNodeOnly)).toEqual([true, false]);
  });
});

describe("only machines of the cluster are asked", () => {
  it("by HTTP and by word", async () => {
    const { remote, log } = recorder();
    const reader = guard(remote, allow, { hosts: new Set(["m1", "fd00::1"]) });
    await reader.http(get("http://M1:5050/slaves"));
    await reader.http(get("http://[fd00::1]:5050/slaves"));
    await reader.tcp("m1", 2181, "mntr", 1);
    expect(log).toHaveLength(3);
    expect((await refusal(reader.http(get("http://elsewhere:5050/slaves")))).code).toBe("not-allowed");
    expect((await refusal(reader.tcp("elsewhere", 2181, "mntr", 1))).code).toBe("not-allowed");
    expect(log).toHaveLength(3);
  });
});
