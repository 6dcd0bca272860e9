import { randomInt } from "node:crypto";
import { InvalidArgumentError, type Command } from "commander";
import type { Lab } from "../sim/lab.ts";
import type { ModelCluster } from "../sim/model/cluster.ts";
import type { Io } from "./io.ts";

export interface EmbeddedOptions {
  readonly masters: number;
  readonly private: number;
  readonly public: number;
  readonly version: string;
  readonly timeScale: number;
  readonly fault: readonly string[];
}

function whole(text: string): number {
  if (!/^\d{1,5}$/.test(text)) throw new InvalidArgumentError("give a whole number");
  return Number(text);
}

/** The flags of an embedded cluster (design section 8). */
export function embeddedOptions(command: Command, timeScale: number): Command {
  return command
    .option("--masters <n>", "masters", whole, 3)
    .option("--private <n>", "private agents", whole, 5)
    .option("--public <n>", "public agents", whole, 2)
    .option("--version <version>", "the DC/OS version its nodes start with", "1.9.4")
    .option("--time-scale <n>", "simulated seconds per second of sleep", whole, timeScale)
    .option(
      "--fault <name@node[:when][:hop]>",
      "something that goes wrong, once (repeatable)",
      (value: string, before: readonly string[]) => [...before, value],
      [],
    );
}

/** Starts an embedded cluster on the wire: real SSH and HTTP servers on loopback addresses of its own. */
export async function startEmbedded(
  io: Io,
  options: EmbeddedOptions,
  folder: string,
  name: string,
): Promise<{ readonly lab: Lab; readonly cluster: ModelCluster }> {
  const { createScaledClock } = await import("../sim/clock.ts");
  const { parseFault } = await import("../sim/faults.ts");
  const { createCluster } = await import("../sim/model/cluster.ts");
  const { chooseNetwork, startLab } = await import("../sim/lab.ts");
  const names = [
    ...Array.from({ length: options.masters }, (_, index) => `m${index + 1}`),
    ...Array.from({ length: options.private }, (_, index) => `a${index + 1}`),
    ...Array.from({ length: options.public }, (_, index) => `p${index + 1}`),
    "bootstrap",
  ];
  const faults = options.fault.map((text) => parseFault(text, names));
  const clock = createScaledClock({ startMs: io.now(), scale: options.timeScale });
  const network = await chooseNetwork();
  const cluster = createCluster({
    masters: options.masters,
    privateAgents: options.private,
    publicAgents: options.public,
    version: options.version,
    clock,
    faults,
    network,
    seed: randomInt(1, 2 ** 31),
  });
  const lab = await startLab({ cluster, folder, timeScale: options.timeScale, name });
  return { lab, cluster };
}
