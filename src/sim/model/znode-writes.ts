import { beginHistory, commit, creation, startEpoch, type History } from "../zookeeper/history.ts";
import { emptyTree } from "../zookeeper/tree.ts";
import type { Model } from "./state.ts";
import { hexOf } from "./random.ts";
import { keptZnodes, type KeptZnode } from "./znodes.ts";

/** What the cluster's processes have written so far, so that only what changed is written. */
export interface Written {
  history: History;
  nodes: ReadonlyMap<string, KeptZnode>;
  /** Session id by key. */
  readonly sessions: Map<string, bigint>;
}

/** Nobody has written anything yet. */
export function nothingWritten(): Written {
  return { history: beginHistory(emptyTree()), nodes: new Map(), sessions: new Map() };
}

/** A session id as a server gives it: its number in the first byte (SessionTrackerImpl.initializeNextSession). */
export function sessionId(model: Model, server: number, words: string): bigint {
  return (BigInt(server) << 56n) | BigInt(`0x${hexOf(model.seed, `session ${words}`, 14)}`);
}

function sameBytes(a: Buffer | null, b: Buffer | null): boolean {
  return a === b || (a !== null && b !== null && a.equals(b));
}

function endSessions(written: Written, sessions: ReadonlyMap<string, unknown>, timeMs: number): void {
  for (const [key, session] of [...written.sessions]) {
    if (sessions.has(key)) continue;
    commit(written.history, { type: "closeSession" }, { session, timeMs });
    written.sessions.delete(key);
  }
}

function removeGone(written: Written, nodes: ReadonlyMap<string, KeptZnode>, timeMs: number): void {
  const { tree } = written.history;
  // Children come after their parents, so that backwards they go first.
  for (const path of [...written.nodes.keys()].reverse())
    if (!nodes.has(path) && tree.nodes.get(path)?.children.size === 0)
      commit(written.history, { type: "delete", path }, { session: 0n, timeMs });
}

function write(written: Written, path: string, kept: KeptZnode, timeMs: number): void {
  const { history } = written;
  const session = (kept.session === null ? undefined : written.sessions.get(kept.session)) ?? 0n;
  const there = history.tree.nodes.get(path);
  if (there === undefined) {
    const made = { path, data: kept.data, acl: kept.acl, ephemeral: kept.session !== null };
    commit(history, creation(history.tree, made), { session, timeMs });
    return;
  }
  const before = written.nodes.get(path);
  if (before !== undefined && sameBytes(before.data, kept.data)) return;
  if (!sameBytes(there.data, kept.data))
    commit(history, { type: "setData", path, data: kept.data, version: there.version + 1 }, { session, timeMs });
}

/**
 * Brings the ensemble's tree to what the cluster's processes have written by now: a transaction for each difference. Without a
 * leader nobody can write, and it stays as it is. Cheap where nothing changed.
 */
export function writeZnodes(model: Model): History {
  const { written } = model.ensemble;
  if (model.ensemble.leader === null) return written.history;
  const { nodes, sessions } = keptZnodes(model);
  const timeMs = model.clock.now();
  endSessions(written, sessions, timeMs);
  removeGone(written, nodes, timeMs);
  for (const [key, { server, timeoutMs }] of sessions) {
    if (written.sessions.has(key)) continue;
    const session = sessionId(model, server, key);
    commit(written.history, { type: "createSession", timeoutMs }, { session, timeMs });
    written.sessions.set(key, session);
  }
  for (const [path, kept] of nodes) write(written, path, kept, timeMs);
  written.nodes = nodes;
  return written.history;
}

/**
 * What a settled cluster has in ZooKeeper: the znodes that last were made in an epoch before, which is where the history on disk
 * begins; sessions and their znodes in the epoch that goes on.
 */
export function settleZnodes(model: Model): void {
  const { written, epoch } = model.ensemble;
  startEpoch(written.history, epoch - 1);
  const { nodes } = keptZnodes(model);
  const lasting = new Map([...nodes].filter(([, kept]) => kept.session === null));
  for (const [path, kept] of lasting) write(written, path, kept, model.ensemble.servingSinceMs);
  written.nodes = lasting;
  written.history = beginHistory(written.history.tree);
  startEpoch(written.history, epoch);
  writeZnodes(model);
}
