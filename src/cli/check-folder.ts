import { resolve } from "node:path";
import type { Check } from "../domain/documents.ts";
import { PawlError } from "../domain/errors.ts";
import type { CheckAnswer, Clock } from "../engine/ports.ts";
import { contextOf, judgeEvidence } from "./check-evidence.ts";
import type { Io } from "./io.ts";
import type { RecordedPlatform } from "./recordings.ts";

export interface FolderOptions {
  /** The inventory the record was made with, where it moved since. */
  readonly inventory?: string;
  readonly node?: string;
  readonly set: Readonly<Record<string, string>>;
  readonly json?: true;
}

/**
 * A check asked again over what a run or a snapshot has kept: the reading it was last judged by there, or else the answers that
 * were captured for their own sake. What was not captured is no answer, and so no verdict.
 */
export async function measureFolder(
  io: Io,
  recorded: (platform: string) => RecordedPlatform | null,
  check: Check,
  folder: string,
  options: FolderOptions,
): Promise<CheckAnswer> {
  const { lastReading, openRecordings, readRecordings } = await import("./recordings.ts");
  const { createJq } = await import("../check/jq.ts");
  const recordings = await readRecordings(folder);
  const { plan } = recordings;
  const platform = recorded(check.platform);
  if (platform === null || plan.platform !== check.platform)
    throw new PawlError("usage", "check.other-platform", `${check.name} is a check of ${check.platform}`, {
      expected: `the record of a ${check.platform} cluster`,
      observed: `${plan.runbook.name} of ${plan.platform}, in ${folder}`,
    });
  const tell = (from: string): void => (options.json === true ? undefined : io.out(`Over ${from}`));
  const jq = createJq();
  try {
    const reading = await lastReading(recordings, check, options.node ?? null);
    if (reading !== null) {
      tell(`${reading.name}, measured at ${reading.time}`);
      const { parseEvidence } = await import("../check/recorded.ts");
      const text = { file: reading.name, text: reading.text };
      const evidence = parseEvidence([{ file: "plan.json", text: JSON.stringify({ facts: plan.facts }) }, text]);
      return await judgeEvidence(check, evidence, contextOf(evidence.context, options.set), jq);
    }
    const { createChecks } = await import("../check/runner.ts");
    const { loadInventory } = await import("../document/load.ts");
    const path = options.inventory === undefined ? plan.sources.inventory : resolve(io.cwd, options.inventory);
    const inventory = await loadInventory(path).catch((error: unknown) => {
      if (!(error instanceof PawlError) || error.code !== "document.unreadable" || options.inventory !== undefined) throw error;
      throw new PawlError(error.exit, error.code, error.message, {
        expected: `the inventory the record was made with: ${path}`,
        next: `pawl check ${check.name} --evidence ${folder} -i FILE, where FILE is that inventory at its new place`,
        cause: error,
      });
    });
    const door = openRecordings(recordings, inventory.document, platform);
    const readings = Object.keys(check.readings);
    const nothing = (observed: string): PawlError =>
      new PawlError("usage", "check.not-captured", `nothing that ${check.name} reads was captured in ${folder}`, {
        expected: `its own reading, or captured answers to ${readings.join(", ")}`,
        observed,
        next: "pawl snapshot captures the state of a cluster",
      });
    if (door === null) throw nothing(`${recordings.kept.length} captured files, none of them the state of a cluster`);
    const clock: Clock = { now: () => door.takenMs, monotonic: () => door.takenMs, sleep: () => Promise.resolve() };
    // What a snapshot does not capture says nothing about the cluster: here nothing may be missing, so that its lack is no fail.
    const needed = Object.entries(check.readings).map(([name, spec]) => [name, { ...spec, optional: false }] as const);
    const checks = createChecks({
      checks: [{ ...check, readings: Object.fromEntries(needed) }],
      remote: door.remote,
      inventory: inventory.document,
      platform: door.platform,
      facts: plan.facts,
      clock,
      jq,
    });
    const inputs = { ...plan.inputs, ...options.set };
    const context = contextOf({ inputs }, {});
    const [answer] = await checks.measure([{ check: check.name, node: options.node ?? null, context }]);
    if (answer === undefined) throw new PawlError("internal", "check.no-answer", "the check gave no answer");
    if (door.used().length === 0) throw nothing(answer.observed);
    tell(
      `${door.used().length} captured ${door.used().length === 1 ? "answer" : "answers"}, the last of ${new Date(door.takenMs).toISOString()}`,
    );
    if (inventory.sha256 !== plan.fingerprints.inventory)
      io.err(`The inventory ${path} has changed since the record was made: nodes may have other addresses there.`);
    return answer;
  } finally {
    await jq.close();
  }
}
