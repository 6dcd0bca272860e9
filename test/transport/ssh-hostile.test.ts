import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type AddressInfo, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import ssh2 from "ssh2";
import type { Connection, ServerChannel } from "ssh2";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import type { Inventory } from "../../src/domain/inventory.ts";
import type { Outcome } from "../../src/engine/ports.ts";
import { createRemote, type WiredRemote } from "../../src/transport/remote.ts";
import { signalCode } from "../../src/transport/ssh-exec.ts";
import { eventually } from "../real/process.ts";
import { describeReal } from "../real/requires.ts";
import { makeKey, startFleet } from "../real/sshd.ts";

const MEBIBYTE = 1024 * 1024;

/** What a hostile SSH server does at each stage; what it leaves out it does as a good one would. */
interface Manners {
  readonly onConnection?: (connection: Connection, socket: Socket) => void;
  readonly onAuthentication?: (connection: Connection, socket: Socket) => boolean;
  readonly onSession?: (socket: Socket) => boolean;
  readonly onExec?: (channel: ServerChannel, socket: Socket) => void;
}

describeReal("Hosts that do not behave", ["openssh-client", "openssh-server"], () => {
  let folder: string;
  let hostKey: string;
  let clientKey: string;
  const remotes: WiredRemote[] = [];
  const servers: { readonly server: Server; readonly sockets: Set<Socket> }[] = [];

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "pawl-hostile-"));
    hostKey = makeKey(join(folder, "host"));
    clientKey = makeKey(join(folder, "client"));
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  afterEach(async () => {
    for (const remote of remotes.splice(0)) await remote.close();
    for (const { server, sockets } of servers.splice(0)) {
      // Nobody of ours is left at its door.
      await eventually(
        () => sockets.size === 0,
        () => `${String(sockets.size)} sockets are still open`,
        5_000,
      );
      await new Promise((resolve) => server.close(resolve));
    }
  });

  /** A TCP server of any kind; how often it was called. */
  async function listen(onSocket: (socket: Socket) => void): Promise<{ readonly remote: (timeoutMs?: number) => WiredRemote }> {
    const sockets = new Set<Socket>();
    const server = createServer((socket) => {
      sockets.add(socket);
      socket.on("close", () => sockets.delete(socket));
      socket.on("error", () => undefined);
      onSocket(socket);
      // Whoever does not read never hears that the other side has gone.
      if (socket.listenerCount("data") === 0) socket.resume();
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    servers.push({ server, sockets });
    const { port } = server.address() as AddressInfo;
    const knownHosts = join(folder, `known-${String(port)}`);
    writeFileSync(knownHosts, `[127.0.0.1]:${String(port)} ${readFileSync(`${hostKey}.pub`, "utf8")}`);
    const inventory: Inventory = {
      name: "hostile",
      platform: "toy",
      folder,
      ssh: { user: "me", port, knownHosts, identityFile: clientKey },
      ports: {},
      scripts: {},
      hooks: {},
      siteSteps: [],
      settings: {},
      nodes: [{ name: "n1", address: "127.0.0.1", role: "r", critical: false, ssh: {} }],
    };
    return {
      remote(connectTimeoutMs = 5_000) {
        const remote = createRemote({ inventory, env: {}, home: folder, etc: folder, connectTimeoutMs });
        remotes.push(remote);
        return remote;
      },
    };
  }

  /** An SSH server that knows the protocol and uses it badly. */
  function listenSsh(manners: Manners): ReturnType<typeof listen> {
    const ssh = new ssh2.Server({ hostKeys: [readFileSync(hostKey)] }, () => undefined);
    return listen((socket) => {
      ssh.once("connection", (connection: Connection) => {
        connection.on("error", () => undefined);
        manners.onConnection?.(connection, socket);
        connection.on("authentication", (context) => {
          if (manners.onAuthentication?.(connection, socket) !== false) context.accept();
        });
        connection.on("session", (accept) => {
          if (manners.onSession?.(socket) === false) return;
          accept().on("exec", (acceptExec) => {
            const channel = acceptExec();
            channel.on("error", () => undefined);
            if (manners.onExec === undefined) {
              channel.exit(0);
              channel.end();
            } else manners.onExec(channel, socket);
          });
        });
      });
      ssh.injectSocket(socket);
    });
  }

  const on = (remote: WiredRemote, timeoutMs = 10_000): Promise<Outcome> => remote.run("n1", { argv: ["true"], timeoutMs });
  const reasonOf = (outcome: Outcome): string => (outcome.kind === "lost" ? outcome.reason : "");

  describe("before a key is exchanged", () => {
    it.each<readonly [string, (socket: Socket) => void]>([
      ["says nothing", () => undefined],
      [
        "gives its name one byte at a time",
        (socket) => {
          const timer = setInterval(() => socket.write("x"), 40);
          socket.on("close", () => clearInterval(timer));
        },
      ],
      ["gives its name and then says nothing", (socket) => socket.write("SSH-2.0-OpenSSH_9.9\r\n")],
    ])("a host that %s is unreachable when the time is over", async (_name, act) => {
      const server = await listen(act);
      expect(await on(server.remote(400))).toMatchObject({ kind: "lost", code: "unreachable", sent: false });
    });

    const forever =
      (text: string) =>
      (socket: Socket): void => {
        const more = (): void => {
          while (!socket.destroyed && socket.write(text)) {
            // Until it is held back.
          }
        };
        socket.on("drain", more);
        more();
      };
    it.each<readonly [string, (socket: Socket) => void]>([
      ["closes at once", (socket) => socket.end()],
      ["resets at once", (socket) => socket.resetAndDestroy()],
      ["closes after its name", (socket) => socket.end("SSH-2.0-OpenSSH_9.9\r\n")],
      ["speaks HTTP", (socket) => socket.end("HTTP/1.1 400 Bad Request\r\n\r\n")],
      ["sends garbage", (socket) => socket.write(Buffer.alloc(100_000, 0xf7))],
      [
        "sends garbage after its name",
        (socket) => socket.write(Buffer.concat([Buffer.from("SSH-2.0-x\r\n"), Buffer.alloc(100_000, 0xf7)])),
      ],
      ["greets without end", forever("welcome to the machine\r\n".repeat(500))],
      ["greets in one endless line", forever("x".repeat(50_000))],
      ["speaks SSH 1", (socket) => socket.write("SSH-1.5-old\n")],
    ])("a host that %s is told, and lets go of", async (_name, act) => {
      const before = process.memoryUsage().rss;
      const server = await listen(act);
      const outcome = await on(server.remote());
      // A reset may come before or behind the end of connecting.
      expect(outcome).toMatchObject({
        kind: "lost",
        code: expect.stringMatching(/^(?:handshake-failed|unreachable)$/),
        sent: false,
      });
      expect(reasonOf(outcome)).toMatch(/127\.0\.0\.1:\d+/);
      expect(reasonOf(outcome)).not.toMatch(/[\u0000-\u001f]|\n {4}at /);
      expect(process.memoryUsage().rss - before).toBeLessThan(64 * MEBIBYTE);
    });
  });

  describe("while somebody logs in", () => {
    it("a host that closes is told", async () => {
      const server = await listenSsh({
        onAuthentication: (_connection, socket) => {
          socket.destroy();
          return false;
        },
      });
      expect(await on(server.remote())).toMatchObject({ kind: "lost", code: "handshake-failed", sent: false });
    });

    it("a host that never answers is unreachable when the time is over", async () => {
      const server = await listenSsh({ onAuthentication: () => false });
      expect(await on(server.remote(500))).toMatchObject({ kind: "lost", code: "unreachable", sent: false });
    });

    it("a host that says goodbye in odd characters is quoted without them", async () => {
      const server = await listenSsh({
        onAuthentication: (connection) => {
          const protocol = (connection as unknown as { readonly _protocol: { disconnect(reason: number): void } })._protocol;
          protocol.disconnect(11);
          return false;
        },
      });
      const outcome = await on(server.remote());
      expect(outcome).toMatchObject({ kind: "lost", sent: false });
      expect(reasonOf(outcome)).not.toMatch(/[\u0000-\u001f]/);
    });
  });

  describe("once a command is to run", () => {
    it("a host that opens no session costs the command its time, no more", async () => {
      const server = await listenSsh({ onSession: () => false });
      expect(await on(server.remote(), 400)).toMatchObject({ kind: "timed-out", afterMs: 400 });
    });

    it.each<readonly [string, Manners["onExec"]]>([
      [
        "cuts the connection in mid-command",
        (channel, socket) => {
          channel.write("some");
          setTimeout(() => socket.destroy(), 30);
        },
      ],
      ["closes the channel without an exit code", (channel) => channel.close()],
    ])("a host that %s leaves the outcome unknown", async (_name, onExec) => {
      const server = await listenSsh(onExec === undefined ? {} : { onExec });
      expect(await on(server.remote())).toMatchObject({ kind: "lost", code: "connection-lost", sent: true });
    });

    it("a host that gives an exit code and then never closes costs the command its time", async () => {
      const server = await listenSsh({ onExec: (channel) => channel.exit(0) });
      expect(await on(server.remote(), 400)).toMatchObject({ kind: "timed-out" });
    });

    it("a signal nobody knows, at any length, is an exit code above 128", () => {
      for (const name of ["X".repeat(20_000), "", "__proto__", "constructor", "\u0000"]) expect(signalCode(name)).toBe(128);
      expect([signalCode("TERM"), signalCode("SIGKILL")]).toEqual([143, 137]);
    });

    it.each(["stdout", "stderr"] as const)(
      "a host that floods %s fills no memory, and is timed out with a little of it",
      async (stream) => {
        const server = await listenSsh({
          onExec: (channel) => {
            const block = Buffer.alloc(MEBIBYTE, "flood");
            const out = stream === "stdout" ? channel : channel.stderr;
            let ended = false;
            channel.on("close", () => (ended = true));
            const more = (): void => {
              if (!ended) out.write(block, () => setImmediate(more));
            };
            more();
          },
        });
        const remote = server.remote();
        const before = process.memoryUsage().rss;
        const outcome = await on(remote, 1_500);
        expect(outcome).toMatchObject({ kind: "timed-out" });
        expect(outcome.kind === "timed-out" && outcome[stream].length).toBeLessThan(2 * MEBIBYTE);
        expect(outcome.kind === "timed-out" && outcome[stream]).toMatch(/\[\d+ bytes left out\]/);
        expect(process.memoryUsage().rss - before).toBeLessThan(256 * MEBIBYTE);
      },
    );

    it("a host that ends its half of the connection and stays is not waited for", async () => {
      const server = await listenSsh({
        onExec: (_channel, socket) => {
          socket.write(Buffer.alloc(2_000, 0xff));
        },
      });
      const remote = server.remote();
      expect(await on(remote)).toMatchObject({ kind: "lost", code: "connection-lost", sent: true });
      expect(remote.losses?.("n1")).toBe(1);
    });
  });

  it("a real server that exchanges keys anew again and again in a stream changes no byte of it", async () => {
    const fleet = await startFleet(1, ["RekeyLimit 1M 1s"]);
    const remote = createRemote({ inventory: fleet.inventory(), env: {}, home: fleet.folder, etc: fleet.folder });
    let sum = 0;
    const command = {
      argv: ["sh", "-c", "i=0; while [ $i -lt 40 ]; do head -c 1048576 /dev/zero; i=$((i+1)); done"],
      timeoutMs: 30_000,
    };
    const outcome = await remote.stream("n1", command, (chunk) => {
      sum += chunk.length;
      return chunk.every((byte) => byte === 0) ? undefined : Promise.reject(new Error("changed"));
    });
    expect(outcome).toMatchObject({ kind: "exited", code: 0 });
    expect(sum).toBe(40 * MEBIBYTE);
    await remote.close();
    await fleet.stop();
  });
});
