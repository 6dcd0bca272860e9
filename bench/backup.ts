import { randomFillSync } from "node:crypto";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { stringify } from "yaml";
import type { Bench, Benchmark } from "./bench.ts";
import { compare, wallRatio, type Contender, type Goal } from "./compare.ts";
import { writeInventory } from "./documents.ts";
import type { Fleet, FleetNode } from "./fleet.ts";
import { measure } from "./measure.ts";

const STREAM = "pawl, capture-file";
const PROVEN = "pawl, capture-tar with digests";
const SSH = "ssh tar | tee | sha256sum";
const FLAT_MIB = 64;

/** Bytes nobody can compress, in files of at most 64 MiB, as a ZooKeeper's logs are. */
function writeData(folder: string, mebibytes: number): void {
  mkdirSync(folder, { recursive: true });
  for (let left = mebibytes, index = 1; left > 0; left -= 64, index++)
    writeFileSync(join(folder, `log.${index}`), randomFillSync(Buffer.alloc(Math.min(64, left) << 20)));
}

function pawl(bench: Bench, fleet: Fleet, node: FleetNode, name: string, step: object): Contender {
  const folder = join(bench.folder, "backup", name.replace(/\W+/g, "-"));
  const inventory = writeInventory(folder, fleet, [node]);
  const runbook = join(folder, "runbook.yaml");
  const steps = [{ name: "copy", title: "Copy", ...step }];
  writeFileSync(
    runbook,
    stringify({
      apiVersion: "pawl/v1",
      kind: "Runbook",
      metadata: { name: "backup", version: "1", title: "Backup", source: "bench" },
      platform: "hosts",
      phases: [{ name: "backup", title: "Backup", source: "bench", each: { role: "node" }, steps }],
    }),
  );
  return {
    name,
    run() {
      const output = join(folder, "backups");
      rmSync(output, { recursive: true, force: true });
      const argv = [process.execPath, bench.pawl, "run", runbook, "-i", inventory, "--yes", "--output-dir", output];
      return measure({ argv, cwd: folder, env: { PAWL_STATE_DIR: join(folder, "state"), NO_COLOR: "1" } });
    },
  };
}

function ssh(folder: string, fleet: Fleet, node: FleetNode, data: string): Contender {
  const line = `ssh -F ${fleet.sshConfig} -l root ${node.address} tar -cf - -C / ${data.slice(1)} | tee ${folder}/copy.tar | sha256sum`;
  return { name: SSH, run: () => measure({ argv: ["bash", "-o", "pipefail", "-c", line], cwd: folder }) };
}

export const backup: Benchmark = {
  name: "backup",
  title: "a streamed backup of 256 MiB, hashed",
  async run(bench) {
    const fleet = await bench.fleet();
    const folder = join(bench.folder, "backup");
    const data = join(folder, "data");
    writeData(data, bench.sizes.backupMiB);
    const whole = join(folder, "whole");
    writeFileSync(whole, randomFillSync(Buffer.alloc(bench.sizes.backupMiB << 20)));
    const node = fleet.nodes[0];
    if (node === undefined) throw new Error("the fleet has no node");
    const small = join(folder, "small");
    writeFileSync(small, "small");
    const one = pawl(bench, fleet, node, "pawl, a file of 5 bytes", { uses: "capture-file", with: { path: small } });
    const contenders = [
      pawl(bench, fleet, node, STREAM, { uses: "capture-file", with: { path: whole } }),
      pawl(bench, fleet, node, PROVEN, { uses: "capture-tar", with: { paths: [data] } }),
      ssh(folder, fleet, node, data),
      one,
    ];
    const medians = await compare(contenders, bench.sizes.rounds);
    const ratio = wallRatio(medians, STREAM, SSH);
    const above = (medians.get(STREAM)?.peakMiB ?? Number.NaN) - (medians.get(one.name)?.peakMiB ?? Number.NaN);
    const goals: Goal[] = [
      { text: "within 1.3 of ssh tar piped to a file and hashed", met: ratio <= 1.3, measured: ratio.toFixed(2) },
      {
        text: `memory flat: at most ${FLAT_MIB} MiB above that of a small file`,
        met: above <= FLAT_MIB,
        measured: `${above.toFixed(0)} MiB`,
      },
    ];
    return { medians, goals, notRun: [] };
  },
};
