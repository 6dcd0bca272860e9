import { readJson, type Json } from "../../domain/json.ts";
import type { Remote } from "../../engine/ports.ts";

/** What a GET gave: the JSON and the text it came from, or why there is none, in words. */
export type JsonAnswer =
  { readonly ok: true; readonly value: Json; readonly body: string } | { readonly ok: false; readonly why: string };

export interface ReadOptions {
  readonly timeoutMs: number;
  readonly followRedirects: number;
  readonly maxBytes?: number;
}

const DEFAULTS: ReadOptions = { timeoutMs: 15_000, followRedirects: 0 };

/** GETs JSON. Anything but 2xx with a JSON body is an answer that says why, never an exception. */
export async function getJson(reader: Remote, url: string, options: ReadOptions = DEFAULTS): Promise<JsonAnswer> {
  const answer = await reader.http({ method: "GET", url, ...options });
  if (answer.kind === "no-answer") return { ok: false, why: `${url}: ${answer.reason}` };
  const body = answer.body.toString("utf8");
  if (answer.status < 200 || answer.status > 299) return { ok: false, why: `${url}: HTTP ${answer.status}` };
  const read = readJson(body);
  return read.ok ? { ok: true, value: read.value, body } : { ok: false, why: `${url}: ${read.why}` };
}

/** Host and port a redirect points to; null for any other answer. Locations without a scheme are what Mesos sends (dcos.md 9.1). */
export async function getRedirect(
  reader: Remote,
  url: string,
): Promise<{ readonly host: string; readonly port: number | null } | null> {
  const answer = await reader.http({ method: "GET", url, timeoutMs: DEFAULTS.timeoutMs, followRedirects: 0 });
  if (answer.kind === "no-answer" || answer.status < 300 || answer.status > 399) return null;
  const location = answer.headers["location"] ?? answer.headers["Location"];
  if (location === undefined) return null;
  const found = /^(?:[a-z]+:)?\/\/(\[[^\]]+\]|[^:/]+)(?::(\d+))?/i.exec(location);
  const host = found?.[1]?.replace(/^\[|\]$/g, "");
  return host === undefined ? null : { host, port: found?.[2] === undefined ? null : Number(found[2]) };
}
