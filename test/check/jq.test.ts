import { afterAll, describe, expect, it } from "vitest";
import { createJq } from "../../src/check/jq.ts";
import type { JqItem } from "../../src/check/jq.ts";
import type { Json } from "../../src/domain/json.ts";

const jq = createJq();
afterAll(() => jq.close());

function item(filter: string, input: Json = null, vars: JqItem["vars"] = {}): JqItem {
  return { filter, input, vars };
}

describe("filters evaluated together", () => {
  it("give each item its own outputs, in order", async () => {
    const results = await jq.evaluate([item(".a == 1", { a: 1 }), item(".a == 1", { a: 2 }), item(".a, .b", { a: 1, b: [2] })]);
    expect(results).toEqual([
      { kind: "outputs", outputs: [true] },
      { kind: "outputs", outputs: [false] },
      { kind: "outputs", outputs: [1, [2]] },
    ]);
  });

  it("see the five variables, and jq's own functions of the same names", async () => {
    const vars = { subject: { name: "m1" }, all: { m1: 1, m2: 1 }, facts: { n: 2 }, context: { since: 5 }, now: 7 };
    const [names, builtin] = await jq.evaluate([
      item('$subject.name == "m1" and ($all | length) == $facts.n and ($now - $context.since) == 2', null, vars),
      item("([true, true] | all) and (now > 0)", null, vars),
    ]);
    expect(names).toEqual({ kind: "outputs", outputs: [true] });
    expect(builtin).toEqual({ kind: "outputs", outputs: [true] });
  });

  it("see the facts they name, whole where they name no part of them", async () => {
    const facts = { baseline: { leader: "m1", agents: [{ id: "S1" }], lost: null }, nodes: { m1: {} }, at: "then" };
    const filters = [
      ["$facts | keys", ["at", "baseline", "nodes"]],
      ["$facts.baseline | keys", ["agents", "leader", "lost"]],
      ["$facts.baseline.agents[0].id + $facts.at", "S1then"],
      ["$facts.nodes.m1, $facts.nodes.m2, $facts.nothing.at.all", [{}, null, null]],
      ['($facts.at.all? // "none") + ($facts.baseline.lost.more // "-")', "none-"],
      ['$facts."baseline".leader', "m1"],
      ["$facts.baseline.agents | length", 1],
    ] as const;
    for (const [filter, expected] of filters) {
      const [alone] = await jq.evaluate([item(filter, null, { facts })]);
      const outputs = filter.includes(",") ? expected : [expected];
      expect(alone, filter).toEqual({ kind: "outputs", outputs });
    }
    const together = await jq.evaluate(filters.map(([filter]) => item(filter, null, { facts })));
    expect(together.map((one) => (one.kind === "outputs" ? one.outputs.length : one.error))).toEqual([1, 1, 1, 3, 1, 1, 1]);
  });

  it("see readings that several of them share as if each had its own", async () => {
    const metrics = { elected: 1 };
    const [m1, m2] = [
      { metrics, extra: null },
      { metrics, extra: [1, { a: "b" }] },
    ];
    const all = { m1, m2 };
    const results = await jq.evaluate([
      item("[., $all.m2]", m1, { all }),
      item(". == $all.m2 and $all.m1.extra == null", m2, { all }),
    ]);
    expect(results).toEqual([
      { kind: "outputs", outputs: [[m1, m2]] },
      { kind: "outputs", outputs: [true] },
    ]);
  });

  it("keep an error, and one that does not compile, to themselves", async () => {
    const results = await jq.evaluate([
      item(".a.b", { a: 1 }),
      item(".a ==", {}),
      item("true) | (false", {}),
      item("$nothing", {}),
      item(".ok", { ok: true }),
    ]);
    expect(results.map((one) => one.kind)).toEqual(["error", "error", "error", "error", "outputs"]);
    expect(results[0]).toEqual({ kind: "error", error: expect.stringContaining("Cannot index number") });
    expect(results[1]).toEqual({ kind: "error", error: expect.stringContaining("unexpected end of file") });
    expect(results[3]).toEqual({ kind: "error", error: expect.stringContaining("$nothing is not defined") });
  });

  it("survive a neighbour that ends jq, one that comments out the rest, and one that gives outputs without end", async () => {
    const results = await jq.evaluate([
      item("halt"),
      item("halt_error", "gone"),
      item("true # so far \\"),
      item("repeat(true)", true),
      item(". == 3", 3),
    ]);
    expect(results[0]).toEqual({ kind: "error", error: expect.stringContaining("ended jq") });
    expect(results[1]).toEqual({ kind: "error", error: expect.stringContaining("gone") });
    expect(results[3]).toEqual({ kind: "outputs", outputs: [true, true, true] });
    expect(results[4]).toEqual({ kind: "outputs", outputs: [true] });
  });

  it("see no file, no environment and no other item's input", async () => {
    process.env["PAWL_TEST_SECRET"] = "shown";
    const results = await jq.evaluate([
      item("env.PAWL_TEST_SECRET == null"),
      item("try (input | true) catch false"),
      item('include "x"; true'),
    ]);
    expect(results[0]).toEqual({ kind: "outputs", outputs: [true] });
    expect(results[1]).toEqual({ kind: "outputs", outputs: [false] });
    expect(results[2]?.kind).toBe("error");
  });
});

describe("a filter that never ends", () => {
  it("is stopped with its worker; the others of its round and the rounds after it are answered", async () => {
    const impatient = createJq({ timeoutMs: 700 });
    try {
      const results = await impatient.evaluate([item("def f: f; f"), item(". == 1", 1)]);
      expect(results[0]).toEqual({ kind: "error", error: expect.stringContaining("did not end") });
      expect(results[1]).toEqual({ kind: "outputs", outputs: [true] });
      expect(await impatient.evaluate([item(". == 2", 2)])).toEqual([{ kind: "outputs", outputs: [true] }]);
    } finally {
      await impatient.close();
    }
  });
});

it("500 subjects with shared facts are one call, and calls at the same time do not disturb each other", async () => {
  const facts = { ids: Array.from({ length: 2000 }, (_, index) => `task-${index}`) };
  const items = Array.from({ length: 500 }, (_, index) =>
    item("$facts.ids[.n] == $subject.name", { n: index }, { facts, subject: { name: `task-${index}` } }),
  );
  const [one, two] = await Promise.all([jq.evaluate(items), jq.evaluate(items.slice(0, 3))]);
  expect(one.every((result) => result.kind === "outputs" && result.outputs[0] === true)).toBe(true);
  expect(two).toHaveLength(3);
});

it("no items, no call", async () => {
  expect(await jq.evaluate([])).toEqual([]);
});
