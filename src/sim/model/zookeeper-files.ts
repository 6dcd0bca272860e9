import { logFile, snapshotFile } from "../zookeeper/disk-format.ts";
import { treeAt, txnsBetween } from "../zookeeper/history.ts";
import { masterOf, type Model, type NodeState } from "./state.ts";

const FOLDER = "/var/lib/dcos/exhibitor/zookeeper";
const SNAPSHOTS = `${FOLDER}/snapshot/version-2`;
const LOGS = `${FOLDER}/transactions/version-2`;
/** autopurge.snapRetainCount of DC/OS's zoo.cfg (dcos.md section 7). */
const KEPT_SNAPSHOTS = 5;

/** What is left of a log that breaks off: its header and the beginning of its second transaction. */
const CUT_LOG_BYTES = 100;

/** A part of the transactions that one server has on its disk: those of one time that it served. */
export interface LogPart {
  /** Its file's name: the id the first transaction has, or would have had. */
  readonly from: bigint;
  /** The last transaction it saw; null: it still serves. */
  upTo: bigint | null;
}

/**
 * A server begins to serve, from the tree it had after transaction `loaded`: it writes that as a snapshot, the epoch, and opens a
 * log. Snapshot and log are made from the ensemble's history when somebody reads them.
 */
export function openFiles(model: Model, node: NodeState, loaded: bigint, from = loaded + 1n): void {
  const { history } = model.ensemble.written;
  const { zookeeper } = masterOf(node);
  const { fs } = node;
  for (const name of ["currentEpoch", "acceptedEpoch"]) fs.writeFileSync(`${SNAPSHOTS}/${name}`, String(model.ensemble.epoch));
  const at = { mtime: new Date(model.clock.now()) };
  fs.writeFileLazy(`${SNAPSHOTS}/snapshot.${loaded.toString(16)}`, () => snapshotFile(treeAt(history, loaded)), at);
  const part: LogPart = { from, upTo: null };
  zookeeper.log = part;
  fs.live(`${LOGS}/log.${from.toString(16)}`, () => {
    const bytes = logFile(txnsBetween(history, part.from, part.upTo));
    return node.ailments.logCut ? bytes.subarray(0, CUT_LOG_BYTES) : bytes;
  });
}

/** A server no longer takes part: its log ends here. */
export function closeFiles(model: Model, node: NodeState): void {
  const { zookeeper } = masterOf(node);
  if (zookeeper.log === null) return;
  zookeeper.log.upTo = model.ensemble.written.history.tree.zxid;
  zookeeper.log = null;
}

/** Numbers in the names of a folder's files of one kind, smallest first. */
function zxidsIn(node: NodeState, prefix: string): readonly bigint[] {
  return node.fs
    .getAllPaths()
    .filter((path) => path.startsWith(prefix))
    .map((path) => BigInt(`0x${path.slice(prefix.length)}`))
    .sort((a, b) => (a < b ? -1 : 1));
}

/** What a server does when it starts: all but the newest snapshots go, and the logs that only they needed (DatadirCleanupManager). */
export function purgeFiles(node: NodeState): void {
  const snapshots = zxidsIn(node, `${SNAPSHOTS}/snapshot.`);
  const oldest = snapshots.at(-KEPT_SNAPSHOTS);
  if (oldest === undefined) return;
  for (const zxid of snapshots) if (zxid < oldest) void node.fs.rm(`${SNAPSHOTS}/snapshot.${zxid.toString(16)}`);
  const needed = zxidsIn(node, `${LOGS}/log.`).findLast((zxid) => zxid <= oldest) ?? 0n;
  for (const zxid of zxidsIn(node, `${LOGS}/log.`)) if (zxid < needed) void node.fs.rm(`${LOGS}/log.${zxid.toString(16)}`);
}
