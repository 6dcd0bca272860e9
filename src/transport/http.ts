import { setMaxListeners } from "node:events";
import type { Agent } from "undici";
import type { HttpAnswer, HttpRequest } from "../engine/ports.ts";
import type { Failure } from "./failure.ts";
import { createBodyReader, type ReadBody, type TakePiece } from "./http-body.ts";
import { createApiPrefixes, type ApiPrefixes } from "./web-api.ts";
import { createConnector, type ConnectOptions } from "./web-connect.ts";
import { webFailureOf } from "./web-failure.ts";
import { asWritten, hostOf, type Asked, type Route, type Way } from "./web-route.ts";
import type { TokenKeeper } from "./web-token.ts";
import { refusalOf } from "./web-refusal.ts";

/** Asks over HTTP; never throws. */
export interface HttpClient {
  ask(request: HttpRequest, signal?: AbortSignal): Promise<HttpAnswer>;
  close(): Promise<void>;
}

/** What a client is made of; without anything it asks every address directly and as it is written. */
export interface HttpClientOptions {
  /** Hosts that belong to the cluster: only there credentials of a request go along when an answer redirects to another host. */
  readonly own?: ReadonlySet<string>;
  /** Where a request really goes. */
  readonly route?: (asked: Asked) => Way;
  readonly ca?: string | null;
  readonly client?: ConnectOptions["client"];
  readonly tunnel?: ConnectOptions["tunnel"];
  readonly token?: TokenKeeper | null;
}

const LARGEST_VERSION_BYTES = 1024 * 1024;
const KEEP_ALIVE_MS = 60_000;
const CONNECT_TIMEOUT_MS = 10_000;
/** What one answer may hold where a request says nothing; a cluster's whole state is some 50 MB at 5,000 agents. */
const LARGEST_BODY_BYTES = 64 * 1024 * 1024;
/** A few, so that a poll need not wait behind a long document from the same server. */
const CONNECTIONS_PER_ORIGIN = 4;
const CREDENTIALS: readonly string[] = ["authorization", "cookie", "proxy-authorization"];
/** Asked again without harm when a kept connection turns out to be closed. */
const REPEATABLE: readonly string[] = ["GET", "HEAD"];

/**
 * A client with kept connections (longer than any poll interval). Codes: `refused`, `timed-out`, `reset`, `too-large`, `encoded`,
 * `redirect-loop`, `redirect-refused` (not http), `not-resolved`, `unreachable`, `aborted`, `bad-url`, `failed`; of TLS and HTTP
 * those of `webFailureOf`; of the way those of the route, the tunnel and the token; and where a component of the cluster does not
 * let pawl in or sends a page instead of data: `unauthorized`, `forbidden`, `login-page`, `html-page`.
 */
export function createHttpClient(options: HttpClientOptions = {}): HttpClient {
  const life = new AbortController();
  let opened: Promise<Wires> | null = null;
  // A run that only uses SSH does not pay for an HTTP library: loading it takes as long as a dozen connections.
  const open = async (): Promise<Wires> => {
    const undici = await import("undici");
    const prefixes = createApiPrefixes();
    const agent = new undici.Agent({
      connections: CONNECTIONS_PER_ORIGIN,
      pipelining: 1,
      keepAliveTimeout: KEEP_ALIVE_MS,
      keepAliveMaxTimeout: KEEP_ALIVE_MS,
      connect: createConnector(undici.buildConnector, {
        timeoutMs: CONNECT_TIMEOUT_MS,
        ca: options.ca ?? null,
        client: options.client ?? null,
        tunnel: options.tunnel ?? null,
        made: (origin) => prefixes.forget(origin),
        life: life.signal,
      }),
    });
    return {
      agent,
      read: createBodyReader(),
      own: options.own ?? new Set(),
      route: options.route ?? asWritten,
      token: options.token ?? null,
      prefixes,
      spokenPlain: new Set(),
      spokenTls: new Set(),
    };
  };
  return {
    async ask(request, signal) {
      // One deadline over all hops, in wall time; undici's own limits only look at single parts.
      const deadline = limited(request.timeoutMs, [life.signal, ...(signal === undefined ? [] : [signal])]);
      try {
        return await follow(await (opened ??= open()), request, deadline.signal);
      } catch (error) {
        if (signal?.aborted === true || life.signal.aborted)
          return { kind: "no-answer", code: "aborted", reason: "no longer wanted" };
        if (deadline.signal.aborted)
          return {
            kind: "no-answer",
            code: "timed-out",
            reason: `no complete answer from ${request.url} within ${String(request.timeoutMs)} ms`,
          };
        return { kind: "no-answer", ...webFailureOf(error) };
      } finally {
        deadline.done();
      }
    },
    async close() {
      life.abort();
      await (await opened)?.agent.destroy();
    },
  };
}

/** A signal that aborts after so many ms of wall time or with one of these; `done` lets go of them. (`AbortSignal.any` and `timeout` cost twice as much.) */
function limited(ms: number, others: readonly AbortSignal[]): { readonly signal: AbortSignal; done(): void } {
  const over = new AbortController();
  const abort = (): void => over.abort();
  const timer = setTimeout(abort, ms);
  // A round of many requests listens to one signal; Node would warn of a leak at the eleventh.
  setMaxListeners(0, ...others);
  for (const other of others) other.addEventListener("abort", abort, { once: true });
  if (others.some((other) => other.aborted)) abort();
  return {
    signal: over.signal,
    done: () => {
      clearTimeout(timer);
      for (const other of others) other.removeEventListener("abort", abort);
    },
  };
}

interface Wires {
  readonly agent: Agent;
  readonly read: ReadBody;
  readonly own: ReadonlySet<string>;
  readonly route: (asked: Asked) => Way;
  readonly token: TokenKeeper | null;
  readonly prefixes: ApiPrefixes;
  /** Origins found to speak plain http where https was tried first. */
  readonly spokenPlain: Set<string>;
  /** Origins that have answered by TLS: from then on nobody makes pawl ask them plainly, by hanging up or by closing their port. */
  readonly spokenTls: Set<string>;
}

const none = (code: string, reason: string): HttpAnswer => ({ kind: "no-answer", code, reason });

async function follow(wires: Wires, request: HttpRequest, signal: AbortSignal): Promise<HttpAnswer> {
  let url = parseUrl(request.url);
  if (url === null) return none("bad-url", `${request.url} is not an http address`);
  let { method, body } = request;
  let headers: Readonly<Record<string, string>> = request.headers ?? {};
  const thisNodeOnly = request.thisNodeOnly ?? request.followRedirects === 0;
  const seen = new Set<string>();
  for (;;) {
    seen.add(url.href);
    const way = wires.route({ url, thisNodeOnly });
    if (way.kind === "refused") return none(way.code, way.reason);
    const { maxBytes = LARGEST_BODY_BYTES, take = null } = request;
    const hop = { method, headers, body: body ?? null, maxBytes, take, page: request.page === true };
    const answer = await askOn(wires, hop, way, signal);
    if (answer.kind === "no-answer") return answer;
    const location = answer.headers["location"];
    if (request.followRedirects === 0 || location === undefined || ![301, 302, 303, 307, 308].includes(answer.status))
      return answer;
    // Mesos answers with `//host:port/path`: relative to the scheme.
    const next = parseUrl(location, url);
    if (next === null) return none("redirect-refused", `${url.href} redirects to ${location}`);
    if (seen.has(next.href) || seen.size > request.followRedirects)
      return none("redirect-loop", [...seen, next.href].join(" → "));
    if (next.host !== url.host && !wires.own.has(hostOf(next))) headers = withoutCredentials(headers);
    if (answer.status < 307 && method !== "HEAD") {
      method = "GET";
      body = undefined;
    }
    url = next;
  }
}

interface Hop {
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | null;
  readonly maxBytes: number;
  readonly take: TakePiece | null;
  /** A page for people may be the answer. */
  readonly page: boolean;
}

/** One request on its way: https first where plain would do too, and with a token that is renewed at most once. */
async function askOn(wires: Wires, hop: Hop, way: Route, signal: AbortSignal): Promise<HttpAnswer> {
  const about = (failure: Failure): HttpAnswer =>
    none(failure.code, way.ours ? `${way.about} (${way.url.origin}): ${failure.reason}${hintOf(failure, way)}` : failure.reason);
  const plainly = (url: URL): Promise<HttpAnswer> => askOn(wires, hop, { ...way, url, plain: null, authorised: false }, signal);
  if (way.plain !== null && wires.spokenPlain.has(way.url.origin)) return plainly(way.plain);
  const first = await inItsVersion(wires, hop, way, signal);
  if (first.kind === "answered" && way.plain !== null) wires.spokenTls.add(way.url.origin);
  if (first.kind === "answered")
    return (way.ours ? refusalOf(first, way, { hasToken: wires.token !== null, page: hop.page }) : null) ?? first;
  if (signal.aborted) return first;
  if (way.plain === null || !speaksNoTls(first.code, way)) return about(first);
  if (wires.spokenTls.has(way.url.origin))
    return about({ code: first.code, reason: `${first.reason}; it has spoken https before, so it is not asked plainly` });
  const second = await plainly(way.plain);
  // Only a server that really answers plainly is asked so from now on; one that was restarting is not.
  if (second.kind === "answered" && first.code === "not-tls") wires.spokenPlain.add(way.url.origin);
  return second;
}

/**
 * The path with the version in front that this server speaks. One that turns the version down has done nothing yet, so whatever was asked
 * is asked once more in the version it speaks now: it was replaced by a newer one, or an older one, since it was asked.
 */
async function inItsVersion(wires: Wires, hop: Hop, way: Route, signal: AbortSignal): Promise<HttpAnswer> {
  const { api, url } = way;
  if (api === null || url.pathname === api.ask) return authorised(wires, hop, way, signal);
  const ask = (): Promise<HttpAnswer> => {
    const question: Hop = { method: "GET", headers: {}, body: null, maxBytes: LARGEST_VERSION_BYTES, take: null, page: false };
    return authorised(wires, question, { ...way, url: new URL(api.ask, url) }, signal);
  };
  for (let tries = 1; ; tries++) {
    const found = await wires.prefixes.of(url.origin, api, ask);
    if (found.kind === "failed") return none(found.code, found.reason);
    const versioned = new URL(`${url.origin}${found.prefix}${url.pathname}${url.search}`);
    const answer = await authorised(wires, hop, { ...way, url: versioned }, signal);
    if (answer.kind === "answered" && !api.unfit(answer.status, answer.body.toString("utf8", 0, 2_000))) return answer;
    wires.prefixes.forget(url.origin);
    if (answer.kind === "no-answer" || tries > 1) return answer;
  }
}

/** Servers that speak TLS mostly hang up on plain http without a word. */
function hintOf(failure: Failure, way: Route): string {
  return failure.code === "reset" && way.url.protocol === "http:"
    ? " (so do components that speak https only: see http: { security: … } in the inventory)"
    : "";
}

/** Nobody speaks TLS there: something else answered, or there is nothing at the port kept for it. */
function speaksNoTls(code: string, way: Route): boolean {
  return code === "not-tls" || (code === "refused" && way.plain?.port !== way.url.port);
}

async function authorised(wires: Wires, hop: Hop, way: Route, signal: AbortSignal): Promise<HttpAnswer> {
  const keeper = way.authorised ? wires.token : null;
  if (keeper === null) return once(wires, hop, way.url, signal);
  const { origin } = way.url;
  const token = await until(keeper.current(), signal);
  if (token.kind === "failed") return none(token.code, token.reason);
  const send = (value: string): Promise<HttpAnswer> =>
    once(wires, { ...hop, headers: { ...hop.headers, authorization: `${way.tokenPrefix}${value}` } }, way.url, signal);
  const first = await send(token.token);
  if (first.kind === "no-answer") return first;
  if (first.status !== 401) {
    if (first.status < 500) keeper.accepted(origin);
    return first;
  }
  const other = await until(keeper.after401(origin, token.token), signal);
  if (other.kind === "failed")
    return other.code === "unauthorized" ? first : none(other.code, `the token was no longer taken, and ${other.reason}`);
  const second = await send(other.token);
  if (second.kind === "answered") {
    if (second.status === 401) keeper.refusedAgain(origin);
    else if (second.status < 500) keeper.accepted(origin);
  }
  return second;
}

/** Rejects when the signal aborts first: what is waited for is shared and goes on. */
function until<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(signal.reason instanceof Error ? signal.reason : new Error("aborted"));
    if (signal.aborted) abort();
    signal.addEventListener("abort", abort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener("abort", abort));
  });
}

async function once(wires: Wires, hop: Hop, url: URL, signal: AbortSignal): Promise<HttpAnswer> {
  const request = {
    origin: url.origin,
    path: `${url.pathname}${url.search}`,
    method: hop.method,
    headers: hop.headers,
    body: hop.body,
    signal,
    headersTimeout: 0,
    bodyTimeout: 0,
  };
  /**
   * A server may close kept connections in the moment they are used again: no byte of an answer came, and reading twice is harmless.
   * Each of them may turn out to be closed, the next one is new.
   */
  const send = async (keptLeft = CONNECTIONS_PER_ORIGIN): ReturnType<Agent["request"]> => {
    try {
      return await wires.agent.request(request);
    } catch (error) {
      const again = keptLeft > 0 && !signal.aborted && REPEATABLE.includes(hop.method) && webFailureOf(error).code === "reset";
      if (!again) throw error;
    }
    return send(keptLeft - 1);
  };
  try {
    const response = await send();
    const headers = Object.entries(response.headers).flatMap(([name, value]) =>
      value === undefined ? [] : [[name, Array.isArray(value) ? value.join(", ") : value] as const],
    );
    const answer = { status: response.statusCode, headers: Object.fromEntries(headers), url: url.href };
    const encoding = answer.headers["content-encoding"] ?? "identity";
    if (encoding !== "identity") {
      response.body.on("error", () => undefined).destroy();
      return none("encoded", `${url.href} answered in the encoding ${encoding.slice(0, 40)}, which was not asked for`);
    }
    const take = answer.status >= 200 && answer.status <= 299 ? hop.take : null;
    const body = await wires.read(response.body as AsyncIterable<Buffer>, hop.maxBytes, url.href, take);
    switch (body.kind) {
      case "failed":
        return none(body.code, body.reason);
      case "whole":
        return { kind: "answered", ...answer, body: body.bytes };
      case "taken":
        return { kind: "answered", ...answer, body: body.beginning, taken: true };
    }
  } catch (error) {
    if (signal.aborted) throw error;
    return none(webFailureOf(error).code, webFailureOf(error).reason);
  }
}

function parseUrl(text: string, base?: URL): URL | null {
  try {
    const url = new URL(text, base);
    return url.protocol === "http:" || url.protocol === "https:" ? url : null;
  } catch {
    return null;
  }
}

function withoutCredentials(headers: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !CREDENTIALS.includes(name.toLowerCase())));
}
