import type { Command } from "commander";
import { PawlError } from "../domain/errors.ts";
import { checkCommand } from "./commands/check.ts";
import type { Io } from "./io.ts";
import { CHECKS } from "./places.ts";
import { loadPlatform, PLATFORM_NAMES } from "./platforms.ts";

/** Roles on whose nodes a service answers, by platform: recorded answers name an address, a filter needs the role. */
const SERVICE_ROLES: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  dcos: {
    ...{ "mesos-master": "master", marathon: "master", exhibitor: "master", zookeeper: "master", "mesos-agent": "agent" },
    ...{ metronome: "master", cosmos: "master", "mesos-dns": "master", diagnostics: "master" },
  },
  hosts: {},
};

/** `pawl check` with its cluster: the live one behind the read-only guard, or the platform's ports for recorded answers. */
export async function loadCheckCommand(io: Io): Promise<Command> {
  const platforms = new Map(await Promise.all(PLATFORM_NAMES.map(async (name) => [name, await loadPlatform(name)] as const)));
  return checkCommand(io, {
    checks: CHECKS,
    services: (name) => {
      const platform = platforms.get(name);
      return platform === undefined ? null : { ports: platform.ports, roles: SERVICE_ROLES[name] ?? {} };
    },
    recorded: (name) => platforms.get(name) ?? null,
    async measure(live) {
      const { openCluster } = await import("./cluster.ts");
      const cluster = await openCluster(io, live.inventory, CHECKS, live.access);
      try {
        const { facts } = await cluster.platform.observe(cluster.reader, cluster.inventory.document, live.inputs, cluster.clock);
        const context = { inputs: { ...live.inputs }, node: live.node, since: null, inHand: [], complete: [], setAside: [] };
        const [answer] = await cluster
          .checksFor(facts, [live.check])
          .measure([{ check: live.check.name, node: live.node, context }]);
        if (answer === undefined) throw new PawlError("said-no", "no-answer", `${live.check.name} gave no answer`);
        return answer;
      } finally {
        await cluster.close();
      }
    },
  });
}
