import { Command } from "commander";
import { PawlError } from "../../domain/errors.ts";
import type { Cluster } from "../cluster.ts";
import type { Io } from "../io.ts";
import { clusterOptions, type ClusterOptions } from "../options.ts";
import { CHECKS, stateDir } from "../places.ts";

/**
 * A lock whose holder on another machine gave a sign of life this recently is not broken: its engine looks after it before
 * every step. Whether it lives later on, only its own machine can tell.
 */
const FRESH_SECONDS = 120;

/** `pawl unlock --reason TEXT`: breaks both locks, whoever holds them, and says what was found. Refused (9) beside a living engine. */
export function unlockCommand(io: Io): Command {
  return clusterOptions(new Command("unlock"))
    .requiredOption("--reason <text>", "why the holder is certainly gone; recorded")
    .action(async (options: ClusterOptions & { readonly reason: string }) => {
      const { openCluster } = await import("../cluster.ts");
      const cluster = await openCluster(io, options.inventory, CHECKS, options);
      try {
        await unlock(io, cluster, options);
      } finally {
        await cluster.close();
      }
    });
}

async function unlock(io: Io, cluster: Cluster, options: ClusterOptions & { readonly reason: string }): Promise<void> {
  const { breakClusterLocks, describeClusterHolder, findClusterLocks } = await import("../../action/cluster-lock.ts");
  const { breakLocalLock, breakWriterLock, describeHolder, keepBroken, lockedError, readLocalLock, writerLockedError } =
    await import("../../journal/local-lock.ts");
  const { findRecordLocks } = await import("../record-locks.ts");
  const { lookFor } = await import("../../journal/process-identity.ts");
  const { recordSays } = await import("../../journal/record-says.ts");
  const { recordBrokenLock } = await import("../broken-lock.ts");
  const { explainLock, lifeOf, lockPlace, managersOf } = await import("../locks.ts");
  const { platform, reader, inventory } = cluster;
  if (options.reason.trim() === "")
    throw new PawlError("usage", "no-reason", "a lock is broken only with a reason", { next: "--reason TEXT" });
  const { facts } = await platform.observe(reader, inventory.document, {}, cluster.clock);
  if (facts.clusterId === "")
    throw new PawlError(
      "refused",
      "no-cluster-id",
      "no manager told which cluster this is, so nobody knows whose lock to break",
      {
        expected: "the cluster's identity from a manager",
        next: "Mend access to the managers, then run this again.",
      },
    );
  const here = await readLocalLock(stateDir(io.env), facts.clusterId);
  if (here !== null && lookFor(here) === "alive")
    throw lockedError({ kind: "held", holder: here, alive: "alive" }, io.now(), {
      inventory: options.inventory,
      record: (await recordSays(here.runFolder))?.text ?? null,
    });
  const place = lockPlace(cluster, managersOf(cluster), platform.lockPath, facts.clusterId);
  const { found, others } = await findClusterLocks(place);
  for (const lock of found) {
    const life = lifeOf(lock.holder);
    const fresh = life === "unknown" && lock.seenSeconds !== null && lock.seenSeconds < FRESH_SECONDS;
    if (life !== "alive" && !fresh) continue;
    const { text, next } = await explainLock(io, cluster, lock);
    throw new PawlError("locked", "lock.alive", `the engine that holds this cluster is at work: ${text}`, {
      expected: `a holder that is gone, or gave no sign of life for ${FRESH_SECONDS} s`,
      observed: life === "alive" ? "its process is running" : `a sign of life ${lock.seenSeconds ?? 0} s ago`,
      node: lock.node,
      next,
    });
  }
  const named = [here?.runFolder ?? "", ...found.map((lock) => lock.holder?.folder ?? "")].filter((folder) => folder !== "");
  const records = await findRecordLocks(io, cluster, options.outputDir, facts.clusterId, named);
  for (const { folder, holder } of records)
    if (lookFor(holder) === "alive")
      throw writerLockedError({ kind: "held", holder, alive: "alive" }, io.now(), {
        inventory: options.inventory,
        record: (await recordSays(folder))?.text ?? null,
        unlock: "",
      });
  const request = {
    stateDir: stateDir(io.env),
    clusterId: facts.clusterId,
    operator: io.actor,
    reason: options.reason,
    nowMs: io.now(),
  };
  const explained = new Map<string, string>();
  for (const lock of found) explained.set(lock.node, (await explainLock(io, cluster, lock)).text);
  const local = await breakLocalLock({ ...request, found: here });
  const broken = await breakClusterLocks(place, found);
  for (const { folder, holder } of records) await breakWriterLock(folder, holder);
  if (local === null && records.length > 0 && !broken.some((one) => one.broken))
    await keepBroken(request, { clusterId: facts.clusterId, records: records.map((one) => one.holder) });
  if (local === null && broken.some((one) => one.broken))
    await keepBroken(request, { clusterId: facts.clusterId, managers: found });
  // A journal has one writer: only where the holder is certainly dead is its own record told.
  const gone = new Map<string, string>();
  if (local !== null && lookFor(local) === "dead") gone.set(local.runFolder, `${local.operator} (${local.host})`);
  for (const { holder } of found)
    if (holder !== null && holder.folder !== "" && lifeOf(holder) === "dead")
      gone.set(holder.folder, describeClusterHolder(holder));
  for (const [folder, holder] of gone) await recordBrokenLock(io, folder, facts.clusterId, holder, options.reason);

  const nodes = [
    ...broken.map((one) => ({ node: one.node, broken: one.broken, found: one.text })),
    ...others.map((one) => ({ node: one.node, broken: false, found: one.text })),
  ];
  if (options.json === true)
    io.out(
      JSON.stringify({
        cluster: facts.clusterId,
        local: local === null ? null : { run: local.run, operator: local.operator, host: local.host },
        records: records.map(({ folder, holder }) => ({ folder, operator: holder.operator, host: holder.host })),
        nodes,
      }),
    );
  else {
    io.out(
      local === null
        ? "this machine: no lock"
        : `this machine: lock broken of ${describeHolder(local, lookFor(local), io.now())}`,
    );
    for (const { folder, holder } of records)
      io.out(`record ${folder}: lock broken of ${describeHolder(holder, lookFor(holder), io.now())}`);
    for (const one of nodes)
      io.out(`${one.node}: ${one.broken ? `lock broken of ${explained.get(one.node) ?? one.found}` : one.found}`);
  }
  const left = nodes.filter((one) => !one.broken && found.some((lock) => lock.node === one.node));
  io.exit(left.length > 0 ? "step-failed" : "ok");
}
