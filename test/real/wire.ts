import { connect, createServer, type Socket } from "node:net";

/** A TCP wire between a client and a server that a test can cut, silence and take away. */
export interface Wire {
  readonly host: string;
  readonly port: number;
  /** Connections that are open now. */
  open(): number;
  /** Connections ever made. */
  made(): number;
  /** Cuts every connection now (reset); new ones are possible. */
  cut(): void;
  /** From now on: `refuse` new connections, `silence` (accept, carry nothing either way), or `carry` again. */
  mode(mode: "carry" | "refuse" | "silence"): Promise<void>;
  close(): Promise<void>;
}

/** A wire on `host` (a free port unless given) to a server. */
export async function startWire(
  to: { readonly host: string; readonly port: number },
  at: { readonly host: string; readonly port?: number },
): Promise<Wire> {
  const pairs = new Set<readonly [Socket, Socket]>();
  let now: "carry" | "refuse" | "silence" = "carry";
  let made = 0;
  let port = at.port ?? 0;
  const server = createServer({ noDelay: true }, (near) => {
    made++;
    const far = connect({ ...to, noDelay: true });
    const pair = [near, far] as const;
    pairs.add(pair);
    const drop = (): void => {
      pairs.delete(pair);
      near.destroy();
      far.destroy();
    };
    for (const [from, into] of [
      [near, far],
      [far, near],
    ] as const) {
      from.on("error", drop);
      from.on("close", drop);
      from.on("end", () => into.end());
      from.on("data", (chunk) => {
        if (now === "silence") return;
        if (!into.write(chunk)) {
          from.pause();
          into.once("drain", () => from.resume());
        }
      });
    }
  });
  const listen = (): Promise<void> =>
    new Promise((resolve, reject) => {
      server.once("error", reject);
      server.listen({ host: at.host, port }, () => {
        server.off("error", reject);
        const address = server.address();
        if (address !== null && typeof address === "object") port = address.port;
        resolve();
      });
    });
  const cut = (): void => {
    for (const [near, far] of pairs) {
      near.resetAndDestroy();
      far.destroy();
    }
    pairs.clear();
  };
  const unlisten = (): Promise<void> => new Promise((resolve) => (server.listening ? server.close(() => resolve()) : resolve()));
  await listen();
  return {
    host: at.host,
    port,
    open: () => pairs.size,
    made: () => made,
    cut,
    async mode(mode) {
      now = mode;
      if (mode === "refuse") {
        const closed = unlisten();
        cut();
        await closed;
      } else if (!server.listening) await listen();
    },
    async close() {
      const closed = unlisten();
      cut();
      await closed;
    },
  };
}
