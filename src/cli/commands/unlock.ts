import { Command } from "commander";
import { hostname } from "node:os";
import type { Io } from "../io.ts";
import { clusterOptions, type ClusterOptions } from "../options.ts";
import { stateDir } from "../places.ts";

/** `pawl unlock --reason TEXT`: breaks both locks, whoever holds them, and says what was found. */
export function unlockCommand(io: Io): Command {
  return clusterOptions(new Command("unlock"))
    .requiredOption("--reason <text>", "why the holder is certainly gone; recorded")
    .action(async (options: ClusterOptions & { readonly reason: string }) => {
      const { openCluster } = await import("../cluster.ts");
      const { breakClusterLock } = await import("../../action/cluster-lock.ts");
      const { breakLocalLock, lockedError, readLocalLock } = await import("../../journal/local-lock.ts");
      const { lookFor } = await import("../../journal/process-identity.ts");
      const { recordBrokenLock } = await import("../broken-lock.ts");
      const cluster = await openCluster(io, options.inventory);
      try {
        const { facts } = await cluster.platform.observe(cluster.reader, cluster.inventory.document, {}, cluster.clock);
        const holder = await readLocalLock(stateDir(io.env), facts.clusterId);
        if (holder !== null && lookFor(holder) === "alive") throw lockedError({ kind: "held", holder, alive: "alive" }, io.now());
        const local = await breakLocalLock({
          stateDir: stateDir(io.env),
          clusterId: facts.clusterId,
          operator: io.actor,
          reason: options.reason,
          nowMs: io.now(),
        });
        const managers = new Set(cluster.platform.contract.filter((group) => group.manager).map((group) => group.role));
        const nodes = cluster.inventory.document.nodes.filter((node) => managers.has(node.role)).map((node) => node.name);
        const found = await breakClusterLock({
          remote: cluster.remote,
          nodes,
          path: cluster.platform.lockPath,
          run: "",
          actor: io.actor,
          host: hostname(),
          clock: cluster.clock,
        });
        // A journal has one writer: where the holder may still live, its own engine records that the lock was lost.
        if (local !== null && lookFor(local) === "dead")
          await recordBrokenLock(io, local.runFolder, `${local.operator} (${local.host})`, options.reason);
        if (options.json === true)
          io.out(
            JSON.stringify({
              cluster: facts.clusterId,
              local: local === null ? null : { run: local.run, operator: local.operator, host: local.host },
              nodes: found,
            }),
          );
        else {
          io.out(
            local === null
              ? "this machine: no lock"
              : `this machine: lock of run ${local.run} (${local.operator} on ${local.host}) broken`,
          );
          for (const one of found) io.out(`${one.node}: ${one.found}`);
        }
        io.exit("ok");
      } finally {
        await cluster.close();
      }
    });
}
