import { expect, it } from "vitest";
import type { Jq } from "../../src/check/jq.ts";
import { proveCanFail } from "../../src/check/prove.ts";
import type { Check } from "../../src/domain/documents.ts";

/** What holds for every shipped check of a platform. */
export function itProves(checks: readonly Check[], jq: Jq): void {
  it("each refuse every bad reading they ship with, pass every good one, and pass none of these with a spoilt answer", async () => {
    const proofs = await proveCanFail(checks, jq);
    expect(proofs.flatMap((proof) => proof.complaint ?? [])).toEqual([]);
  });

  it("each ship with a bad and a good reading; a gate that wants several passes says which of them are too few", () => {
    expect(checks.filter((check) => check.refuses.length === 0 || (check.accepts ?? []).length === 0)).toEqual([]);
    const steady = checks.filter(({ gate }) => gate.consecutivePasses > 1 || gate.spanMs > 0);
    expect(steady.filter((check) => (check.unsteady ?? []).length === 0).map((check) => check.name)).toEqual([]);
  });

  it("each show a value for every bad reading that was read, without an error of their own", async () => {
    const proofs = await proveCanFail(checks, jq, "recordings");
    const mute = proofs.flatMap((proof) =>
      proof.proofs.filter((one) => one.observed.includes("nothing to show")).map((one) => `${proof.check}: ${one.reading}`),
    );
    expect(mute).toEqual([]);
  });
}
