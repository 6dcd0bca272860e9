import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { HttpAccess, Inventory } from "../../src/domain/inventory.ts";
import { PORTS, WEB } from "../../src/platform/swarm/contract.ts";
import { createRemote, type WiredRemote } from "../../src/transport/remote.ts";
import { describeReal } from "../real/requires.ts";
import { freePort, startFleet, type Fleet } from "../real/sshd.ts";
import { createAuthority, type Authority } from "./authority.ts";
import { startEngine, type FakeEngine } from "./engine.ts";
import { get, told } from "./stage.ts";

const HOST = "127.0.31.1";
const OPEN: HttpAccess = { through: { kind: "direct" }, security: "disabled" };

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "pawl-engine-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function inventoryOf(http: HttpAccess): Inventory {
  return {
    ...{ name: "lab", platform: "swarm", folder, ssh: {}, ports: {}, scripts: {}, hooks: {}, siteSteps: [], settings: {} },
    nodes: [{ name: "m1", address: HOST, role: "manager", critical: false, ssh: {} }],
    http,
  };
}

const open = (inventory: Inventory): WiredRemote => createRemote({ inventory, env: {}, home: folder, ports: PORTS, web: WEB });
const asking = (path: string, host = HOST): ReturnType<typeof get> => get(`http://${host}:2375${path}`);

describe("an engine behind a socket of this machine", () => {
  let engine: FakeEngine;
  let remote: WiredRemote;
  beforeEach(async () => {
    const socket = join(folder, "engine.sock");
    engine = await startEngine({ socket });
    remote = open(inventoryOf({ ...OPEN, localSockets: { m1: socket } }));
  });
  afterEach(async () => {
    await remote.close();
    await engine.stop();
  });

  /** Questions until no further connection is opened for them. */
  const warmUp = async (): Promise<void> => {
    for (let index = 0; index < 8; index++) await remote.http(asking("/nodes"));
  };

  it("is asked in the version pawl was written for, found out once per connection", async () => {
    await warmUp();
    const questions = engine.asked.filter((one) => one === "GET /version").length;
    expect(questions).toBeLessThanOrEqual(4);
    for (const path of ["/nodes", "/services?status=true", "/nodes"])
      expect(told(await remote.http(asking(path)))).toBe(`200 {"path":"/v1.41${path}"}`);
    expect(engine.asked.filter((one) => one === "GET /version")).toHaveLength(questions);
  });

  it.each([
    ["an older one", "1.12", "1.40", "/v1.40/nodes"],
    ["26.1, which speaks both", "1.24", "1.45", "/v1.41/nodes"],
    ["29, which has forgotten it", "1.44", "1.52", "/v1.44/nodes"],
  ])("%s is asked in a version it speaks", async (_name, oldest, newest, path) => {
    engine.speak(oldest, newest);
    expect(told(await remote.http(asking("/nodes")))).toBe(`200 {"path":"${path}"}`);
  });

  it("that is replaced by a newer one between two questions is asked for its version again, and what it turned down is sent once", async () => {
    await warmUp();
    engine.speak("1.44", "1.52");
    expect(told(await remote.http({ ...asking("/services/create"), method: "POST", body: "{}" }))).toBe(
      '200 {"path":"/v1.44/services/create"}',
    );
    expect(engine.asked.filter((one) => one.includes("create"))).toEqual([
      "POST /v1.41/services/create",
      "POST /v1.44/services/create",
    ]);
  });

  it("that restarts is asked for its version on the new connection", async () => {
    await remote.http(asking("/nodes"));
    await engine.stop();
    expect(told(await remote.http(asking("/nodes")))).toMatch(/^refused: m1 engine .*engine\.sock/);
    await engine.start();
    engine.asked.length = 0;
    await remote.http(asking("/nodes"));
    expect(engine.asked).toEqual(["GET /version", "GET /v1.41/nodes"]);
  });

  it("that speaks nothing pawl knows is told, and asked nothing else", async () => {
    engine.speak("2.0", "2.3");
    expect(told(await remote.http(asking("/nodes")))).toMatch(
      /^api-version: .*pawl speaks 1\.41.*the server says.*"ApiVersion":"2\.3"/,
    );
    expect(engine.asked).toEqual(["GET /version"]);
  });
});

describeReal("an engine that wants a certificate of its clients", ["openssl"], () => {
  it("is asked by TLS with pawl's own; without one, and with a key that is open or another's, nothing is sent", async () => {
    const authority: Authority = createAuthority();
    const port = await freePort(HOST);
    const engine = await startEngine({ host: HOST, port, authority });
    const { cert, key } = authority.leaf(["pawl"]);
    const file = (name: string, text: string, mode = 0o600): string => {
      const path = join(folder, name);
      writeFileSync(path, text);
      chmodSync(path, mode);
      return path;
    };
    const client = { certificateFile: file("cert.pem", cert), keyFile: file("key.pem", key) };
    const strict: HttpAccess = { through: { kind: "direct" }, security: "strict", caFile: authority.caFile };
    const remote = open({ ...inventoryOf({ ...strict, client }), ports: { engine: port } });
    const stranger = open({ ...inventoryOf(strict), ports: { engine: port } });
    try {
      expect(told(await remote.http(get(`http://${HOST}:${String(port)}/info`)))).toBe('200 {"path":"/v1.41/info"}');
      expect(told(await stranger.http(get(`http://${HOST}:${String(port)}/info`)))).toMatch(/^(?:tls-refused|reset|failed): /);
      expect(engine.asked.filter((one) => one !== "GET /version")).toEqual(["GET /v1.41/info"]);
      const foreign = { ...client, keyFile: file("other.pem", authority.leaf(["x"]).key) };
      expect(() => open(inventoryOf({ ...strict, client: foreign }))).toThrow(/private key/);
      const known = { ...client, keyFile: file("open.pem", key, 0o644) };
      expect(() => open(inventoryOf({ ...strict, client: known }))).toThrow(/private key/);
    } finally {
      await remote.close();
      await stranger.close();
      await engine.stop();
      authority.remove();
    }
  });
});

describeReal("an engine behind a node's SSH server", ["openssh-server", "openssh-client", "docker.io"], () => {
  let fleet: Fleet;
  let engine: FakeEngine;
  let socket: string;
  beforeAll(async () => {
    // The second server opens no sockets: there the node's own command is the way.
    fleet = await startFleet(2, (number) => (number === 2 ? ["AllowStreamLocalForwarding no"] : []));
    socket = join(fleet.folder, "e.sock");
  });
  beforeEach(async () => {
    engine = await startEngine({ socket });
  });
  afterEach(() => engine.stop());
  afterAll(() => fleet.stop());

  const reach = (path = socket): WiredRemote => open({ ...fleet.inventory(), http: { ...OPEN, socket: path } });
  const address = (index: number): string => fleet.nodes[index]?.address ?? "";

  it.each([
    ["through a forwarded socket", 0],
    ["through docker system dial-stdio, where the server forwards none", 1],
  ])("is asked %s, on the connection commands use", async (_way, index) => {
    const remote = reach();
    try {
      const before = fleet.nodes[index]?.wire.made() ?? 0;
      await remote.run(`n${index + 1}`, { argv: ["true"], timeoutMs: 5_000 });
      for (const path of ["/info", "/nodes"])
        expect(told(await remote.http(asking(path, address(index))))).toBe(`200 {"path":"/v1.41${path}"}`);
      expect((fleet.nodes[index]?.wire.made() ?? 0) - before).toBe(1);
    } finally {
      await remote.close();
    }
  });

  it.each([
    ["where sockets are forwarded", 0],
    ["where they are not", 1],
  ])("nobody behind the socket is told as such, %s", async (_way, index) => {
    const remote = reach(`${socket}-none`);
    try {
      expect(told(await remote.http(asking("/info", address(index))))).toMatch(
        /^(?:refused|failed|unreachable): n\d engine .*-none/,
      );
    } finally {
      await remote.close();
    }
  });

  it("an answer that is cut off by a lost connection is none, and the next question connects anew", async () => {
    const remote = reach();
    try {
      await remote.http(asking("/info", address(0)));
      fleet.nodes[0]?.wire.cut();
      expect(told(await remote.http(asking("/info", address(0))))).toBe('200 {"path":"/v1.41/info"}');
      expect(remote.losses?.("n1")).toBe(1);
    } finally {
      await remote.close();
    }
  });
});
