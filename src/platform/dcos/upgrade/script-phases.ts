import { formatDuration } from "../../../domain/duration.ts";
import type { JsonRecord } from "../../../domain/json.ts";

/**
 * What the upgrade script is at, as far as its own lines tell (dcos.md 4.3; workbook, "DCOS-Upgrade-Script", steps a to h): what it
 * looks at before it announces the upgrade, the fetching of packages, the switch (of which it says nothing), and what comes after.
 */
export type PhaseName = "look" | "fetch" | "switch" | "exhibitor" | "refused";

export interface ScriptPhases {
  /** In the order they began; ms since the script was first seen. */
  readonly phases: readonly { readonly phase: PhaseName; readonly atMs: number }[];
  /** Packages of which the script said that they are there. */
  readonly packages: number;
  /** When a package was last spoken of. */
  readonly lastPackageMs: number | null;
}

/** A script that has just been started. */
export const FIRST_PHASE: ScriptPhases = { phases: [{ phase: "look", atMs: 0 }], packages: 0, lastPackageMs: null };

const TITLES: Readonly<Record<PhaseName, string>> = {
  look: "looks at user, version, DC/OS's own checks and role of the node",
  fetch: "fetches the packages",
  switch: "switches the packages, and what it does after that",
  exhibitor: "waits for Exhibitor, to move its data",
  refused: "says no",
};

function phaseOfLine(line: string): PhaseName | null {
  if (/Cannot proceed with upgrade|^ERROR: |checks failed|must be run as root/.test(line)) return "refused";
  if (/^Upgrading DC\/OS .+ -> /.test(line)) return "fetch";
  if (/^Waiting for Exhibitor|^Rolling update in progress/.test(line)) return "exhibitor";
  return null;
}

/** The phases after one more line of the script; `atMs` since it was first seen. A line may hold several that overwrote each other. */
export function afterLine(before: ScriptPhases, line: string, atMs: number): ScriptPhases {
  const parts = line.split("\r").filter((part) => part !== "");
  const fetched = parts.filter((part) => /^(?:Fetched: |Package already added)/.test(part)).length;
  const spoken = fetched > 0 || parts.some((part) => part.startsWith("Fetching: "));
  const next = parts.map(phaseOfLine).find((phase) => phase !== null) ?? null;
  const known = before.phases.at(-1)?.phase;
  return {
    phases: next === null || next === known ? before.phases : [...before.phases, { phase: next, atMs }],
    packages: before.packages + fetched,
    lastPackageMs: spoken ? atMs : before.lastPackageMs,
  };
}

/**
 * The phases of a script that has ended: it says nothing when it begins to switch, so that is told by its last word about a package.
 * A script that throws pkgpanda's words away (to 1.9; from 1.11 on without --verbose) fetches and switches in one.
 */
export function ended(phases: ScriptPhases): ScriptPhases {
  const { lastPackageMs } = phases;
  const known = phases.phases.some(({ phase }) => phase === "switch" || phase === "refused");
  if (lastPackageMs === null || known) return phases;
  const all = [...phases.phases, { phase: "switch" as const, atMs: lastPackageMs }];
  return { ...phases, phases: all.toSorted((a, b) => a.atMs - b.atMs) };
}

/** What a phase is, in words for whoever watches. */
export function titleOf(phase: PhaseName): string {
  return TITLES[phase];
}

/** The lengths of the phases in one line: `look 10s, fetch 1m 20s (21 packages), switch 20s`. */
export function phasesText({ phases, packages }: ScriptPhases, endMs: number): string {
  return phases
    .map(({ phase, atMs }, index) => {
      const length = formatDuration(Math.max(0, (phases[index + 1]?.atMs ?? endMs) - atMs));
      return `${phase} ${length}${phase === "fetch" && packages > 0 ? ` (${packages} packages)` : ""}`;
    })
    .join(", ");
}

/** The same for the record. */
export function phasesJson({ phases, packages }: ScriptPhases, endMs: number): JsonRecord {
  return {
    packages,
    phases: phases.map(({ phase, atMs }, index) => ({ phase, fromMs: atMs, toMs: phases[index + 1]?.atMs ?? endMs })),
  };
}
