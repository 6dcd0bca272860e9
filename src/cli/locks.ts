import { hostname } from "node:os";
import {
  createClusterLock,
  describeClusterHolder,
  type ClusterHolder,
  type FoundLock,
  type LockPlace,
} from "../action/cluster-lock.ts";
import { allSteps, type Plan } from "../domain/plan.ts";
import { formatDuration } from "../domain/duration.ts";
import type { ClusterLock } from "../engine/ports.ts";
import { lookFor, thisProcess } from "../journal/process-identity.ts";
import { recordSays } from "../journal/record-says.ts";
import type { Cluster } from "./cluster.ts";
import type { Io } from "./io.ts";
import { shownFolder } from "./places.ts";
import type { RunRecord } from "./run-folder.ts";

/** The managers in an order that does not depend on an inventory's names or its order: two runs that start at once meet at the first. */
export function lockPlace(cluster: Cluster, nodes: readonly string[], path: string, clusterId: string): LockPlace {
  const addressOf = (name: string): string =>
    cluster.inventory.document.nodes.find((node) => node.name === name)?.address ?? name;
  const file = cluster.platform.identityFile;
  return {
    remote: cluster.remote,
    nodes: nodes.toSorted((a, b) => (addressOf(a) < addressOf(b) ? -1 : addressOf(a) > addressOf(b) ? 1 : 0)),
    path,
    identity: file === undefined ? null : { file, value: clusterId },
  };
}

/** The names of the cluster's managers. */
export function managersOf(cluster: Cluster): readonly string[] {
  const roles = new Set(cluster.platform.contract.filter((group) => group.manager).map((group) => group.role));
  return cluster.inventory.document.nodes.filter((node) => roles.has(node.role)).map((node) => node.name);
}

/** Well below the two minutes after which `pawl unlock` no longer takes a holder on another machine for one at work. */
const SIGN_OF_LIFE_MS = 40_000;

/** Whether a plan changes anything: such a run is the only one on its cluster. */
export function isEffective(plan: Plan): boolean {
  return allSteps(plan).some((step) => step.effect !== "read");
}

/** A cluster without managers has nowhere to keep a lock but here. */
function localOnly(io: Io, record: RunRecord): ClusterLock {
  return {
    take: () => Promise.resolve({ kind: "taken", nodes: [], holder: `${io.actor} on ${hostname()}` }),
    release: () => Promise.resolve([]),
    check: async () => ((await record.holds()) ? { kind: "ours" } : { kind: "lost", reason: LOST_HERE }),
  };
}

const LOST_HERE = "the lock on this machine or of the record was broken, or another run has it";

/** The lock of a run as the engine sees it: on the managers, and on this machine; both are looked at before every step (design rule 7). */
export function runLock(io: Io, cluster: Cluster, record: RunRecord): ClusterLock | null {
  const { lock } = record.plan;
  if (lock === null) return isEffective(record.plan) ? localOnly(io, record) : null;
  const onCluster = createClusterLock({
    ...lockPlace(cluster, lock.nodes, lock.path, record.plan.cluster.id),
    run: record.run,
    id: record.id(),
    folder: record.folder,
    actor: io.actor,
    host: hostname(),
    process: thisProcess(),
    life: lookFor,
    clock: cluster.clock,
    explain: (found) => explainLock(io, cluster, found),
    everySoOften(act) {
      const timer = setInterval(act, SIGN_OF_LIFE_MS);
      timer.unref();
      return () => clearInterval(timer);
    },
  });
  return {
    take: () => onCluster.take(),
    release: () => onCluster.release(),
    async check() {
      if (!(await record.holds())) return { kind: "lost", reason: LOST_HERE };
      return onCluster.check();
    },
  };
}

/** Whether the engine that holds a lock still lives: known for certain only on its own machine. */
export function lifeOf(holder: ClusterHolder | null): "alive" | "dead" | "unknown" {
  return holder?.process == null ? "unknown" : lookFor(holder.process);
}

/** Who holds the cluster, since when, whether the engine lives, how far its run is, and the exact next command. */
export async function explainLock(
  io: Io,
  cluster: Cluster,
  found: FoundLock,
): Promise<{ readonly text: string; readonly next: string }> {
  const { holder } = found;
  const unlock = `pawl unlock -i ${cluster.inventory.file} --reason TEXT`;
  if (holder === null)
    return {
      text: `${describeClusterHolder(null)} on ${found.node}`,
      next: `Make sure that no pawl works on this cluster, then: ${unlock}`,
    };
  const life = lifeOf(holder);
  const record = await recordSays(holder.folder);
  const age = formatDuration(Math.max(0, cluster.clock.now() - Date.parse(holder.time)));
  const process = holder.process === null ? "" : `process ${holder.process.pid} `;
  const state = {
    alive: `${process}is running on this machine`,
    dead: `${process}on this machine is not running any more`,
    unknown: `whether its ${process === "" ? "engine" : process.trim()} still runs on ${holder.host} cannot be told from here`,
  }[life];
  const text = [
    `${describeClusterHolder(holder)}, for ${age}`,
    state,
    seenText(found),
    ...(record === null ? [] : [record.text]),
  ].join("; ");
  const folder = shownFolder(io, holder.folder);
  switch (life) {
    case "alive":
      return { text, next: `pawl status ${folder}` };
    case "dead":
      return {
        text,
        next:
          record === null || record.phase === "completed"
            ? unlock
            : `pawl resume ${folder}, or when that run is given up: ${unlock}`,
      };
    case "unknown":
      return {
        text,
        next: `Ask ${holder.holder}, or on ${holder.host}: pawl status ${holder.folder === "" ? holder.run : holder.folder}. When that engine is gone for good: ${unlock}`,
      };
  }
}

/** When the holder last looked after its lock, as the manager's own clock tells it. */
function seenText({ seenSeconds }: FoundLock): string {
  return seenSeconds === null ? "it gave no sign of life" : `last sign of life ${formatDuration(seenSeconds * 1000)} ago`;
}
