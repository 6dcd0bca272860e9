import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import type { Check, CheckScope, ReadingSpec } from "../../src/domain/documents.ts";
import { PawlError } from "../../src/domain/errors.ts";
import type { Json } from "../../src/domain/json.ts";
import { check, jq, METRIC, one, rig } from "./rig.ts";

afterAll(() => jq.close());

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
    const spec: ReadingSpec = { kind: "facts", about: "node", as: "json", ...common };
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
