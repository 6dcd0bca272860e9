import { generateKeyPairSync, sign, type KeyObject } from "node:crypto";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { PawlError } from "../../src/domain/errors.ts";
import { createLabClock, proveLab } from "../../src/transport/lab-clock.ts";

interface Lab {
  readonly control: string;
  readonly seen: string[];
}

const servers: Server[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
});

/** A control address that answers as `handle` says. */
async function startControl(
  handle: (path: string, body: string, response: ServerResponse, request: IncomingMessage) => void,
): Promise<Lab> {
  const seen: string[] = [];
  const server = createServer((request, response) => {
    let body = "";
    request.on("data", (chunk: Buffer) => (body += chunk.toString()));
    request.on("end", () => {
      seen.push(`${request.method ?? ""} ${request.url ?? ""} ${body}`);
      handle(request.url ?? "", body, response, request);
    });
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", () => resolve()));
  return { control: `http://127.0.0.1:${String((server.address() as AddressInfo).port)}`, seen };
}

describe("the lab's clock", () => {
  it("stands still between sleeps and moves by what was slept", async () => {
    let now = 1_000;
    const lab = await startControl((path, body, response) => {
      if (path === "/sleep") now += (JSON.parse(body) as { ms: number }).ms;
      response.end(JSON.stringify({ lab: "x", timeScale: 1500, now }));
    });
    const clock = await createLabClock(lab.control);
    expect([clock.now(), clock.monotonic()]).toEqual([1_000, 1_000]);
    now = 5_000;
    expect(clock.now()).toBe(1_000);
    await clock.sleep(900_000);
    expect([clock.now(), clock.monotonic()]).toEqual([905_000, 905_000]);
    expect(lab.seen).toEqual(["GET / ", 'POST /sleep {"ms":900000}']);
  });

  it("takes back the request of a sleep that is aborted", async () => {
    let taken = false;
    const lab = await startControl((path, _, response) => {
      if (path === "/sleep") response.on("close", () => (taken = true));
      else response.end(JSON.stringify({ now: 1 }));
    });
    const clock = await createLabClock(lab.control);
    const wanted = new AbortController();
    const slept = clock.sleep(60_000, wanted.signal);
    setTimeout(() => wanted.abort(), 30);
    await slept;
    await expect.poll(() => taken).toBe(true);
  });

  it("does not ask for a sleep of nothing, or one already aborted", async () => {
    const lab = await startControl((_, __, response) => response.end(JSON.stringify({ now: 1 })));
    const clock = await createLabClock(lab.control);
    await clock.sleep(0);
    await clock.sleep(10, AbortSignal.abort());
    expect(lab.seen).toHaveLength(1);
  });

  it("says that the lab is gone when nobody answers", async () => {
    const lab = await startControl((_, __, response, request) => {
      response.end(JSON.stringify({ now: 1 }));
      request.socket.end();
    });
    const clock = await createLabClock(lab.control);
    await new Promise((resolve) => servers.pop()?.close(resolve));
    await expect(clock.sleep(10)).rejects.toMatchObject({ name: "PawlError", code: "lab-gone" });
    await expect(createLabClock(lab.control)).rejects.toMatchObject({ code: "lab-gone" });
  });
});

describe("the proof of a lab", () => {
  const pair = (): { readonly key: KeyObject; readonly hostKey: string } => {
    const { privateKey, publicKey } = generateKeyPairSync("ed25519");
    const raw = publicKey.export({ type: "spki", format: "der" }).subarray(-32);
    const field = (bytes: Buffer): Buffer => Buffer.concat([Buffer.from([0, 0, 0, bytes.length]), bytes]);
    return {
      key: privateKey,
      hostKey: `ssh-ed25519 ${Buffer.concat([field(Buffer.from("ssh-ed25519")), field(raw)]).toString("base64")}`,
    };
  };
  const m1 = pair();
  const m2 = pair();
  const real = pair();
  const prover = (keys: Readonly<Record<string, KeyObject>>, text: (nonce: string) => string = (nonce) => nonce): Promise<Lab> =>
    startControl((_, body, response) => {
      const { nonce } = JSON.parse(body) as { nonce: string };
      response.end(
        JSON.stringify({
          signatures: Object.fromEntries(
            Object.entries(keys).map(([name, key]) => [name, sign(null, Buffer.from(text(nonce)), key).toString("base64")]),
          ),
        }),
      );
    });
  const nodes = [
    { name: "m1", hostKey: m1.hostKey },
    { name: "m2", hostKey: m2.hostKey },
  ];

  it("holds when every node's own host key signed the nonce, which is new each time", async () => {
    const lab = await prover({ m1: m1.key, m2: m2.key });
    await proveLab({ control: lab.control, nodes });
    await proveLab({ control: lab.control, nodes });
    expect(new Set(lab.seen).size).toBe(2);
  });

  it.each([
    ["one node is a real one, whose key the lab does not have", { m1: m1.key, m2: real.key }, nodes, undefined],
    ["one node's signature is missing", { m1: m1.key }, nodes, undefined],
    ["the nodes' keys are exchanged", { m1: m2.key, m2: m1.key }, nodes, undefined],
    ["something else than the nonce was signed", { m1: m1.key, m2: m2.key }, nodes, () => "0".repeat(64)],
    [
      "known_hosts has no key of a node",
      { m1: m1.key, m2: m2.key },
      [
        { name: "m1", hostKey: m1.hostKey },
        { name: "m2", hostKey: null },
      ],
      undefined,
    ],
    [
      "known_hosts has a key of another type",
      { m1: m1.key },
      [{ name: "m1", hostKey: m1.hostKey.replace("ssh-ed25519", "ssh-rsa") }],
      undefined,
    ],
    ["the inventory has no nodes", {}, [], undefined],
  ] as const)("fails when %s", async (_, keys, asked, text) => {
    const lab = await prover(keys, text);
    const proof = proveLab({ control: lab.control, nodes: asked });
    await expect(proof).rejects.toBeInstanceOf(PawlError);
    await expect(proof).rejects.toMatchObject({ exit: "invalid-document", code: "lab-not-proven" });
  });

  it("fails when the control address does not answer, or answers something else", async () => {
    const broken = await startControl((_, __, response) => response.writeHead(404).end("no"));
    const odd = await startControl((_, __, response) => response.end("[]"));
    await expect(proveLab({ control: broken.control, nodes })).rejects.toMatchObject({ code: "lab-not-proven" });
    await expect(proveLab({ control: odd.control, nodes })).rejects.toMatchObject({ code: "lab-not-proven" });
    await expect(proveLab({ control: "http://127.0.0.1:1", nodes })).rejects.toMatchObject({ code: "lab-not-proven" });
  });
});
