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
