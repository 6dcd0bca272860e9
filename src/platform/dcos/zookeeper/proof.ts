import { PawlError, type Problem } from "../../../domain/errors.ts";
import type { JsonRecord } from "../../../domain/json.ts";
import { allSteps, type Facts, type Finding, type Step } from "../../../domain/plan.ts";
import type { Effect, StepContext, StepKind } from "../../../engine/ports.ts";
import { drill, zxidFrom, type Backup } from "../../../zookeeper/drill.ts";
import type { ProofDocument } from "../../../zookeeper/proof-document.ts";
import type { Scratch } from "../../../zookeeper/scratch-server.ts";
import { record, text } from "../../../domain/json-fields.ts";
import { finding } from "../preflight/judgement.ts";
import { zookeeperDump } from "./dump.ts";
import { zookeeperTar } from "./tar.ts";

const PROOF_KIND = "dcos/zookeeper-proof";
/** The finding a person may let stand: without Java and ZooKeeper nothing can be proven (issue: not proven needs a waiver). */
export const PROVABLE = "zookeeper-provable";
/** How old a proof may be when the first master is touched. */
const PROOF_AGE_MS = 60 * 60_000;

/** How scratch servers are made for an inventory. */
export type ScratchOf = (ctx: Pick<StepContext, "inventory">) => Scratch;

function stepsOf(
  ctx: Pick<StepContext, "plan" | "record">,
  kind: string,
): readonly { readonly step: Step; readonly output: JsonRecord }[] {
  return allSteps(ctx.plan)
    .filter((step) => step.kind === kind)
    .flatMap((step) => {
      const output = record(ctx.record(step.address).output);
      return text(output["sha256"]) === null ? [] : [{ step, output }];
    });
}

function failed(ctx: StepContext, problem: Problem): Effect {
  return { kind: "failed", problem: { next: `Mend it, then: ${ctx.spell("retry", ctx.step.address)}`, ...problem } };
}

/** What this run has of a backup. */
function backupOf(ctx: StepContext): Backup {
  const dump = stepsOf(ctx, zookeeperDump.name).at(-1)?.output;
  const sha256 = text(dump?.["sha256"]) ?? "";
  return {
    dump:
      dump === undefined
        ? null
        : {
            name: `dump of ${text(dump["node"]) ?? "a master"}`,
            indexSha256: text(dump["indexSha256"]),
            open: () => ctx.artifacts.stream({ sha256 }),
          },
    folders: stepsOf(ctx, zookeeperTar.name).map(({ step, output }) => ({
      name: `tar of ${step.node ?? step.address}`,
      begun: zxidFrom(text(output["zxid"])),
      open: () => ctx.artifacts.stream({ sha256: text(output["sha256"]) ?? "" }),
    })),
    guano: [],
  };
}

async function keep(ctx: StepContext, document: JsonRecord): Promise<string> {
  const kept = await ctx.artifacts.put(
    {
      name: `${ctx.step.address}/zookeeper-proof.json`,
      mediaType: "application/json",
      step: ctx.step.address,
      node: null,
      evidenceOf: "that the backup of ZooKeeper comes back, or what does not",
    },
    `${JSON.stringify(document, null, 1)}\n`,
  );
  await ctx.recorded(kept);
  return `artifacts/${kept.sha256}`;
}

function waiverOf(ctx: Pick<StepContext, "plan">): string | null {
  const waiver = ctx.plan.waivers?.find((one) => one.finding === PROVABLE);
  return waiver === undefined ? null : `${waiver.person}: ${waiver.reason}`;
}

/** The command of a new run: this one keeps the backup it has made. */
function again(ctx: StepContext): string {
  const { sources, inputs, journey } = ctx.plan;
  const target = journey?.goal ?? inputs["target"];
  return target === undefined
    ? `pawl backup zookeeper -i ${sources.inventory}`
    : `pawl upgrade -i ${sources.inventory} --to ${target}`;
}

async function prove(ctx: StepContext, scratch: Scratch): Promise<Effect> {
  const tool = scratch.find();
  const at = new Date(ctx.clock.now()).toISOString();
  if (tool.kind === "missing") {
    const waived = waiverOf(ctx);
    const document = { title: "ZooKeeper backup: not proven", verdict: "not proven", at, reason: tool.reason, waived };
    const evidence = await keep(ctx, document);
    if (waived !== null)
      return { kind: "done", note: `not proven: ${tool.reason}; let stand by ${waived}`, output: { verdict: "not proven", at } };
    return failed(ctx, {
      code: "zookeeper-not-provable",
      text: `${ctx.step.address}: the backup is not proven.`,
      expected: "Java and ZooKeeper on the machine pawl runs on",
      observed: tool.reason,
      evidence: [evidence],
      next: `Install Java and ZooKeeper (Debian: package zookeeper), or name them in settings.zookeeper of the inventory, then: ${ctx.spell("retry", ctx.step.address)}`,
    });
  }
  const backup = backupOf(ctx);
  if (backup.dump === null)
    return failed(ctx, { code: "zookeeper-no-dump", text: `${ctx.step.address}: there is no dump in this run to compare with.` });
  const proving = (): Promise<ProofDocument> => drill(scratch, backup, { at, say: (line) => ctx.say(line) });
  try {
    const result = await (ctx.clock.during?.(proving) ?? proving());
    const evidence = await keep(ctx, result.document);
    if (!result.proven)
      return failed(ctx, {
        code: "zookeeper-backup-differs",
        text: `${ctx.step.address}: the backup does not come back as it was read.`,
        expected: "every znode with its data, ACL and kind, or a difference that is explained",
        observed: result.faults.join("; "),
        evidence: [evidence],
        next: `Look at the master named here and its disk. Then make the backup again, in a new run: ${again(ctx)}`,
      });
    const copies = result.document["copies"];
    const count = Array.isArray(copies) ? copies.length : 0;
    return { kind: "done", note: `proven: ${String(count)} copies came back`, output: { verdict: "proven", at, copies: count } };
  } catch (error) {
    // Captured bytes that are missing or were changed.
    if (!(error instanceof PawlError)) throw error;
    return failed(ctx, {
      code: "zookeeper-unproven",
      text: `${ctx.step.address}: the backup could not be brought back.`,
      expected: "archives that a scratch server starts from",
      observed: error.message,
    });
  }
}

/**
 * Proves the backups of this run: every tar is unpacked and a scratch server started on it, the dump is restored into an empty one, and
 * each tree compared with the one that was read. The output has the time: a master's permission looks at it.
 */
export function zookeeperProof(scratchOf: ScratchOf): StepKind {
  return {
    name: PROOF_KIND,
    effect: "read",
    shows: () => [
      "restores each copy into a scratch ZooKeeper server on this machine's loopback, and compares every znode; the cluster is not asked",
    ],
    doIt: (ctx) => prove(ctx, scratchOf(ctx)),
  };
}

/** Whether this machine can prove a backup: asked before an upgrade, so that the run does not find out in its middle. */
export function provableFinding(facts: Facts, target: string | undefined): readonly Finding[] {
  const scratch = record(facts.baseline["scratch"]);
  return target === undefined || text(scratch["kind"]) === null ? [] : [provability(scratch)];
}

/** The finding about what a scratch server is made with (`Scratch.find`). */
export function provability(scratch: JsonRecord): Finding {
  const found = text(scratch["kind"]) === "found";
  return finding({
    id: PROVABLE,
    title: "The backup of ZooKeeper can be proven here, by restoring it into a server of its own",
    expected: "Java and ZooKeeper on the machine pawl runs on",
    good: text(scratch["what"]) ?? "",
    bad: found ? [] : [{ node: null, text: `not proven: ${text(scratch["reason"]) ?? "nothing found"}` }],
    unknown: [],
    severity: "waivable",
    remedy:
      "Install Java and ZooKeeper (Debian: package zookeeper), or name them in settings.zookeeper of the inventory. Waived, the masters are upgraded with a backup that nobody has tried.",
  });
}

/**
 * Whether the proof is young enough for the first master to be touched: pure. Null: it is, or the plan has no such step, or a master was
 * touched already. A proof that a waiver stands for must be on record too.
 */
export function judgeProof(ctx: Pick<StepContext, "plan" | "record" | "step">, nowMs: number): Problem | null {
  const steps = allSteps(ctx.plan);
  const proofs = steps.filter((step) => step.kind === PROOF_KIND);
  const masters = new Set(ctx.plan.phases.filter((phase) => phase.role === "master").map((phase) => phase.name));
  const touched = steps.some(
    (step) => masters.has(step.phase) && step.effect !== "read" && ctx.record(step.address).startedAt !== null,
  );
  if (proofs.length === 0 || touched) return null;
  const ages = proofs.flatMap((step) => {
    const output = record(ctx.record(step.address).output);
    const at = Date.parse(text(output["at"]) ?? "");
    return Number.isNaN(at) ? [] : [{ ageMs: nowMs - at, verdict: text(output["verdict"]) ?? "" }];
  });
  const [youngest] = ages.toSorted((one, other) => one.ageMs - other.ageMs);
  const expected = `a proof of the ZooKeeper backup in this run, no older than ${String(PROOF_AGE_MS / 60_000)} min`;
  const next = "Begin a new run: it makes the backup and its proof anew. No master has been touched.";
  if (youngest === undefined)
    return {
      code: "zookeeper-proof-missing",
      text: "The backup of ZooKeeper is not proven.",
      expected,
      observed: "no proof on record",
      next,
    };
  if (youngest.verdict !== "proven" && waiverOf(ctx) === null)
    return {
      code: "zookeeper-proof-missing",
      text: "The backup of ZooKeeper is not proven.",
      expected,
      observed: youngest.verdict,
      next,
    };
  if (youngest.ageMs <= PROOF_AGE_MS) return null;
  const minutes = Math.round(youngest.ageMs / 60_000);
  return {
    code: "zookeeper-proof-old",
    text: "The proof of the ZooKeeper backup is too old.",
    expected,
    observed: `${String(minutes)} min`,
    next,
  };
}
