import { PawlError } from "../domain/errors.ts";
import type { AllowList, Command, HttpAnswer, HttpRequest, Remote } from "../engine/ports.ts";

/** Status codes that send a reader elsewhere; 303 would turn any request into a GET, so it is not followed. */
const REDIRECTS: readonly number[] = [301, 302, 307, 308];

/**
 * A remote that can only read (design rule 11): everything outside the allow-list throws a PawlError (exit `refused`,
 * code `not-allowed`) before anything is sent. `urls` are whole addresses that may be read with GET or HEAD besides the
 * list (the inventory's own script addresses). Redirects are followed here, hop by hop, so that no answer can lead to
 * an address the list does not hold: Exhibitor stops ZooKeeper by a GET.
 */
export function guard(remote: Remote, allow: AllowList, urls: readonly string[] = []): Remote {
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
      let current: HttpRequest = { ...request, followRedirects: 0 };
      for (let left = request.followRedirects; ; left -= 1) {
        requireHttp(allow, urls, current);
        const answer = await remote.http(current, signal);
        const next = left > 0 ? redirectOf(current.url, answer) : null;
        if (next === null) return answer;
        current = { ...current, url: next };
      }
    },
    async tcp(host, port, send, timeoutMs, signal) {
      if (!allow.fourLetter.includes(send))
        throw notAllowed(`the word ${JSON.stringify(send)} to ${host}:${port}`, "a four-letter word of the allow-list");
      return remote.tcp(host, port, send, timeoutMs, signal);
    },
    close: () => remote.close(),
  };
}

/** Where a redirect leads, scheme-relative Locations included; null where the answer is not one. */
function redirectOf(from: string, answer: HttpAnswer): string | null {
  if (answer.kind === "no-answer" || !REDIRECTS.includes(answer.status)) return null;
  const location = answer.headers["location"];
  return location === undefined || !URL.canParse(location, from) ? null : new URL(location, from).href;
}

function requireHttp(allow: AllowList, urls: readonly string[], request: HttpRequest): void {
  const method = request.method.toUpperCase();
  const url = URL.canParse(request.url) ? new URL(request.url) : null;
  const known = (method === "GET" || method === "HEAD") && request.body === undefined && urls.includes(request.url);
  const listed =
    url !== null &&
    (url.protocol === "http:" || url.protocol === "https:") &&
    allow.http.some(
      (entry) => entry.method === method && matchesWhole(entry.path, url.pathname) && bodyAllowed(entry.body, request.body),
    );
  if (!known && !listed) throw notAllowed(`${method} ${request.url}`, "a method and path of the allow-list");
}

/** A typed API takes reading and changing calls at one address; only the body tells them apart. */
function bodyAllowed(pattern: RegExp | undefined, body: string | undefined): boolean {
  if (body === undefined) return true;
  return pattern !== undefined && matchesWhole(pattern, body);
}

function requireCommand(allow: AllowList, target: string, command: Command): void {
  const listed = command.stdin === undefined && allow.commands.some((pattern) => matchesWords(pattern, command.argv));
  if (!listed) throw notAllowed(`\`${command.argv.join(" ")}\` on ${target}`, "a command of the allow-list, without input");
}

function matchesWords(pattern: readonly (string | RegExp)[], argv: readonly string[]): boolean {
  const open = pattern.at(-1) === "...";
  const words = open ? pattern.slice(0, -1) : pattern;
  if (open ? argv.length < words.length : argv.length !== words.length) return false;
  return words.every((word, index) => {
    const given = argv[index] ?? "";
    return typeof word === "string" ? word === given : matchesWhole(word, given);
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
