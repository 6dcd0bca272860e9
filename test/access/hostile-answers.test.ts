import { gzipSync } from "node:zlib";
import { createServer, type Server, type Socket } from "node:net";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { guard } from "../../src/check/guard.ts";
import { createJq, type Jq } from "../../src/check/jq.ts";
import { createChecks } from "../../src/check/runner.ts";
import { loadChecks } from "../../src/document/load.ts";
import type { Check } from "../../src/domain/documents.ts";
import type { Inventory } from "../../src/domain/inventory.ts";
import type { CheckAnswer, Remote } from "../../src/engine/ports.ts";
import { createDcosPlatform } from "../../src/platform/dcos/platform.ts";
import { takeCapture } from "../../src/action/take-capture.ts";
import { createWebAccess, type WebAccess } from "../../src/transport/web-access.ts";

const HOST = "127.0.11.1";
const dcos = createDcosPlatform();
const JSON_HEAD = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n";

/** Sends one text and ends. */
const text = (raw: string | Buffer) => (socket: Socket) => void socket.end(raw);
/** A whole answer around a body. */
const answer =
  (body: string | Buffer, head = JSON_HEAD) =>
  (socket: Socket) => {
    socket.write(`${head}Content-Length: ${String(Buffer.byteLength(body))}\r\n\r\n`);
    socket.write(body);
  };
/** Sends the same chunk as fast as it is taken, for ever. */
const endless = (head: string, chunk: Buffer) => (socket: Socket) => {
  socket.write(head);
  const more = (): void => {
    while (!socket.destroyed && socket.write(chunk));
  };
  socket.on("drain", more);
  more();
};

describe("hostile answers", () => {
  let jq: Jq;
  let metrics: Check;
  const open: { server: Server; sockets: Set<Socket>; access: WebAccess }[] = [];

  beforeAll(async () => {
    jq = createJq();
    const all = (await loadChecks("checks/dcos")).map((one) => one.document);
    const found = all.find((one) => one.name === "agents-registered");
    if (found === undefined) throw new Error("no such check");
    const readings = Object.fromEntries(
      Object.entries(found.readings).map(([name, one]) => [name, { ...one, timeoutMs: 3_000 }]),
    );
    metrics = { ...found, readings };
  });
  afterEach(async () => {
    for (const { server, sockets, access } of open.splice(0)) {
      await access.close();
      for (const socket of sockets) socket.destroy();
      await new Promise((done) => server.close(done));
    }
  });
  afterAll(() => jq.close());

  /** One server that does this on every connection; a reader over it, and how long the event loop stood still. */
  async function stage(
    behave: (socket: Socket) => void,
  ): Promise<{ readonly reader: Remote; readonly inventory: Inventory; readonly asked: () => number }> {
    const sockets = new Set<Socket>();
    let asked = 0;
    const server = createServer((socket) => {
      sockets.add(socket);
      socket.on("error", () => undefined);
      socket.on("data", () => {
        asked += 1;
        behave(socket);
      });
    });
    await new Promise<void>((done) => server.listen(0, HOST, done));
    const address = server.address();
    const port = typeof address === "object" && address !== null ? address.port : 0;
    const inventory: Inventory = {
      name: "hostile",
      platform: "dcos",
      folder: ".",
      ssh: {},
      ports: { "mesos-master": port },
      nodes: [
        { name: "m1", address: HOST, role: "master", critical: false, ssh: {} },
        { name: "a1", address: "127.0.11.2", role: "agent", critical: false, ssh: {} },
      ],
      scripts: {},
      hooks: {},
      siteSteps: [],
      settings: {},
    };
    const access = createWebAccess({
      inventory,
      ports: dcos.ports,
      web: dcos.web ?? null,
      env: {},
      tunnel: async () => ({ kind: "failed", code: "none", reason: "none" }),
      socket: () => Promise.resolve({ kind: "failed", code: "no-way", reason: "no socket" }),
      targets: new Set(),
      secret: () => undefined,
    });
    open.push({ server, sockets, access });
    const none = async (): Promise<never> => Promise.reject(new Error("only HTTP here"));
    const remote: Remote = {
      http: (request, signal) => access.ask(request, signal),
      run: none,
      stream: none,
      tcp: none,
      close: async () => undefined,
    };
    return { reader: guard(remote, dcos.allow, { hosts: new Set([HOST]) }), inventory, asked: () => asked };
  }

  async function measure(reader: Remote, inventory: Inventory): Promise<CheckAnswer | undefined> {
    const clock = { now: () => 1_795_191_048_000, monotonic: () => 0, sleep: async () => undefined };
    const runner = createChecks({ checks: [metrics], remote: reader, inventory, platform: dcos, facts: null, clock, jq });
    const [measured] = await runner.measure([{ check: metrics.name, node: null, context: { inputs: {} } }]);
    return measured;
  }

  const deep = (levels: number): string => `{"slaves":${"[".repeat(levels)}${"]".repeat(levels)}}`;
  const cases: readonly (readonly [string, (socket: Socket) => void, RegExp])[] = [
    [
      "HTML instead of JSON",
      answer("<html><body>Bad Gateway</body></html>", "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n"),
      /html-page: m1 mesos-master/,
    ],
    ["HTML that calls itself JSON", answer("<!DOCTYPE html><html>"), /html-page: m1 mesos-master/],
    [
      "text instead of JSON",
      answer("leading master", "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n"),
      /not JSON: leading master/,
    ],
    ["an empty body", answer(""), /an empty answer/],
    ["204", text("HTTP/1.1 204 No Content\r\n\r\n"), /an empty answer/],
    ["304", text("HTTP/1.1 304 Not Modified\r\n\r\n"), /HTTP 304/],
    ["JSON cut in its middle", answer('{"slaves":[{"id":'), /not JSON/],
    [
      "a length longer than what is sent",
      text(`${JSON_HEAD}Content-Length: 500\r\n\r\n{"slaves":[]}`),
      /(?:reset|cut-off): m1 mesos-master/,
    ],
    [
      "a chunk that is cut",
      text(`${JSON_HEAD}Transfer-Encoding: chunked\r\n\r\n400\r\n{"slaves":[]}`),
      /(?:reset|cut-off): m1 mesos-master/,
    ],
    [
      "chunks without an end",
      text(`${JSON_HEAD}Transfer-Encoding: chunked\r\n\r\nd\r\n{"slaves":[]}\r\n`),
      /(?:reset|cut-off): m1 mesos-master/,
    ],
    [
      "two lengths",
      text(`${JSON_HEAD}Content-Length: 13\r\nContent-Length: 5\r\n\r\n{"slaves":[]}`),
      /(?:not-http|cut-off): m1 mesos-master/,
    ],
    [
      "a length and chunks",
      text(`${JSON_HEAD}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\nd\r\n{"slaves":[]}\r\n0\r\n\r\n`),
      /(?:not-http|cut-off): m1 mesos-master/,
    ],
    ["the answer of before HTTP had headers", text('{"slaves":[]}'), /not-http: m1 mesos-master/],
    ["rubbish", text(Buffer.from([0, 1, 2, 255, 254])), /not-http: m1 mesos-master/],
    ["a TLS alert", text(Buffer.from([0x15, 3, 1, 0, 2, 2, 40])), /tls-expected: m1 mesos-master/],
    [
      "headers without an end",
      endless("HTTP/1.1 200 OK\r\n", Buffer.from(`X-Filler: ${"x".repeat(8_000)}\r\n`)),
      /too-large: m1 mesos-master/,
    ],
    ["a body beyond any limit", answer(Buffer.alloc(100 * 1024 * 1024, " ")), /too-large: m1 mesos-master/],
    ["an endless body", endless(`${JSON_HEAD}\r\n`, Buffer.alloc(64 * 1024, " ")), /too-large|timed-out/],
    [
      "a slow body",
      (socket) => {
        socket.write(`${JSON_HEAD}Content-Length: 100\r\n\r\n`);
        const timer = setInterval(() => (socket.destroyed ? clearInterval(timer) : socket.write(" ")), 100);
      },
      /timed-out/,
    ],
    ["nothing at all", () => undefined, /timed-out/],
    [
      "a body in an encoding nobody asked for (a bomb of 50 MB)",
      answer(gzipSync(Buffer.alloc(50 * 1024 * 1024)), `${JSON_HEAD}Content-Encoding: gzip\r\n`),
      /encoded: m1 mesos-master/,
    ],
    ["a hundred thousand levels of lists", answer(deep(100_000)), /nested more than 500 levels/],
    ["a hundred thousand levels that never close", answer('{"a":'.repeat(100_000)), /nested more than 500 levels/],
    [
      "UTF-16",
      answer(
        Buffer.concat([Buffer.from([0xff, 0xfe]), Buffer.from('{"slaves":[]}', "utf16le")]),
        "HTTP/1.1 200 OK\r\nContent-Type: application/json; charset=utf-16\r\n",
      ),
      /not UTF-8/,
    ],
    ["Latin-1", answer(Buffer.from('{"slaves":[{"hostname":"h\u00f6st"}]}', "latin1")), /not UTF-8/],
    [
      "a redirect to itself",
      text("HTTP/1.1 307 Temporary Redirect\r\nLocation: /slaves\r\nContent-Length: 0\r\n\r\n"),
      /redirect-loop/,
    ],
    [
      "a redirect to another host",
      text("HTTP/1.1 307 Temporary Redirect\r\nLocation: http://10.255.255.1/slaves\r\nContent-Length: 0\r\n\r\n"),
      /redirect-refused/,
    ],
    [
      "a redirect to a file",
      text("HTTP/1.1 307 Temporary Redirect\r\nLocation: file:///etc/passwd\r\nContent-Length: 0\r\n\r\n"),
      /redirect-refused/,
    ],
    [
      "a redirect to what stops ZooKeeper",
      text("HTTP/1.1 307 Temporary Redirect\r\nLocation: /exhibitor/v1/cluster/restart\r\nContent-Length: 0\r\n\r\n"),
      /redirect-refused/,
    ],
    [
      "401",
      text("HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: oauthjwt\r\nContent-Length: 0\r\n\r\n"),
      /unauthorized: m1 mesos-master.*token/,
    ],
    ["403", text("HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n"), /forbidden: m1 mesos-master/],
    ["500 with a page", answer("<html>oops</html>", "HTTP/1.1 500 Oops\r\nContent-Type: text/html\r\n"), /HTTP 500/],
    ["101", text("HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n"), /m1 mesos-master/],
    ["an interim answer and then nothing", text("HTTP/1.1 103 Early Hints\r\n\r\n"), /(?:reset|cut-off): m1 mesos-master/],
  ];
  it.each(cases)("%s: the check is inconclusive, with a reason", { timeout: 30_000 }, async (_what, behave, expected) => {
    const { reader, inventory, asked } = await stage(behave);
    const before = process.memoryUsage().rss;
    const measured = await measure(reader, inventory);
    expect([measured?.verdict, measured?.why]).toEqual(["inconclusive", "no-answer"]);
    const evidence = JSON.parse(measured?.evidence ?? "") as {
      readonly missing: Readonly<Record<string, Readonly<Record<string, string>>>>;
    };
    const reason = Object.values(evidence.missing)
      .flatMap((one) => Object.values(one))
      .join();
    expect(reason).toMatch(expected);
    expect(reason.length).toBeLessThan(1_000);
    expect(asked()).toBeGreaterThan(0);
    // The limit is 64 MiB an answer; the server of this test lives in the same process.
    expect(process.memoryUsage().rss - before).toBeLessThan(450 * 1024 * 1024);
  });

  it("a byte order mark before good JSON is passed over", async () => {
    const { reader, inventory } = await stage(answer('\uFEFF{"slaves":[]}'));
    expect(await measure(reader, inventory)).toMatchObject({ verdict: "fail", why: null });
  });

  it("a page is not kept as the capture of a document", async () => {
    const { reader, inventory } = await stage(answer("Service is starting", "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n"));
    const url = `http://${HOST}:${String(inventory.ports["mesos-master"])}/state`;
    const request = { method: "GET", url, timeoutMs: 3_000, followRedirects: 1 };
    const item = {
      name: "state.json",
      node: "m1",
      mediaType: "application/json",
      evidenceOf: "state",
      read: { kind: "http", request },
    } as const;
    expect(await takeCapture(reader, item)).toMatchObject({ ok: false, why: "the answer is not a JSON object or list" });
  });

  it("a server that closes a kept connection in the moment it is used again is asked once more, and only for reading", async () => {
    const kept = new WeakSet<Socket>();
    const { inventory } = await stage((socket) => {
      if (kept.has(socket)) socket.resetAndDestroy();
      else answer("{}")(socket);
      kept.add(socket);
    });
    const access = open[0]?.access;
    const url = `http://${HOST}:${String(inventory.ports["mesos-master"])}/version`;
    const ask = async (method: string): Promise<string> => {
      const given = await access?.ask({
        method,
        url,
        timeoutMs: 3_000,
        followRedirects: 0,
        ...(method === "POST" ? { body: "{}" } : {}),
      });
      return given?.kind === "answered" ? given.body.toString() : (given?.code ?? "");
    };
    expect(await ask("GET")).toBe("{}");
    for (const _ of [1, 2, 3]) expect(await ask("GET")).toBe("{}");
    const posts: string[] = [];
    for (const _ of [1, 2, 3, 4, 5, 6]) posts.push(await ask("POST"));
    expect(posts).toContain("reset");
  });
});
