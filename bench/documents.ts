import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { stringify } from "yaml";
import type { Fleet, FleetNode } from "./fleet.ts";

/** The command of every step, the same words for every contender. */
const STEP_ARGV = ["head", "-c", "200", "/proc/meminfo"] as const;
export const STEP_COMMAND = STEP_ARGV.join(" ");

/** An inventory of plain machines over the fleet. */
export function writeInventory(folder: string, fleet: Fleet, nodes: readonly FleetNode[]): string {
  mkdirSync(folder, { recursive: true });
  const file = join(folder, "inventory.yaml");
  writeFileSync(
    file,
    stringify({
      apiVersion: "pawl/v1",
      kind: "Inventory",
      metadata: { name: "bench" },
      platform: "hosts",
      ssh: { user: "root", port: fleet.port, "identity-file": fleet.identityFile, "known-hosts": fleet.knownHosts },
      nodes: nodes.map(({ name, address }) => ({ name, address, role: "node" })),
    }),
  );
  return file;
}

/** A runbook of `steps` commands on every node, fifty nodes at once. */
export function writeRunbook(folder: string, steps: number): string {
  mkdirSync(folder, { recursive: true });
  const file = join(folder, "runbook.yaml");
  writeFileSync(
    file,
    stringify({
      apiVersion: "pawl/v1",
      kind: "Runbook",
      metadata: { name: "bench", version: "1", title: "Commands on every node", source: "bench" },
      platform: "hosts",
      phases: [
        {
          name: "work",
          title: "Commands",
          source: "bench",
          each: { role: "node" },
          strategy: "parallel",
          "max-in-flight": 50,
          steps: Array.from({ length: steps }, (_, index) => ({
            name: `step-${index + 1}`,
            uses: "command",
            title: `Command ${index + 1}`,
            with: { argv: [...STEP_ARGV] },
          })),
        },
      ],
    }),
  );
  return file;
}

/** The task of the bare ssh2 loop. */
export function writeLoopTask(folder: string, fleet: Fleet, nodes: readonly FleetNode[], steps: number): string {
  mkdirSync(folder, { recursive: true });
  const file = join(folder, "loop.json");
  writeFileSync(
    file,
    JSON.stringify({
      hosts: nodes.map(({ address }) => address),
      port: fleet.port,
      user: "root",
      identityFile: fleet.identityFile,
      knownHosts: fleet.knownHosts,
      steps: Array.from({ length: steps }, () => STEP_COMMAND),
      concurrency: 50,
    }),
  );
  return file;
}
