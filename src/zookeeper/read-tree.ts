import type { ReadClient } from "./client.ts";
import { ConnectionError } from "./client.ts";
import { readAgain, readBelow, statEach, type Reading } from "./read-znodes.ts";
import { errorName, EVENT, WATCH_MODE, type Stat } from "./records.ts";
import { childOf, createTree, isBelow, parentOf, zxidText, type Spool, type Tree } from "./tree.ts";

/** What a server of this version understands. */
export interface Features {
  readonly bulk: boolean;
  readonly watch: boolean;
}

/**
 * How far the tree that was read is the tree of one moment. `exact`: it is the tree as of `to`. `between`: it is the tree of a moment
 * between `from` and `to`. `live`: each znode is as it was at some moment between `from` and `to`, not all at the same.
 */
export interface Consistency {
  readonly kind: "exact" | "between" | "live";
  readonly method: "one-zxid" | "double-collect" | "recursive-watch";
  /** In words. */
  readonly text: string;
  readonly from: string;
  readonly to: string;
  /** Times the whole tree was gone through. */
  readonly passes: number;
  /** Times changed znodes were read again. */
  readonly rounds: number;
  /** Znodes that changed while they were read: how many, and the first of them. */
  readonly changed: number;
  readonly changedPaths: readonly string[];
}

/** A whole tree, and what it is worth. */
export interface TreeReading {
  readonly tree: Tree;
  readonly consistency: Consistency;
}

export interface ReadTreeOptions {
  readonly spool: Spool;
  readonly features: Features;
  readonly signal?: AbortSignal;
}

/** Passes over a tree that does not keep still, and rounds over its changed znodes, before it is called live. */
const PASSES = 6;
const ROUNDS = 40;
const SHOWN = 100;

/** Bulk reads and recursive watches came with 3.6; DC/OS has 3.4 (performance.md section 5). `version` as `srvr` or `mntr` say it. */
export function featuresOf(version: string | null): Features {
  const [, major = "0", minor = "0"] = /(\d+)\.(\d+)\./.exec(version ?? "") ?? [];
  const modern = Number(major) > 3 || (Number(major) === 3 && Number(minor) >= 6);
  return { bulk: modern, watch: modern };
}

interface Settling extends Reading {
  readonly changed: Set<string>;
  passes: number;
  rounds: number;
}

/** The versions that tell whether anything of a znode is another one: data, list of children, ACL. zxids are never given twice. */
function isSame(one: Stat, other: Stat): boolean {
  return (
    one.mzxid === other.mzxid &&
    one.pzxid === other.pzxid &&
    one.czxid === other.czxid &&
    one.cversion === other.cversion &&
    one.version === other.version &&
    one.aversion === other.aversion
  );
}

/** Second collect: which znodes are not any more what was read. */
async function changedSince(settling: Settling): Promise<readonly string[]> {
  const { nodes } = settling.tree;
  const found: string[] = [];
  settling.passes += 1;
  await statEach(settling, [...nodes.keys()], (path, stat) => {
    const known = nodes.get(path);
    if (known === undefined) return;
    if (stat === null) found.push(parentOf(path), path);
    else if (!isSame(stat, known.stat)) found.push(path);
  });
  return [...new Set(found)];
}

async function renew(settling: Settling, paths: readonly string[]): Promise<void> {
  settling.rounds += 1;
  for (const path of paths) settling.changed.add(path);
  await readAgain(settling, paths);
}

async function synced(client: ReadClient): Promise<bigint> {
  const reply = await client.ask("sync", { path: "/" });
  if (!reply.ok) throw new ConnectionError("refused", `sync: ${errorName(reply.err)}`);
  return reply.zxid;
}

function said(
  settling: Settling,
  kind: Consistency["kind"],
  method: Consistency["method"],
  span: { readonly from: bigint; readonly to: bigint },
): Consistency {
  const { passes, rounds, changed } = settling;
  const [from, to] = [zxidText(span.from), zxidText(span.to)];
  const again = changed.size === 0 ? "" : `; ${String(changed.size)} znodes changed meanwhile and were read again`;
  const text = {
    "one-zxid": `the tree exactly as of zxid ${to}: every answer was of that zxid`,
    "double-collect": `the tree of one moment between zxid ${from} and ${to}: gone through ${String(passes)} times, the last time unchanged${again}`,
    "recursive-watch": `the tree exactly as of zxid ${to}: a watch on all of it told what changed, until nothing did${again}`,
  }[method];
  const live = `not of one moment: each znode as it was between zxid ${from} and ${to}; ${String(changed.size)} kept changing through ${String(passes)} passes`;
  return {
    kind,
    method,
    text: kind === "live" ? live : text,
    from,
    to,
    passes,
    rounds,
    changed: changed.size,
    changedPaths: [...changed].toSorted().slice(0, SHOWN),
  };
}

/** The znodes events were about since the last call. A created or deleted one changes its parent too. */
function watchEvents(client: ReadClient): { take(): readonly string[] } {
  const dirty = new Set<string>();
  client.onEvent((event) => {
    if (event.type === EVENT.none) return;
    dirty.add(event.path);
    if (event.type !== EVENT.dataChanged && event.path !== "/") dirty.add(parentOf(event.path));
  });
  return {
    take() {
      const found = [...dirty];
      dirty.clear();
      return found;
    },
  };
}

/** By a watch set before the first read: what it tells is read again until it is silent. It does not tell of ACLs: they are looked at once more. */
async function settleByWatch(settling: Settling, events: { take(): readonly string[] }, begun: bigint): Promise<Consistency> {
  const { client } = settling;
  let looked = false;
  while (settling.rounds < ROUNDS) {
    const dirty = [...events.take()];
    if (dirty.length === 0 && !looked) {
      looked = true;
      dirty.push(...(await changedSince(settling)), ...events.take());
    }
    if (dirty.length === 0) {
      const at = await synced(client);
      const late = events.take();
      if (late.length === 0) return said(settling, "exact", "recursive-watch", { from: at, to: at });
      dirty.push(...late);
    }
    await renew(settling, [...new Set(dirty)]);
  }
  return said(settling, "live", "recursive-watch", { from: begun, to: client.zxid() });
}

/** Gone through again, stats only, until nothing differs: then it is the tree of the moment between two passes. */
async function settleByPasses(settling: Settling, begun: bigint): Promise<Consistency> {
  const { client } = settling;
  while (settling.passes < PASSES) {
    const before = client.zxid();
    client.span();
    const changed = await changedSince(settling);
    if (changed.length === 0)
      return said(settling, "between", "double-collect", { from: before, to: client.span()?.from ?? before });
    await renew(settling, changed);
  }
  return said(settling, "live", "double-collect", { from: begun, to: client.zxid() });
}

/**
 * Reads the whole tree of the one server the session is with, and says what it is worth: exactly one zxid where every answer carried
 * the same one; otherwise by a recursive watch (from 3.6), or by going through it again (double collect). Rejects with
 * ConnectionError: a reader starts again then, it never goes on with another server.
 */
export async function readTree(client: ReadClient, options: ReadTreeOptions): Promise<TreeReading> {
  const { spool, features, signal } = options;
  const tree = createTree(spool);
  const settling: Settling = { client, tree, bulk: features.bulk, signal, changed: new Set(), passes: 1, rounds: 0 };
  const events = features.watch ? watchEvents(client) : null;
  if (events !== null) {
    const set = await client.ask("addWatch", { path: "/", mode: WATCH_MODE.persistentRecursive });
    if (!set.ok) throw new ConnectionError("refused", `addWatch: ${errorName(set.err)}`);
  }
  const begun = await synced(client);
  client.span();
  await readBelow(settling, ["/"]);
  const span = client.span() ?? { from: begun, to: begun };
  if (span.from === span.to) return { tree, consistency: said(settling, "exact", "one-zxid", span) };
  const consistency = events === null ? await settleByPasses(settling, begun) : await settleByWatch(settling, events, begun);
  return { tree, consistency };
}

/** How many znodes of a tree are at or below a path, and how many of them are ephemeral. */
export interface Counted {
  readonly path: string;
  readonly znodes: number;
  readonly ephemerals: number;
}

export function countBelow(
  paths: Iterable<readonly [string, { readonly kind: "persistent" | "ephemeral" }]>,
  root: string,
): Counted {
  let znodes = 0;
  let ephemerals = 0;
  for (const [path, { kind }] of paths) {
    if (!isBelow(path, root)) continue;
    znodes += 1;
    if (kind === "ephemeral") ephemerals += 1;
  }
  return { path: root, znodes, ephemerals };
}

/**
 * The subtrees that are counted by themselves: that of every Marathon, known by its state and its election (dcos.md section 7),
 * and what is below `/universe`, where services from the catalogue keep theirs.
 */
export function subtreesOf(paths: { has(path: string): boolean; keys(): Iterable<string> }): readonly string[] {
  const isMarathon = (path: string): boolean =>
    paths.has(childOf(path, "state")) && ["leader", "leader-curator"].some((name) => paths.has(childOf(path, name)));
  const found: string[] = [];
  for (const path of paths.keys())
    if (path !== "/" && (isMarathon(path) || parentOf(path) === "/universe" || path === "/mesos")) found.push(path);
  return ["/", ...found.toSorted()];
}
