import type { RequestListener } from "node:http";
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from "vitest";
import { describeReal } from "../real/requires.ts";
import { createAuthority, type Authority } from "./authority.ts";
import { createIdentity, type Identity } from "./identity.ts";
import { get, Stage, told, type Counted } from "./stage.ts";

const M1 = "127.0.9.1";
const M2 = "127.0.9.2";
const NODES = { m1: M1, m2: M2 };
const LOGIN_PORT = 25_443;
const METRICS = '{"master/elected":1}';

describeReal("a cluster in strict security mode", ["openssl"], () => {
  let authority: Authority;
  let other: Authority;
  let identity: Identity;
  let stage: Stage;

  beforeAll(() => {
    authority = createAuthority();
    other = createAuthority();
  });
  afterAll(() => {
    authority.remove();
    other.remove();
  });
  beforeEach(() => {
    stage = new Stage();
    identity = createIdentity();
  });
  afterEach(() => stage.clear());

  /** A component that wants a token. */
  const component: RequestListener = (request, response) => {
    const refusal = identity.refuse(request.headers.authorization);
    if (refusal === null) response.writeHead(200, { "content-type": "application/json" }).end(METRICS);
    else response.writeHead(refusal.status, refusal.headers).end(refusal.body);
  };
  const serveLogin = (host: string): Promise<Counted> =>
    stage.serve(host, authority.leaf([host]), identity.loginEndpoint, LOGIN_PORT);
  const mesos = (at: Counted): { readonly ports: Readonly<Record<string, number>> } => ({
    ports: { "mesos-master": at.port, "admin-router": LOGIN_PORT },
  });
  const metrics = (at: Counted): ReturnType<typeof get> => get(`http://${at.host}:${String(at.port)}/metrics/snapshot`);

  it("is asked by https with a token, over connections that are kept, and the token is known as a secret before it is sent", async () => {
    const m1 = await stage.serve(M1, authority.leaf([M1]), component);
    const token = identity.token();
    const client = stage.client(
      { security: "strict", caFile: authority.caFile, token: { kind: "file", file: stage.file("token", `${token}\n`) } },
      { nodes: NODES, ...mesos(m1) },
    );
    for (const _ of [1, 2, 3, 4, 5]) expect(told(await client.ask(metrics(m1)))).toBe(`200 ${METRICS}`);
    expect(new Set(m1.asked.map((one) => one.authorization))).toEqual(new Set([`token=${token}`]));
    expect(m1.connections).toBeLessThanOrEqual(2);
    expect(stage.secrets).toContain(token);
  });

  it("refuses a missing, a wrong and a powerless token: each is no answer that says what to do, and a 401 is asked once", async () => {
    const m1 = await stage.serve(M1, authority.leaf([M1]), component);
    const base = { security: "strict", caFile: authority.caFile } as const;
    const ask = async (token: string | null): Promise<string> => {
      const source = token === null ? {} : { token: { kind: "file", file: stage.file("token", token) } as const };
      return told(await stage.client({ ...base, ...source }, { nodes: NODES, ...mesos(m1) }).ask(metrics(m1)));
    };
    expect(await ask(null)).toMatch(/^unauthorized: m1 mesos-master .*401.*http: \{ security: …, token: … \}/);
    expect(await ask(createIdentity().token())).toMatch(
      /^unauthorized: m1 mesos-master .*401.*neither the token nor a fresh one/,
    );
    expect(await ask(identity.token(3_600, "someone-else"))).toMatch(/^forbidden: m1 mesos-master .*403.*\/metrics\/snapshot/);
    expect(await ask(identity.token(-5))).toMatch(/^token-expired: m1 mesos-master .*ran out at 20/);
    expect(m1.asked).toHaveLength(3);
  });

  it("takes a token from the environment; one that ran out cannot be renewed there, and is not sent", async () => {
    const m1 = await stage.serve(M1, authority.leaf([M1]), component);
    const http = {
      security: "strict",
      caFile: authority.caFile,
      token: { kind: "environment", variable: "DCOS_TOKEN" },
    } as const;
    const fine = stage.client(http, { nodes: NODES, ...mesos(m1), env: { DCOS_TOKEN: identity.token() } });
    expect(told(await fine.ask(metrics(m1)))).toBe(`200 ${METRICS}`);
    const old = stage.client(http, { nodes: NODES, ...mesos(m1), env: { DCOS_TOKEN: identity.token(-1) } });
    expect(told(await old.ask(metrics(m1)))).toMatch(/^token-expired: .*DCOS_TOKEN/);
    expect(m1.asked).toHaveLength(1);
    expect(() => stage.client(http, { nodes: NODES })).toThrow(/DCOS_TOKEN/);
  });

  it("reads the token's file again when the token has run out, or is no longer taken", async () => {
    const m1 = await stage.serve(M1, authority.leaf([M1]), component);
    const file = stage.file("token", identity.token());
    const client = stage.client(
      { security: "strict", caFile: authority.caFile, token: { kind: "file", file } },
      { nodes: NODES, ...mesos(m1) },
    );
    expect(told(await client.ask(metrics(m1)))).toBe(`200 ${METRICS}`);
    identity.revoke();
    const fresh = identity.token();
    stage.file("token", fresh);
    expect(told(await client.ask(metrics(m1)))).toBe(`200 ${METRICS}`);
    expect(m1.asked).toHaveLength(3);
    expect(stage.secrets).toContain(fresh);
  });

  it("lets pawl log in with a password at the first master that answers, once for everybody, and again when the token runs out in mid-run", async () => {
    const m1 = await stage.serve(M1, authority.leaf([M1]), component);
    const login = await serveLogin(M2);
    identity.lifeSeconds = 31;
    const token = {
      kind: "login",
      uid: identity.uid,
      secret: "password",
      file: stage.file("password", `${identity.password}\n`),
    } as const;
    const client = stage.client({ security: "strict", caFile: authority.caFile, token }, { nodes: NODES, ...mesos(m1) });
    const ten = Array.from({ length: 10 }, () => client.ask(metrics(m1)));
    expect((await Promise.all(ten)).map(told)).toEqual(Array.from({ length: 10 }, () => `200 ${METRICS}`));
    expect(login.asked.map((one) => one.line)).toEqual(["POST /acs/api/v1/auth/login"]);
    await new Promise((done) => setTimeout(done, 1_200));
    expect(told(await client.ask(metrics(m1)))).toBe(`200 ${METRICS}`);
    expect(login.asked).toHaveLength(2);
    identity.lifeSeconds = 3_600;
    identity.revoke();
    expect(told(await client.ask(metrics(m1)))).toBe(`200 ${METRICS}`);
    expect(login.asked).toHaveLength(3);
    expect(stage.secrets).toContain(identity.password);
  });

  it("lets a service account in with its private key, and the password or key never leave in another place than the login", async () => {
    const m1 = await stage.serve(M1, authority.leaf([M1]), component);
    await serveLogin(M1);
    const token = {
      kind: "login",
      uid: identity.uid,
      secret: "private-key",
      file: stage.file("key.pem", identity.accountKey),
    } as const;
    const client = stage.client({ security: "strict", caFile: authority.caFile, token }, { nodes: NODES, ...mesos(m1) });
    expect(told(await client.ask(metrics(m1)))).toBe(`200 ${METRICS}`);
    expect(identity.logins).toHaveLength(1);
    expect(identity.logins[0]).not.toContain("PRIVATE KEY");
  });

  it("never tries a refused password a second time, however many requests want a token", async () => {
    const m1 = await stage.serve(M1, authority.leaf([M1]), component);
    await serveLogin(M1);
    const file = stage.file("password", "wrong-password");
    const token = { kind: "login", uid: identity.uid, secret: "password", file } as const;
    const client = stage.client({ security: "strict", caFile: authority.caFile, token }, { nodes: NODES, ...mesos(m1) });
    for (const _ of [1, 2, 3]) {
      const answers = await Promise.all([client.ask(metrics(m1)), client.ask(metrics(m1))]);
      for (const answer of answers) expect(told(answer)).toMatch(/^login-refused: m1 mesos-master .*HTTP 401.*password/);
      expect(answers.map(told).join()).not.toContain("wrong-password");
    }
    expect(identity.logins).toHaveLength(1);
    expect(m1.asked).toEqual([]);
  });

  it("does not log in again and again for a component that takes no token at all", async () => {
    const stubborn: RequestListener = (_request, response) =>
      void response.writeHead(401, { "www-authenticate": "oauthjwt" }).end();
    const [m1, m2] = [
      await stage.serve(M1, authority.leaf([M1]), stubborn, 25_050),
      await stage.serve(M2, authority.leaf([M2]), stubborn, 25_050),
    ];
    await serveLogin(M1);
    const token = {
      kind: "login",
      uid: identity.uid,
      secret: "password",
      file: stage.file("password", identity.password),
    } as const;
    const client = stage.client({ security: "strict", caFile: authority.caFile, token }, { nodes: NODES, ...mesos(m1) });
    for (let round = 0; round < 5; round += 1)
      for (const at of [m1, m2]) expect(told(await client.ask(metrics(at)))).toMatch(/^unauthorized: m[12] mesos-master/);
    expect(identity.logins.length).toBeLessThanOrEqual(3);
  });

  it.each([
    ["another authority's certificate", () => ({ leaf: other.leaf([M1]) }), /^certificate-untrusted: m1 mesos-master .*ca: FILE/],
    [
      "a certificate for another address",
      () => ({ leaf: authority.leaf([M2, "leader.mesos"]) }),
      /^certificate-name: m1 mesos-master .*127\.0\.9\.1/,
    ],
    ["a certificate that has run out", () => ({ leaf: authority.leaf([M1], -1) }), /^certificate-expired: m1 mesos-master /],
    ["no TLS at all", () => ({ leaf: null }), /^not-tls: m1 mesos-master /],
  ])("gives no answer and no token to a server with %s", async (_what, make, expected) => {
    const m1 = await stage.serve(M1, make().leaf, component);
    const token = { kind: "file", file: stage.file("token", identity.token()) } as const;
    const client = stage.client({ security: "strict", caFile: authority.caFile, token }, { nodes: NODES, ...mesos(m1) });
    expect(told(await client.ask(metrics(m1)))).toMatch(expected);
    expect(m1.asked).toEqual([]);
  });

  it("without the authority's certificate trusts nobody the system does not", async () => {
    const m1 = await stage.serve(M1, authority.leaf([M1]), component);
    const client = stage.client({ security: "strict" }, { nodes: NODES, ...mesos(m1) });
    expect(told(await client.ask(metrics(m1)))).toMatch(/^certificate-untrusted: /);
  });

  it("sees a certificate that is exchanged for a bad one on the next connection", async () => {
    const first = await stage.serve(
      M1,
      authority.leaf([M1]),
      (_request, response) => void response.writeHead(200, { connection: "close" }).end("{}"),
      25_051,
    );
    const client = stage.client(
      { security: "strict", caFile: authority.caFile },
      { nodes: NODES, ports: { "mesos-master": 25_051 } },
    );
    expect(told(await client.ask(metrics(first)))).toBe("200 {}");
    await stage.clear();
    stage = new Stage();
    const second = await stage.serve(M1, authority.leaf([M2]), component, 25_051);
    const again = stage.client(
      { security: "strict", caFile: authority.caFile },
      { nodes: NODES, ports: { "mesos-master": 25_051 } },
    );
    expect(told(await again.ask(metrics(second)))).toMatch(/^certificate-name/);
  });

  it("https is answered where the inventory says plain http: the failure names the security mode", async () => {
    const m1 = await stage.serve(M1, authority.leaf([M1]), component);
    const answer = told(await stage.client({}, { nodes: NODES, ...mesos(m1) }).ask(metrics(m1)));
    expect(answer).toMatch(/^(?:tls-expected|reset|not-http|unauthorized): m1 mesos-master/);
    expect(answer).toContain("security");
  });

  it.each([
    [
      "a login page with 200",
      200,
      { "content-type": "text/html" },
      "<!DOCTYPE html><title>Sign in</title>",
      /^html-page: m1 mesos-master .*login page/,
    ],
    ["a page that calls itself JSON", 200, { "content-type": "application/json" }, "\n <html><body>hi", /^html-page: /],
    ["a redirect to a login", 302, { location: "/login?redirect=x" }, "", /^login-page: m1 mesos-master .*token/],
  ])("%s is no answer", async (_what, status, headers, body, expected) => {
    const m1 = await stage.serve(M1, null, (_request, response) => void response.writeHead(status, headers).end(body));
    expect(told(await stage.client({}, { nodes: NODES, ...mesos(m1) }).ask(metrics(m1)))).toMatch(expected);
  });

  it("a page is an answer where a page is what was asked for, and a redirect to a login is none even then", async () => {
    let login = false;
    const m1 = await stage.serve(M1, null, (_request, response) =>
      login
        ? void response.writeHead(302, { location: "/login" }).end()
        : void response.writeHead(200, { "content-type": "text/html" }).end("<!DOCTYPE html><table></table>"),
    );
    const client = stage.client({}, { nodes: NODES, ...mesos(m1) });
    expect(await client.ask({ ...metrics(m1), page: true })).toMatchObject({ kind: "answered", status: 200 });
    login = true;
    expect(told(await client.ask({ ...metrics(m1), page: true }))).toMatch(/^login-page: m1 mesos-master/);
  });

  it("secrets that everybody on the machine may read, files that are not there and wrong files are refused before anything is asked", () => {
    const open = stage.file("open", "secret", 0o644);
    const use = (http: Parameters<Stage["client"]>[0]) => (): unknown =>
      stage.client({ security: "strict", ...http }, { nodes: NODES });
    expect(use({ token: { kind: "file", file: open } })).toThrow(/The token.*open/);
    expect(use({ token: { kind: "login", uid: "x", secret: "password", file: open } })).toThrow(/The password/);
    expect(use({ token: { kind: "file", file: `${stage.folder}/none` } })).toThrow(/The token.*none/);
    expect(use({ caFile: `${stage.folder}/none.pem` })).toThrow(/http\.ca/);
    expect(use({ caFile: stage.file("not.pem", "hello") })).toThrow(/http\.ca/);
    expect(use({ through: { kind: "ssh", by: "nobody" } })).toThrow(/http\.through.*nobody/);
  });
});

describeReal("a cluster in permissive security mode", ["openssl"], () => {
  let authority: Authority;
  let stage: Stage;
  beforeAll(() => {
    authority = createAuthority();
    stage = new Stage();
  });
  afterAll(async () => {
    await stage.clear();
    authority.remove();
  });

  it("is asked by https where it is spoken and plainly where it is not: then without the token", async () => {
    const identity = createIdentity();
    const answer: RequestListener = (request, response) =>
      void response.end(JSON.stringify({ token: request.headers.authorization !== undefined }));
    const m1 = await stage.serve(M1, authority.leaf([M1]), answer, 25_052);
    const m2 = await stage.serve(M2, null, answer, 25_052);
    const bad = await stage.serve("127.0.9.3", authority.leaf([M1]), answer, 25_052);
    const client = stage.client(
      { security: "permissive", caFile: authority.caFile, token: { kind: "file", file: stage.file("token", identity.token()) } },
      { nodes: { ...NODES, m3: bad.host }, ports: { "mesos-master": 25_052 } },
    );
    const metrics = (host: string) => client.ask(get(`http://${host}:25052/metrics/snapshot`));
    expect(told(await metrics(M1))).toBe('200 {"token":true}');
    expect(told(await metrics(M2))).toBe('200 {"token":false}');
    expect(told(await metrics(M2))).toBe('200 {"token":false}');
    // A certificate that is wrong is never a reason to ask plainly.
    expect(told(await metrics(bad.host))).toMatch(/^certificate-name/);
    expect([m1.asked.length, m2.asked.length, bad.asked.length]).toEqual([1, 2, 0]);
  });

  it("is never asked plainly by a server that has spoken https before: nobody forces that by closing its port", async () => {
    const plain: RequestListener = (_request, response) => void response.end('"forged"');
    const secure: RequestListener = (_request, response) => void response.end('"genuine"');
    const host = "127.0.9.7";
    const tls = await stage.serve(host, authority.leaf([host]), secure, 8443);
    const open = await stage.serve(host, null, plain, 8080);
    const client = stage.client({ security: "permissive", caFile: authority.caFile }, { nodes: { m1: host } });
    const ask = async (): Promise<string> => told(await client.ask(get(`http://${host}:8080/v2/leader`)));
    expect(await ask()).toBe('200 "genuine"');
    await tls.end();
    expect(await ask()).toMatch(/^refused: .*it has spoken https before, so it is not asked plainly/);
    expect(open.asked).toHaveLength(0);
  });

  it("asks a service with a port of its own for https there first, and Exhibitor, which has none, plainly", async () => {
    const answer =
      (name: string): RequestListener =>
      (_request, response) =>
        void response.end(`"${name}"`);
    await stage.serve("127.0.9.5", authority.leaf(["127.0.9.5"]), answer("secure"), 8443);
    await stage.serve("127.0.9.5", null, answer("plain"), 8080);
    await stage.serve("127.0.9.6", null, answer("plain"), 8080);
    await stage.serve("127.0.9.5", null, answer("exhibitor"), 8181);
    const client = stage.client(
      { security: "permissive", caFile: authority.caFile },
      { nodes: { m1: "127.0.9.5", m2: "127.0.9.6" } },
    );
    const ask = async (url: string): Promise<string> => told(await client.ask(get(url)));
    expect(await ask("http://127.0.9.5:8080/v2/leader")).toBe('200 "secure"');
    expect(await ask("http://127.0.9.6:8080/v2/leader")).toBe('200 "plain"');
    expect(await ask("http://127.0.9.5:8181/exhibitor/v1/cluster/status")).toBe('200 "exhibitor"');
  });
});
