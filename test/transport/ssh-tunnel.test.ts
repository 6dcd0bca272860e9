import { createServer, type AddressInfo, type Server, type Socket } from "node:net";
import type { Duplex } from "node:stream";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { createRemote, type WiredRemote } from "../../src/transport/remote.ts";
import { eventually } from "../real/process.ts";
import { describeReal } from "../real/requires.ts";
import { freePort, startFleet, type Fleet, type RealNode } from "../real/sshd.ts";

/** A server that greets, then gives back what it gets, or floods until it is held back. */
async function startEcho(): Promise<{ readonly port: number; readonly sockets: Set<Socket>; close(): Promise<void> }> {
  const sockets = new Set<Socket>();
  const server: Server = createServer({ allowHalfOpen: true }, (socket) => {
    sockets.add(socket);
    socket.on("error", () => undefined);
    socket.on("close", () => sockets.delete(socket));
    socket.pipe(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    port: (server.address() as AddressInfo).port,
    sockets,
    close: () =>
      new Promise((resolve) => {
        for (const socket of sockets) socket.destroy();
        server.close(() => resolve());
      }),
  };
}

describeReal("A tunnel through a node", ["openssh-server", "openssh-client"], () => {
  let fleet: Fleet;
  let n1: RealNode;
  let echo: Awaited<ReturnType<typeof startEcho>>;
  let remote: WiredRemote;

  beforeAll(async () => {
    [fleet, echo] = await Promise.all([startFleet(1), startEcho()]);
    [n1] = fleet.nodes as [RealNode];
    remote = createRemote({ inventory: fleet.inventory(), env: {}, home: fleet.folder });
  });
  afterAll(async () => {
    await remote.close();
    await fleet.stop();
    await echo.close();
  });
  const streams: Duplex[] = [];
  afterEach(() => {
    for (const stream of streams.splice(0)) stream.destroy();
    for (const socket of echo.sockets) socket.destroy();
  });
  const open = async (from = remote): Promise<Duplex> => {
    const tunnel = await from.tunnel("n1", "127.0.0.1", echo.port);
    if (tunnel.kind === "failed") throw new Error(tunnel.reason);
    tunnel.stream.on("error", () => undefined);
    streams.push(tunnel.stream);
    return tunnel.stream;
  };

  it("carries bytes both ways, to an end each, on the connection commands use", async () => {
    const before = n1.wire.made();
    await remote.run("n1", { argv: ["true"], timeoutMs: 10_000 });
    const stream = await open();
    const sent = Buffer.alloc(5_000_000, "0123456789abcdef");
    stream.end(sent);
    const got: Buffer[] = [];
    for await (const chunk of stream) got.push(chunk as Buffer);
    expect(Buffer.concat(got).equals(sent)).toBe(true);
    expect(n1.wire.made() - before).toBeLessThanOrEqual(1);
    await eventually(
      () => echo.sockets.size === 0,
      () => "the server's socket is still open",
    );
  });

  it("holds the far end back while nobody reads", async () => {
    const stream = await open();
    await eventually(
      () => echo.sockets.size === 1,
      () => "no connection",
    );
    let written = 0;
    const block = Buffer.alloc(1024 * 1024);
    for (let still = 0; still < 20;) {
      still = stream.write(block) ? 0 : still + 1;
      written += block.length;
      if (still > 0) await new Promise((resolve) => setTimeout(resolve, 20));
    }
    const [socket] = echo.sockets;
    expect(stream.readableLength).toBeLessThan(4 * 1024 * 1024);
    expect(socket?.bytesRead ?? 0).toBeLessThan(written);
  });

  it("that is no longer read is closed at the far end too", async () => {
    const stream = await open();
    stream.write("x");
    await eventually(
      () => echo.sockets.size === 1,
      () => "no connection",
    );
    stream.destroy();
    await eventually(
      () => echo.sockets.size === 0,
      () => "the far end is still open",
    );
  });

  it("whose connection breaks ends in an error, never as if the peer had finished", async () => {
    const stream = await open();
    const ended = new Promise<string>((resolve) => {
      stream.on("end", () => resolve("ended"));
      stream.on("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    });
    stream.resume();
    n1.wire.cut();
    expect(await ended).toBe("ECONNRESET");
    expect((await open()).write("back")).toBe(true);
  });

  it("to a port nobody listens on is refused, by the node's own account", async () => {
    const port = await freePort("127.0.0.1");
    expect(await remote.tunnel("n1", "127.0.0.1", port)).toMatchObject({
      kind: "failed",
      code: "refused",
      reason: expect.stringContaining(`n1 cannot connect to 127.0.0.1:${String(port)}`),
    });
  });

  it("that nobody wants any more is not opened", async () => {
    const signal = AbortSignal.abort();
    expect(await remote.tunnel("n1", "127.0.0.1", echo.port, signal)).toMatchObject({ kind: "failed", code: "aborted" });
  });

  it("ends with pawl's connections", async () => {
    const own = createRemote({ inventory: fleet.inventory(), env: {}, home: fleet.folder });
    const stream = await open(own);
    const closed = new Promise((resolve) => stream.once("close", resolve));
    await own.close();
    await closed;
    expect(await own.tunnel("n1", "127.0.0.1", echo.port)).toMatchObject({ kind: "failed", code: "closed" });
  });

  describe("where the server forbids forwarding", () => {
    it.each(["AllowTcpForwarding no", "PermitOpen 127.0.0.1:1"])("%s is told with what to look at", async (option) => {
      const other = await startFleet(1, [option]);
      const closed = createRemote({ inventory: other.inventory(), env: {}, home: other.folder });
      try {
        expect(await closed.tunnel("n1", "127.0.0.1", echo.port)).toMatchObject({
          kind: "failed",
          code: "forwarding-refused",
          reason: expect.stringContaining("AllowTcpForwarding"),
        });
        expect(await closed.run("n1", { argv: ["true"], timeoutMs: 10_000 })).toMatchObject({ kind: "exited" });
      } finally {
        await closed.close();
        await other.stop();
      }
    });
  });
});
