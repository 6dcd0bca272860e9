import { describe, expect, it } from "vitest";
import { observedText } from "../../src/check/observed.ts";
import { needValidWaivers, printOf, waiversOf } from "../../src/cli/waivers.ts";
import type { Finding, Plan } from "../../src/domain/plan.ts";
import { capturedIo } from "./captured-io.ts";

const io = capturedIo("/");
const asked = { waive: ["unit-health@1a2b3c4d"], reason: "known, CHG-7", waiveUntil: "2026-12-01" };

describe("--waive", () => {
  it("names a finding, the value that was seen, a reason and a last day; who says so is who types", () => {
    expect(waiversOf(io, { ...asked, waive: ["unit-health@1a2b3c4d", "marathon-quiet@00ff00ff"] })).toEqual([
      { finding: "unit-health", print: "1a2b3c4d", person: "op@host", reason: "known, CHG-7", until: "2026-12-01" },
      { finding: "marathon-quiet", print: "00ff00ff", person: "op@host", reason: "known, CHG-7", until: "2026-12-01" },
    ]);
    expect(waiversOf(io, { waive: [] })).toEqual([]);
  });

  it.each([
    ["no value", { ...asked, waive: ["unit-health"] }, "waive.no-value"],
    ["no value after the sign", { ...asked, waive: ["unit-health@"] }, "waive.no-value"],
    ["a value nobody printed", { ...asked, waive: ["unit-health@everything"] }, "waive.no-value"],
    ["no reason", { waive: asked.waive, waiveUntil: asked.waiveUntil }, "waive.no-reason"],
    ["an empty reason", { ...asked, reason: "  " }, "waive.no-reason"],
    ["no last day", { waive: asked.waive, reason: asked.reason }, "waive.no-end"],
    ["a day that does not exist", { ...asked, waiveUntil: "2026-02-30" }, "waive.bad-date"],
    ["no day at all", { ...asked, waiveUntil: "tomorrow" }, "waive.bad-date"],
    ["a day that is over", { ...asked, waiveUntil: "1969-12-31" }, "waive.expired"],
    ["one finding twice", { ...asked, waive: ["a@00000000", "a@11111111"] }, "waive.twice"],
    ["a reason for nothing", { waive: [], reason: "x" }, "waive.nothing"],
  ])("is a mistake of usage with %s", (_, options, code) => {
    expect(() => waiversOf(io, options)).toThrow(expect.objectContaining({ name: "PawlError", exit: "usage", code }));
  });

  it("gives every other value another fingerprint, and the same value always the same", () => {
    const finding: Finding = {
      id: "disk-space",
      severity: "waivable",
      verdict: "fail",
      title: "t",
      expected: "e",
      observed: "a1: 3 GB",
      nodes: ["a1"],
      remedy: "r",
      refusal: false,
    };
    const others = [{ observed: "a1: 2 GB" }, { nodes: ["a2"] }, { verdict: "inconclusive" as const }, { id: "other" }];
    const prints = [finding, ...others.map((over) => ({ ...finding, ...over }))].map((one) => printOf(one));
    expect(new Set(prints).size).toBe(prints.length);
    expect(printOf({ ...finding, title: "worded otherwise", remedy: "also" })).toBe(prints[0]);
  });
});

describe("the fingerprint of a check's finding", () => {
  it("is one of all that was seen, also where the sentence names five subjects of many and cuts what they said", () => {
    const seen = (values: readonly string[]) => {
      const subjects = values.map((value, at) => ({ subject: `a${at + 1}`, verdict: "fail" as const, why: null, value }));
      const observed = observedText(subjects.map((one) => ({ ...one, detail: null, fatal: false })));
      const finding: Finding = {
        id: "unit-health",
        severity: "waivable",
        verdict: "fail",
        title: "t",
        expected: "e",
        observed,
        nodes: subjects.map((one) => one.subject),
        remedy: "r",
        refusal: false,
      };
      return { observed, print: printOf(finding, { subjects }) };
    };
    const five = ["1", "2", "3", "4", "5"];
    const long = "dcos-telegraf.service failed, ".repeat(8);
    const pairs = [
      [seen([...five, "dcos-telegraf failed"]), seen([...five, "dcos-mesos-slave failed"])],
      [seen([`${long}dcos-telegraf failed`]), seen([`${long}dcos-mesos-slave failed`])],
    ] as const;
    for (const [then, now] of pairs) {
      expect(now.observed).toBe(then.observed);
      expect(now.print).not.toBe(then.print);
    }
    expect(seen([long]).print).toBe(seen([long]).print);
  });
});

describe("a resume", () => {
  const waivers = [
    { ...asked, finding: "unit-health", print: "1a2b3c4d", observed: "x", person: "ada@desk", until: "2026-11-30" },
  ];
  const plan = { waivers, inputs: { target: "1.11.3" }, sources: { inventory: "c.yaml" }, journey: null } as unknown as Plan;

  it("is refused once a waiver has ended that its plan stands on, with the way to waive it again", () => {
    expect(() => needValidWaivers(plan, Date.parse("2026-11-30T12:00:00Z"))).not.toThrow();
    expect(() => needValidWaivers(plan, Date.parse("2026-12-01T00:00:00Z"))).toThrow(
      expect.objectContaining({
        exit: "refused",
        code: "waiver-expired",
        details: expect.objectContaining({ next: expect.stringContaining("pawl preflight -i c.yaml --to 1.11.3") }),
      }),
    );
    expect(() => needValidWaivers({ ...plan, waivers: [] }, Date.parse("2030-01-01"))).not.toThrow();
  });
});
