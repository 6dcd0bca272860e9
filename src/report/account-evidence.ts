import { formatDuration } from "../domain/duration.ts";
import type { ArtifactRecord } from "../domain/events.ts";
import type { Account } from "./account.ts";
import type { GateAccount } from "./account-gates.ts";
import { moment, number, size } from "./page-text.ts";
import { code, say, type Block } from "./page.ts";

/** More rows than this are summed up, so that a report of 500 nodes can still be read; all of it is in the journal. */
const MOST_ROWS = 120;

/** Every gate with the values it asserted, refused ones first by time among the others; and how often each check was read. */
export function gateBlocks(account: Account): readonly Block[] {
  const many = account.gates.length > MOST_ROWS;
  const single = many ? account.gates.filter((gate) => !gate.passed) : account.gates;
  const gates: Block = {
    kind: "table",
    head: ["time (UTC)", "step", "check", "verdict", "asserted", "held for", "observed"],
    rows: single.map((gate) => [
      [moment(gate.at)],
      [code(gate.step)],
      [code(gate.check)],
      gate.passed ? ["held"] : [{ strong: "refused" }, ` (${gate.because ?? ""})`],
      [gate.asserted === null ? "" : `${gate.asserted.passed} of ${gate.asserted.subjects}`],
      [heldFor(gate)],
      [gate.observed],
    ]),
  };
  const read: Block = {
    kind: "table",
    head: ["check", "read", "passed", "failed", "inconclusive"],
    rows: account.readings.map((one) => [
      [code(one.check)],
      [String(one.pass + one.fail + one.inconclusive)],
      [String(one.pass)],
      [String(one.fail)],
      [String(one.inconclusive)],
    ]),
  };
  return [gates, ...(many ? [summedUp(account.gates.filter((gate) => gate.passed))] : []), read];
}

function heldFor(gate: GateAccount): string {
  return gate.streak === null || gate.spanMs === null ? "" : `${gate.streak} in a row over ${formatDuration(gate.spanMs)}`;
}

/** Gates that held, by phase and check. */
function summedUp(gates: readonly GateAccount[]): Block {
  const groups = new Map<
    string,
    { readonly phase: string; readonly check: string; times: number; subjects: number; last: string }
  >();
  for (const gate of gates) {
    const phase = gate.step.split("/", 1)[0] ?? gate.step;
    const key = `${phase}\n${gate.check}`;
    const group = groups.get(key) ?? { phase, check: gate.check, times: 0, subjects: 0, last: "" };
    group.times += 1;
    group.subjects += gate.asserted?.subjects ?? 0;
    group.last = gate.observed;
    groups.set(key, group);
  }
  return {
    kind: "table",
    head: ["phase", "check", "held", "subjects asserted", "observed last"],
    rows: [...groups.values()].map((group) => [
      [code(group.phase)],
      [code(group.check)],
      [number(group.times, "time")],
      [String(group.subjects)],
      [group.last],
    ]),
  };
}

/** Captured bytes with their hashes; of sealed ones only that they exist. */
export function evidenceBlocks(account: Account): readonly Block[] {
  const { artifacts } = account;
  if (artifacts.length === 0) return [];
  const distinct = [...new Map(artifacts.map((one) => [one.sha256, one])).values()];
  const total = distinct.reduce((sum, one) => sum + one.bytes, 0);
  const sealed = distinct.filter((one) => one.sealed).length;
  const secret = sealed === 0 ? "" : `; ${sealed} sealed (they hold secrets that a restore needs: keep them closed)`;
  return [
    {
      kind: "text",
      words: say`${number(distinct.length, "file")}, ${size(total)}, in ${code("artifacts/")} under their SHA-256${secret}. ${code("manifest.json")} lists all of them.`,
    },
    artifacts.length <= MOST_ROWS ? listed(artifacts) : byStep(artifacts),
  ];
}

function listed(artifacts: readonly ArtifactRecord[]): Block {
  return {
    kind: "table",
    head: ["name", "evidence of", "bytes", "SHA-256"],
    rows: artifacts.map((one) => [
      [code(one.name), one.sealed ? " (sealed)" : ""],
      [one.evidenceOf],
      [String(one.bytes)],
      [code(one.sha256)],
    ]),
  };
}

function byStep(artifacts: readonly ArtifactRecord[]): Block {
  const groups = new Map<string, { count: number; bytes: number }>();
  for (const one of artifacts) {
    const [phase = "", ...rest] = (one.step ?? "").split("/");
    const key = one.step === null ? "before the first step" : `${phase}/…/${rest.at(-1) ?? ""}`;
    const group = groups.get(key) ?? { count: 0, bytes: 0 };
    group.count += 1;
    group.bytes += one.bytes;
    groups.set(key, group);
  }
  return {
    kind: "table",
    head: ["step", "files", "bytes"],
    rows: [...groups].map(([key, group]) => [[key], [String(group.count)], [size(group.bytes)]]),
  };
}
