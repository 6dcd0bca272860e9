import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { createJq } from "../../src/check/jq.ts";
import { guard } from "../../src/check/guard.ts";
import { createChecks } from "../../src/check/runner.ts";
import type { Check, CheckScope, ReadingSpec } from "../../src/domain/documents.ts";
import type { Inventory, InventoryNode } from "../../src/domain/inventory.ts";
import type { Json, JsonRecord } from "../../src/domain/json.ts";
import { PawlError } from "../../src/domain/errors.ts";
import type { CheckAnswer, Checks, HttpAnswer, Remote } from "../../src/engine/ports.ts";

const jq = createJq();
afterAll(() => jq.close());

const NODES: readonly InventoryNode[] = [
  { name: "n1", address: "10.0.0.1", role: "boss", critical: false, ssh: {} },
  { name: "n2", address: "10.0.0.2", role: "boss", critical: false, ssh: {} },
  { name: "w1", address: "fd00::1", role: "worker", critical: false, ssh: {} },
];

const METRIC: ReadingSpec = {
  kind: "http",
  method: "GET",
  url: "http://{address}:{port.api}/m",
  followRedirects: 0,
  as: "json",
  timeoutMs: 1000,
  optional: false,
};

function check(name: string, more: Partial<Check> = {}): Check {
  return {
    name,
    title: "t",
    why: "w",
    source: "s",
    platform: "toy",
    severity: "mandatory",
    scope: { kind: "role", roles: ["boss"] },
    readings: { m: METRIC },
    pass: ".m.ok",
    show: ".m",
    gate: { consecutivePasses: 1, spanMs: 0, intervalMs: 1, deadlineMs: 1 },
    remedy: "r",
    refuses: [],
    ...more,
  };
}

interface Rig {
  readonly checks: Checks;
  readonly sent: string[];
}

type Answers = Readonly<Record<string, Json>>;

function textOf(value: Json): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}

/** Answers by URL, word or command line; a string is a body as it is, a number a status, anything missing is no answer. */
function rig(
  checks: readonly Check[],
  answers: Answers,
  more: { readonly folder?: string; readonly nodeFacts?: () => Promise<Json> } = {},
): Rig {
  const sent: string[] = [];
  const remote: Remote = {
    http: async (request) => {
      sent.push(`${request.method} ${request.url}${request.body === undefined ? "" : ` ${request.body}`}`);
      const given = answers[request.url];
      if (given === undefined) return { kind: "no-answer", code: "ECONNREFUSED", reason: "refused" };
      const body = typeof given === "string" ? given : JSON.stringify(given);
      const answer: HttpAnswer = {
        kind: "answered",
        status: typeof given === "number" ? given : 200,
        headers: { location: "//x" },
        body: Buffer.from(typeof given === "number" ? "" : body),
        url: request.url,
      };
      return answer;
    },
    run: async (target, command) => {
      sent.push(`${target}${command.sudo === true ? " as root" : ""}: ${command.argv.join(" ")}`);
      const given = answers[command.argv.join(" ")];
      if (given === undefined) return { kind: "lost", reason: "refused", code: "ECONNREFUSED", sent: false };
      return typeof given === "number"
        ? { kind: "exited", code: given, stdout: "", stderr: "it broke\nbadly" }
        : { kind: "exited", code: 0, stdout: textOf(given), stderr: "" };
    },
    stream: async () => ({ kind: "lost", reason: "unused", code: "unused", sent: false }),
    tcp: async (host, port, send) => {
      sent.push(`${host}:${port} ${send}`);
      const given = answers[send];
      return given === undefined
        ? { kind: "no-answer", code: "ECONNREFUSED", reason: "refused" }
        : { kind: "answered", body: Buffer.from(textOf(given)) };
    },
    close: async () => undefined,
  };
  const inventory: Inventory = {
    name: "i",
    platform: "toy",
    folder: more.folder ?? ".",
    ssh: {},
    ports: { api: 81 },
    nodes: NODES,
    scripts: {},
    hooks: {},
    siteSteps: [],
    settings: {},
  };
  const platform = { ports: { api: 80, words: 2181 }, nodeFacts: more.nodeFacts ?? (async () => null) };
  const clock = { now: () => 5_000_500, monotonic: () => 0, sleep: async () => undefined };
  return { checks: createChecks({ checks, remote, inventory, platform, facts: null, clock, jq }), sent };
}

async function one(rigged: Rig, name: string, node: string | null = null, context: JsonRecord = {}): Promise<CheckAnswer> {
  const [answer] = await rigged.checks.measure([{ check: name, node, context }]);
  if (answer === undefined) throw new Error("no answer");
  return answer;
}

describe("a round", () => {
  it("sends every distinct request once, however many checks want it", async () => {
    const rigged = rig(
      [check("a"), check("b", { pass: ".m.ok == true" }), check("c", { scope: { kind: "cluster", roles: ["boss"] } })],
      {
        "http://10.0.0.1:81/m": { ok: true },
        "http://10.0.0.2:81/m": { ok: true },
      },
    );
    const answers = await rigged.checks.measure(["a", "b", "c", "a"].map((name) => ({ check: name, node: null, context: {} })));
    expect(answers.map((answer) => answer.verdict)).toEqual(["pass", "pass", "pass", "pass"]);
    expect(rigged.sent.toSorted()).toEqual(["GET http://10.0.0.1:81/m", "GET http://10.0.0.2:81/m"]);
  });

  it("reads again in the next round", async () => {
    const rigged = rig([check("a")], { "http://10.0.0.1:81/m": { ok: true }, "http://10.0.0.2:81/m": { ok: true } });
    await one(rigged, "a");
    await one(rigged, "a");
    expect(rigged.sent).toHaveLength(4);
  });

  it("does not send more than 32 requests at once, and sends them all", async () => {
    let running = 0;
    let most = 0;
    const nodes = Array.from({ length: 100 }, (_, index) => ({
      name: `n${index}`,
      address: `10.0.1.${index}`,
      role: "boss",
      critical: false,
      ssh: {},
    }));
    const base = rig([], {});
    const remote: Remote = {
      run: async () => ({ kind: "lost", reason: "unused", code: "unused", sent: false }),
      stream: async () => ({ kind: "lost", reason: "unused", code: "unused", sent: false }),
      tcp: async () => ({ kind: "no-answer", code: "unused", reason: "unused" }),
      close: async () => undefined,
      http: async (request) => {
        running += 1;
        most = Math.max(most, running);
        await new Promise((resolve) => setImmediate(resolve));
        running -= 1;
        return { kind: "answered", status: 200, headers: {}, body: Buffer.from('{"ok":true}'), url: request.url };
      },
    };
    expect(base.sent).toEqual([]);
    const inventory: Inventory = {
      name: "i",
      platform: "toy",
      folder: ".",
      ssh: {},
      ports: {},
      nodes,
      scripts: {},
      hooks: {},
      siteSteps: [],
      settings: {},
    };
    const clock = { now: () => 0, monotonic: () => 0, sleep: async () => undefined };
    const checks = createChecks({
      checks: [check("a")],
      remote,
      inventory,
      platform: { ports: { api: 80 }, nodeFacts: async () => null },
      facts: null,
      clock,
      jq,
    });
    const [answer] = await checks.measure([{ check: "a", node: null, context: {} }]);
    expect(answer?.asserted).toEqual({ subjects: 100, passed: 100 });
    expect(most).toBeLessThanOrEqual(32);
    expect(most).toBeGreaterThan(1);
  });

  it("sends nothing more once it is stopped", async () => {
    const rigged = rig([check("a")], { "http://10.0.0.1:81/m": { ok: true } });
    const [answer] = await rigged.checks.measure([{ check: "a", node: null, context: {} }], AbortSignal.abort());
    expect(answer).toMatchObject({ verdict: "inconclusive", why: "no-answer" });
    expect(rigged.sent).toEqual([]);
  });

  it("lets a request that is not on the allow-list out as an error, not as a verdict", async () => {
    const remote: Remote = {
      run: async () => ({ kind: "lost", reason: "unused", code: "unused", sent: false }),
      stream: async () => ({ kind: "lost", reason: "unused", code: "unused", sent: false }),
      tcp: async () => ({ kind: "no-answer", code: "unused", reason: "unused" }),
      http: async () => ({ kind: "no-answer", code: "unused", reason: "unused" }),
      close: async () => undefined,
    };
    const inventory: Inventory = {
      name: "i",
      platform: "toy",
      folder: ".",
      ssh: {},
      ports: {},
      nodes: NODES,
      scripts: {},
      hooks: {},
      siteSteps: [],
      settings: {},
    };
    const clock = { now: () => 0, monotonic: () => 0, sleep: async () => undefined };
    const reader = guard(remote, { http: [], commands: [], fourLetter: [] });
    const checks = createChecks({
      checks: [check("a")],
      remote: reader,
      inventory,
      platform: { ports: { api: 80 }, nodeFacts: async () => null },
      facts: null,
      clock,
      jq,
    });
    await expect(checks.measure([{ check: "a", node: null, context: {} }])).rejects.toMatchObject({
      exit: "refused",
      code: "not-allowed",
    });
  });
});

describe("a verdict", () => {
  const both = (a: Json, b: Json): Answers => ({ "http://10.0.0.1:81/m": a, "http://10.0.0.2:81/m": b });
  const cases: readonly [string, Partial<Check>, Answers, Partial<CheckAnswer>][] = [
    [
      "passes when every subject passes",
      {},
      both({ ok: true }, { ok: true }),
      { verdict: "pass", why: null, asserted: { subjects: 2, passed: 2 } },
    ],
    [
      "fails when one fails, whatever the others say",
      {},
      { "http://10.0.0.1:81/m": { ok: false } },
      { verdict: "fail", asserted: { subjects: 2, passed: 0 } },
    ],
    [
      "is inconclusive when one gives no answer",
      {},
      { "http://10.0.0.1:81/m": { ok: true } },
      { verdict: "inconclusive", why: "no-answer" },
    ],
    [
      "is inconclusive when a filter yields nothing",
      { pass: ".m.ok | booleans" },
      both({ ok: true }, {}),
      { verdict: "inconclusive", why: "missing-field" },
    ],
    [
      "is inconclusive when a filter yields null",
      { pass: ".m.nothing" },
      both({ ok: true }, { ok: true }),
      { verdict: "inconclusive", why: "bad-filter" },
    ],
    [
      "is inconclusive when a filter yields a number",
      { pass: "1" },
      both({ ok: true }, { ok: true }),
      { verdict: "inconclusive", why: "bad-filter" },
    ],
    [
      "is inconclusive when a filter yields two booleans",
      { pass: "true, true" },
      both({ ok: true }, { ok: true }),
      { verdict: "inconclusive", why: "bad-filter" },
    ],
    [
      "is inconclusive when a filter breaks",
      { pass: ".m.ok.x" },
      both({ ok: true }, { ok: true }),
      { verdict: "inconclusive", why: "bad-filter" },
    ],
    [
      "is inconclusive when a filter does not compile",
      { pass: ".m.(" },
      both({ ok: true }, { ok: true }),
      { verdict: "inconclusive", why: "bad-filter" },
    ],
    [
      "is inconclusive without a subject",
      { scope: { kind: "role", roles: ["nobody"] } },
      {},
      { verdict: "inconclusive", why: "no-subject", asserted: { subjects: 0, passed: 0 } },
    ],
    ["is inconclusive on a status that is not 2xx", {}, both(503, { ok: true }), { verdict: "inconclusive", why: "no-answer" }],
    [
      "is inconclusive on a body that is not JSON",
      {},
      both("<html>", { ok: true }),
      { verdict: "inconclusive", why: "no-answer" },
    ],
  ];
  for (const [name, more, answers, expected] of cases) {
    it(name, async () => expect(await one(rig([check("a", more)], answers), "a")).toMatchObject(expected));
  }

  it("takes an optional reading without an answer as null", async () => {
    const optional = check("a", { readings: { m: { ...METRIC, optional: true } }, pass: "(.m // {ok: true}).ok" });
    expect((await one(rig([optional], {}), "a")).verdict).toBe("pass");
  });

  it("is fatal when one subject is, also one whose other reading is missing", async () => {
    const fatal = check("a", { fatal: "[$all[].m.boss? // 0] | add > 1" });
    expect((await one(rig([fatal], both({ ok: false, boss: 1 }, { ok: true, boss: 1 })), "a")).fatal).toBe(true);
    expect((await one(rig([fatal], both({ ok: false, boss: 1 }, { ok: true, boss: 0 })), "a")).fatal).toBe(false);
    const broken = check("a", { fatal: '"yes"' });
    expect((await one(rig([broken], both({ ok: true }, { ok: true })), "a")).fatal).toBe(false);
  });

  it("tells in one sentence what decided, the failed ones first", async () => {
    const answer = await one(
      rig([check("a", { show: "{ok: .m.ok, n: .m.n}" })], both({ ok: true, n: 1 }, { ok: false, n: 2 })),
      "a",
    );
    expect(answer.observed).toBe("n2: ok false, n 2; 1 of 2 passed");
    const silent = await one(rig([check("a")], { "http://10.0.0.1:81/m": { ok: true } }), "a");
    expect(silent.observed).toBe("n2: no answer (m: ECONNREFUSED: refused); 1 of 2 passed");
  });

  it("keeps the readings it judged as evidence, and why others are missing", async () => {
    const answer = await one(rig([check("a")], { "http://10.0.0.1:81/m": { ok: true } }), "a");
    expect(JSON.parse(answer.evidence)).toEqual({
      check: "a",
      context: {
        node: null,
        nodes: NODES.map(({ name, address, role }) => ({ name, address, role })),
      },
      missing: { n2: { m: "ECONNREFUSED: refused" } },
      now: 5000.5,
      subjects: { n1: { m: { ok: true } }, n2: {} },
      who: {
        n1: { name: "n1", address: "10.0.0.1", role: "boss" },
        n2: { name: "n2", address: "10.0.0.2", role: "boss" },
      },
    });
  });

  it("stays short when hundreds fail", async () => {
    const long = check("a", {
      show: '"x" * 5000',
      readings: { f: { kind: "facts", as: "json", timeoutMs: 1, optional: false } },
      pass: "false",
    });
    const answer = await one(rig([long], {}, { nodeFacts: async () => ({}) }), "a");
    expect(answer.observed.length).toBeLessThanOrEqual(900);
  });
});

describe("scopes", () => {
  const scoped = (scope: CheckScope): Check => check("a", { scope });

  it("step-node asks the node of the step only, and without one there is no subject", async () => {
    const rigged = rig([scoped({ kind: "step-node" })], { "http://10.0.0.2:81/m": { ok: true } });
    expect(await one(rigged, "a", "n2")).toMatchObject({ verdict: "pass", subjects: [{ subject: "n2" }] });
    expect(rigged.sent).toEqual(["GET http://10.0.0.2:81/m"]);
    expect((await one(rigged, "a")).why).toBe("no-subject");
    expect((await one(rigged, "a", "unknown")).why).toBe("no-subject");
  });

  it("cluster asks one node after the other until one answers", async () => {
    const rigged = rig([scoped({ kind: "cluster", roles: ["boss"] })], {
      "http://10.0.0.1:81/m": 503,
      "http://10.0.0.2:81/m": { ok: true },
    });
    expect(await one(rigged, "a")).toMatchObject({ verdict: "pass", subjects: [{ subject: "cluster" }] });
    expect(rigged.sent).toEqual(["GET http://10.0.0.1:81/m", "GET http://10.0.0.2:81/m"]);
    expect((await one(rig([scoped({ kind: "cluster", roles: ["boss"] })], {}), "a")).observed).toBe(
      "cluster: no answer (m: n1: ECONNREFUSED: refused; n2: ECONNREFUSED: refused)",
    );
  });

  it("{address@ROLE} asks those nodes in turn, whoever the subject is", async () => {
    const url = "http://{address@boss}:{port.api}/of/{subject}?v={target}";
    const rigged = rig([check("a", { scope: { kind: "step-node" }, readings: { m: { ...METRIC, url } } })], {
      "http://10.0.0.2:81/of/w1?v=1%2F2": { ok: true },
    });
    expect((await one(rigged, "a", "w1", { inputs: { target: "1/2" } })).verdict).toBe("pass");
    expect(rigged.sent).toEqual(["GET http://10.0.0.1:81/of/w1?v=1%2F2", "GET http://10.0.0.2:81/of/w1?v=1%2F2"]);
  });

  it("puts IPv6 addresses into brackets, and sends nothing for a placeholder without a value", async () => {
    const workers = check("a", { scope: { kind: "role", roles: ["worker"] } });
    const rigged = rig([workers, check("b", { readings: { m: { ...METRIC, url: "http://{address}:{port.none}/" } } })], {
      "http://[fd00::1]:81/m": { ok: true },
    });
    expect((await one(rigged, "a")).verdict).toBe("pass");
    expect((await one(rigged, "b")).observed).toContain("nothing to put for {port.none}");
    expect(rigged.sent).toHaveLength(1);
  });
});

describe("readings", () => {
  const reading = (spec: ReadingSpec, pass: string): Check =>
    check("a", { scope: { kind: "step-node" }, readings: { r: spec }, pass, show: ".r" });
  const common = { timeoutMs: 1000, optional: false } as const;

  it("a command: text, JSON, or the whole outcome; as root where it says so", async () => {
    const spec: ReadingSpec = { kind: "command", argv: ["cat", "/v"], sudo: true, as: "json", ...common };
    const rigged = rig([reading(spec, ".r.v == 1")], { "cat /v": '{"v":1}' });
    expect((await one(rigged, "a", "n1")).verdict).toBe("pass");
    expect(rigged.sent).toEqual(["n1 as root: cat /v"]);
    expect((await one(rig([reading(spec, "true")], { "cat /v": 3 }), "a", "n1")).observed).toContain("exit code 3: it broke");
    expect(
      (
        await one(
          rig([reading({ ...spec, as: "answer" }, '.r.code == 3 and (.r.stderr | test("badly"))')], { "cat /v": 3 }),
          "a",
          "n1",
        )
      ).verdict,
    ).toBe("pass");
    expect((await one(rig([reading({ ...spec, as: "answer" }, "true")], {}), "a", "n1")).why).toBe("no-answer");
  });

  it("a four-letter word: a table with numbers, a message where there is no table, no answer where nothing came", async () => {
    const spec: ReadingSpec = { kind: "four-letter", word: "mntr", port: "words", as: "table", ...common };
    const good = rig(
      [reading(spec, '.r.zk_server_state == "leader" and .r.zk_znode_count == 27 and .r.zk_version == "3.4.10-x, built"')],
      {
        mntr: "zk_version\t3.4.10-x, built\nzk_server_state\tleader\nzk_znode_count\t27\n",
      },
    );
    expect((await one(good, "a", "n1")).verdict).toBe("pass");
    expect(good.sent).toEqual(["10.0.0.1:2181 mntr"]);
    expect(
      (await one(rig([reading(spec, '.r == {message: "not serving"}')], { mntr: "not serving\n" }), "a", "n1")).verdict,
    ).toBe("pass");
    expect((await one(rig([reading(spec, "true")], { mntr: "" }), "a", "n1")).why).toBe("no-answer");
  });

  it("an HTTP answer as a whole, for statuses that mean something; a body where one is posted", async () => {
    const spec: ReadingSpec = { ...METRIC, method: "POST", body: '{"type":"GET_HEALTH"}', as: "answer" };
    const rigged = rig([reading(spec, '.r == {status: 307, location: "//x", body: ""}')], { "http://10.0.0.1:81/m": 307 });
    expect((await one(rigged, "a", "n1")).verdict).toBe("pass");
    expect(rigged.sent).toEqual(['POST http://10.0.0.1:81/m {"type":"GET_HEALTH"}']);
  });

  it("a local file beside the inventory", async () => {
    const folder = mkdtempSync(join(tmpdir(), "pawl-check-"));
    writeFileSync(join(folder, "n1.json"), '{"v":1}');
    const spec: ReadingSpec = { kind: "file", path: "{subject}.json", as: "json", ...common };
    expect((await one(rig([reading(spec, ".r.v == 1")], {}, { folder }), "a", "n1")).verdict).toBe("pass");
    expect((await one(rig([reading(spec, "true")], {}, { folder }), "a", "n2")).why).toBe("no-answer");
  });

  it("facts of a node, once per round, with the time between which they were read; trouble of the node is no answer", async () => {
    let asked = 0;
    const spec: ReadingSpec = { kind: "facts", as: "json", ...common };
    const nodeFacts = async (): Promise<Json> => ({ uid: asked++ });
    const rigged = rig(
      [reading(spec, ".r.uid == 0 and .r.readBetween == [5000.5, 5000.5]"), { ...reading(spec, ".r.uid == 0"), name: "b" }],
      {},
      { nodeFacts },
    );
    const answers = await rigged.checks.measure([
      { check: "a", node: "n1", context: {} },
      { check: "b", node: "n1", context: {} },
    ]);
    expect(answers.map((answer) => answer.verdict)).toEqual(["pass", "pass"]);
    expect(asked).toBe(1);
    const failing = rig(
      [reading(spec, "true")],
      {},
      { nodeFacts: () => Promise.reject(new PawlError("step-failed", "ssh", "no contact", { observed: "timed out" })) },
    );
    expect((await one(failing, "a", "n1")).observed).toContain("timed out");
  });
});

it("an unknown check is said to be unknown", async () => {
  await expect(one(rig([], {}), "nothing")).rejects.toMatchObject({ exit: "invalid-document", code: "unknown-check" });
});

it("describes a check for messages", () => {
  expect(rig([check("a")], {}).checks.describe("a")).toEqual({ title: "t", remedy: "r", expects: "w" });
});
