import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { goOn } from "../../../src/cli/commands/resume.ts";
import type { Cluster } from "../../../src/cli/cluster.ts";
import { runRunbook } from "../../../src/cli/generic-run.ts";
import type { LabTime } from "../../../src/cli/lab-time.ts";
import { POLICIES, ROOT } from "../../../src/cli/places.ts";
import { upgrade } from "../../../src/cli/upgrade-flow.ts";
import { loadInventory, loadPolicy, loadRunbook } from "../../../src/document/load.ts";
import { PawlError, type ExitName } from "../../../src/domain/errors.ts";
import type { RunEvent } from "../../../src/domain/events.ts";
import type { Inventory } from "../../../src/domain/inventory.ts";
import { explained } from "../../../src/domain/system-error.ts";
import { capturedIo } from "../../cli/captured-io.ts";
import { answerLines } from "../../../src/document/answers.ts";
import type { Embedded } from "./embedded.ts";

const SOAKS = { "soak-masters": "5m", "soak-canary": "5m", "soak-waves": "5m", "soak-public": "5m" };

/** How one command ended; `error` is what it threw, as `pawl` itself would tell it. */
export interface Ended {
  readonly exit: ExitName;
  readonly events: readonly RunEvent[];
  readonly runs: readonly string[];
  readonly error: PawlError | null;
}

/** pawl's own commands on an embedded cluster in this process, with journal, artifacts, plan, reports and locks on a real disk. */
export interface OnDisk {
  upgrade(goal: string, more?: { readonly ticket?: string; readonly stopAfter?: string; readonly nobody?: true }): Promise<Ended>;
  resume(run: string, more?: { readonly yes?: true; readonly approve?: readonly string[] }): Promise<Ended>;
  /** One snapshot, as `pawl snapshot` takes it. */
  snapshot(): Promise<Ended>;
  /** Names of the runs there, oldest first. */
  runs(): readonly string[];
  /** Called with every event as it was told, at once. */
  onEvent: (event: RunEvent) => void;
}

/** `folder`: where the evidence goes, with `lab.yaml` beside it; `state`: pawl's own state. The cluster's time stands still while something is written. */
export function onDisk({ cluster, lab }: Embedded, folder: string, state: string): OnDisk {
  const time: LabTime = {
    clock: cluster.clock,
    during: (work) => work(),
    idle: (ms, signal) => cluster.clock.sleep(ms, signal),
    remote: (remote) => remote,
    jq: (jq) => jq,
    journal: (journal) =>
      Object.create(journal, {
        append: { value: (...args: Parameters<typeof journal.append>) => lab.clock.busy(() => journal.append(...args)) },
      }) as typeof journal,
    artifacts: (artifacts) => ({ ...artifacts, put: (meta, bytes) => lab.clock.busy(() => artifacts.put(meta, bytes)) }),
  };
  mkdirSync(dirname(folder), { recursive: true });
  const file = join(dirname(folder), "lab.yaml");
  writeFileSync(file, yamlOf(cluster.inventory.document));
  const own = async (): Promise<Cluster> => ({
    ...cluster,
    lab: time,
    inventory: { ...(await loadInventory(file)), document: cluster.inventory.document },
  });
  const desk: OnDisk = {
    onEvent: () => undefined,
    runs: () => {
      const place = join(folder, cluster.inventory.document.name);
      return safeList(place).map((name) => join(place, name));
    },
    async upgrade(goal, { nobody, ...more } = {}) {
      const runbook = await loadRunbook(join(ROOT, "runbooks/dcos-upgrade.yaml"));
      const policy = await loadPolicy(POLICIES["workbook"] ?? "");
      const options = { inventory: "lab.yaml", outputDir: folder, approve: [], only: [], set: [], waive: [], ...more };
      const request = { runbook, policy, goal, given: SOAKS, options };
      return act(async (io) => upgrade(io, await own(), request, { json: true, yes: nobody !== true, approve: [] }, []));
    },
    async snapshot() {
      const runbook = await loadRunbook(join(ROOT, "runbooks/dcos-snapshot.yaml"));
      const options = { inventory: "lab.yaml", outputDir: folder, approve: [], only: [], set: [], waive: [] };
      const wanted = { runbook, given: {}, options, what: "snapshot", quiet: true };
      return act(async (io) => (await runRunbook(io, await own(), wanted, { json: true, yes: true, approve: [] })).exit);
    },
    resume(run, more = { yes: true }) {
      return act(async (io) => goOn(io, await own(), run, { outputDir: folder, approve: [], json: true, ...more }));
    },
  };

  async function act(command: (io: ReturnType<typeof capturedIo>) => Promise<ExitName>): Promise<Ended> {
    const io = capturedIo(folder);
    const events: RunEvent[] = [];
    const told = {
      ...io,
      env: { ...io.env, PAWL_STATE_DIR: state, HOME: state },
      out: (text: string) => {
        io.out(text);
        for (const line of text.split("\n")) {
          if (!line.startsWith("{")) continue;
          const one = JSON.parse(line) as RunEvent;
          if (!("seq" in one)) continue;
          events.push(one);
          desk.onEvent(one);
        }
      },
    };
    try {
      return { exit: await command(told), events, runs: desk.runs(), error: null };
    } catch (caught) {
      const error = explained(caught, "Make room there");
      // Anything else would be printed with its stack.
      if (!(error instanceof PawlError)) throw caught;
      return { exit: error.exit, events, runs: desk.runs(), error };
    }
  }
  return desk;
}

/** The nodes as an operator would write them down. */
function yamlOf({ name, platform, nodes, answers }: Inventory): string {
  const lines = nodes.map((node) => `  - { name: ${node.name}, address: ${node.address}, role: ${node.role} }`);
  const head = ["apiVersion: pawl/v1", "kind: Inventory", `metadata: { name: ${name} }`, `platform: ${platform}`, "nodes:"];
  return [...head, ...lines, answerLines(answers ?? []), ""].join("\n");
}

function safeList(folder: string): readonly string[] {
  try {
    return readdirSync(folder).toSorted();
  } catch {
    return [];
  }
}
