import { createServer, type AddressInfo, type Socket } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { askTcp } from "../../src/transport/tcp.ts";

const stops: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const stop of stops.splice(0)) await stop();
});

async function serve(handle: (socket: Socket) => void): Promise<number> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => undefined);
    handle(socket);
  });
  stops.push(() => {
    for (const socket of sockets) socket.destroy();
    return new Promise((resolve) => server.close(() => resolve()));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", () => resolve()));
  return (server.address() as AddressInfo).port;
}

describe("four-letter words", () => {
  it("are answered with everything up to the end of the stream", async () => {
    const port = await serve(
      (socket) =>
        void socket.on("data", (text) => {
          socket.write(`${text.toString()}:a`);
          setTimeout(() => socket.end("b"), 20);
        }),
    );
    const answer = await askTcp("127.0.0.1", port, "ruok", 5_000);
    expect(answer.kind === "answered" && answer.body.toString()).toBe("ruok:ab");
  });

  it("may be answered with nothing, which is an answer", async () => {
    const port = await serve((socket) => void socket.on("data", () => socket.end()));
    expect(await askTcp("127.0.0.1", port, "ruok", 5_000)).toEqual({ kind: "answered", body: Buffer.alloc(0) });
  });

  it("that are refused, cut, hung or no longer wanted are no answer, each with its code", async () => {
    const gone = await serve(() => undefined);
    await stops.pop()?.();
    const cut = await serve((socket) => void socket.on("data", () => socket.resetAndDestroy()));
    const mute = await serve((socket) => void socket.write("imo"));
    const wanted = new AbortController();
    expect(await askTcp("127.0.0.1", gone, "ruok", 5_000)).toMatchObject({ code: "refused" });
    expect(await askTcp("127.0.0.1", cut, "ruok", 5_000)).toMatchObject({ code: "reset" });
    expect(await askTcp("127.0.0.1", mute, "ruok", 80)).toMatchObject({ code: "timed-out" });
    expect(await askTcp("no-such-host.invalid", 1, "ruok", 5_000)).toMatchObject({ code: "not-resolved" });
    const asked = askTcp("127.0.0.1", mute, "ruok", 5_000, wanted.signal);
    setTimeout(() => wanted.abort(), 20);
    expect(await asked).toMatchObject({ code: "aborted" });
  });

  it("answered without end are cut off", async () => {
    const port = await serve((socket) => {
      const more = (): void => {
        if (socket.writable) socket.write(Buffer.alloc(512 * 1024), more);
      };
      more();
    });
    expect(await askTcp("127.0.0.1", port, "dump", 10_000)).toMatchObject({ code: "too-large" });
  });
});
