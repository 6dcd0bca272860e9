import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { duplexPair } from "node:stream";
import type { ByteStream } from "../../../src/engine/ports.ts";
import { JuteError } from "../../../src/zookeeper/jute.ts";
import { ScratchError, type Scratch } from "../../../src/zookeeper/scratch-server.ts";
import { serveClient, type ClientPort } from "../../../src/sim/zookeeper/client-port.ts";
import { readLog, readSnapshot } from "../../../src/sim/zookeeper/disk-format.ts";
import { beginHistory, commit, type History } from "../../../src/sim/zookeeper/history.ts";
import { applyTxn, emptyTree, type Tree } from "../../../src/sim/zookeeper/tree.ts";

interface Found {
  readonly zxid: bigint;
  readonly path: string;
}

/** Files of one kind in a folder's `version-2`, oldest first; none where there is no such folder. */
async function filesIn(folder: string, kind: "snapshot" | "log"): Promise<readonly Found[]> {
  const place = join(folder, "version-2");
  const names = await readdir(place).catch(() => []);
  return names
    .filter((name) => new RegExp(`^${kind}\\.[0-9a-f]+$`).test(name))
    .map((name) => ({ zxid: BigInt(`0x${name.slice(kind.length + 1)}`), path: join(place, name) }))
    .sort((a, b) => (a.zxid < b.zxid ? -1 : 1));
}

async function newestTree(snapshots: readonly Found[]): Promise<Tree> {
  for (const { path, zxid } of snapshots.toReversed()) {
    try {
      return readSnapshot(await readFile(path), zxid);
    } catch (error) {
      // The one before may be whole; without any there is nothing to begin from.
      if (!(error instanceof JuteError)) throw error;
    }
  }
  if (snapshots.length > 0) throw new JuteError("no snapshot is whole");
  return emptyTree();
}

/**
 * The tree a server has after it started on these folders: that of the newest whole snapshot, with every transaction of the logs
 * behind it (FileTxnSnapLog.restore). Throws JuteError where a real server would not start.
 */
export async function restoreTree(folders: { readonly data: string; readonly logs: string }): Promise<Tree> {
  const tree = await newestTree(await filesIn(folders.data, "snapshot"));
  const logs = await filesIn(folders.logs, "log");
  // The log that was open at the snapshot, and those after it.
  const first = logs.findLastIndex(({ zxid }) => zxid <= tree.zxid + 1n);
  for (const { path } of logs.slice(Math.max(0, first)))
    for (const txn of readLog(await readFile(path))) if (txn.zxid > tree.zxid) applyTxn(tree, txn);
  return tree;
}

/** The client port of a server that stands alone, bars nobody and takes writes. `now`: its history, asked for at every request. It ends with whoever has it. */
export function alonePort(now: () => History, nowMs: () => number): ClientPort {
  let sessions = 0n;
  return {
    word: () => null,
    history: now,
    openSession(timeoutMs) {
      sessions += 1n;
      commit(now(), { type: "createSession", timeoutMs }, { session: sessions, timeMs: nowMs() });
      return sessions;
    },
    knows: () => false,
    passwordOf: () => Buffer.alloc(16),
    closeSession: (session) => void commit(now(), { type: "closeSession" }, { session, timeMs: nowMs() }),
    abandonSession: () => undefined,
    keepSession: () => undefined,
    author: (session, cxid) => ({ session, cxid, timeMs: nowMs() }),
    unbarred: true,
    connected: () => () => undefined,
  };
}

/**
 * Scratch servers without a JVM, for stories that prove many backups: they read a copy's files and serve what is in them. That a
 * real ZooKeeper makes the same of those files is proven beside this (real-server.test.ts).
 */
export function memoryScratch(): Scratch {
  return {
    find: () => ({ kind: "found", what: "a server in memory" }),
    async folder() {
      const path = await mkdtemp(join(tmpdir(), "pawl-scratch-"));
      const remove = (): Promise<void> => rm(path, { recursive: true, force: true });
      return {
        path,
        remove,
        async start(folders) {
          const tree = await restoreTree(folders).catch((error: unknown) => {
            throw error instanceof JuteError ? new ScratchError(error.message) : error;
          });
          const loadedZxid = tree.zxid;
          const history = beginHistory(tree);
          const port = alonePort(
            () => history,
            () => 0,
          );
          const streams = new Set<ByteStream>();
          return {
            version: "3.4.14",
            loadedZxid,
            auth: [],
            port: 0,
            connect() {
              const [near, far] = duplexPair();
              streams.add(near);
              serveClient(port, far);
              return Promise.resolve(near);
            },
            async stop() {
              for (const stream of streams) stream.destroy();
              await remove();
            },
          };
        },
      };
    },
  };
}
