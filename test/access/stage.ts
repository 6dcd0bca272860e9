import { createServer as createPlainServer, type RequestListener, type Server } from "node:http";
import { createServer as createTlsServer } from "node:https";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import type { AddressInfo, Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { HttpAccess, Inventory } from "../../src/domain/inventory.ts";
import type { HttpAnswer, HttpRequest } from "../../src/engine/ports.ts";
import { PORTS, WEB } from "../../src/platform/dcos/contract.ts";
import { createWebAccess, type WebAccess, type WebAccessOptions } from "../../src/transport/web-access.ts";
import type { Leaf } from "./authority.ts";

/** A server of the test's own that counts. */
export interface Counted {
  readonly host: string;
  readonly port: number;
  /** Connections made to it. */
  connections: number;
  /** `METHOD path` of every request, with the token where one came. */
  readonly asked: { readonly line: string; readonly authorization: string | undefined }[];
  /** Hangs up on everybody and closes the port. */
  end(): Promise<void>;
}

/** Servers, clients and files of one test. */
export class Stage {
  readonly folder = mkdtempSync(join(tmpdir(), "pawl-access-"));
  readonly secrets = new Set<string>();
  readonly #servers: Server[] = [];
  readonly #clients: WebAccess[] = [];

  /** Listens with or without TLS; port 0 takes a free one. */
  async serve(host: string, leaf: Leaf | null, listener: RequestListener, port = 0): Promise<Counted> {
    const asked: Counted["asked"] = [];
    const watch: RequestListener = (request, response) => {
      asked.push({ line: `${request.method ?? ""} ${request.url ?? ""}`, authorization: request.headers.authorization });
      listener(request, response);
    };
    const server = leaf === null ? createPlainServer(watch) : createTlsServer({ cert: leaf.cert, key: leaf.key }, watch);
    this.#servers.push(server);
    await new Promise<void>((done) => server.listen(port, host, done));
    const end = async (): Promise<void> => {
      const closed = new Promise<void>((done) => server.close(() => done()));
      server.closeAllConnections();
      await closed;
    };
    const counted: Counted = { host, port: (server.address() as AddressInfo).port, connections: 0, asked, end };
    server.on(leaf === null ? "connection" : "secureConnection", (_socket: Socket) => void (counted.connections += 1));
    return counted;
  }

  /** A file of its own; secrets are 0600. */
  file(name: string, text: string, mode = 0o600): string {
    const path = join(this.folder, name);
    writeFileSync(path, text);
    chmodSync(path, mode);
    return path;
  }

  client(
    http: Partial<HttpAccess>,
    world: { readonly nodes: Readonly<Record<string, string>>; readonly ports?: Readonly<Record<string, number>> } & Partial<
      Pick<WebAccessOptions, "env" | "tunnel" | "targets">
    >,
  ): WebAccess {
    const inventory: Inventory = {
      name: "access",
      platform: "dcos",
      folder: this.folder,
      ssh: {},
      ports: world.ports ?? {},
      http: { through: { kind: "direct" }, security: "disabled", ...http },
      nodes: Object.entries(world.nodes).map(([name, address]) => ({
        name,
        address,
        role: name.startsWith("m") ? "master" : "agent",
        critical: false,
        ssh: {},
      })),
      scripts: {},
      hooks: {},
      siteSteps: [],
      settings: {},
    };
    const client = createWebAccess({
      inventory,
      ports: PORTS,
      web: WEB,
      env: world.env ?? {},
      tunnel: world.tunnel ?? (async () => ({ kind: "failed", code: "none", reason: "no tunnel in this test" })),
      socket: () => Promise.resolve({ kind: "failed", code: "no-way", reason: "no socket" }),
      targets: world.targets ?? new Set(),
      secret: (value) => void this.secrets.add(value),
    });
    this.#clients.push(client);
    return client;
  }

  async clear(): Promise<void> {
    for (const client of this.#clients.splice(0)) await client.close();
    for (const server of this.#servers.splice(0)) {
      server.closeAllConnections();
      await new Promise((done) => server.close(done));
    }
    rmSync(this.folder, { recursive: true, force: true });
  }
}

export function get(url: string, more: Partial<HttpRequest> = {}): HttpRequest {
  return { method: "GET", url, timeoutMs: 10_000, followRedirects: 1, ...more };
}

/** Body of an answer, or why there is none. */
export function told(answer: HttpAnswer): string {
  return answer.kind === "answered" ? `${String(answer.status)} ${answer.body.toString()}` : `${answer.code}: ${answer.reason}`;
}
