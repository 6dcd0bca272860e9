import { createServer, type IncomingMessage, type RequestListener, type Server } from "node:http";
import { createServer as createTcpServer, type AddressInfo, type Server as TcpServer } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import type { HttpAnswer, HttpRequest } from "../../src/engine/ports.ts";
import { createHttpClient, type HttpClient } from "../../src/transport/http.ts";

const open: (Server | TcpServer)[] = [];
const clients: HttpClient[] = [];

afterEach(async () => {
  for (const client of clients.splice(0)) await client.close();
  for (const server of open.splice(0)) {
    if ("closeAllConnections" in server) server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
});

function listen(server: Server | TcpServer, host = "127.0.0.1"): Promise<string> {
  open.push(server);
  return new Promise((resolve) =>
    server.listen(0, host, () => resolve(`${host}:${String((server.address() as AddressInfo).port)}`)),
  );
}

const serve = (listener: RequestListener, host?: string): Promise<string> => listen(createServer(listener), host);

function ask(
  request: Partial<HttpRequest> & { readonly url: string },
  options: { readonly own?: readonly string[]; readonly signal?: AbortSignal } = {},
): Promise<HttpAnswer> {
  const client = createHttpClient({ own: new Set(options.own) });
  clients.push(client);
  return client.ask({ method: "GET", timeoutMs: 5_000, followRedirects: 0, ...request }, options.signal);
}

const body = (answer: HttpAnswer): string => (answer.kind === "answered" ? answer.body.toString() : `no answer: ${answer.code}`);

async function read(request: IncomingMessage): Promise<string> {
  let text = "";
  for await (const chunk of request as AsyncIterable<Buffer>) text += chunk.toString();
  return text;
}

describe("HTTP answers", () => {
  it("come with status, headers and bytes, whatever the status", async () => {
    const at = await serve((_, response) =>
      response.writeHead(503, { "x-a": "1", "set-cookie": ["a=1", "b=2"] }).end(Buffer.from([0, 255, 10])),
    );
    const answer = await ask({ url: `http://${at}/x` });
    expect(answer).toMatchObject({
      kind: "answered",
      status: 503,
      headers: { "x-a": "1", "set-cookie": "a=1, b=2" },
      url: `http://${at}/x`,
    });
    expect(answer.kind === "answered" && [...answer.body]).toEqual([0, 255, 10]);
  });

  it("are asked with method, headers, body and query as given", async () => {
    const at = await serve(
      (request, response) =>
        void read(request).then((text) =>
          response.end(`${request.method ?? ""} ${request.url ?? ""} ${String(request.headers["content-type"])} ${text}`),
        ),
    );
    expect(
      body(
        await ask({
          url: `http://${at}/api?a=1&b=%20`,
          method: "POST",
          headers: { "content-type": "application/json" },
          body: "{}",
        }),
      ),
    ).toBe("POST /api?a=1&b=%20 application/json {}");
  });
});

describe("redirects", () => {
  it("are given back as they are when none may be followed", async () => {
    const at = await serve((_, response) => response.writeHead(307, { location: "//10.9.9.9:5050/" }).end());
    expect(await ask({ url: `http://${at}/redirect` })).toMatchObject({
      kind: "answered",
      status: 307,
      headers: { location: "//10.9.9.9:5050/" },
    });
  });

  it("are followed to a scheme-relative address, as Mesos gives its leader", async () => {
    const leader = await serve((request, response) => response.end(`leader ${request.url ?? ""}`));
    const at = await serve((_, response) => response.writeHead(307, { location: `//${leader}/state` }).end());
    const answer = await ask({ url: `http://${at}/state`, followRedirects: 2 });
    expect(body(answer)).toBe("leader /state");
    expect(answer.kind === "answered" && answer.url).toBe(`http://${leader}/state`);
  });

  it("keep method and body on 307 and become a GET on 302", async () => {
    const at = await serve((request, response) => {
      if (request.url === "/307") response.writeHead(307, { location: "/end" }).end();
      else if (request.url === "/302") response.writeHead(302, { location: "/end" }).end();
      else void read(request).then((text) => response.end(`${request.method ?? ""} ${text}`));
    });
    expect(body(await ask({ url: `http://${at}/307`, method: "POST", body: "x", followRedirects: 1 }))).toBe("POST x");
    expect(body(await ask({ url: `http://${at}/302`, method: "POST", body: "x", followRedirects: 1 }))).toBe("GET ");
  });

  it("that lead in a circle, or too far, are no answer", async () => {
    let count = 0;
    const circle = await serve((_, response) => response.writeHead(307, { location: "/" }).end());
    const chain = await serve((_, response) => response.writeHead(307, { location: `/${String(count++)}` }).end());
    expect(await ask({ url: `http://${circle}/`, followRedirects: 5 })).toMatchObject({
      kind: "no-answer",
      code: "redirect-loop",
    });
    expect(await ask({ url: `http://${chain}/`, followRedirects: 3 })).toMatchObject({
      kind: "no-answer",
      code: "redirect-loop",
    });
    expect(count).toBe(4);
  });

  it("to something that is not http are not followed", async () => {
    const at = await serve((_, response) => response.writeHead(302, { location: "file:///etc/passwd" }).end());
    expect(await ask({ url: `http://${at}/`, followRedirects: 1 })).toMatchObject({ code: "redirect-refused" });
  });

  it("carry credentials to the cluster's own hosts and to nobody else", async () => {
    const other = await serve((request, response) => response.end(String(request.headers.authorization)), "127.0.0.2");
    const at = await serve((_, response) => response.writeHead(307, { location: `//${other}/` }).end());
    const request = { url: `http://${at}/`, headers: { Authorization: "token=t" }, followRedirects: 1 };
    expect(body(await ask(request))).toBe("undefined");
    expect(body(await ask(request, { own: ["127.0.0.2"] }))).toBe("token=t");
  });
});

describe("no answer", () => {
  it("is told as refused where nobody listens", async () => {
    const at = await serve(() => undefined);
    await new Promise((resolve) => open.pop()?.close(resolve));
    expect(await ask({ url: `http://${at}/` })).toMatchObject({ kind: "no-answer", code: "refused" });
  });

  it("is told as timed-out where nobody answers, or stops in the middle", async () => {
    const mute = await serve(() => undefined);
    const halfway = await serve((_, response) => void response.writeHead(200, { "content-length": "10" }).write("abc"));
    expect(await ask({ url: `http://${mute}/`, timeoutMs: 100 })).toMatchObject({ code: "timed-out" });
    expect(await ask({ url: `http://${halfway}/`, timeoutMs: 100 })).toMatchObject({ code: "timed-out" });
  });

  it("is told as reset where the connection breaks, also in the middle of a body", async () => {
    const cut = await listen(createTcpServer((socket) => void socket.on("data", () => socket.resetAndDestroy())));
    const short = await listen(
      createTcpServer((socket) => void socket.on("data", () => socket.end("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc"))),
    );
    expect(await ask({ url: `http://${cut}/` })).toMatchObject({ code: "reset" });
    expect(["reset", "cut-off"]).toContain(body(await ask({ url: `http://${short}/` })).replace("no answer: ", ""));
  });

  it("is told as reset where the connection breaks in an answer of unknown length: half of it is not the whole", async () => {
    const cut = await listen(
      createTcpServer((socket) => {
        socket.on("data", () => {
          socket.write("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nzk_server_state\tleader\n");
          setTimeout(() => socket.resetAndDestroy(), 100);
        });
      }),
    );
    expect(await ask({ url: `http://${cut}/` })).toMatchObject({ code: "reset" });
  });

  it("is told as not-resolved for a name nobody has", async () => {
    expect(await ask({ url: "http://no-such-host.invalid/" })).toMatchObject({ code: "not-resolved" });
  });

  it("is told as too-large beyond the limit, however the body comes", async () => {
    const at = await serve((_, response) => response.end(Buffer.alloc(3_000)));
    expect(await ask({ url: `http://${at}/`, maxBytes: 2_999 })).toMatchObject({ code: "too-large" });
    expect(await ask({ url: `http://${at}/`, maxBytes: 3_000 })).toMatchObject({ kind: "answered" });
  });

  it("is told as aborted when it is no longer wanted", async () => {
    const mute = await serve(() => undefined);
    const wanted = new AbortController();
    const asked = ask({ url: `http://${mute}/` }, { signal: wanted.signal });
    setTimeout(() => wanted.abort(), 50);
    expect(await asked).toMatchObject({ code: "aborted" });
  });

  it("is told as bad-url for what is not an http address, and as not-http for what does not speak it", async () => {
    const rubbish = await listen(createTcpServer((socket) => void socket.on("data", () => socket.end("SSH-2.0-x\r\n"))));
    expect(await ask({ url: "ftp://127.0.0.1/" })).toMatchObject({ code: "bad-url" });
    expect(await ask({ url: "nonsense" })).toMatchObject({ code: "bad-url" });
    expect(await ask({ url: `http://${rubbish}/` })).toMatchObject({ kind: "no-answer", code: "not-http" });
  });
});
