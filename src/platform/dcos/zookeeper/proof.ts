import { PawlError, type Problem } from "../../../domain/errors.ts";
import type { JsonRecord } from "../../../domain/json.ts";
import { allSteps, type Facts, type Finding, type Step } from "../../../domain/plan.ts";
import type { Effect, StepContext, StepKind } from "../../../engine/ports.ts";
import { drill, zxidFrom, type Backup } from "../../../zookeeper/drill.ts";
import type { ProofDocument } from "../../../zookeeper/proof-document.ts";
import type { Scratch } from "../../../zookeeper/scratch-server.ts";
import { record, text } from "../../../domain/json-fields.ts";
import { finding } from "../../../domain/judgement.ts";
import { zookeeperDump } from "./dump.ts";
import { zookeeperTar } from "./tar.ts";

export const PROOF_KIND = "dcos/zookeeper-proof";
/** The finding a person may let stand: without Java and ZooKeeper nothing can be proven (issue: not proven needs a waiver). */
export const PROVABLE = "zookeeper-provable";
/** How scratch servers are made for an inventory. */
export type ScratchOf = (ctx: Pick<StepContext, "inventory">) => Scratch;

/** A copy that the plan announced and this run does not have: its step was forced, or set aside. */
interface Absent {
  readonly copy: string;
  readonly step: string;
  /** The person who let it stand, and the reason; null: nobody did. */
  readonly decided: string | null;
}

/** Who moves steps without being a person. */
const NOBODY: readonly string[] = ["", "engine", "policy"];

interface Announced {
  readonly present: readonly { readonly step: Step; readonly output: JsonRecord }[];
  readonly absent: readonly Absent[];
}

function announced(ctx: Pick<StepContext, "plan" | "record">, kind: string, name: (step: Step) => string): Announced {
  const present: Announced["present"][number][] = [];
  const absent: Absent[] = [];
  for (const step of allSteps(ctx.plan).filter((one) => one.kind === kind)) {
    const { output, status, actor, note } = ctx.record(step.address);
    const found = record(output);
    if (text(found["sha256"]) !== null) present.push({ step, output: found });
    else {
      const decided = status === "complete" && !NOBODY.includes(actor) ? `${actor}: ${note ?? "no reason"}` : null;
      absent.push({ copy: name(step), step: step.address, decided });
    }
  }
  return { present, absent };
}

function failed(ctx: StepContext, problem: Problem): Effect {
  return { kind: "failed", problem: { next: `Mend it, then: ${ctx.spell("retry", ctx.step.address)}`, ...problem } };
}

/** What this run has of a backup, and what it should have and has not. */
function backupOf(ctx: StepContext): { readonly backup: Backup; readonly absent: readonly Absent[] } {
  const dumps = announced(ctx, zookeeperDump.name, () => "dump");
  const tars = announced(ctx, zookeeperTar.name, (step) => `tar of ${step.node ?? step.address}`);
  const output = dumps.present.at(-1)?.output;
  return {
    backup: {
      dump: output === undefined ? null : dumpOf(ctx, output),
      folders: tars.present.map(({ step, output: told }) => ({
        name: `tar of ${step.node ?? step.address}`,
        begun: zxidFrom(text(told["zxid"])),
        open: () => ctx.artifacts.stream({ sha256: text(told["sha256"]) ?? "" }),
      })),
      guano: [],
    },
    absent: tars.absent,
  };
}

/** The dump behind the output of a step that made one. */
export function dumpOf(ctx: Pick<StepContext, "artifacts">, output: JsonRecord): NonNullable<Backup["dump"]> {
  const sha256 = text(output["sha256"]) ?? "";
  return {
    name: `dump of ${text(output["node"]) ?? "a master"}`,
    indexSha256: text(output["indexSha256"]),
    open: () => ctx.artifacts.stream({ sha256 }),
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

export function waiverOf(ctx: Pick<StepContext, "plan">): string | null {
  const waiver = ctx.plan.waivers?.find((one) => one.finding === PROVABLE);
  return waiver === undefined ? null : `${waiver.person}: ${waiver.reason}`;
}

/** The command of a new run: this one keeps the backup it has made. */
export function again(ctx: StepContext): string {
  const { sources, inputs, journey } = ctx.plan;
  const target = journey?.goal ?? inputs["target"];
  return target === undefined
    ? `pawl backup zookeeper -i ${sources.inventory}`
    : `pawl upgrade -i ${sources.inventory} --to ${target}`;
}

function absentText(one: Absent): string {
  return `no ${one.copy}: ${one.step} was let stand without one${one.decided === null ? "" : ` by ${one.decided}`}`;
}

async function prove(ctx: StepContext, scratch: Scratch): Promise<Effect> {
  const { backup, absent } = backupOf(ctx);
  const undecided = absent.filter((one) => one.decided === null);
  if (undecided.length > 0)
    return failed(ctx, {
      code: "zookeeper-copy-missing",
      text: `${ctx.step.address}: the run has not every copy that its plan announced.`,
      expected: "a copy of every master's folders, or a person who lets one be missing (force-complete, with a reason)",
      observed: undecided.map(absentText).join("; "),
      next: `Make it: ${undecided.map((one) => ctx.spell("retry", one.step)).join("; ")}; then: ${ctx.spell("retry", ctx.step.address)}`,
    });
  return proveBackup(ctx, scratch, backup, absent.map(absentText));
}

/**
 * Brings a backup back in scratch servers of its own, and keeps what came of it. `absent`: copies that a person let be missing, in words: told
 * with the proof, which is then one of the others only. Without Java and ZooKeeper it is done, unproven, only where a waiver stands for it.
 */
export async function proveBackup(
  ctx: StepContext,
  scratch: Scratch,
  backup: Backup,
  absent: readonly string[],
): Promise<Effect> {
  const tool = scratch.find();
  const at = new Date(ctx.clock.now()).toISOString();
  if (tool.kind === "missing") {
    const waived = waiverOf(ctx);
    const document = { title: "ZooKeeper backup: not proven", verdict: "not proven", at, reason: tool.reason, waived, absent };
    const evidence = await keep(ctx, document);
    if (waived !== null)
      return {
        kind: "done",
        note: [`not proven: ${tool.reason}; let stand by ${waived}`, ...absent].join("; "),
        output: { verdict: "not proven", at },
      };
    return failed(ctx, {
      code: "zookeeper-not-provable",
      text: `${ctx.step.address}: the backup is not proven.`,
      expected: "Java and ZooKeeper on the machine pawl runs on",
      observed: tool.reason,
      evidence: [evidence],
      next: `Install Java and ZooKeeper (Debian: package zookeeper), or name them in settings.zookeeper of the inventory, then: ${ctx.spell("retry", ctx.step.address)}`,
    });
  }
  if (backup.dump === null)
    return failed(ctx, { code: "zookeeper-no-dump", text: `${ctx.step.address}: there is no dump in this run to compare with.` });
  const proving = (): Promise<ProofDocument> => drill(scratch, backup, { at, say: (line) => ctx.say(line) });
  try {
    const result = await (ctx.clock.during?.(proving) ?? proving());
    const evidence = await keep(ctx, { ...result.document, absent });
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
    const note = [`proven: ${String(count)} copies came back`, ...absent].join("; ");
    return { kind: "done", note, output: { verdict: "proven", at, copies: count, absent } };
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
