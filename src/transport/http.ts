import { Agent } from "undici";
import type { HttpAnswer, HttpRequest } from "../engine/ports.ts";
import { failureOf } from "./failure.ts";

/** Asks over HTTP; never throws. */
export interface HttpClient {
  ask(request: HttpRequest, signal?: AbortSignal): Promise<HttpAnswer>;
  close(): Promise<void>;
}

const KEEP_ALIVE_MS = 60_000;
const CONNECT_TIMEOUT_MS = 10_000;
/** A cluster's whole state is some 50 MB at 5,000 agents. */
const LARGEST_BODY_BYTES = 128 * 1024 * 1024;
/** A few, so that a poll need not wait behind a long document from the same server. */
const CONNECTIONS_PER_ORIGIN = 4;
const CREDENTIALS: readonly string[] = ["authorization", "cookie", "proxy-authorization"];

/**
 * A client with kept connections (longer than any poll interval). `own` are the hosts that belong to the cluster: only there
 * credentials go along when an answer redirects to another host. Codes: `refused`, `timed-out`, `reset`, `too-large`,
 * `redirect-loop`, `redirect-refused` (not http), `not-resolved`, `unreachable`, `aborted`, `bad-url`, `failed`.
 */
export function createHttpClient(own: ReadonlySet<string> = new Set()): HttpClient {
  const agent = new Agent({
    connections: CONNECTIONS_PER_ORIGIN,
    pipelining: 1,
    keepAliveTimeout: KEEP_ALIVE_MS,
    keepAliveMaxTimeout: KEEP_ALIVE_MS,
    connect: { timeout: CONNECT_TIMEOUT_MS },
  });
  return {
    async ask(request, signal) {
      // One deadline over all hops, in wall time; undici's own limits only look at single parts.
      const deadline = AbortSignal.timeout(request.timeoutMs);
      const wanted = signal === undefined ? deadline : AbortSignal.any([signal, deadline]);
      try {
        return await follow(agent, request, wanted, own);
      } catch (error) {
        if (signal?.aborted === true) return { kind: "no-answer", code: "aborted", reason: "no longer wanted" };
        if (deadline.aborted)
          return {
            kind: "no-answer",
            code: "timed-out",
            reason: `no complete answer from ${request.url} within ${String(request.timeoutMs)} ms`,
          };
        return { kind: "no-answer", ...failureOf(error) };
      }
    },
    close: () => agent.destroy(),
  };
}

async function follow(agent: Agent, request: HttpRequest, signal: AbortSignal, own: ReadonlySet<string>): Promise<HttpAnswer> {
  let url = parseUrl(request.url);
  if (url === null) return { kind: "no-answer", code: "bad-url", reason: `${request.url} is not an http address` };
  let { method, body } = request;
  let headers: Readonly<Record<string, string>> = request.headers ?? {};
  const seen = new Set<string>();
  for (;;) {
    seen.add(url.href);
    const answer = await once(
      agent,
      { method, headers, body: body ?? null, maxBytes: request.maxBytes ?? LARGEST_BODY_BYTES },
      url,
      signal,
    );
    if (answer.kind === "no-answer") return answer;
    const location = answer.headers["location"];
    if (request.followRedirects === 0 || location === undefined || ![301, 302, 303, 307, 308].includes(answer.status))
      return answer;
    // Mesos answers with `//host:port/path`: relative to the scheme.
    const next = parseUrl(location, url);
    if (next === null) return { kind: "no-answer", code: "redirect-refused", reason: `${url.href} redirects to ${location}` };
    if (seen.has(next.href) || seen.size > request.followRedirects)
      return { kind: "no-answer", code: "redirect-loop", reason: [...seen, next.href].join(" → ") };
    if (next.host !== url.host && !own.has(next.hostname)) headers = withoutCredentials(headers);
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
}

async function once(agent: Agent, hop: Hop, url: URL, signal: AbortSignal): Promise<HttpAnswer> {
  const response = await agent.request({
    origin: url.origin,
    path: `${url.pathname}${url.search}`,
    method: hop.method,
    headers: hop.headers,
    body: hop.body,
    signal,
    headersTimeout: 0,
    bodyTimeout: 0,
  });
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of response.body as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    // Leaving the loop destroys the rest of the body and its connection.
    if (bytes > hop.maxBytes)
      return { kind: "no-answer", code: "too-large", reason: `${url.href} sent more than ${String(hop.maxBytes)} bytes` };
    chunks.push(chunk);
  }
  const headers = Object.entries(response.headers).flatMap(([name, value]) =>
    value === undefined ? [] : [[name, Array.isArray(value) ? value.join(", ") : value] as const],
  );
  return {
    kind: "answered",
    status: response.statusCode,
    headers: Object.fromEntries(headers),
    body: Buffer.concat(chunks),
    url: url.href,
  };
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
