import type { SupportCell, VersionPolicy } from "../domain/documents.ts";
import type { Facts, Finding } from "../domain/plan.ts";
import { parseVersion, seriesOf } from "../domain/version.ts";

/** Nodes named at most; the others are counted. */
const SHOWN = 8;

/** What a node runs, as its platform told it. */
interface Machine {
  readonly node: string;
  readonly os: string;
  readonly release: string;
  readonly runtime: string;
}

function machinesOf(facts: Facts): readonly Machine[] {
  return Object.entries(facts.nodes).flatMap(([node, { reachable, details }]) => {
    const text = (field: string): string => (typeof details[field] === "string" ? details[field] : "");
    return reachable ? [{ node, os: text("os"), release: text("osRelease"), runtime: text("docker") }] : [];
  });
}

function isQualified(runtime: string, { runtimes }: SupportCell): boolean {
  return runtimes.some(
    ({ version, edition }) =>
      (runtime === version || runtime.startsWith(`${version}.`)) && (edition === undefined || runtime.includes(`-${edition}`)),
  );
}

function told(all: readonly string[]): string {
  return all.slice(0, SHOWN).join("; ") + (all.length > SHOWN ? ` and ${all.length - SHOWN} more` : "");
}

/**
 * Operating system and container runtime of every node against the policy's table of what the target's minor is qualified to run on
 * (workbook, "Version Policy"; pre-23). A cell that cannot be read allows nothing and forbids nothing: no verdict. A system that the table
 * does not have is told as not evaluated. Pure.
 */
export function supportedMachines(policy: VersionPolicy, facts: Facts, to: string): readonly Finding[] {
  const rows = policy.machines;
  const target = parseVersion(to);
  if (rows === undefined || target === null) return [];
  const series = seriesOf(target);
  const judged = machinesOf(facts).map((machine) => {
    const row = rows.find((one) => machine.os.startsWith(one.os) && machine.release === one.release);
    const cell = row?.series[series];
    const name = `${machine.os === "" ? "an operating system that is not told" : machine.os}${machine.release === "" ? "" : ` (${machine.release})`}`;
    const what = `${machine.node}: ${name}, Docker ${machine.runtime === "" ? "not told" : machine.runtime}`;
    if (cell === undefined) return { node: machine.node, as: "absent", what } as const;
    if (cell.confidence === "damaged")
      return {
        node: machine.node,
        as: "damaged",
        what: `${what}; the table's cell for ${series} cannot be read ("${cell.text}")`,
      } as const;
    if (machine.runtime === "") return { node: machine.node, as: "damaged", what } as const;
    if (isQualified(machine.runtime, cell)) return { node: machine.node, as: "qualified", what } as const;
    return { node: machine.node, as: "other", what: `${what}; qualified for ${series}: ${cell.text}` } as const;
  });
  const of = (...as: readonly string[]): readonly { readonly node: string; readonly what: string }[] =>
    judged.filter((one) => as.includes(one.as));
  const [other, damaged, qualified, absent] = [of("other"), of("damaged"), of("qualified"), of("absent")];
  const worst = other.length > 0 ? other : damaged;
  const base = {
    title: `Docker and operating system are qualified for ${series}`,
    expected: `what the table of policy ${policy.name} (as of ${policy.asOf}) has for ${series}`,
    refusal: false,
  };
  const findings: Finding[] = [];
  if (other.length + damaged.length + qualified.length > 0)
    findings.push({
      ...base,
      id: "machines-supported",
      severity: "waivable",
      verdict: other.length > 0 ? "fail" : damaged.length > 0 ? "inconclusive" : "pass",
      observed: worst.length > 0 ? told(worst.map((one) => one.what)) : `${qualified.length} nodes`,
      nodes: worst.map((one) => one.node),
      remedy:
        "Upgrade Docker or the operating system first, each as a change of its own; or look the combination up in the vendor's present version policy, and waive this with what it says.",
    });
  if (absent.length > 0)
    findings.push({
      ...base,
      id: "machines-not-in-table",
      severity: "advisory",
      verdict: "inconclusive",
      observed: `not evaluated: the table has no such combination: ${told(absent.map((one) => one.what))}`,
      nodes: absent.map((one) => one.node),
      remedy: "Look the combination up in the vendor's present version policy, or ask support.",
      byHand: true,
    });
  return findings;
}
