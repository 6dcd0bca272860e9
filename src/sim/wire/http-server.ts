import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { SimCluster, SimListener } from "../ports.ts";

/** Longer than any interval pawl polls at, so that clients keep their connections. */
const KEEP_ALIVE_MS = 120_000;

async function bodyOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString("utf8");
}

async function answer(
  cluster: SimCluster,
  listener: SimListener,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const headers = Object.fromEntries(
    Object.entries(request.headers).map(([name, value]) => [name, Array.isArray(value) ? value.join(", ") : (value ?? "")]),
  );
  const asked = { method: request.method ?? "GET", path: request.url ?? "/", headers, body: await bodyOf(request) };
  const given = await cluster.http(listener.host, listener.port, asked);
  switch (given.kind) {
    case "answered": {
      const bytes = Buffer.from(given.body);
      // The model writes header names as the product does; the length is counted here and must stand only once.
      for (const [name, value] of Object.entries(given.headers)) response.setHeader(name, value);
      response.setHeader("content-length", String(bytes.length));
      response.writeHead(given.status);
      response.end(bytes);
      return;
    }
    case "refused":
      request.socket.destroy();
      return;
    case "hang":
      return;
  }
}

/** An HTTP server for one port of the model: keep-alive, no delay; what the model refuses is cut, what hangs is never answered. */
export function createHttpServer(cluster: SimCluster, listener: SimListener): Server {
  const server = createServer({ noDelay: true, keepAlive: true, keepAliveTimeout: KEEP_ALIVE_MS }, (request, response) => {
    answer(cluster, listener, request, response).catch(() => request.socket.destroy());
  });
  // A client that goes away in mid-request is nobody's error.
  server.on("clientError", (_error, socket) => socket.destroy());
  return server;
}
