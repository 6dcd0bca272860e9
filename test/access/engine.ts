import { createServer as createPlain, type RequestListener, type Server } from "node:http";
import { createServer as createTls } from "node:https";
import { rmSync } from "node:fs";
import type { Authority } from "./authority.ts";

/** An engine's manners: which API versions it speaks, and what it was asked. */
export interface FakeEngine {
  /** Paths as they arrived. */
  readonly asked: string[];
  speak(oldest: string, newest: string): void;
  /** Ends it and whoever is connected; `start` brings it back at the same place. */
  stop(): Promise<void>;
  start(): Promise<void>;
}

/** At a socket file, or with TLS at an address, to clients with a certificate of the authority. */
type Place = { readonly socket: string } | { readonly host: string; readonly port: number; readonly authority: Authority };

const minor = (version: string): number => Number(version.split(".")[1]);

/** Starts an engine that answers `/version` as recorded (test/fixture/swarm/version-*.json) and any path with that path. */
export async function startEngine(place: Place, oldest = "1.12", newest = "1.41"): Promise<FakeEngine> {
  const asked: string[] = [];
  let speaks = { oldest, newest };
  const answer: RequestListener = (request, response) => {
    const path = request.url ?? "";
    asked.push(`${request.method ?? ""} ${path}`);
    const [, version] = /^\/v(1\.\d+)\//.exec(path) ?? [];
    // Both messages were recorded from engine 20.10.24.
    if (version !== undefined && minor(version) > minor(speaks.newest)) {
      const message = `client version ${version} is too new. Maximum supported API version is ${speaks.newest}`;
      response.writeHead(400, { "content-type": "application/json" }).end(JSON.stringify({ message }));
    } else if (version !== undefined && minor(version) < minor(speaks.oldest)) {
      const message = `client version ${version} is too old. Minimum supported API version is ${speaks.oldest}, please upgrade your client to a newer version`;
      response.writeHead(400).end(message);
    } else if (path === "/version") {
      response.end(JSON.stringify({ Version: "20.10.24+dfsg1", ApiVersion: speaks.newest, MinAPIVersion: speaks.oldest }));
    } else response.end(JSON.stringify({ path }));
  };
  let server: Server;
  const start = async (): Promise<void> => {
    if ("socket" in place) server = createPlain(answer);
    else {
      const { authority, host } = place;
      server = createTls({ ...authority.leaf([host]), ca: authority.ca, requestCert: true, rejectUnauthorized: true }, answer);
    }
    await new Promise<void>((done) =>
      "socket" in place ? server.listen(place.socket, done) : server.listen(place.port, place.host, done),
    );
  };
  await start();
  return {
    asked,
    speak: (from, to) => void (speaks = { oldest: from, newest: to }),
    start,
    async stop() {
      server.closeAllConnections();
      await new Promise((done) => server.close(done));
      if ("socket" in place) rmSync(place.socket, { force: true });
    },
  };
}
