import type { Server, Socket } from "node:net";

/** Servers that listen, with every connection they have, so that all of it can be ended at once. */
export interface OpenServers {
  listen(server: Server, host: string, port: number): Promise<number>;
  close(): Promise<void>;
}

/** Keeps track of servers and their connections. `listen` rejects with Node's error (EADDRINUSE, EADDRNOTAVAIL). */
export function openServers(): OpenServers {
  const servers = new Set<Server>();
  const sockets = new Set<Socket>();
  return {
    listen: (server, host, port) =>
      new Promise((resolve, reject) => {
        server.on("connection", (socket: Socket) => {
          sockets.add(socket);
          socket.on("close", () => sockets.delete(socket));
        });
        server.once("error", reject);
        server.listen({ host, port, backlog: 1024 }, () => {
          server.off("error", reject);
          server.on("error", () => undefined);
          servers.add(server);
          const address = server.address();
          resolve(typeof address === "object" && address !== null ? address.port : port);
        });
      }),
    close: async () => {
      const closing = [...servers].map((server) => new Promise<void>((resolve) => server.close(() => resolve())));
      for (const socket of sockets) socket.destroy();
      await Promise.all(closing);
      servers.clear();
    },
  };
}
