import { createPrivateKey, X509Certificate } from "node:crypto";
import { readFileSync, statSync } from "node:fs";
import { PawlError } from "../domain/errors.ts";
import type { HttpAccess, Inventory, TokenSource } from "../domain/inventory.ts";
import type { SocketPlace, TcpAnswer, WebProduct } from "../engine/ports.ts";
import { createHttpClient, type HttpClient } from "./http.ts";
import { askTcp } from "./tcp.ts";
import type { Opened } from "./web-connect.ts";
import { loginUrls, routeOf, type WebMap } from "./web-route.ts";
import { connectHere, socketWay } from "./web-socket.ts";
import { createTokenKeeper } from "./web-token.ts";

/** What the web servers of an inventory are reached with. */
export interface WebAccessOptions {
  readonly inventory: Inventory;
  /** The product's ports by service. */
  readonly ports: Readonly<Record<string, number>>;
  readonly web: WebProduct | null;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** A stream to host:port as the target (a node, `bootstrap`, a named machine) reaches it. */
  readonly tunnel: (target: string, host: string, port: number, signal?: AbortSignal) => Promise<Opened>;
  /** A stream to a socket of a node. */
  readonly socket: (target: string, place: SocketPlace, signal?: AbortSignal) => Promise<Opened>;
  /** Every name `tunnel` knows. */
  readonly targets: ReadonlySet<string>;
  /** Told every secret as soon as it is known. */
  readonly secret: (value: string) => void;
}

/** HTTP and four-letter words as the inventory's `http` says. */
export interface WebAccess extends Pick<HttpClient, "ask" | "close"> {
  tcp(host: string, port: number, send: string, timeoutMs: number, signal?: AbortSignal): Promise<TcpAnswer>;
}

const LOGIN_TIMEOUT_MS = 20_000;
const LOGIN_BYTES = 1024 * 1024;

/**
 * Web access for an inventory. Reads the certificates to trust now; connects and logs in when first asked. Throws PawlError for
 * files that cannot be used, for secrets that everybody may read, and for a machine nobody knows.
 */
export function createWebAccess(options: WebAccessOptions): WebAccess {
  const { inventory } = options;
  const access: HttpAccess = inventory.http ?? { through: { kind: "direct" }, security: "disabled" };
  const map: WebMap = { inventory, ports: options.ports, web: options.web };
  const ca = access.caFile === undefined ? null : certificatesIn(access.caFile);
  if (access.token !== undefined) needUsableSource(access.token, options.env);
  const client = access.client === undefined ? null : clientOf(access.client);
  const tunnel = tunnelOf(options, access);
  const elsewhere = (host: string, port: number, signal?: AbortSignal): Promise<Opened> | null => {
    const way = socketWay(map, host, port);
    if (way === null) return tunnel?.(host, port, signal) ?? null;
    return way.kind === "here" ? connectHere(way.path, way.node, signal) : options.socket(way.node, way.place, signal);
  };
  const addresses = [...inventory.nodes.map((node) => node.address), inventory.bootstrap?.address ?? []].flat();
  const anonymous = createHttpClient({ ca, tunnel });
  const token =
    access.token === undefined
      ? null
      : createTokenKeeper({
          source: access.token,
          env: options.env,
          loginUrls: loginUrls(map),
          post: (url, body) =>
            anonymous.ask({
              method: "POST",
              url: url.href,
              body,
              headers: { "content-type": "application/json" },
              timeoutMs: LOGIN_TIMEOUT_MS,
              followRedirects: 0,
              maxBytes: LOGIN_BYTES,
            }),
          secret: options.secret,
          nowMs: () => Date.now(),
        });
  const http = createHttpClient({
    own: new Set(addresses),
    route: (asked) => routeOf(map, asked),
    ca,
    client,
    tunnel: elsewhere,
    token,
  });
  return {
    ask: (request, signal) => http.ask(request, signal),
    tcp: (host, port, send, timeoutMs, signal) => askTcp(host, port, send, timeoutMs, signal, tunnel ?? undefined),
    async close() {
      await Promise.all([http.close(), anonymous.close()]);
    },
  };
}

/** Where connections begin: at the machine that is named, or at the node itself. Null: here. */
function tunnelOf(
  options: WebAccessOptions,
  { through }: HttpAccess,
): ((host: string, port: number, signal?: AbortSignal) => Promise<Opened>) | null {
  if (through.kind === "direct") return null;
  const { inventory, targets } = options;
  if (through.by !== null && !targets.has(through.by)) {
    throw new PawlError("invalid-document", "http-through", `http.through names a machine pawl does not know: ${through.by}`, {
      expected: [...targets].join(", "),
      observed: through.by,
      next: "Name a node, `bootstrap` or a jump host, or say `through: ssh`: each node by its own SSH server.",
    });
  }
  const byAddress = new Map(inventory.nodes.map((node) => [node.address.toLowerCase(), node.name]));
  if (inventory.bootstrap !== undefined && !byAddress.has(inventory.bootstrap.address.toLowerCase()))
    byAddress.set(inventory.bootstrap.address.toLowerCase(), "bootstrap");
  return async (host, port, signal) => {
    const target = through.by ?? byAddress.get(host.toLowerCase());
    if (target !== undefined) return options.tunnel(target, host, port, signal);
    return {
      kind: "failed",
      code: "no-way",
      reason: `${host} is no machine of the inventory, so there is no SSH server to reach it by (http: { through: ssh })`,
    };
  };
}

function unusable(what: string, file: string, error: unknown, next: string): PawlError {
  return new PawlError("invalid-document", "http-file", `${what} cannot be used: ${file}`, {
    observed: error instanceof Error ? error.message : String(error),
    next,
  });
}

/** PEM text with at least one certificate that can be read. */
function certificatesIn(file: string): string {
  try {
    const text = readFileSync(file, "utf8");
    const blocks = text.match(/-----BEGIN (?:TRUSTED )?CERTIFICATE-----[\s\S]*?-----END (?:TRUSTED )?CERTIFICATE-----/g) ?? [];
    if (blocks.length === 0) throw new Error("it holds no certificate in PEM form");
    for (const block of blocks) new X509Certificate(block);
    return text;
  } catch (error) {
    throw unusable(
      "The certificates (http.ca, http.client)",
      file,
      error,
      "Give the certificate of the cluster's authority, PEM.",
    );
  }
}

/** Certificate and key as TLS takes them. A key that others may read, or that does not belong to the certificate, is refused now. */
function clientOf(files: NonNullable<HttpAccess["client"]>): { readonly cert: string; readonly key: string } {
  const cert = certificatesIn(files.certificateFile);
  try {
    needOwn(files.keyFile);
    const key = readFileSync(files.keyFile, "utf8");
    if (!new X509Certificate(cert).checkPrivateKey(createPrivateKey(key)))
      throw new Error("it does not belong to the certificate of http.client");
    return { cert, key };
  } catch (error) {
    throw unusable("The private key (http.client.key)", files.keyFile, error, "Give the certificate's own key, mode 0600.");
  }
}

/** Throws for a file everybody on this machine may read. */
function needOwn(file: string): void {
  const { mode } = statSync(file);
  if ((mode & 0o007) !== 0) throw new Error(`its mode ${(mode & 0o777).toString(8)} lets everybody on this machine read it`);
}

/** A secret's file must be there and not open to everybody; a variable must hold something. */
function needUsableSource(source: TokenSource, env: WebAccessOptions["env"]): void {
  if (source.kind === "environment") {
    if ((env[source.variable] ?? "") !== "") return;
    throw new PawlError(
      "invalid-document",
      "http-token",
      `The environment variable ${source.variable} (http.token) is not set.`,
      {
        expected: "a token in it",
        next: `Set ${source.variable} and start pawl again.`,
      },
    );
  }
  const what =
    source.kind === "file"
      ? "The token (http.token.file)"
      : `The ${source.secret === "password" ? "password" : "private key"} (http.token)`;
  try {
    needOwn(source.file);
    readFileSync(source.file);
  } catch (error) {
    throw unusable(what, source.file, error, "Put it there with mode 0600.");
  }
}
