import type { Problem } from "../../../domain/errors.ts";
import { allSteps } from "../../../domain/plan.ts";
import type { StepContext } from "../../../engine/ports.ts";
import { record, text } from "../../../domain/json-fields.ts";
import { zookeeperDump } from "./dump.ts";
import { again, dumpOf, PROOF_KIND, proveBackup, waiverOf, type ScratchOf } from "./proof.ts";

/** How old a proof may be when the first master is touched. */
const PROOF_AGE_MS = 60 * 60_000;
const MINUTE_MS = 60_000;
const EXPECTED = `a proof of the ZooKeeper backup in this run, no older than ${String(PROOF_AGE_MS / MINUTE_MS)} min`;

export type ProofVerdict =
  | { readonly kind: "good" }
  /** Proven, but so long ago: a dump made and proven now stands in for it. */
  | { readonly kind: "old"; readonly ageMs: number }
  | { readonly kind: "bad"; readonly problem: Problem };

/**
 * Whether the proof is young enough for the first master to be touched: pure. Good where the plan has no such step, or a master was
 * touched already. A proof that a waiver stands for must be on record too.
 */
export function judgeProof(ctx: Pick<StepContext, "plan" | "record">, nowMs: number): ProofVerdict {
  const steps = allSteps(ctx.plan);
  const proofs = steps.filter((step) => step.kind === PROOF_KIND);
  const masters = new Set(ctx.plan.phases.filter((phase) => phase.role === "master").map((phase) => phase.name));
  const touched = steps.some(
    (step) => masters.has(step.phase) && step.effect !== "read" && ctx.record(step.address).startedAt !== null,
  );
  if (proofs.length === 0 || touched) return { kind: "good" };
  const ages = proofs.flatMap((step) => {
    const output = record(ctx.record(step.address).output);
    const at = Date.parse(text(output["at"]) ?? "");
    return Number.isNaN(at) ? [] : [{ ageMs: nowMs - at, verdict: text(output["verdict"]) ?? "" }];
  });
  const [youngest] = ages.toSorted((one, other) => one.ageMs - other.ageMs);
  if (youngest === undefined || (youngest.verdict !== "proven" && waiverOf(ctx) === null)) {
    const problem: Problem = {
      code: "zookeeper-proof-missing",
      text: "The backup of ZooKeeper is not proven.",
      expected: EXPECTED,
      observed: youngest?.verdict ?? "no proof on record",
      next: "Begin a new run: it makes the backup and its proof anew. No master has been touched.",
    };
    return { kind: "bad", problem };
  }
  return youngest.ageMs <= PROOF_AGE_MS ? { kind: "good" } : { kind: "old", ageMs: youngest.ageMs };
}

/**
 * Whether the first master may be touched as far as the backup goes. Where its proof has become too old while somebody thought it over, the
 * znodes are read again now and that dump is proven: the copies of the folders were proven when they were made, and stay what they are.
 * Only reads the cluster. Null: it may; `note` says what was made anew.
 */
export async function requireProof(
  ctx: StepContext,
  scratchOf: ScratchOf,
): Promise<{ readonly note: string | null; readonly problem: Problem | null }> {
  const verdict = judgeProof(ctx, ctx.clock.now());
  if (verdict.kind === "good") return { note: null, problem: null };
  if (verdict.kind === "bad") return { note: null, problem: verdict.problem };
  const minutes = `${String(Math.round(verdict.ageMs / MINUTE_MS))} min`;
  ctx.say(`The proof of the ZooKeeper backup is ${minutes} old: the znodes are read again, and that dump is proven.`);
  const refused = (problem: Problem): { readonly note: null; readonly problem: Problem } => ({
    note: null,
    problem: {
      ...problem,
      code: "zookeeper-proof-old",
      text: `The proof of the ZooKeeper backup is too old (${minutes}), and a new one could not be made. ${problem.text}`,
      expected: EXPECTED,
      next: `Mend what is said here; then the backup is made and proven again: ${ctx.spell("resume")}. Or begin a new run: ${again(ctx)}. No master has been touched.`,
    },
  });
  const dumped = await zookeeperDump.doIt(ctx);
  if (dumped.kind !== "done") return refused(problemOf(dumped));
  const dump = dumpOf(ctx, record(dumped.output ?? null));
  const proven = await proveBackup(ctx, scratchOf(ctx), { dump, folders: [], guano: [] }, []);
  if (proven.kind !== "done") return refused(problemOf(proven));
  return { note: `the proof of the ZooKeeper backup was ${minutes} old; made again: ${proven.note ?? ""}`, problem: null };
}

function problemOf(effect: { readonly kind: string; readonly problem?: Problem }): Problem {
  return effect.problem ?? { code: "zookeeper-proof-old", text: effect.kind };
}
