import { createPrivateKey, sign } from "node:crypto";
import { readFile } from "node:fs/promises";
import type { TokenSource } from "../domain/inventory.ts";
import type { HttpAnswer } from "../engine/ports.ts";
import type { Failure } from "./failure.ts";

/** A token to send, or why there is none. */
export type Token = { readonly kind: "token"; readonly token: string } | ({ readonly kind: "failed" } & Failure);

/** Keeps one token for all requests; gets another when it has run out, or once when a server no longer takes it. */
export interface TokenKeeper {
  current(): Promise<Token>;
  /** A server answered 401 to `used`: another token, or why there is none that would be worth a second try. */
  after401(origin: string, used: string): Promise<Token>;
  /** The server took the token. */
  accepted(origin: string): void;
  /** The server did not take the other token either: on its behalf none is fetched again until it takes one. */
  refusedAgain(origin: string): void;
}

export interface TokenWorld {
  readonly source: TokenSource;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Where a login is posted, in turn until one answers. */
  readonly loginUrls: readonly URL[];
  /** Posts JSON, without a token. */
  post(url: URL, body: string): Promise<HttpAnswer>;
  /** Told every secret as soon as it is known, so that it can be masked wherever it turns up. */
  secret(value: string): void;
  /** Wall time, epoch ms: a token's expiry is a date. */
  nowMs(): number;
}

/** A token that is about to run out is not sent: it would run out on the way. */
const MARGIN_MS = 30_000;
/** A login that could not reach anyone is not tried again by every request of a round. */
const PAUSE_MS = 10_000;
/** How long the token lives with which a service account logs in. */
const LOGIN_TOKEN_S = 300;

/** End of a JWT's life, epoch ms; null where the token does not say. */
function expiryOf(token: string): number | null {
  try {
    const payload: unknown = JSON.parse(Buffer.from(token.split(".")[1] ?? "", "base64url").toString("utf8"));
    const exp = typeof payload === "object" && payload !== null && "exp" in payload ? payload.exp : null;
    return typeof exp === "number" ? exp * 1_000 : null;
  } catch {
    return null;
  }
}

const failed = (code: string, reason: string): Token => ({ kind: "failed", code, reason });

/**
 * A keeper of the inventory's token. It renews when the token's own date has passed, and once on a 401: never again for a server
 * that refused a fresh one, and never again with a password that was refused (an account must not be locked by a program).
 */
export function createTokenKeeper(world: TokenWorld): TokenKeeper {
  let held: string | null = null;
  let fetching: Promise<Token> | null = null;
  let lastFailure: { readonly token: Token; readonly untilMs: number } | null = null;
  /** The secret whose login was refused, and the refusal. */
  let refused: { readonly secret: string; readonly token: Token } | null = null;
  /** Servers on whose 401 another token was fetched, and that have taken none since. */
  const stubborn = new Set<string>();

  const fresh = (token: string): boolean => {
    const end = expiryOf(token);
    return end === null || end - MARGIN_MS > world.nowMs();
  };

  const take = (text: string, from: string): Token => {
    const token = text.trim();
    if (token === "") return failed("token-missing", `${from} is empty`);
    world.secret(token);
    if (!/^[\x21-\x7e]+$/.test(token)) return failed("token-malformed", `${from} does not hold one token on one line`);
    if (!fresh(token)) return failed("token-expired", `the token from ${from} ran out at ${dateOf(expiryOf(token))}`);
    held = token;
    return { kind: "token", token };
  };

  const login = async (source: TokenSource & { kind: "login" }): Promise<Token> => {
    const read = await readSecret(source.file);
    if (read.kind === "failed") return read;
    world.secret(read.token);
    if (refused?.secret === read.token) return refused.token;
    const body = loginBody(source, read.token, world);
    if (body.kind === "failed") return body;
    const reasons: string[] = [];
    for (const url of world.loginUrls) {
      const answer = await world.post(url, body.token);
      if (answer.kind === "no-answer") {
        reasons.push(`${url.host}: ${answer.reason}`);
        continue;
      }
      const token = answer.status >= 200 && answer.status <= 299 ? tokenIn(answer.body) : null;
      if (token !== null) return take(token, `the login of ${source.uid}`);
      const why = answer.status >= 200 && answer.status <= 299 ? "an answer without a token" : `HTTP ${String(answer.status)}`;
      const said = failed(
        "login-refused",
        `${url.host} answered the login of ${source.uid} with ${why}. Look at ${source.file} and at the account`,
      );
      if (answer.status >= 400 && answer.status <= 499) {
        refused = { secret: read.token, token: said };
        return said;
      }
      reasons.push(said.kind === "failed" ? said.reason : "");
    }
    return failed("login-failed", `nobody let ${source.uid} log in: ${reasons.join("; ") || "no node to log in at"}`);
  };

  const obtain = async (): Promise<Token> => {
    const { source } = world;
    switch (source.kind) {
      case "file": {
        const read = await readSecret(source.file);
        return read.kind === "failed" ? read : take(read.token, source.file);
      }
      case "environment":
        return take(world.env[source.variable] ?? "", `the environment variable ${source.variable}`);
      case "login":
        return login(source);
    }
  };

  /** One at a time: everyone who needs a token waits for the same one. */
  const renew = (): Promise<Token> => {
    if (lastFailure !== null && lastFailure.untilMs > world.nowMs()) return Promise.resolve(lastFailure.token);
    fetching ??= obtain()
      .then((token) => {
        lastFailure = token.kind === "token" ? null : { token, untilMs: world.nowMs() + PAUSE_MS };
        return token;
      })
      .finally(() => {
        fetching = null;
      });
    return fetching;
  };

  return {
    current: async () => (held !== null && fresh(held) ? { kind: "token", token: held } : renew()),
    async after401(origin, used) {
      const other = (): Token | null => (held !== null && held !== used && fresh(held) ? { kind: "token", token: held } : null);
      const known = other();
      if (known !== null) return known;
      if (fetching !== null) return fetching;
      if (stubborn.has(origin)) return failed("unauthorized", "it refused a fresh token as well");
      stubborn.add(origin);
      const next = await renew();
      return next.kind === "token" && next.token === used ? failed("unauthorized", "there is no other token") : next;
    },
    accepted: (origin) => void stubborn.delete(origin),
    refusedAgain: (origin) => void stubborn.add(origin),
  };
}

function dateOf(ms: number | null): string {
  return ms === null ? "an unknown time" : new Date(ms).toISOString();
}

async function readSecret(file: string): Promise<Token> {
  try {
    const text = await readFile(file, "utf8");
    return { kind: "token", token: text.trim() };
  } catch (error) {
    return failed("token-missing", error instanceof Error ? error.message : String(error));
  }
}

/** What is posted: the password's first line, or a token signed with the service account's key. */
function loginBody(source: TokenSource & { kind: "login" }, secret: string, world: TokenWorld): Token {
  if (source.secret === "password") {
    const [password = ""] = secret.split(/\r?\n/);
    world.secret(password);
    if (password === "") return failed("token-missing", `${source.file} is empty`);
    return { kind: "token", token: JSON.stringify({ uid: source.uid, password }) };
  }
  try {
    const key = createPrivateKey(secret);
    if (key.asymmetricKeyType !== "rsa") return failed("token-malformed", `${source.file} holds no RSA key`);
    const part = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString("base64url");
    const exp = Math.floor(world.nowMs() / 1_000) + LOGIN_TOKEN_S;
    const text = `${part({ alg: "RS256", typ: "JWT" })}.${part({ uid: source.uid, exp })}`;
    const token = `${text}.${sign("sha256", Buffer.from(text), key).toString("base64url")}`;
    world.secret(token);
    return { kind: "token", token: JSON.stringify({ uid: source.uid, token }) };
  } catch {
    return failed("token-malformed", `${source.file} holds no private key that can be used without a passphrase`);
  }
}

function tokenIn(body: Buffer): string | null {
  try {
    const answer: unknown = JSON.parse(body.toString("utf8"));
    return typeof answer === "object" && answer !== null && "token" in answer && typeof answer.token === "string"
      ? answer.token
      : null;
  } catch {
    return null;
  }
}
