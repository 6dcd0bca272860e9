import type { VersionPolicy } from "./documents.ts";
import { compareVersions, parseVersion, seriesOf, type Version } from "./version.ts";

/** One qualified move: one upgrade of the whole cluster, complete before the next begins. */
export interface Hop {
  readonly from: string;
  readonly to: string;
  readonly kind: "patch" | "minor";
  readonly why: string;
  readonly notes: readonly string[];
}

/** The rules a way can be refused by. Names are stable: people script against them. */
type PathRule =
  | "bad-version"
  | "known-releases"
  | "no-change"
  | "no-downgrade"
  | "one-minor-at-a-time"
  | "latest-patch-first"
  | "listed-moves-only";

export interface PathRefusal {
  readonly rule: PathRule;
  readonly reason: string;
  /** The shortest allowed way, versions in order; where the target cannot be reached, the way to the nearest that can. */
  readonly shortest?: readonly string[];
  /** Versions to ask for instead, nearest first. */
  readonly nearest?: readonly string[];
}

export interface PathAnswer {
  readonly from: string;
  readonly to: string;
  readonly allowed: boolean;
  readonly hops: readonly Hop[];
  /** Every note about a release on the way, once. */
  readonly notes: readonly string[];
  readonly refusal?: PathRefusal;
}

/** A policy with its versions parsed and its releases in order, oldest first. */
interface Releases {
  readonly policy: VersionPolicy;
  readonly all: readonly Version[];
  readonly series: readonly string[];
}

/**
 * The shortest qualified way from one version to another, hop by hop, or the rule that forbids it. Pure; never throws.
 * Policy `latest-of-minor` is the textual rule (workbook, "Upgrade Paths"; FAQ on 1.10): up to the latest patch of the own
 * minor, then to the latest of the next, one minor at a time; the last hop ends at the version asked for. Policy `table`
 * walks listed moves only, breadth first, newest releases preferred among ways of equal length.
 */
export function findPath(policy: VersionPolicy, from: string, to: string): PathAnswer {
  const releases = releasesOf(policy);
  const start = parseVersion(from);
  const end = parseVersion(to);
  const refusal = start === null ? badVersion(from) : end === null ? badVersion(to) : refuseEnds(releases, start, end);
  if (refusal !== null || start === null || end === null) return refused(from, to, refusal ?? badVersion(from));
  if (policy.rule === "latest-of-minor") return allowed(releases, from, to, chainByRule(releases, start, end));
  const chain = chainByTable(policy, from).get(to);
  if (chain !== undefined) return allowed(releases, from, to, chain);
  return { ...refused(from, to, notReachable(releases, start, end)), notes: notesAbout(policy, [from, to]) };
}

/** Whether the move is qualified as a single hop. Refuses what needs stops in between and names them (rule 2 of every run: one hop). */
export function judgeHop(policy: VersionPolicy, from: string, to: string): PathAnswer {
  const answer = findPath(policy, from, to);
  if (!answer.allowed || answer.hops.length <= 1) return answer;
  const shortest = [from, ...answer.hops.map((hop) => hop.to)];
  const stops = shortest.slice(1, -1).join(", ");
  const series = (text: string): number => releasesOf(policy).series.indexOf(seriesText(text));
  const skips = series(to) - series(from) > 1;
  const rule: PathRule = policy.rule === "table" ? "listed-moves-only" : skips ? "one-minor-at-a-time" : "latest-patch-first";
  return {
    ...refused(from, to, { rule, reason: `${from} to ${to} in one hop is not qualified: it has to stop at ${stops}`, shortest }),
    notes: answer.notes,
  };
}

/** The patch release a minor is left from: the one the policy names, else the newest it knows. */
export function latestOf(policy: VersionPolicy, series: string): string | null {
  const named = policy.latest[series];
  if (named !== undefined) return named;
  return releasesOf(policy).all.findLast((one) => seriesOf(one) === series)?.text ?? null;
}

/** The newest release a policy knows; null where it knows none. */
export function newestOf(policy: VersionPolicy): string | null {
  return releasesOf(policy).all.at(-1)?.text ?? null;
}

/**
 * How many minors `version` is behind `ahead`, counted in the minors the policy knows (1.13 to 2.0 is one); 0 where it is not
 * behind. Null where one of the two is in no minor it knows.
 */
export function minorsBehind(policy: VersionPolicy, version: string, ahead: string): number | null {
  const { series } = releasesOf(policy);
  const [at, to] = [series.indexOf(seriesText(version)), series.indexOf(seriesText(ahead))];
  return at < 0 || to < 0 ? null : Math.max(0, to - at);
}

function releasesOf(policy: VersionPolicy): Releases {
  const all = policy.releases
    .map((release) => parseVersion(release.version))
    .filter((version) => version !== null)
    .toSorted(compareVersions);
  return { policy, all, series: [...new Set(all.map(seriesOf))] };
}

function seriesText(text: string): string {
  const version = parseVersion(text);
  return version === null ? text : seriesOf(version);
}

function badVersion(text: string): PathRefusal {
  return { rule: "bad-version", reason: `"${text}" is not a version: dotted numbers with an optional tag are, such as 1.11.3` };
}

function refuseEnds(releases: Releases, from: Version, to: Version): PathRefusal | null {
  for (const version of [from, to]) {
    if (!releases.all.some((one) => one.text === version.text)) return unknownRelease(releases, version);
  }
  const difference = compareVersions(to, from);
  if (difference === 0)
    return {
      rule: "no-change",
      reason: `the cluster is at ${to.text} already: the same version again is only for a change of configuration, which is never part of an upgrade`,
    };
  if (difference < 0)
    return {
      rule: "no-downgrade",
      reason: `${to.text} is older than ${from.text}: there is no way back, only a new installation at the older version`,
    };
  return null;
}

function unknownRelease(releases: Releases, version: Version): PathRefusal {
  const own = releases.all.filter((one) => seriesOf(one) === seriesOf(version));
  const around = own.length > 0 ? own : releases.all;
  const below = around.findLast((one) => compareVersions(one, version) <= 0);
  const above = around.find((one) => compareVersions(one, version) > 0);
  const nearest = [below, above].filter((one) => one !== undefined).map((one) => one.text);
  const { name, asOf } = releases.policy;
  return {
    rule: "known-releases",
    reason: `${version.text} is not a release that policy ${name} knows (as of ${asOf})${version.tag === null ? "" : `: releases have no tag such as -${version.tag}, and neither pre-releases nor builds of one's own are qualified`}`,
    nearest,
  };
}

/** Versions after `from`, in order, by the textual rule. */
function chainByRule(releases: Releases, from: Version, to: Version): readonly string[] {
  const chain: string[] = [];
  let at = from;
  for (const series of releases.series.slice(releases.series.indexOf(seriesOf(from)), releases.series.indexOf(seriesOf(to)))) {
    const last = parseVersion(latestOf(releases.policy, series) ?? "");
    if (last === null || (series === seriesOf(at) && compareVersions(at, last) >= 0)) continue;
    chain.push(last.text);
    at = last;
  }
  return [...chain, to.text];
}

/** Breadth-first search over the listed moves: for each version that can be reached, the shortest chain to it. */
function chainByTable(policy: VersionPolicy, from: string): ReadonlyMap<string, readonly string[]> {
  const chains = new Map<string, readonly string[]>([[from, []]]);
  const queue = [from];
  for (let at = queue.shift(); at !== undefined; at = queue.shift()) {
    const here = chains.get(at) ?? [];
    for (const next of movesFrom(policy, at)) {
      if (chains.has(next)) continue;
      chains.set(next, [...here, next]);
      queue.push(next);
    }
  }
  chains.delete(from);
  return chains;
}

/** Targets of the listed moves from a version, newest first. */
function movesFrom(policy: VersionPolicy, from: string): readonly string[] {
  const targets = policy.moves.filter((move) => move.from === from).flatMap((move) => move.to);
  return newestFirst([...new Set(targets)]);
}

function newestFirst(texts: readonly string[]): readonly string[] {
  const versions = texts.map((text) => parseVersion(text)).filter((version) => version !== null);
  return versions.toSorted((a, b) => compareVersions(b, a)).map((version) => version.text);
}

function notReachable(releases: Releases, from: Version, to: Version): PathRefusal {
  const { policy } = releases;
  const chains = chainByTable(policy, from.text);
  const reachable = [...chains.keys()]
    .map((text) => parseVersion(text))
    .filter((version) => version !== null)
    .toSorted(compareVersions);
  const above = reachable.find((one) => compareVersions(one, to) > 0);
  const below = reachable.findLast((one) => compareVersions(one, to) < 0);
  const nearest = [above, below].filter((one) => one !== undefined).map((one) => one.text);
  const sources = [...new Set(policy.moves.filter((move) => move.to.includes(to.text)).map((move) => move.from))];
  const into =
    sources.length === 0
      ? `no listed move ends at ${to.text}`
      : `the listed moves to ${to.text} start at ${newestFirst(sources).toReversed().join(", ")}, and none of these can be reached from ${from.text}`;
  const chain = chains.get(nearest[0] ?? "");
  return {
    rule: "listed-moves-only",
    reason:
      reachable.length === 0
        ? `policy ${policy.name} lists no move from ${from.text}`
        : `${into}${lastBefore(releases, chains, from, to)}`,
    ...(chain === undefined ? {} : { shortest: [from.text, ...chain] }),
    nearest,
  };
}

/** Where the way ends in the minor before the target's: its last release that can be reached, and where that one leads. */
function lastBefore(releases: Releases, chains: ReadonlyMap<string, readonly string[]>, from: Version, to: Version): string {
  const before = releases.series[releases.series.indexOf(seriesOf(to)) - 1];
  const last = releases.all.findLast((one) => seriesOf(one) === before && (one.text === from.text || chains.has(one.text)));
  if (last === undefined) return "";
  const onward = movesFrom(releases.policy, last.text)
    .filter((text) => seriesText(text) === seriesOf(to))
    .toReversed();
  return `; ${last.text}, the last ${seriesOf(last)} on the way, leads to ${onward.join(", ") || `no ${seriesOf(to)}`}`;
}

function refused(from: string, to: string, refusal: PathRefusal): PathAnswer {
  return { from, to, allowed: false, hops: [], notes: [], refusal };
}

function allowed(releases: Releases, from: string, to: string, chain: readonly string[]): PathAnswer {
  const hops = chain.map((next, index) => hopOf(releases, chain[index - 1] ?? from, next, index === chain.length - 1));
  const about = notesAbout(releases.policy, [from, ...chain]);
  return { from, to, allowed: true, hops, notes: [...new Set([...about, ...hops.flatMap((hop) => hop.notes)])] };
}

function hopOf(releases: Releases, from: string, to: string, isLast: boolean): Hop {
  const kind = seriesText(from) === seriesText(to) ? "patch" : "minor";
  const own = releases.policy.releases.find((one) => one.version === to)?.note;
  const about = notesAbout(releases.policy, [to, ...(kind === "minor" ? [seriesText(to)] : [])]);
  const notes = [...(own === undefined ? [] : [own]), ...about, ...olderCode(releases.policy, from, to)];
  return { from, to, kind, why: whyOf(releases.policy, from, to, kind, isLast), notes };
}

function whyOf(policy: VersionPolicy, from: string, to: string, kind: Hop["kind"], isLast: boolean): string {
  const listed = policy.moves.find((move) => move.from === from && move.to.includes(to))?.why;
  if (listed !== undefined) return listed;
  if (policy.rule === "table") return "listed in the policy's table";
  const own = seriesText(from);
  const next = seriesText(to);
  if (kind === "patch")
    return isLast
      ? `a patch within ${own}, the version asked for`
      : `a minor is left from its latest patch only: ${to} of ${own}, as of ${policy.asOf}`;
  return isLast
    ? `one minor at a time: ${next} follows ${own}, entered at the version asked for`
    : `one minor at a time: ${next} follows ${own}, entered at its latest patch as of ${policy.asOf}`;
}

function notesAbout(policy: VersionPolicy, subjects: readonly string[]): readonly string[] {
  return policy.notes.filter((note) => note.about.some((one) => subjects.includes(one))).map((note) => note.text);
}

/** A newer minor can be older code: fixes of the version that is left may be missing from the one entered. */
function olderCode(policy: VersionPolicy, from: string, to: string): readonly string[] {
  const dateOf = (version: string): string | undefined => policy.releases.find((one) => one.version === version)?.date;
  const left = dateOf(from);
  const entered = dateOf(to);
  if (left === undefined || entered === undefined || entered >= left) return [];
  return [`${to} (${entered}) was released before ${from} (${left}): fixes made in between may be missing from it`];
}
