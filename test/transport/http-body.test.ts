import { createServer, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { createHttpClient, type HttpClient } from "../../src/transport/http.ts";

const servers: Server[] = [];
const clients: HttpClient[] = [];

afterEach(async () => {
  for (const client of clients.splice(0)) await client.close();
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
});

async function serve(listener: RequestListener): Promise<string> {
  const server = createServer(listener);
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return `http://127.0.0.1:${String((server.address() as AddressInfo).port)}/state`;
}

function client(): HttpClient {
  const made = createHttpClient();
  clients.push(made);
  return made;
}

const get = (url: string) => ({ method: "GET", url, timeoutMs: 20_000, followRedirects: 0 }) as const;
const LONG = Buffer.from(`{"a":"${"0123456789".repeat(500_000)}"}`);

describe("a long body", () => {
  it("goes to whoever takes it piece by piece, in order, and the answer says so", async () => {
    const url = await serve((_, response) => response.end(LONG));
    const taken: Buffer[] = [];
    let inHand = 0;
    const answer = await client().ask({
      ...get(url),
      take: async (chunk) => {
        inHand += 1;
        expect(inHand).toBe(1);
        await new Promise((resolve) => setImmediate(resolve));
        taken.push(chunk);
        inHand -= 1;
      },
    });
    expect(answer).toMatchObject({ kind: "answered", status: 200, taken: true });
    expect(answer.kind === "answered" && answer.body.equals(LONG.subarray(0, 4096))).toBe(true);
    expect(taken.length).toBeGreaterThan(5);
    expect(Buffer.concat(taken).equals(LONG)).toBe(true);
  });

  it("holds its sender back while a piece is being worked on", async () => {
    let sent = 0;
    let done = false;
    const url = await serve((_, response) => {
      const piece = Buffer.alloc(1 << 20, "x");
      const more = (): void => {
        while (sent < 64 << 20) {
          sent += piece.length;
          if (!response.write(piece)) return;
        }
        response.end();
      };
      response.on("drain", more);
      more();
    });
    let release = (): void => undefined;
    const held = new Promise<void>((resolve) => (release = resolve));
    const asked = client()
      .ask({ ...get(url), maxBytes: 80 << 20, take: () => held })
      .finally(() => (done = true));
    // What sockets and the library buffer is some megabytes; the sender stops there.
    for (let before = -1; before !== sent || sent === 0;) {
      before = sent;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    expect([done, sent < 32 << 20]).toEqual([false, true]);
    release();
    expect(await asked).toMatchObject({ taken: true });
    expect(sent).toBe(64 << 20);
  });

  it("is given whole where it is short, where nobody takes it, and where the answer is no good one", async () => {
    const short = await serve((_, response) => response.end("{}"));
    const bad = await serve((_, response) => response.writeHead(500).end(LONG));
    const long = await serve((_, response) => response.end(LONG));
    const never = (): void => expect.unreachable("nothing was to be taken");
    const answers = [await client().ask({ ...get(short), take: never }), await client().ask({ ...get(bad), take: never })];
    answers.push(await client().ask(get(long)));
    expect(answers.map((one) => one.kind === "answered" && [one.status, one.body.length, one.taken])).toEqual([
      [200, 2, undefined],
      [500, LONG.length, undefined],
      [200, LONG.length, undefined],
    ]);
  });

  it("is no answer when it breaks off, grows over the limit, or its taker fails", async () => {
    const broken = await serve((_, response) => {
      response.writeHead(200, { "content-length": String(LONG.length) });
      response.write(LONG.subarray(0, 3_000_000), () => response.destroy());
    });
    const whole = await serve((_, response) => response.end(LONG));
    const take = (): void => undefined;
    expect(await client().ask({ ...get(broken), take })).toMatchObject({ kind: "no-answer" });
    expect(await client().ask({ ...get(whole), take, maxBytes: 2_000_000 })).toMatchObject({ code: "too-large" });
    const fails = (): Promise<void> => Promise.reject(new Error("no space"));
    expect(await client().ask({ ...get(whole), take: fails })).toMatchObject({ kind: "no-answer" });
  });
});
