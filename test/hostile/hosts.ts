import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { runCommandLine } from "../../src/cli/main.ts";
import type { ExitName } from "../../src/domain/errors.ts";
import type { RunEvent } from "../../src/domain/events.ts";
import { capturedIo } from "../cli/captured-io.ts";
import { startFleet, type Fleet } from "../real/sshd.ts";

/** What one command line printed and how it ended. */
export interface Told {
  readonly exit: ExitName | null;
  readonly out: string;
  readonly err: string;
}

/** An operator with one real machine behind OpenSSH, a folder, and pawl in this very process. */
export interface HostsStory {
  readonly fleet: Fleet;
  readonly folder: string;
  /** Runs a command line; `env` adds to what pawl sees. */
  pawl(args: readonly string[], env?: Readonly<Record<string, string>>): Promise<Told>;
  /** Writes a document into the folder; its path. */
  write(name: string, text: string): string;
  readonly inventory: string;
  close(): Promise<void>;
}

/** Starts the machine and writes `hosts.yaml` with a node `n1`; `more` adds lines to the inventory. */
export async function startHostsStory(more = ""): Promise<HostsStory> {
  const fleet = await startFleet(1);
  const folder = mkdtempSync(join(tmpdir(), "pawl-hosts-"));
  const write = (name: string, text: string): string => {
    const path = join(folder, name);
    writeFileSync(path, text);
    return path;
  };
  const inventory = write("hosts.yaml", inventoryOf(fleet, more));
  return {
    fleet,
    folder,
    write,
    inventory,
    async pawl(args, env = {}) {
      const io = capturedIo(folder);
      const own = {
        ...io,
        env: { ...io.env, HOME: folder, PAWL_STATE_DIR: join(folder, "state"), ...env },
        now: () => Date.now(),
      };
      await runCommandLine(own, args, "0.0.0");
      return { exit: io.ended(), out: io.stdout.join("\n"), err: io.stderr.join("\n") };
    },
    async close() {
      await fleet.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** The inventory of a fleet: machines of role `box`. */
function inventoryOf({ nodes, user, identityFile, knownHosts }: Fleet, more = ""): string {
  return [
    "apiVersion: pawl/v1",
    "kind: Inventory",
    "metadata: { name: boxes }",
    "platform: hosts",
    `ssh: { user: ${user}, identity-file: ${identityFile}, known-hosts: ${knownHosts} }`,
    "nodes:",
    ...nodes.map((node) => `  - { name: ${node.name}, address: ${node.address}, role: box, ssh: { port: ${node.port} } }`),
    more,
    "",
  ].join("\n");
}

/** A runbook of steps that run once each on every machine, given as YAML flow mappings without name and title. */
export function runbookOf(steps: readonly string[], inputs = ""): string {
  return [
    "apiVersion: pawl/v1",
    "kind: Runbook",
    'metadata: { name: story, version: "1", title: Story, source: test }',
    "platform: hosts",
    ...(inputs === "" ? [] : ["inputs:", inputs]),
    "phases:",
    "  - name: work",
    "    title: Work",
    "    source: test",
    "    each: { role: box }",
    "    steps:",
    ...steps.map((step, index) => `      - { name: s${index + 1}, title: Step ${index + 1}, ${step} }`),
    "",
  ].join("\n");
}

/** Run folders below an output folder, oldest first. */
export function runsIn(outputDir: string): readonly string[] {
  const list = (path: string): readonly string[] => {
    try {
      return readdirSync(path).filter((name) => !name.startsWith("."));
    } catch {
      return [];
    }
  };
  return list(outputDir)
    .flatMap((cluster) => list(join(outputDir, cluster)).map((run) => join(outputDir, cluster, run)))
    .sort();
}

export function journalOf(run: string): readonly RunEvent[] {
  return readFileSync(join(run, "journal.jsonl"), "utf8")
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as RunEvent);
}

export function makeFolder(path: string): string {
  mkdirSync(path, { recursive: true });
  return path;
}
