import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createClusterLock } from "../../src/action/cluster-lock.ts";
import { createMasker } from "../../src/artifact/mask.ts";
import { openArtifactStore, readArtifact } from "../../src/artifact/store.ts";
import { guard } from "../../src/check/guard.ts";
import type { RunEvent } from "../../src/domain/events.ts";
import { fold, type RunState } from "../../src/domain/run-state.ts";
import type { Journal } from "../../src/engine/ports.ts";
import { startEngine, type RunResult } from "../../src/engine/run.ts";
import { createJournal, openJournal, type FileJournal } from "../../src/journal/file-journal.ts";
import { writePlan } from "../../src/journal/plan-file.ts";
import { reportFiles } from "../../src/report/files.ts";
import { labJq } from "../platform/dcos/lab.ts";
import { announcedOnly, planRollOut, RUN, type PlannedRollout } from "../platform/dcos/rollout.ts";
import { labMonitoring } from "../platform/dcos/monitored.ts";
import {
  createLife,
  mortalArtifacts,
  mortalChecks,
  mortalClock,
  mortalFile,
  mortalLock,
  mortalMonitoring,
  mortalRemote,
  type DeathWish,
} from "./life.ts";

/** What really happened on the machines of the model, in order: folders made and removed that stand for an effect. */
export interface Effect {
  readonly node: string;
  readonly what: "job" | "lock" | "unlock" | "script";
  /** The job's folder name, the script's target, or empty. */
  readonly of: string;
  /** The life of pawl in which it happened. */
  readonly life: number;
}

/** An upgrade over the embedded cluster, whose process may die again and again. */
export interface MortalUpgrade {
  readonly planned: PlannedRollout;
  readonly folder: string;
  readonly effects: readonly Effect[];
  /** Lives begun so far. */
  readonly lives: number;
  /** Runs pawl, for the first time or again, until it ends by itself (a result) or dies as wished (null). */
  live(wish?: DeathWish): Promise<RunResult | null>;
  /** Events whose append was confirmed to some engine: none of them may ever be missing. */
  readonly confirmed: readonly RunEvent[];
  state(): Promise<RunState>;
  close(): Promise<void>;
}

const LOCAL_KEY = Buffer.alloc(32, 7);

/** Keeps what was confirmed. A later life's events replace what the one before had not confirmed. */
function witnessed(journal: FileJournal, confirmed: RunEvent[]): Journal {
  return {
    events: journal.events,
    append: async (body, actor) => {
      const event = await journal.append(body, actor);
      confirmed[event.seq - 1] = event;
      return event;
    },
    seal: () => journal.seal(),
  };
}

/** Writes down which effects happen in the model: jobs that really begin, locks that are really made and removed. */
function watchEffects(planned: PlannedRollout, effects: Effect[], life: () => number): void {
  const { cluster } = planned.lab;
  const lockPath = planned.platform.lockPath;
  for (const node of [...cluster.nodes, cluster.bootstrap]) {
    const { fs } = node;
    const [mkdir, rm] = [fs.mkdir.bind(fs), fs.rm.bind(fs)];
    fs.mkdir = async (path, options) => {
      const was = await fs.exists(path);
      await mkdir(path, options);
      const job = /\/pawl-jobs(?:-user)?\/([^/]+)\/job$/.exec(path);
      if (job !== null && !was) effects.push({ node: node.name, what: "job", of: job[1] ?? "", life: life() });
      if (path === lockPath && !was) effects.push({ node: node.name, what: "lock", of: "", life: life() });
    };
    fs.rm = async (path, options) => {
      await rm(path, options);
      if (path === lockPath) effects.push({ node: node.name, what: "unlock", of: "", life: life() });
    };
  }
}

/** Plans the shipped runbook over a cluster of the given size, with a real journal and artifact store in a folder of its own. */
export async function mortalUpgrade(options: Parameters<typeof planRollOut>[0] = {}): Promise<MortalUpgrade> {
  const planned = await planRollOut(options);
  const { lab, platform, plan, kinds } = planned;
  const scratch = await mkdtemp(join(tmpdir(), "pawl-crash-"));
  const folder = join(scratch, "lab", RUN);
  const effects: Effect[] = [];
  const confirmed: RunEvent[] = [];
  let lives = 0;
  watchEffects(planned, effects, () => lives);
  const monitorJq = labJq(lab);
  const masker = createMasker({ key: LOCAL_KEY });
  const journalOptions = {
    folder,
    clock: lab.clock,
    actor: "engine",
    derive: (events: readonly RunEvent[], manifest: Parameters<typeof reportFiles>[2]) =>
      reportFiles(events, plan, manifest, (artifact) => readArtifact(folder, artifact)),
  };

  const first = async (): Promise<void> => {
    const sha256 = await writePlan(folder, plan);
    const journal = await createJournal(journalOptions);
    await journal.append({
      type: "run.created",
      run: RUN,
      kind: plan.runbook.name,
      cluster: plan.cluster.id,
      plan: sha256,
      pawl: "0.1.0",
      ticket: null,
    });
    confirmed.push(...journal.events);
    await journal.close();
  };

  const live = async (wish?: DeathWish): Promise<RunResult | null> => {
    if (lives === 0) await first();
    lives += 1;
    const life = createLife();
    const through = wish === undefined ? {} : { through: mortalFile(life, wish) };
    const journal = await openJournal({ ...journalOptions, ...through });
    const remote = mortalRemote(life, lab.remote);
    const reader = guard(remote, platform.allow);
    const clock = mortalClock(life, planned.clock);
    const state = fold(journal.events);
    const lock =
      plan.lock === null
        ? null
        : createClusterLock({
            remote,
            nodes: plan.lock.nodes,
            path: plan.lock.path,
            identity: null,
            run: RUN,
            id: "the-one",
            folder: "",
            process: null,
            actor: "ada",
            host: "desk",
            clock,
          });
    const engine = startEngine(
      {
        run: RUN,
        plan,
        inventory: lab.inventory,
        platform,
        kinds,
        journal: witnessed(journal, confirmed),
        state,
        artifacts: mortalArtifacts(life, await openArtifactStore({ folder, masker })),
        remote,
        reader,
        local: { run: async () => ({ kind: "exited", code: 0, stdout: "", stderr: "" }) },
        checks: mortalChecks(life, planned.checksOver(reader, clock)),
        clock,
        monitoring: mortalMonitoring(life, labMonitoring(lab, reader, clock, monitorJq)),
        operator: announcedOnly,
        control: null,
        lock: lock === null ? null : mortalLock(life, lock),
        viewer: { show: () => undefined },
        limits: { stopAfter: null, untilMs: null, expectedMs: () => null },
        process: { pid: lives, host: "desk", boot: "boot" },
      },
      state.phase !== "created",
    );
    const result = await Promise.race([engine.done, life.death.then(() => null)]);
    if (result !== null) await journal.close();
    return result;
  };

  return {
    planned,
    folder,
    effects,
    confirmed,
    live,
    get lives() {
      return lives;
    },
    state: async () => {
      const journal = await openJournal(journalOptions);
      await journal.close();
      return fold(journal.events);
    },
    close: async () => {
      await monitorJq.close();
      await planned.close();
      await rm(scratch, { recursive: true, force: true });
    },
  };
}
