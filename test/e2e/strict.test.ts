import { request as ask, type RequestListener } from "node:http";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, it } from "vitest";
import { createAuthority, type Authority } from "../access/authority.ts";
import { createIdentity } from "../access/identity.ts";
import { Stage, type Counted } from "../access/stage.ts";
import { describeReal } from "../real/requires.ts";
import { Desk } from "./pawl.ts";
import { startRecordingLab, type RecordingLab } from "./recording-lab.ts";

const PORTS = { "mesos-master": 15_050, "mesos-agent": 15_051, marathon: 18_443, "admin-router": 10_443 };
const BEHIND = { "mesos-master": 5_050, "mesos-agent": 5_051, marathon: 8_080 };
const SERVICES = [
  ...["m1", "m2", "m3"].flatMap((name) => (["mesos-master", "marathon"] as const).map((service) => ({ name, service }))),
  ...["a1", "p1"].map((name) => ({ name, service: "mesos-agent" as const })),
];

/** Every byte below a folder, with where it lies. */
async function textsIn(folder: string): Promise<readonly (readonly [string, string])[]> {
  const entries = await readdir(folder, { withFileTypes: true, recursive: true });
  const files = entries.filter((one) => one.isFile()).map((one) => join(one.parentPath, one.name));
  return Promise.all(files.map(async (file) => [file, await readFile(file, "latin1")] as const));
}

describeReal("an embedded cluster in strict mode: TLS and a token before every Mesos and Marathon", ["openssl"], () => {
  const stage = new Stage();
  const identity = createIdentity();
  const fronts: Counted[] = [];
  let desk: Desk;
  let lab: RecordingLab;
  let authority: Authority;
  let inventory: string;
  let plain: string;
  /** How long the next request waits for its answer, once. */
  let delayMs = 0;

  /** A component in strict mode: who has no token stays out, who has one gets the component's own answer. */
  const front =
    (host: string, port: number): RequestListener =>
    async (request, response) => {
      const waitMs = delayMs;
      delayMs = 0;
      await sleep(waitMs);
      const refusal = identity.refuse(request.headers.authorization);
      if (refusal !== null) {
        response.writeHead(refusal.status, refusal.headers).end(refusal.body);
        return;
      }
      const { authorization, ...headers } = request.headers;
      if (request.url === "/flags") {
        // A careless component: it tells what it was asked with.
        const note = Buffer.from(identity.password).toString("base64");
        response
          .writeHead(200, { "content-type": "application/json" })
          .end(JSON.stringify({ flags: { logging_level: "INFO", quiet: "false" }, asked: authorization, note }));
        return;
      }
      const behind = ask({ host, port, method: request.method, path: request.url, headers }, (answer) => {
        response.writeHead(answer.statusCode ?? 502, answer.headers);
        answer.pipe(response);
      });
      behind.on("error", () => response.destroy());
      request.pipe(behind);
    };

  const write = async (name: string, http: string): Promise<string> => {
    const file = desk.path(name);
    await writeFile(file, plain.replace(/^nodes:/m, `ports: ${JSON.stringify(PORTS)}\nhttp: ${http}\nnodes:`));
    return file;
  };

  beforeAll(async () => {
    authority = createAuthority();
    desk = await Desk.create();
    lab = await startRecordingLab(desk.path("lab"), { masters: 3, privateAgents: 1, publicAgents: 1 });
    plain = await readFile(lab.lab.inventoryFile, "utf8");
    for (const { name, service } of SERVICES) {
      const host = lab.addresses[name] ?? "";
      const leaf = authority.leaf([host, "leader.mesos"]);
      fronts.push(await stage.serve(host, leaf, front(host, BEHIND[service]), PORTS[service]));
    }
    const host = lab.addresses["m1"] ?? "";
    await stage.serve(host, authority.leaf([host]), identity.loginEndpoint, PORTS["admin-router"]);
    const password = stage.file("password", `${identity.password}\n`);
    inventory = await write(
      "strict.yaml",
      `{ security: strict, ca: ${JSON.stringify(authority.caFile)}, token: { uid: ${identity.uid}, password-file: ${JSON.stringify(password)} } }`,
    );
  }, 90_000);
  afterAll(async () => {
    await stage.clear();
    await lab.lab.stop();
    await desk.clear();
    authority.remove();
  });

  it(
    "passes its preflight; the token runs out again and again meanwhile and is renewed each time",
    { timeout: 120_000 },
    async () => {
      // Tokens are renewed half a minute before their end: these live a second.
      identity.lifeSeconds = 31;
      delayMs = 1_100;
      const { code, value, err } = await desk.document("preflight", "--to", "1.9.9", "-i", inventory);
      const findings = (
        value as { readonly findings: readonly { readonly verdict: string; readonly id: string; readonly observed: string }[] }
      ).findings;
      expect(code, err + JSON.stringify(findings.filter((one) => one.verdict !== "pass"))).toBe(0);
      expect(identity.logins.length).toBeGreaterThan(1);
      const asked = fronts.flatMap((one) => one.asked);
      expect(asked.length).toBeGreaterThan(20);
      expect(asked.filter((one) => one.authorization === undefined)).toEqual([]);
      expect(fronts.reduce((sum, one) => sum + one.connections, 0)).toBeLessThan(asked.length / 1.5);
      identity.lifeSeconds = 3_600;
    },
  );

  it(
    "gives a whole snapshot, in which no token and no password stands, however it is written",
    { timeout: 120_000 },
    async () => {
      const taken = await desk.json("snapshot", "-i", inventory);
      expect(taken.code, taken.err).toBe(0);
      expect(identity.tokens.size).toBeGreaterThan(2);
      const texts = [
        ...(await textsIn(desk.path("backups"))),
        ["stdout", JSON.stringify(taken.lines)] as const,
        ["stderr", taken.err] as const,
      ];
      expect(texts.length).toBeGreaterThan(20);
      const secrets = [identity.password, ...identity.tokens.keys()];
      const forms = secrets.flatMap((one) => [
        one,
        encodeURIComponent(one),
        JSON.stringify(one).slice(1, -1),
        Buffer.from(one).toString("base64").slice(0, -4),
      ]);
      const leaks = texts.flatMap(([where, text]) => forms.filter((form) => text.includes(form)).map(() => where));
      expect(leaks).toEqual([]);
      const told = texts.filter(([, text]) => text.includes('"asked":'));
      expect(told.length).toBeGreaterThan(0);
      for (const [where, text] of told) {
        // As the component wrote it, or as the evidence of a check has it, in the order of its keys.
        const words = text.match(/"(?:asked|note)":"[^"]*"/g) ?? [];
        expect(words.length, where).toBeGreaterThan(1);
        for (const word of words) expect(word, where).toMatch(/^"(?:asked":"(?:token=)?|note":")masked:[0-9a-f]{12}"$/);
      }
    },
  );

  it.each([
    ["without a token", () => "{ security: strict, ca: CA }", "unauthorized: m1 mesos-master"],
    ["without the authority's certificate", () => "{ security: strict }", "certificate-untrusted: m1 mesos-master"],
    [
      "with a refused password",
      () =>
        `{ security: strict, ca: CA, token: { uid: ${identity.uid}, password-file: ${JSON.stringify(stage.file("wrong", "no-such-word-4711"))} } }`,
      "login-refused: m1 mesos-master",
    ],
    ["with plain http", () => "{ security: disabled }", "m1 mesos-master"],
  ])(
    "%s nothing passes: the check is inconclusive, and says which node and component gave no answer",
    { timeout: 60_000 },
    async (_how, http, expected) => {
      const file = await write("bad.yaml", http().replace("CA", JSON.stringify(authority.caFile)));
      const logins = identity.logins.length;
      const { code, out, err } = await desk.pawl("check", "replog-recovered", "-i", file);
      const said = `${out}${err}`.replaceAll(/\s+/g, " ");
      expect(code, said).toBe(1);
      expect(said).toContain("replog-recovered inconclusive");
      expect(said).toContain(expected);
      expect(said).not.toContain("no-such-word-4711");
      expect(identity.logins.length - logins).toBeLessThanOrEqual(2);
    },
  );

  it("a preflight that is not let in says no, changes nothing and hangs nowhere", { timeout: 90_000 }, async () => {
    const file = await write("bad.yaml", `{ security: strict, ca: ${JSON.stringify(authority.caFile)} }`);
    const { code, value } = await desk.document("preflight", "--to", "1.9.9", "-i", file);
    expect(code).toBe(1);
    const findings = (
      value as { readonly findings: readonly { readonly id: string; readonly verdict: string; readonly observed: string }[] }
    ).findings;
    expect(findings.find((one) => one.id === "replog-recovered")).toMatchObject({ verdict: "inconclusive" });
    expect(JSON.stringify(findings)).toContain("answered 401");
  });
});
