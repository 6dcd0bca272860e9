import type { VersionPolicy } from "../domain/documents.ts";
import type { Facts, Finding } from "../domain/plan.ts";
import { findPath, minorsBehind, newestOf } from "../domain/upgrade-path.ts";
import { compareVersionTexts } from "../domain/version.ts";

function finding(
  over: Pick<Finding, "id" | "severity" | "verdict" | "title" | "expected" | "observed" | "nodes" | "remedy">,
): Finding {
  return { ...over, refusal: over.severity === "mandatory" && over.verdict === "fail" };
}

/**
 * How far the other nodes are behind the managers, now and once this hop's managers are done: one minor is what the product
 * supports, and more is refused. A move over a minor that the policy lists as one hop is the vendor's own exception: advisory.
 * Sources: workbook, upgrade FAQ (N-1 between masters and agents); upgrade tables of the product.
 */
export function skewFindings(
  policy: VersionPolicy,
  facts: Facts,
  managers: ReadonlySet<string>,
  to: string | null,
): readonly Finding[] {
  const versionOf = (name: string): string | null => facts.nodes[name]?.version ?? null;
  const ahead = [to, ...[...managers].map(versionOf)]
    .filter((version) => version !== null)
    .toSorted((a, b) => compareVersionTexts(b, a) ?? 0)[0];
  if (ahead === undefined) return [];
  const others = Object.keys(facts.nodes).filter((name) => !managers.has(name));
  const behind = others.flatMap((node) => {
    const version = versionOf(node);
    const minors = version === null ? null : minorsBehind(policy, version, ahead);
    return version === null || minors === null || minors <= 1 ? [] : [{ node, version, minors }];
  });
  // Nobody can tell of these: that is no pass (design rule 4).
  const untold = others.filter((node) => {
    const version = versionOf(node);
    return version === null || minorsBehind(policy, version, ahead) === null;
  });
  const listed = (version: string): boolean => {
    const answer = findPath(policy, version, ahead);
    return answer.allowed && answer.hops.length === 1;
  };
  const excepted = behind.filter((one) => listed(one.version));
  const stranded = behind.filter((one) => !listed(one.version));
  const told = (some: typeof behind): string =>
    some.map((one) => `${one.node} is at ${one.version}, ${one.minors} minors behind ${ahead}`).join("; ");
  const main = finding({
    id: "one-minor-behind",
    severity: "mandatory",
    verdict: stranded.length > 0 ? "fail" : untold.length > 0 ? "inconclusive" : "pass",
    title: "No agent is more than one minor behind the masters",
    expected: `every agent at most one minor behind ${ahead} while this hop runs`,
    observed:
      stranded.length > 0
        ? told(stranded)
        : untold.length > 0
          ? `${untold.length} of ${others.length} agents tell no version the policy knows: ${untold.slice(0, 5).join(", ")}${untold.length > 5 ? ` and ${untold.length - 5} more` : ""}`
          : `${others.length} agents, at most one minor behind ${ahead}`,
    nodes: stranded.length > 0 ? stranded.map((one) => one.node) : untold,
    remedy: `Bring these agents to a version at most one minor behind ${ahead} first; where the masters are there already, no hop does that: ask for support, or install the agents anew.`,
  });
  if (excepted.length === 0) return [main];
  return [
    main,
    finding({
      id: "two-minors-behind",
      severity: "advisory",
      verdict: "fail",
      title: "The hop goes over a minor: until the last agent is done, masters and agents are two minors apart",
      expected: "one minor at a time; the policy lists this move all the same",
      observed: told(excepted.slice(0, 5)) + (excepted.length > 5 ? ` and ${excepted.length - 5} more` : ""),
      nodes: excepted.map((one) => one.node),
      remedy: "Keep the time between the last master and the last agent short, or go through the minor in between.",
    }),
  ];
}

/** Whether the goal is one of the three newest minors the policy knows: older ones are out of support. Advisory (workbook, N-2 release support). */
export function supportFinding(policy: VersionPolicy, goal: string): Finding {
  const newest = newestOf(policy);
  const behind = newest === null ? null : minorsBehind(policy, goal, newest);
  return finding({
    id: "supported-release",
    severity: "advisory",
    verdict: behind === null ? "inconclusive" : behind <= 2 ? "pass" : "fail",
    title: "The version that is asked for is in support",
    expected: `at most two minors behind ${newest ?? "the newest release"}, the newest that policy ${policy.name} knows (as of ${policy.asOf})`,
    observed: behind === null ? `${goal} is in no minor the policy knows` : `${goal}: ${behind} minors behind`,
    nodes: [],
    remedy: "Plan to go further after this; ask for the policy's newer table where there is one (--policy published).",
  });
}
