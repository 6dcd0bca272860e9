import type { Loaded, VersionPolicy } from "../domain/documents.ts";
import type { Finding, Facts } from "../domain/plan.ts";
import { findPath } from "../domain/upgrade-path.ts";
import { compareVersionTexts } from "../domain/version.ts";

export interface NextHop {
  /** The oldest version in play, from which the hop begins; null where no node told its version. */
  readonly from: string | null;
  /** Version this hop ends at; null where nothing is left to do. */
  readonly to: string | null;
  /** Hops after this one. */
  readonly later: readonly string[];
  readonly finding: Finding;
}

function pathFinding(verdict: Finding["verdict"], expected: string, observed: string, remedy: string): Finding {
  return {
    id: "version-path",
    severity: "mandatory",
    verdict,
    title: "The way to the target is qualified",
    expected,
    observed,
    nodes: [],
    remedy,
    refusal: true,
  };
}

/**
 * The next hop from what is on the nodes to the goal (design rule 13): one version in play starts a hop; two are a hop half
 * done, which is finished first; more are refused. Source: workbook, "Upgrade Paths for DC/OS".
 */
export function nextHop(policy: Loaded<VersionPolicy>, facts: Facts, goal: string): NextHop {
  const versions = [...new Set(Object.values(facts.nodes).flatMap((node) => (node.version === null ? [] : [node.version])))].sort(
    (a, b) => compareVersionTexts(a, b) ?? 0,
  );
  const [low, high] = [versions[0], versions.at(-1)];
  const title = `a way from what is installed to ${goal} by policy ${policy.document.name}`;
  if (low === undefined || high === undefined)
    return {
      from: null,
      to: null,
      later: [],
      finding: pathFinding("inconclusive", title, "no node told its version", "Mend access to the nodes."),
    };
  if (versions.length > 2)
    return {
      from: low,
      to: null,
      later: [],
      finding: pathFinding("fail", "at most two versions in play", versions.join(", "), "Bring all nodes to one version first."),
    };
  const complete = Object.values(facts.nodes).every((node) => node.version === goal);
  if (complete)
    return { from: low, to: goal, later: [], finding: pathFinding("pass", title, `all nodes are at ${goal} already`, "") };
  const answer = findPath(policy.document, low, goal);
  if (!answer.allowed) {
    const shortest = answer.refusal?.shortest;
    const nearest = answer.refusal?.nearest ?? [];
    const instead =
      answer.refusal?.rule === "known-releases"
        ? `Choose a release the policy knows${nearest.length === 0 ? "" : ` (nearest: ${nearest.join(", ")})`}, or a policy that knows this one: --policy published, or a file of kind VersionPolicy.`
        : `Choose another target${nearest.length === 0 ? "" : ` (nearest: ${nearest.join(", ")})`}.`;
    const way = shortest === undefined ? "" : ` The shortest allowed way: ${shortest.join(" → ")}.`;
    return {
      from: low,
      to: null,
      later: [],
      finding: pathFinding(
        "fail",
        title,
        `${answer.refusal?.rule ?? "refused"}: ${answer.refusal?.reason ?? ""}`,
        `${instead}${way}`,
      ),
    };
  }
  const hops = answer.hops.map((hop) => hop.to);
  const [first, ...later] = hops;
  if (versions.length === 2 && high !== first) {
    const between = findPath(policy.document, low, high);
    const remedy =
      between.allowed && between.hops.length === 1
        ? `Finish the hop to ${high} first: pawl upgrade --to ${high}`
        : `No qualified hop leads from ${low} to ${high}: ask for support with the nodes at ${low}, or install them anew at ${high}.`;
    return {
      from: low,
      to: null,
      later: [],
      finding: pathFinding("fail", `nodes at ${low} or at ${first ?? goal}`, `nodes at ${low} and at ${high}`, remedy),
    };
  }
  return { from: low, to: first ?? goal, later, finding: pathFinding("pass", title, [low, ...hops].join(" → "), "") };
}
