import { afterAll, describe, expect, it } from "vitest";
import { guard } from "../../src/check/guard.ts";
import { createChecks } from "../../src/check/runner.ts";
import type { Check } from "../../src/domain/documents.ts";
import type { Inventory } from "../../src/domain/inventory.ts";
import type { Json } from "../../src/domain/json.ts";
import type { CheckAnswer, Remote } from "../../src/engine/ports.ts";
import { check, jq, METRIC, NODES, one, rig } from "./rig.ts";
import type { Answers } from "./rig.ts";

afterAll(() => jq.close());

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

  it("says nothing of what a quiet pass has seen, and everything of what is no pass", async () => {
    const shown = check("a", { show: "{n: .m.n}", fatal: ".m.n == 9" });
    const quietly = async (n: number, ok: boolean) => {
      const [answer] = await rig([shown], both({ ok: true, n: 1 }, { ok, n })).checks.measure([
        { check: "a", node: null, context: {}, quiet: true },
      ]);
      return answer;
    };
    expect(await quietly(2, true)).toMatchObject({ verdict: "pass", observed: expect.not.stringContaining("n 2") });
    expect(await quietly(2, false)).toMatchObject({ verdict: "fail", observed: "n2: n 2; 1 of 2 passed" });
    expect(await quietly(9, true)).toMatchObject({ verdict: "pass", fatal: true, observed: expect.stringContaining("n 9") });
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
      readings: { f: { kind: "facts", about: "node", as: "json", timeoutMs: 1, optional: false } },
      pass: "false",
    });
    const answer = await one(rig([long], {}, { nodeFacts: async () => ({}) }), "a");
    expect(answer.observed.length).toBeLessThanOrEqual(900);
  });
});

it("an unknown check is said to be unknown", async () => {
  await expect(one(rig([], {}), "nothing")).rejects.toMatchObject({ exit: "invalid-document", code: "unknown-check" });
});

it("describes a check for messages", () => {
  expect(rig([check("a")], {}).checks.describe("a")).toEqual({ title: "t", remedy: "r", expects: "w" });
});
