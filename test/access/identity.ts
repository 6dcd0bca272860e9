import { generateKeyPairSync, type KeyObject, randomUUID, sign, verify } from "node:crypto";
import type { RequestListener } from "node:http";

const part = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString("base64url");

function jwt(payload: object, key: Parameters<typeof sign>[2]): string {
  const text = `${part({ alg: "RS256", typ: "JWT" })}.${part(payload)}`;
  return `${text}.${sign("sha256", Buffer.from(text), key).toString("base64url")}`;
}

function payloadOf(token: string, key: Parameters<typeof verify>[2]): { readonly uid?: unknown; readonly exp?: unknown } | null {
  const [head = "", body = "", signature = ""] = token.split(".");
  if (!verify("sha256", Buffer.from(`${head}.${body}`), key, Buffer.from(signature, "base64url"))) return null;
  return JSON.parse(Buffer.from(body, "base64url").toString()) as { uid?: unknown; exp?: unknown };
}

/** What an identity service answers; dcos.md 2.2. */
export interface Said {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** Who may come in, as Admin Router and strict components see it: tokens signed with this service's own key. */
export interface Identity {
  readonly uid: string;
  readonly password: string;
  /** Private key of the service account, PEM. */
  readonly accountKey: string;
  /** Bodies of the logins so far. */
  readonly logins: string[];
  /** Every token given out. */
  readonly tokens: ReadonlyMap<string, number>;
  /** A token for `uid`; seconds until it runs out. */
  token(seconds?: number, uid?: string): string;
  /** Life of the tokens that logins give, seconds. */
  lifeSeconds: number;
  /** Tokens given out so far are taken no longer, as after the service's key was changed. */
  revoke(): void;
  /** Null: let in. */
  refuse(authorization: string | undefined): Said | null;
  login(body: string): Said;
  /** The login endpoint over HTTP. */
  readonly loginEndpoint: RequestListener;
}

/** An identity service with one account. */
export function createIdentity(): Identity {
  const own = generateKeyPairSync("ec", { namedCurve: "P-256" });
  // Making an RSA key takes a while, and few tests want one.
  let account: { readonly publicKey: KeyObject; readonly privateKey: KeyObject } | null = null;
  const accountKeys = (): typeof own => (account ??= generateKeyPairSync("rsa", { modulusLength: 2048 }));
  let generation = 0;
  const given = new Map<string, number>();
  const identity: Identity = {
    uid: "pawl-reader",
    password: `p'ss w$rd-${randomUUID()}`,
    get accountKey() {
      return accountKeys().privateKey.export({ type: "pkcs8", format: "pem" }).toString();
    },
    logins: [],
    tokens: given,
    lifeSeconds: 3_600,
    token(seconds = 3_600, uid = identity.uid) {
      const token = jwt({ uid, exp: Math.floor(Date.now() / 1_000) + seconds, jti: randomUUID() }, own.privateKey);
      given.set(token, generation);
      return token;
    },
    revoke: () => void (generation += 1),
    refuse(authorization) {
      const token = /^token=(\S+)$/.exec(authorization ?? "")?.[1];
      const payload = token === undefined ? null : payloadOf(token, own.publicKey);
      const alive = payload !== null && typeof payload.exp === "number" && payload.exp * 1_000 > Date.now();
      if (!alive || given.get(token ?? "") !== generation)
        return {
          status: 401,
          headers: { "www-authenticate": "oauthjwt", "content-type": "text/html" },
          body: "<html>401 Authorization Required</html>",
        };
      if (payload.uid !== identity.uid)
        return { status: 403, headers: { "content-type": "text/html" }, body: "<html>403 Forbidden</html>" };
      return null;
    },
    login(body) {
      identity.logins.push(body);
      const asked = JSON.parse(body) as { uid?: string; password?: string; token?: string };
      const proved = asked.token === undefined ? null : payloadOf(asked.token, accountKeys().publicKey);
      const known = asked.uid === identity.uid && (asked.password === identity.password || proved?.uid === identity.uid);
      const headers = { "content-type": "application/json" };
      if (!known)
        return {
          status: 401,
          headers,
          body: '{"title":"Unauthorized","description":"Invalid credentials","code":"ERR_INVALID_CREDENTIALS"}',
        };
      return { status: 200, headers, body: JSON.stringify({ token: identity.token(identity.lifeSeconds) }) };
    },
    loginEndpoint(request, response) {
      let body = "";
      request.on("data", (chunk: Buffer) => (body += chunk.toString()));
      request.on("end", () => {
        const { status, headers, body: text } = identity.login(body);
        response.writeHead(status, headers).end(text);
      });
    },
  };
  return identity;
}
