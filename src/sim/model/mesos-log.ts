import { between } from "./random.ts";
import { laterAt, masterOf, quorumOf, runsFor, type Model, type NodeState } from "./state.ts";

const FOLDER = "/var/lib/dcos/mesos/master/replicated_log";
/** How often a master without a log looks for others to learn from. */
const LOOK_MS = 250;
/** Recorded: 0.3 to 0.5 s for a wiped log that finds a quorum, 1.7 to 3 s for the first log of all (mesos-real.md, timings). */
const LEARN_MS = { low: 300, high: 500 };
const FIRST_MS = { low: 1_700, high: 3_000 };

/** Whether the node has a replica of the registry's log on its disk. */
export function hasLog(node: NodeState): boolean {
  return node.fs.getAllPaths().some((path) => path.startsWith(`${FOLDER}/`));
}

function settle(model: Model, node: NodeState): void {
  const { mesos } = masterOf(node);
  if (mesos.startedMs === null || node.ailments.logStuck) return;
  mesos.logRecovered = true;
  node.fs.writeFileSync(`${FOLDER}/000003.log`, `replica of ${node.name}, learnt ${new Date(model.clock.now()).toISOString()}\n`);
}

/**
 * A master that began without a log: it learns from a quorum of masters that have theirs; where nobody has one, all masters
 * together begin a new one. Until then it waits, however long that takes (recorded: boot-three, quorum-lost, wiped rejoin).
 */
export function recoverLog(model: Model, node: NodeState): void {
  const { startedMs } = masterOf(node).mesos;
  const up = model.masters.filter((one) => runsFor(model, masterOf(one).mesos, 0) && !masterOf(one).mesos.hung);
  const voters = up.filter((one) => masterOf(one).mesos.logRecovered).length;
  const all = up.length === model.masters.length && up.every((one) => !masterOf(one).mesos.logRecovered && !hasLog(one));
  const again = (): boolean => masterOf(node).mesos.startedMs === startedMs && !masterOf(node).mesos.logRecovered;
  const within = voters >= quorumOf(model) ? LEARN_MS : all ? FIRST_MS : null;
  if (within === null) {
    laterAt(model, node, LOOK_MS, () => {
      if (again()) recoverLog(model, node);
    });
    return;
  }
  laterAt(model, node, between(model.seed, `${node.name}/log/${startedMs ?? 0}`, within.low, within.high), () => {
    if (again()) settle(model, node);
  });
}
