import { createHash } from "node:crypto";
import { aclOf, isBelow, kindOf, parentOf, zxidText, type Znode } from "./tree.ts";

/** What two trees say of one znode, where they do not say the same. Never data: digests and sizes. */
export interface Difference {
  readonly path: string;
  readonly what: "missing" | "extra" | "data" | "acl" | "kind";
  readonly expected: string;
  readonly observed: string;
  /** Why it is no fault; null: nothing explains it. */
  readonly explained: string | null;
}

export interface Comparison {
  /** Znodes of the reference. */
  readonly znodes: number;
  readonly equal: number;
  readonly differences: readonly Difference[];
}

/** What is compared of a znode. `stat` only where it survives: in a copy of the data folders, not in a tree that was made anew. */
export interface Compared {
  readonly sha256: string | null;
  readonly bytes: number | null;
  readonly acl: string;
  readonly kind: "persistent" | "ephemeral";
  readonly stat: Pick<Znode["stat"], "czxid" | "mzxid" | "pzxid" | "aversion" | "cversion" | "numChildren">;
}

export type Trees = ReadonlyMap<string, Compared>;

/** Where the found tree comes from, which decides what may differ. */
export type Origin =
  /** A copy of a server's folders, which ends at this zxid; `read`: the zxid at which the reading of the reference began. */
  | { readonly kind: "folders"; readonly zxid: bigint; readonly read: bigint }
  /** Made anew from a dump. */
  | { readonly kind: "dump" };

export function comparedOf(znode: Znode): Compared {
  return {
    sha256: znode.sha256,
    bytes: znode.data.kind === "null" ? null : znode.data.length,
    acl: znode.acl,
    kind: kindOf(znode.stat),
    stat: znode.stat,
  };
}

/** Kept by each server for itself from 3.5 on: the addresses of its ensemble. */
const OWN_OF_SERVER = "/zookeeper/config";

function dataText(one: Compared): string {
  if (one.bytes === null) return "null data";
  return one.bytes === 0 ? "empty data" : `${String(one.bytes)} bytes, SHA-256 ${one.sha256?.slice(0, 12) ?? ""}`;
}

/** An ACL for people: schemes, users, permissions; of what proves a user only a digest. */
function aclShown(text: string): string {
  const parts = aclOf(text).map(({ scheme, id, perms }) => {
    const user =
      scheme === "digest" ? `${id.split(":", 1)[0] ?? ""}:${createHash("sha256").update(id).digest("hex").slice(0, 8)}` : id;
    const letters = ["r", "w", "c", "d", "a"].filter((_, bit) => (perms & (1 << bit)) !== 0).join("");
    return `${scheme}:${user}:${letters}`;
  });
  return parts.join(",") || "no ACL";
}

/** An ACL with its version, where that survives: what tells a change by somebody from damage. */
function aclVersion(one: Compared, origin: Origin): string {
  return origin.kind === "dump" ? aclShown(one.acl) : `${aclShown(one.acl)} (version ${String(one.stat.aversion)})`;
}

function shown(one: Compared): string {
  return `${one.kind}, ${dataText(one)}, ACL ${aclShown(one.acl)}`;
}

/** A znode made after this zxid cannot be in a tree that ends there. */
function whyYounger(one: Compared, limit: bigint, what: string): string | null {
  return one.stat.czxid > limit ? `made at ${zxidText(one.stat.czxid)}, after ${what} (${zxidText(limit)})` : null;
}

const END = "the end of the copy";
const READ = "the beginning of the reading";

/**
 * What the copy lacks is excused only by its own making. That it was deleted before the copy was made is nothing a zxid proves: its
 * parent's changes with every other child too, and a loss below a busy parent would pass for a deletion.
 */
function whyMissing(reference: Compared, origin: Origin): string | null {
  return origin.kind === "dump" ? null : whyYounger(reference, origin.zxid, END);
}

/** Children a znode has lost so far: its cversion counts those made and those deleted (ZooKeeper, DataNode.copyStat). */
function deletions({ stat }: Compared): number {
  return (stat.cversion - stat.numChildren) / 2;
}

/** Why the reading may lack so many children of a znode that the copy has; null: nothing says that they were deleted. */
function whyDeleted(copied: Compared | undefined, read: Compared | undefined, count: number, limit: bigint): string | null {
  if (copied === undefined || read === undefined) return null;
  const after = `deleted after ${END} (${zxidText(limit)})`;
  const [then, now] = [zxidText(read.stat.czxid), zxidText(read.stat.pzxid)];
  if (copied.stat.czxid !== read.stat.czxid)
    return read.stat.czxid > limit ? `${after}: its parent was made anew at ${then}` : null;
  const deleted = deletions(read) - deletions(copied);
  if (read.stat.pzxid <= limit || count > deleted) return null;
  return `${after}: its parent counts ${String(deleted)} deletions, the last change at ${now}`;
}

/**
 * Why the copy has znodes that the reading did not find: made after it, or deleted before it. The parent counts its deletions: where more
 * children are missing from the reading than it counts, none of them is excused. What is below a deleted znode was deleted with it.
 */
function extras(reference: Trees, found: Trees, origin: Origin): ReadonlyMap<string, string | null> {
  const why = new Map<string, string | null>();
  if (origin.kind === "dump") return why;
  const gone = new Map<string, string[]>();
  for (const [path, one] of found) {
    if (reference.has(path)) continue;
    const younger = whyYounger(one, origin.read, READ);
    if (younger !== null) why.set(path, younger);
    else if (reference.has(parentOf(path))) {
      const beside = gone.get(parentOf(path));
      if (beside === undefined) gone.set(parentOf(path), [path]);
      else beside.push(path);
    }
  }
  for (const [parent, paths] of gone) {
    const text = whyDeleted(found.get(parent), reference.get(parent), paths.length, origin.zxid);
    for (const path of paths) why.set(path, text);
  }
  const inherited = (path: string): string | null => {
    const known = why.get(path);
    if (known !== undefined) return known;
    const parent = parentOf(path);
    const above = path === "/" || reference.has(parent) || !found.has(parent) ? null : inherited(parent);
    why.set(path, above);
    return above;
  };
  for (const path of found.keys()) if (!reference.has(path)) inherited(path);
  return why;
}

function whyAnew(reference: Compared, found: Compared, origin: Origin): string | null {
  if (origin.kind === "dump" || reference.stat.czxid === found.stat.czxid) return null;
  return whyYounger(reference, origin.zxid, END) ?? whyYounger(found, origin.read, READ);
}

function whyData(reference: Compared, found: Compared, origin: Origin): string | null {
  if (origin.kind === "dump") return null;
  const [then, now] = [reference.stat.mzxid, found.stat.mzxid];
  if (then > now && then > origin.zxid) return `changed at ${zxidText(then)}, after ${END} (${zxidText(origin.zxid)})`;
  if (now > then && now > origin.read) return `changed at ${zxidText(now)}, after ${READ} (${zxidText(origin.read)})`;
  return null;
}

/**
 * Setting an ACL leaves no zxid behind, only a version: by itself that proves nothing. It is excused where the znode's data changed
 * on the same side too, so that a zxid says that somebody was at it meanwhile.
 */
function whyAcl(reference: Compared, found: Compared, origin: Origin): string | null {
  if (origin.kind === "dump") return null;
  const [then, now] = [reference.stat, found.stat];
  const by = `its ACL was set again meanwhile (version ${String(then.aversion)}, and ${String(now.aversion)} in the copy)`;
  if (then.aversion > now.aversion && then.mzxid > now.mzxid && then.mzxid > origin.zxid)
    return `changed at ${zxidText(then.mzxid)}, after ${END} (${zxidText(origin.zxid)}): ${by}`;
  if (now.aversion > then.aversion && now.mzxid > then.mzxid && now.mzxid > origin.read)
    return `changed at ${zxidText(now.mzxid)}, after ${READ} (${zxidText(origin.read)}): ${by}`;
  return null;
}

const SESSION = "ephemeral: it belongs to a session and comes back with its client, not from a backup";

function both(path: string, reference: Compared, found: Compared, origin: Origin): readonly Difference[] {
  const own = isBelow(path, OWN_OF_SERVER) ? "kept by each server for itself" : null;
  const anew = own ?? whyAnew(reference, found, origin);
  const all: Difference[] = [];
  if (reference.kind !== found.kind)
    all.push({ path, what: "kind", expected: reference.kind, observed: found.kind, explained: anew });
  if (reference.sha256 !== found.sha256)
    all.push({
      path,
      what: "data",
      expected: dataText(reference),
      observed: dataText(found),
      explained: anew ?? whyData(reference, found, origin),
    });
  if (reference.acl !== found.acl)
    all.push({
      path,
      what: "acl",
      expected: aclVersion(reference, origin),
      observed: aclVersion(found, origin),
      explained: anew ?? whyAcl(reference, found, origin),
    });
  return all;
}

/**
 * Path, data, ACL and kind of every znode, as it was read and as it came back. Each difference is explained or not: an ephemeral
 * znode needs its session; in a copy of a server's folders, what zxids prove to be younger than the copy's end.
 */
export function compareTrees(reference: Trees, found: Trees, origin: Origin): Comparison {
  const differences: Difference[] = [];
  let equal = 0;
  for (const [path, expected] of reference) {
    const observed = found.get(path);
    if (observed !== undefined) {
      const here = both(path, expected, observed, origin);
      if (here.length === 0) equal += 1;
      differences.push(...here);
      continue;
    }
    const own = isBelow(path, OWN_OF_SERVER) ? "kept by each server for itself" : null;
    const explained = own ?? (expected.kind === "ephemeral" ? SESSION : whyMissing(expected, origin));
    differences.push({ path, what: "missing", expected: shown(expected), observed: "not there", explained });
  }
  const younger = extras(reference, found, origin);
  for (const [path, observed] of found) {
    if (reference.has(path)) continue;
    const own = isBelow(path, OWN_OF_SERVER) ? "made by the server itself" : null;
    const session = observed.kind === "ephemeral" ? SESSION : null;
    const explained = own ?? session ?? younger.get(path) ?? null;
    differences.push({ path, what: "extra", expected: "not there", observed: shown(observed), explained });
  }
  return { znodes: reference.size, equal, differences };
}
