import { createServer, type RequestListener } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { createServer as createTlsServer } from "node:https";
import { createServer as createTcpServer } from "node:net";
import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { afterAll, beforeAll, expect, it } from "vitest";
import type { HttpAccess, Inventory } from "../../src/domain/inventory.ts";
import { PORTS, WEB } from "../../src/platform/dcos/contract.ts";
import { createRemote, type WiredRemote } from "../../src/transport/remote.ts";
import { describeReal } from "../real/requires.ts";
import { startFleet, type Fleet } from "../real/sshd.ts";
import { createAuthority, type Authority } from "./authority.ts";
import { get, told } from "./stage.ts";

interface Seen {
  connections: number;
}

/** Whether this process holds the socket. */
function ownsSocket(inode: string): boolean {
  return readdirSync("/proc/self/fd").some((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`) === `socket:[${inode}]`;
    } catch {
      return false;
    }
  });
}

/** The socket with these ports, as the kernel numbers it. */
function inodeOf(localPort: number, remotePort: number): string | null {
  const hex = (port: number): string => port.toString(16).toUpperCase().padStart(4, "0");
  const line = readFileSync("/proc/net/tcp", "utf8")
    .split("\n")
    .map((one) => one.trim().split(/\s+/))
    .find((parts) => parts[1]?.endsWith(`:${hex(localPort)}`) === true && parts[2]?.endsWith(`:${hex(remotePort)}`) === true);
  return line?.[9] ?? null;
}

describeReal("HTTP through SSH, to servers that only real sshd reach", ["openssh-server", "openssh-client", "openssl"], () => {
  let fleet: Fleet;
  let authority: Authority;
  const remotes: WiredRemote[] = [];
  const closing: (() => Promise<void>)[] = [];

  beforeAll(async () => {
    fleet = await startFleet(2);
    authority = createAuthority();
  }, 60_000);
  afterAll(async () => {
    for (const remote of remotes) await remote.close();
    for (const close of closing) await close();
    await fleet.stop();
    authority.remove();
  });

  const addressOf = (index: number): string => fleet.nodes[index]?.address ?? "";
  const remoteOf = (http: Partial<HttpAccess>, ports: Readonly<Record<string, number>>): WiredRemote => {
    const inventory: Inventory = {
      ...fleet.inventory(),
      ports,
      http: { through: { kind: "ssh", by: null }, security: "disabled", ...http },
    };
    const remote = createRemote({ inventory, env: {}, home: fleet.folder, ports: PORTS, web: WEB });
    remotes.push(remote);
    return remote;
  };
  /** Listens at a node's address and notes whether a connection's other end is this process. */
  async function serve(
    host: string,
    listener: RequestListener,
    leaf?: { readonly cert: string; readonly key: string },
    port = 0,
  ): Promise<{ readonly port: number; readonly seen: Seen; readonly own: () => boolean }> {
    const seen: Seen = { connections: 0 };
    let own = false;
    const server = leaf === undefined ? createServer({ keepAliveTimeout: 60_000 }, listener) : createTlsServer(leaf, listener);
    server.on("connection", (socket: Socket) => {
      seen.connections += 1;
      const inode = inodeOf(socket.remotePort ?? 0, socket.localPort ?? 0);
      if (inode !== null && ownsSocket(inode)) own = true;
    });
    await new Promise<void>((done) => server.listen(port, host, done));
    closing.push(async () => {
      server.closeAllConnections();
      await new Promise((done) => server.close(done));
    });
    return { port: (server.address() as AddressInfo).port, seen, own: () => own };
  }

  it("asks each node through its own SSH server, and keeps the connection", async () => {
    const port = 27_050;
    const one = await serve(addressOf(0), (_request, response) => void response.end('"n1"'), undefined, port);
    const two = await serve(addressOf(1), (_request, response) => void response.end('"n2"'), undefined, port);
    const remote = remoteOf({}, { "mesos-master": port });
    for (let round = 0; round < 6; round += 1) {
      expect(told(await remote.http(get(`http://${addressOf(0)}:${String(port)}/version`)))).toBe('200 "n1"');
      expect(told(await remote.http(get(`http://${addressOf(1)}:${String(port)}/version`)))).toBe('200 "n2"');
    }
    expect(one.seen.connections + two.seen.connections).toBeLessThanOrEqual(4);
    expect([one.own(), two.own()]).toEqual([false, false]);
    // The same question without the tunnel does come from this process: the look at the other end can tell.
    expect(
      told(
        await remoteOf({ through: { kind: "direct" } }, { "mesos-master": port }).http(
          get(`http://${addressOf(0)}:${String(port)}/version`),
        ),
      ),
    ).toBe('200 "n1"');
    expect(one.own()).toBe(true);
  });

  it("speaks TLS to the component inside the tunnel, and verifies it there", async () => {
    const good = await serve(
      addressOf(0),
      (_request, response) => void response.end('"tls"'),
      authority.leaf([addressOf(0)]),
      27_051,
    );
    await serve(addressOf(1), (_request, response) => void response.end('"tls"'), authority.leaf(["10.9.9.9"]), 27_051);
    const remote = remoteOf({ security: "strict", caFile: authority.caFile }, { "mesos-master": 27_051 });
    for (let round = 0; round < 4; round += 1)
      expect(told(await remote.http(get(`http://${addressOf(0)}:27051/version`)))).toBe('200 "tls"');
    expect(good.own()).toBe(false);
    expect(good.seen.connections).toBeLessThanOrEqual(2);
    expect(told(await remote.http(get(`http://${addressOf(1)}:27051/version`)))).toMatch(/^certificate-name: n2 mesos-master/);
  });

  it("asks everything through one named machine where the inventory says so, ZooKeeper's words too", async () => {
    const server = createTcpServer((socket) => void socket.once("data", (data) => socket.end(`said ${data.toString()}`)));
    await new Promise<void>((done) => server.listen(27_052, addressOf(1), done));
    closing.push(() => new Promise((done) => void server.close(() => done())));
    const remote = remoteOf({ through: { kind: "ssh", by: "n1" } }, {});
    const before = fleet.nodes[1]?.wire.made();
    const answer = await remote.tcp(addressOf(1), 27_052, "ruok", 5_000);
    expect(answer.kind === "answered" && answer.body.toString()).toBe("said ruok");
    expect(fleet.nodes[1]?.wire.made()).toBe(before);
  });

  it("asks everything through a jump host by its host name, where the nodes themselves need not forward anything", async () => {
    const [jump] = fleet.nodes;
    const port = 27_054;
    const asked = await serve(addressOf(1), (_request, response) => void response.end('"n2"'), undefined, port);
    const all = fleet.inventory({ jump: [`${fleet.user}@${addressOf(0)}:${String(jump?.port)}`] });
    const inventory: Inventory = {
      ...all,
      nodes: all.nodes.slice(1),
      ports: { "mesos-master": port },
      http: { through: { kind: "ssh", by: addressOf(0) }, security: "disabled" },
    };
    const remote = createRemote({ inventory, env: {}, home: fleet.folder, ports: PORTS, web: WEB });
    remotes.push(remote);
    const before = fleet.nodes[1]?.wire.made();
    expect(told(await remote.http(get(`http://${addressOf(1)}:${String(port)}/version`)))).toBe('200 "n2"');
    expect(asked.own()).toBe(false);
    expect(fleet.nodes[1]?.wire.made()).toBe(before);
  });

  it("tells what is wrong at the far end: nobody listens, no such machine, a server that forbids forwarding", async () => {
    const remote = remoteOf({}, { "mesos-master": 27_059 });
    expect(told(await remote.http(get(`http://${addressOf(0)}:27059/version`)))).toMatch(
      /^refused: n1 mesos-master .*n1 cannot connect/,
    );
    expect(told(await remote.http(get("http://127.250.9.9:27059/version")))).toMatch(/^no-way: .*inventory/);
    expect(await remote.tcp(addressOf(0), 27_059, "ruok", 5_000)).toMatchObject({ kind: "no-answer", code: "refused" });
  });

  it("cuts the answer off, and does not take half of it for the whole, when the SSH connection breaks", async () => {
    await serve(
      addressOf(0),
      (_request, response) => {
        // Without a length and without chunks the end of the connection would be the end of the answer.
        response.shouldKeepAlive = false;
        response.useChunkedEncodingByDefault = false;
        response.writeHead(200, { "content-type": "application/json" });
        response.write('{"half":');
      },
      undefined,
      27_053,
    );
    const remote = remoteOf({}, { "mesos-master": 27_053 });
    const asked = remote.http(get(`http://${addressOf(0)}:27053/version`));
    await new Promise((done) => setTimeout(done, 400));
    fleet.nodes[0]?.wire.cut();
    expect(told(await asked)).toMatch(/^reset: /);
  });
});

describeReal("an SSH server that forbids forwarding", ["openssh-server", "openssh-client"], () => {
  it("is named, with what to change", async () => {
    const fleet = await startFleet(1, ["AllowTcpForwarding no"]);
    const inventory: Inventory = { ...fleet.inventory(), http: { through: { kind: "ssh", by: null }, security: "disabled" } };
    const remote = createRemote({ inventory, env: {}, home: fleet.folder, ports: PORTS, web: WEB });
    try {
      const address = fleet.nodes[0]?.address ?? "";
      expect(told(await remote.http(get(`http://${address}:5050/version`)))).toMatch(
        /^forwarding-refused: n1 mesos-master .*AllowTcpForwarding/,
      );
      expect(await remote.run("n1", { argv: ["true"], timeoutMs: 5_000 })).toMatchObject({ kind: "exited", code: 0 });
    } finally {
      await remote.close();
      await fleet.stop();
    }
  });
});
