import { afterAll, describe, expect, it } from "vitest";
import { createJq } from "../../src/check/jq.ts";
import type { JqResult } from "../../src/check/jq.ts";
import { proveCanFail } from "../../src/check/prove.ts";
import { loadChecks } from "../../src/document/load.ts";
import type { Check } from "../../src/domain/documents.ts";
import { checks as dcosChecks } from "./material.ts";
import { mutantsOf } from "./mutants.ts";

/** The suite shares two cores: a round of many mutants is given time. */
const jq = createJq({ timeoutMs: 300_000 });
afterAll(() => jq.close());

const checks: readonly Check[] = [...dcosChecks, ...(await loadChecks("checks/swarm")).map((one) => one.document)];

/** Mutants per round of jq. */
const TOGETHER = 40;

/** Of all mutants, the share that must be refused by the documents' own recordings. */
const LEAST_SHARE = 0.95;

interface MutantCheck {
  readonly change: string;
  readonly check: Check;
}

/** The check with one thing wrong in it: filters, optional readings, the gate, what ends it at once. */
function mutantChecks(check: Check): readonly MutantCheck[] {
  const { fatal, gate } = check;
  const gated = (change: string, less: Partial<Check["gate"]>) => ({ change, check: { ...check, gate: { ...gate, ...less } } });
  return [
    ...mutantsOf(check.pass).map(({ change, filter }) => ({ change: `pass: ${change}`, check: { ...check, pass: filter } })),
    ...(fatal === undefined
      ? []
      : [{ change: "fatal: removed", filter: "false" }, ...mutantsOf(fatal)].map(({ change, filter }) => ({
          change: `fatal: ${change}`,
          check: { ...check, fatal: filter },
        }))),
    ...Object.entries(check.readings).map(([name, reading]) => ({
      change: `read: ${name} ${reading.optional ? "demanded" : "optional"}`,
      check: { ...check, readings: { ...check.readings, [name]: { ...reading, optional: !reading.optional } } },
    })),
    ...(gate.consecutivePasses > 1 ? [gated("gate: a pass fewer", { consecutivePasses: gate.consecutivePasses - 1 })] : []),
    ...(gate.consecutivePasses > 1 || gate.spanMs > 0 ? [gated("gate: one pass", { consecutivePasses: 1, spanMs: 0 })] : []),
    ...(gate.spanMs > 0
      ? [
          gated("gate: no span", { spanMs: 0 }),
          gated("gate: half the span", { spanMs: gate.spanMs / 2 }),
          gated("gate: a second less", { spanMs: gate.spanMs - 1000 }),
        ]
      : []),
  ];
}

/** A text jq does not take is no mutant: whoever writes it is told so by the first run. */
async function compiling(mutants: readonly MutantCheck[]): Promise<readonly MutantCheck[]> {
  const results = await jq.evaluate(
    mutants.flatMap(({ check }) => [check.pass, check.fatal ?? "false"].map((filter) => ({ filter, input: null, vars: {} }))),
  );
  const broken = (result: JqResult | undefined) =>
    result?.kind === "error" && /compile error|syntax error|not defined/.test(result.error);
  return mutants.filter((_, index) => !broken(results[index * 2]) && !broken(results[index * 2 + 1]));
}

/** The mutants that the recordings do not find. First without spoilt answers, which cost most and are needed for few. */
async function survivors(mutants: readonly MutantCheck[]): Promise<readonly MutantCheck[]> {
  let alive = mutants;
  for (const extent of ["recordings", "spoilt answers too"] as const) {
    const still: MutantCheck[] = [];
    for (let from = 0; from < alive.length; from += TOGETHER) {
      const some = alive.slice(from, from + TOGETHER);
      const proofs = await proveCanFail(
        some.map(({ check }) => ({ ...check, show: "null" })),
        jq,
        extent,
      );
      // A round that jq itself did not survive would count every mutant as refused.
      expect(proofs.filter((proof) => /jq worker|did not end|ended jq/.test(proof.complaint ?? ""))).toEqual([]);
      still.push(...some.filter((_, index) => proofs[index]?.canFail === true));
    }
    alive = still;
  }
  return alive;
}

/**
 * Mutants that no reading can tell from the check, by a part of their name. They count as survivors all the same: the list is
 * for whoever reads the score.
 */
const EQUIVALENT: readonly (readonly [RegExp, string])[] = [
  [/fatal: the whole filter (?:all|any) of its outputs/, "the filter gives one output or none, and none is not fatal either way"],
  [/fatal: the whole filter true where it gives nothing/, "it never gives nothing"],
  [/fatal: the whole filter caught as true/, "it never breaks"],
  [/fatal: numbers/, "only what also has no verdict differs, and a gate ends at once on a fail or never"],
  [/gate: a pass fewer/, "of two passes: a span needs two readings by itself"],
  [/config-equal .*\$first/, "the shortcut only saves counting: without it every node is counted"],
  [/config-equal .*\$mine/, "the shortcut only saves counting: without it every node is counted"],
  [/one-leader .*whole filter/, "it gives one output, always"],
  [/one-leader .*objects dropped/, "an answer that is missing has no key either"],
  [/caught as true/, "it breaks on answers no check could read, and on those every other reading is missing as well"],
  [
    /zookeeper-quorum .*(?:message|if false|\.mntr renamed)/,
    "a sentence instead of a table has no state: it would be undecided instead of failed",
  ],
  [/tasks-running .*"" to/, "every task has a slave_id"],
];

const scores: { readonly name: string; readonly refused: number; readonly mutants: number }[] = [];

describe("a check with one thing wrong in it is found by its own recordings", () => {
  for (const check of checks) {
    it(check.name, { timeout: 300_000 }, async () => {
      const mutants = await compiling(mutantChecks(check));
      const alive = await survivors(mutants);
      scores.push({ name: check.name, refused: mutants.length - alive.length, mutants: mutants.length });
      const told = alive.map(({ change }) => ({
        change,
        reason: EQUIVALENT.find(([pattern]) => pattern.test(`${check.name} ${change}`))?.[1] ?? null,
      }));
      const named = told.map(({ change, reason }) => `  ${change}${reason === null ? "" : ` (${reason})`}`);
      if (named.length > 0)
        console.info(`${check.name}: ${mutants.length - alive.length} of ${mutants.length}\n${named.join("\n")}`);
      // Survivors without a reason; one check alone may be small: of 20 mutants a single one is 5 %.
      expect(told.filter(({ reason }) => reason === null).length, named.join("\n")).toBeLessThanOrEqual(
        Math.max(1, mutants.length * 0.05),
      );
    });
  }

  it("at least 95 of 100 over all checks", () => {
    expect(scores).toHaveLength(checks.length);
    const refused = scores.reduce((sum, one) => sum + one.refused, 0);
    const mutants = scores.reduce((sum, one) => sum + one.mutants, 0);
    console.info(
      [...scores.map((one) => `${one.name}: ${one.refused} of ${one.mutants}`), `all: ${refused} of ${mutants}`].join("\n"),
    );
    expect(mutants).toBeGreaterThan(2_000);
    expect(refused / mutants).toBeGreaterThanOrEqual(LEAST_SHARE);
  });
});
