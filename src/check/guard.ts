import { PawlError } from "../domain/errors.ts";
import type { AllowList, ByteStream, Command, HttpAnswer, HttpRequest, Remote } from "../engine/ports.ts";

/** Status codes that send a reader elsewhere; 303 would turn any request into a GET, so it is not followed. */
const REDIRECTS: readonly number[] = [301, 302, 307, 308];

/** What a reader may set besides what is allowed by path: nothing that could make a GET mean something else. */
const HEADERS: Readonly<Record<string, RegExp>> = { accept: /[\w.+*/;=, -]{1,200}/ };
/** The form a body is in, where an entry of the list names no other. */
const JSON_TYPE = /application\/json/;
/** White space, back slashes and control characters, which parsers of addresses drop or turn into something else. */
const UNSAFE = /[\s\\\u0000-\u0020\u007f]/;
/** Dots, slashes, percent signs and semicolons in disguise: servers differ in what they make of them. */
const DISGUISED = /%(?:2e|2f|5c|25|3b|00|0[ad])/i;

/** What may be read besides the platform's list. */
export interface GuardOptions {
  /** Whole addresses that may be read with GET or HEAD (the inventory's own script addresses). */
  readonly urls?: readonly string[];
  /** Hosts that may be asked at all; without it any. */
  readonly hosts?: ReadonlySet<string>;
}

/**
 * A remote that can only read (design rule 11): everything outside the allow-list throws a PawlError (exit `refused`,
 * code `not-allowed`) before anything is sent. Redirects are followed here, hop by hop: one that leads to an address the list
 * does not hold, or out of the cluster, is no answer (`redirect-refused`), because Exhibitor stops ZooKeeper by a GET; one that
 * does not end is none either (`redirect-loop`).
 */
export function guard(remote: Remote, allow: AllowList, options: GuardOptions = {}): Remote {
  return {
    async run(target, command, signal) {
      requireCommand(allow, target, command);
      return remote.run(target, command, signal);
    },
    async stream(target, command, onChunk, signal) {
      requireCommand(allow, target, command);
      return remote.stream(target, command, onChunk, signal);
    },
    async http(request, signal) {
      const thisNodeOnly = request.thisNodeOnly ?? request.followRedirects === 0;
      let current: HttpRequest = { ...request, method: request.method.toUpperCase(), followRedirects: 0, thisNodeOnly };
      if (!isAllowed(allow, options, current))
        throw notAllowed(`${request.method} ${request.url}`, "a method, host, path and query of the allow-list");
      const seen = [current.url];
      for (;;) {
        const answer = await remote.http(current, signal);
        const next = redirectOf(current.url, answer);
        if (next === null || request.followRedirects === 0) return answer;
        if (next === undefined || !isAllowed(allow, options, { ...current, url: next }))
          return none("redirect-refused", `${current.url} redirects to ${locationOf(answer)}, which is not read`);
        if (seen.includes(next) || seen.length > request.followRedirects)
          return none("redirect-loop", [...seen, next].map((url) => url.slice(0, 300)).join(" → "));
        seen.push(next);
        current = { ...current, url: next };
      }
    },
    async tcp(host, port, send, timeoutMs, signal) {
      if (!allow.fourLetter.includes(send) || options.hosts?.has(host) === false)
        throw notAllowed(`the word ${JSON.stringify(send)} to ${host}:${port}`, "a four-letter word of the allow-list");
      return remote.tcp(host, port, send, timeoutMs, signal);
    },
    async open(target, host, port, signal) {
      if (allow.inspect === undefined || options.hosts?.has(host) === false)
        throw notAllowed(
          `a stream to ${host}:${port}`,
          "a stream to a machine of the inventory, of a product whose questions are read along",
        );
      const answer = await remote.open?.(target, host, port, signal);
      if (answer === undefined) return { kind: "no-answer", code: "no-streams", reason: "streams are not opened here" };
      return answer.kind === "open" ? { kind: "open", stream: watched(answer.stream, allow.inspect()) } : answer;
    },
    close: () => remote.close(),
  };
}

/** A connection on which every byte is looked at before it leaves; what is not allowed is not sent, and ends it. */
function watched(stream: ByteStream, inspect: (chunk: Buffer) => void): ByteStream {
  const send = stream.write.bind(stream);
  const finish = stream.end.bind(stream);
  const look = (chunk: string | Uint8Array): void => {
    try {
      inspect(typeof chunk === "string" ? Buffer.from(chunk) : Buffer.from(chunk));
    } catch (error) {
      stream.destroy();
      throw error;
    }
  };
  stream.write = (chunk: string | Uint8Array, ...rest: never[]) => {
    look(chunk);
    return send(chunk, ...rest);
  };
  // What is sent with the end is sent too.
  stream.end = (...given: readonly unknown[]) => {
    const [chunk] = given;
    if (typeof chunk === "string" || chunk instanceof Uint8Array) look(chunk);
    return finish(...(given as []));
  };
  return stream;
}

function none(code: string, reason: string): HttpAnswer {
  return { kind: "no-answer", code, reason };
}

function locationOf(answer: HttpAnswer): string {
  return JSON.stringify((answer.kind === "answered" ? (answer.headers["location"] ?? "") : "").slice(0, 300));
}

/** Where a redirect leads, scheme-relative Locations included; null where the answer is not one, undefined where it leads nowhere. */
function redirectOf(from: string, answer: HttpAnswer): string | null | undefined {
  if (answer.kind === "no-answer" || !REDIRECTS.includes(answer.status)) return null;
  const location = answer.headers["location"];
  if (location === undefined) return null;
  return URL.canParse(location, from) ? new URL(location, from).href : undefined;
}

function isAllowed(allow: AllowList, { urls = [], hosts }: GuardOptions, request: HttpRequest): boolean {
  const { method, body } = request;
  if (UNSAFE.test(request.url) || !URL.canParse(request.url)) return false;
  const url = new URL(request.url);
  if ((url.protocol !== "http:" && url.protocol !== "https:") || url.username !== "" || url.password !== "" || url.hash !== "")
    return false;
  const headers = Object.entries(request.headers ?? {}).map(([name, value]) => [name.toLowerCase(), value] as const);
  const types = headers.flatMap(([name, value]) => (name === "content-type" ? [value] : []));
  if (!headers.every(([name, value]) => name === "content-type" || headerAllowed(name, value))) return false;
  if ((method === "GET" || method === "HEAD") && body === undefined && types.length === 0 && urls.includes(request.url))
    return true;
  if (hosts !== undefined && !hosts.has(url.hostname.replace(/^\[|\]$/g, ""))) return false;
  // The path as it was written is the path that is asked: nothing in it is decoded, collapsed or climbed out of on the way.
  const written = /^https?:\/\/[^/?#]*([^?#]*)/i.exec(request.url)?.[1] ?? "";
  if ((written === "" ? "/" : written) !== url.pathname || DISGUISED.test(url.pathname) || /\/{2}|;/.test(url.pathname))
    return false;
  return allow.http.some(
    (entry) =>
      entry.method === method &&
      matchesWhole(entry.path, url.pathname) &&
      queryAllowed(entry.query, url.search) &&
      types.every((type) => matchesWhole(entry.contentType ?? JSON_TYPE, type)) &&
      bodyAllowed(entry.body, body),
  );
}

function headerAllowed(name: string, value: string): boolean {
  const pattern = HEADERS[name];
  return pattern !== undefined && matchesWhole(pattern, value);
}

/** A query can change what a path means; one that is not listed is not sent. */
function queryAllowed(pattern: RegExp | undefined, search: string): boolean {
  return search === "" || (pattern !== undefined && matchesWhole(pattern, search.slice(1)));
}

/** A typed API takes reading and changing calls at one address; only the body tells them apart. */
function bodyAllowed(pattern: RegExp | undefined, body: string | undefined): boolean {
  if (body === undefined) return true;
  return pattern !== undefined && matchesWhole(pattern, body);
}

function requireCommand(allow: AllowList, target: string, command: Command): void {
  // A null byte ends a word for the system that runs it.
  const plain = command.argv.every((word) => !word.includes("\0"));
  const listed = plain && command.stdin === undefined && allow.commands.some((pattern) => matchesWords(pattern, command.argv));
  if (!listed) throw notAllowed(`\`${command.argv.join(" ")}\` on ${target}`, "a command of the allow-list, without input");
}

function matchesWords(pattern: readonly (string | RegExp)[], argv: readonly string[]): boolean {
  const open = pattern.indexOf("...");
  const words = open < 0 ? pattern : pattern.slice(0, open);
  if (open < 0 ? argv.length !== words.length : argv.length < words.length) return false;
  const rest = open < 0 ? undefined : pattern[open + 1];
  return argv.every((given, index) => {
    const word = index < words.length ? words[index] : rest;
    return word === undefined || (typeof word === "string" ? word === given : matchesWhole(word, given));
  });
}

/** The whole text, whatever anchors and flags the pattern was written with: half a match would be no guard. */
function matchesWhole(pattern: RegExp, text: string): boolean {
  return new RegExp(`^(?:${pattern.source})$`, pattern.flags.replace(/[gmy]/g, "")).test(text);
}

function notAllowed(what: string, expected: string): PawlError {
  return new PawlError(
    "refused",
    "not-allowed",
    `pawl was about to send something that is not on its list of reading requests: ${what}. Nothing was sent.`,
    {
      expected,
      observed: what,
      next: "report this: a check or a capture names a request its platform does not allow",
    },
  );
}
