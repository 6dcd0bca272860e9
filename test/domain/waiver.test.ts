import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Finding } from "../../src/domain/plan.ts";
import { applyWaivers, isExpired, type WaiverRequest } from "../../src/domain/waiver.ts";
import { printOf } from "../../src/cli/waivers.ts";

const NOW = Date.parse("2026-11-20T15:00:00Z");

function finding(over: Partial<Finding> = {}): Finding {
  return {
    id: "unit-health",
    severity: "waivable",
    verdict: "fail",
    title: "Every unit is healthy",
    expected: "0",
    observed: "a2: dcos-log-agent 1",
    nodes: ["a2"],
    remedy: "Mend it.",
    refusal: false,
    ...over,
  };
}

function request(over: Partial<WaiverRequest> = {}): WaiverRequest {
  return {
    finding: "unit-health",
    print: printOf(finding()),
    person: "ada@desk",
    reason: "known, CHG-7",
    until: "2026-11-30",
    ...over,
  };
}

const world = { print: printOf, known: (name: string): boolean => name === "marathon-lb-fits-1.10", nowMs: NOW };

describe("a waiver", () => {
  it("lets exactly the value stand that was seen, and says who, why and until when", () => {
    const { findings, waivers, refusals } = applyWaivers([finding()], [request()], world);
    expect(waivers).toEqual([{ ...request(), observed: "a2: dcos-log-agent 1" }]);
    expect(findings[0]?.waived).toEqual(waivers[0]);
    expect(refusals).toEqual([]);
  });

  it.each([
    ["another value", finding({ observed: "a2: dcos-log-agent 1; a3: dcos-log-agent 1" })],
    ["another node", finding({ nodes: ["a3"] })],
    ["could not be told instead of failed", finding({ verdict: "inconclusive" })],
  ])("does not hold for %s", (_, now) => {
    const { findings, waivers, refusals } = applyWaivers([now], [request()], world);
    expect([waivers, findings[0]?.waived]).toEqual([[], undefined]);
    expect(refusals).toMatchObject([{ kind: "stale", finding: "unit-health", text: expect.stringContaining(printOf(now)) }]);
  });

  it.each([
    ["a mandatory finding", finding({ severity: "mandatory" }), "refused"],
    ["a refusal of policy", finding({ severity: "mandatory", refusal: true }), "refused"],
    ["an advisory one", finding({ severity: "advisory" }), "needless"],
    ["one that passed", finding({ verdict: "pass" }), "needless"],
  ])("is never honoured for %s, whatever value it names", (_, now, kind) => {
    const { waivers, refusals } = applyWaivers([now], [request({ print: printOf(now) })], world);
    expect([waivers, refusals.map((one) => one.kind)]).toEqual([[], [kind]]);
  });

  it("tells a finding that does not exist from one that belongs to another hop", () => {
    const { refusals } = applyWaivers([], [request(), request({ finding: "marathon-lb-fits-1.10" })], world);
    expect(refusals.map((one) => [one.finding, one.kind])).toEqual([
      ["unit-health", "unknown"],
      ["marathon-lb-fits-1.10", "needless"],
    ]);
  });

  it("ends with its last day, by UTC, and an unreadable day has ended", () => {
    expect(applyWaivers([finding()], [request({ until: "2026-11-19" })], world).refusals).toMatchObject([{ kind: "expired" }]);
    expect(isExpired("2026-11-20", Date.parse("2026-11-20T23:59:59Z"))).toBe(false);
    expect(isExpired("2026-11-20", Date.parse("2026-11-21T00:00:00Z"))).toBe(true);
    expect(isExpired("soon", NOW)).toBe(true);
  });

  it("of any kind never changes a verdict, a mandatory finding, or a finding it does not name", () => {
    const findings = fc.array(
      fc.record({
        id: fc.constantFrom("a", "b", "c", "d"),
        severity: fc.constantFrom("mandatory", "waivable", "advisory"),
        verdict: fc.constantFrom("pass", "fail", "inconclusive"),
        observed: fc.constantFrom("x", "y"),
      }),
      { maxLength: 6 },
    );
    const requests = fc.array(
      fc.record({
        finding: fc.constantFrom("a", "b", "c", "zz"),
        of: fc.constantFrom("x", "y"),
        until: fc.constantFrom("2026-11-19", "2026-12-01"),
      }),
      { maxLength: 4 },
    );
    fc.assert(
      fc.property(findings, requests, (given, wanted) => {
        const all = given.map((one) => finding(one));
        const asked = wanted.map((one) =>
          request({ finding: one.finding, until: one.until, print: printOf(finding({ id: one.finding, observed: one.of })) }),
        );
        const judged = applyWaivers(all, asked, world);
        judged.findings.forEach((one, index) => {
          expect({ ...one, waived: undefined, print: undefined }).toEqual({ ...all[index], waived: undefined, print: undefined });
          if (one.waived === undefined) return;
          expect([one.severity, one.verdict === "pass", one.waived.finding]).toEqual(["waivable", false, one.id]);
          expect(one.waived.print).toBe(printOf(one));
          expect(one.waived.until).toBe("2026-12-01");
        });
        expect(judged.waivers.length + judged.refusals.length).toBe(asked.length);
      }),
      { numRuns: 500, seed: 20261121 },
    );
  });
});
