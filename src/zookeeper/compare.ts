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
  readonly stat: Pick<Znode["stat"], "czxid" | "mzxid" | "pzxid" | "aversion">;
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

function shown(one: Compared): string {
  return `${one.kind}, ${dataText(one)}, ACL ${aclShown(one.acl)}`;
}

/** Why one of the two trees may lack a znode, or have another one of that name: its making or its end is younger than the other tree. */
function whyYounger(one: Compared, limit: bigint, what: string): string | null {
  return one.stat.czxid > limit ? `made at ${zxidText(one.stat.czxid)}, after ${what} (${zxidText(limit)})` : null;
}

function whyDeleted(parent: Compared | null, limit: bigint, what: string): string | null {
  if (parent === null || parent.stat.pzxid <= limit) return null;
  return `deleted after ${what} (${zxidText(limit)}): the children of its parent changed at ${zxidText(parent.stat.pzxid)}`;
}

const END = "the end of the copy";
const READ = "the beginning of the reading";

function whyMissing(reference: Compared, parent: Compared | null, origin: Origin): string | null {
  if (origin.kind === "dump") return null;
  return whyYounger(reference, origin.zxid, END) ?? whyDeleted(parent, origin.read, READ);
}

function whyExtra(found: Compared, parent: Compared | null, origin: Origin): string | null {
  if (origin.kind === "dump") return null;
  return whyYounger(found, origin.read, READ) ?? whyDeleted(parent, origin.zxid, END);
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

/** Setting an ACL leaves no zxid behind, only a version. */
function whyAcl(reference: Compared, found: Compared, origin: Origin): string | null {
  if (origin.kind === "dump" || reference.stat.aversion === found.stat.aversion) return null;
  return `its ACL was set again meanwhile: version ${String(reference.stat.aversion)}, and ${String(found.stat.aversion)} in the copy`;
}

const SESSION = "ephemeral: it belongs to a session and comes back with its client, not from a backup";

/** The nearest znode above that this tree has. */
function ancestor(tree: Trees, path: string): Compared | null {
  for (let above = parentOf(path); ; above = parentOf(above)) {
    const found = tree.get(above);
    if (found !== undefined) return found;
    if (above === "/") return null;
  }
}

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
      expected: aclShown(reference.acl),
      observed: aclShown(found.acl),
      explained: anew ?? whyAcl(reference, found, origin),
    });
  return all;
}

/**
 * Path, data, ACL and kind of every znode, as it was read and as it came back. Each difference is explained or not: an ephemeral
 * znode needs its session; in a copy of a server's folders, what zxids and versions prove to be younger than the copy's end.
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
    const explained = own ?? (expected.kind === "ephemeral" ? SESSION : whyMissing(expected, ancestor(found, path), origin));
    differences.push({ path, what: "missing", expected: shown(expected), observed: "not there", explained });
  }
  for (const [path, observed] of found) {
    if (reference.has(path)) continue;
    const own = isBelow(path, OWN_OF_SERVER) ? "made by the server itself" : null;
    const session = observed.kind === "ephemeral" ? SESSION : null;
    const explained = own ?? session ?? whyExtra(observed, ancestor(reference, path), origin);
    differences.push({ path, what: "extra", expected: "not there", observed: shown(observed), explained });
  }
  return { znodes: reference.size, equal, differences };
}
