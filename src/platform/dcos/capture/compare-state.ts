import { countClasses, explainedDocument } from "../../../difference/explained-document.ts";
import { differenceText } from "../../../difference/snapshot-difference.ts";
import { upgradeSoFar } from "../../../difference/upgrade-so-far.ts";
import { PawlError } from "../../../domain/errors.ts";
import { DOCUMENT_TYPE } from "../../../domain/exhibit.ts";
import type { JsonRecord } from "../../../domain/json.ts";
import type { Effect, StepContext, StepKind } from "../../../engine/ports.ts";
import { parseJson, record, text } from "../../../domain/json-fields.ts";
import { constraintsText } from "./app-definition.ts";
import { componentMatrix } from "./component-matrix.ts";
import { comparable, explainSnapshots, notCompared } from "./explain-snapshots.ts";

/** Sections without which nothing can be said about the upgrade. */
const NEEDED = ["nodes", "agents", "apps", "tasks", "frameworks"];
/** Differences told in the journal; all of them are in the artifact. A line of the journal stays under 4 KiB. */
const MOST_EXAMPLES = 5;
const LONGEST_EXAMPLE = 200;

/** The summary that a capture step of this run left behind. Throws PawlError where there is none to compare. */
async function summaryOf(ctx: StepContext, address: string): Promise<JsonRecord> {
  const sha256 = text(record(ctx.record(address).output)["summary"]);
  const document = sha256 === null ? undefined : parseJson((await ctx.artifacts.read({ sha256 })).toString("utf8"));
  const lacks =
    document === undefined ? NEEDED : NEEDED.filter((name) => (record(record(document)["summary"])[name] ?? null) === null);
  if (document !== undefined && lacks.length === 0) return record(document);
  throw new PawlError("step-failed", "nothing-to-compare", `${ctx.step.address}: ${address} left no whole summary`, {
    expected: `a capture with ${NEEDED.join(", ")}`,
    observed: document === undefined ? "no summary" : `without ${lacks.join(", ")}`,
    next: `Capture again, then compare: ${ctx.spell("retry", ctx.step.address)}`,
  });
}

/** Constraints before and after, app by app (workbook: "had a lot of constraints in 1.9.8, now in 1.10.7 they are gone. Why?"). */
function constraintRows(before: JsonRecord, after: JsonRecord): readonly JsonRecord[] {
  const [old, now] = [record(before["apps"]), record(after["apps"])];
  const shown = (app: JsonRecord | null): string => (app === null ? "no such app" : constraintsText(app) || "none");
  return [...new Set([...Object.keys(old), ...Object.keys(now)])].sort().map((id) => {
    const [was, is] = [old, now].map((apps) => shown(Object.hasOwn(apps, id) ? record(apps[id]) : null));
    return { app: id, before: was ?? "", after: is ?? "", same: was === is };
  });
}

async function keep(ctx: StepContext, name: string, evidenceOf: string, document: JsonRecord): Promise<void> {
  const meta = {
    name: `${ctx.step.address}/${name}`,
    mediaType: DOCUMENT_TYPE,
    step: ctx.step.address,
    node: null,
    evidenceOf,
  };
  await ctx.recorded(await ctx.artifacts.put(meta, `${JSON.stringify(document, null, 1)}\n`));
}

/** Names of a line of the journal, which has an end (design section 3): the first ones, none longer than a line of text. */
function few(names: readonly string[]): readonly string[] {
  return names.slice(0, 20).map((name) => (name.length <= 60 ? name : `${name.slice(0, 59)}…`));
}

async function compare(ctx: StepContext): Promise<Effect> {
  const [from, to] = [text(ctx.step.with["before"]) ?? "", text(ctx.step.with["after"]) ?? ""];
  const [before, after] = [await summaryOf(ctx, from), await summaryOf(ctx, to)];
  const upgrade = upgradeSoFar(ctx.run, ctx.plan, (address) => ctx.record(address));
  const differences = explainSnapshots(before, after, [upgrade]);
  const [earlier, later] = [comparable(before), comparable(after)];
  const unread = notCompared(earlier, later);
  const counts = countClasses(differences);
  await keep(
    ctx,
    "differences.json",
    "every difference between before and after, and what explains it",
    explainedDocument(`What is different after the upgrade to ${upgrade.target}`, differences, {
      compared: { before: from, after: to, upgraded: upgrade.upgraded, setAside: upgrade.setAside, notCompared: unread },
      constraints: constraintRows(earlier, later),
    }),
  );
  const matrix = componentMatrix(upgrade, earlier, later);
  await keep(ctx, "component-matrix.json", "versions of the components against the published table (advisory)", matrix);
  const examples = differences
    .filter((one) => one.class === "unexplained")
    .slice(0, MOST_EXAMPLES)
    .map((one) => differenceText(one).slice(0, LONGEST_EXAMPLE));
  const told = `${counts.expected} expected, ${counts.consequential} consequential, ${counts.tolerated} tolerated`;
  return {
    kind: "done",
    note: `${differences.length} differences: ${told}, ${counts.unexplained} unexplained${unread.length === 0 ? "" : `; captured neither before nor after: ${few(unread).join(", ")}`}`,
    output: { differences: differences.length, ...counts, examples, setAside: few([...upgrade.setAside]) },
  };
}

/**
 * Compares what was captured before and after (workbook, "Re-run inventory collection to compare state from pre-upgrade"; dcos.md
 * post-05), and explains every difference by a rule. The gate `differences-explained` behind it refuses what no rule knows.
 */
export const compareState: StepKind = {
  name: "dcos/compare-state",
  effect: "read",
  shows: (step) => [
    `compares ${text(step.with["before"]) ?? "?"} with ${text(step.with["after"]) ?? "?"}; each difference is expected, follows from something on record, is tolerated by a named rule, or is unexplained`,
  ],
  doIt: compare,
};
