import { join } from "node:path";
import { createClusterLock } from "../../../src/action/cluster-lock.ts";
import { kindsOf } from "../../../src/action/kinds.ts";
import { createMasker } from "../../../src/artifact/mask.ts";
import { guard } from "../../../src/check/guard.ts";
import type { Jq } from "../../../src/check/jq.ts";
import { createChecks } from "../../../src/check/runner.ts";
import type { Cluster } from "../../../src/cli/cluster.ts";
import { POLICIES, ROOT } from "../../../src/cli/places.ts";
import { surveyHop, type HopSurvey, type UpgradeRequest } from "../../../src/cli/upgrade-flow.ts";
import { loadChecks, loadPolicy, loadRunbook } from "../../../src/document/load.ts";
import type { RunEvent } from "../../../src/domain/events.ts";
import type { Plan } from "../../../src/domain/plan.ts";
import { EMPTY_RUN, fold } from "../../../src/domain/run-state.ts";
import type { Clock, Command, Remote } from "../../../src/engine/ports.ts";
import { startEngine, type RunResult } from "../../../src/engine/run.ts";
import { createDcosPlatform } from "../../../src/platform/dcos/platform.ts";
import type { Scratch } from "../../../src/zookeeper/scratch-server.ts";
import type { WaiverRequest } from "../../../src/domain/waiver.ts";
import { memoryScratch } from "../../sim/zookeeper/restored.ts";
import { policyOperator } from "../../../src/view/operator.ts";
import { capturedIo } from "../../cli/captured-io.ts";
import { memoryArtifacts, memoryJournal } from "../../toy/memory.ts";
import { labJq, SOAKS, testLab, type TestLab } from "./lab.ts";

const CHECKS = join(ROOT, "checks");
export const TARGET = "1.11.3";

/** A command that was sent with the right to change something, and how many events were in the journal then. */
export interface Sent {
  readonly target: string;
  readonly argv: readonly string[];
  readonly afterSeq: number;
}

/** One run, as it ended. */
export interface Rollout {
  readonly name: string;
  readonly lab: TestLab;
  readonly plan: Plan;
  readonly events: readonly RunEvent[];
  readonly result: RunResult;
  readonly artifacts: ReturnType<typeof memoryArtifacts>;
  /** Everything that was not sent through the reader. */
  readonly sent: readonly Sent[];
}

/** A run that goes on where this one halted, as `pawl resume` does. */
export interface Resumable {
  readonly plan: Plan;
  readonly events: readonly RunEvent[];
  /** What it kept; steps that go on read it. */
  readonly artifacts?: ReturnType<typeof memoryArtifacts>;
}

/** An embedded cluster in process with the product's own platform, checks, runbook and policy around it. */
export interface Embedded {
  readonly lab: TestLab;
  /** The same as a command of pawl has it. */
  readonly cluster: Cluster;
  survey(goal: string, only?: readonly string[], hop?: number, waivers?: readonly WaiverRequest[]): Promise<HopSurvey>;
  run(plan: Plan, before?: Resumable, onEvent?: (event: RunEvent) => void, stopAfter?: string): Promise<Rollout>;
  /** Brings nodes to a version by hand, as an operator with a shell would: no engine, no gates. */
  byHand(from: string, target: string, nodes: readonly string[]): Promise<void>;
  close(): Promise<void>;
}

export type EmbeddedOptions = Parameters<typeof testLab>[0] & { readonly jq?: Jq; readonly scratch?: Scratch };

/** Simulated time has no end to sleep to: a wait for ever is looked at again after a second. */
function patient(clock: Clock): Clock {
  return {
    now: () => clock.now(),
    monotonic: () => clock.monotonic(),
    sleep: (ms, signal) => clock.sleep(Number.isFinite(ms) ? ms : 1_000, signal),
  };
}

/** Read once for all the clusters of a process. */
let documents: ReturnType<typeof loadAll> | null = null;

async function loadAll() {
  const loaded = await loadChecks(CHECKS);
  const runbook = await loadRunbook(join(ROOT, "runbooks/dcos-upgrade.yaml"));
  return { loaded, runbook, policy: await loadPolicy(POLICIES["workbook"] ?? "") };
}

export async function embed(options: EmbeddedOptions = {}): Promise<Embedded> {
  const lab = testLab(options);
  const { inventory } = lab;
  const clock = patient(lab.clock);
  const platform = createDcosPlatform({ scratch: () => options.scratch ?? memoryScratch() });
  const reader = guard(lab.remote, platform.allow);
  const jq = labJq(lab, options.jq);
  const { loaded, runbook, policy } = await (documents ??= loadAll());
  const cluster: Cluster = {
    inventory: { document: inventory, file: "lab.yaml", sha256: "0" },
    platform,
    checkDocuments: new Map(loaded.map((one) => [one.document.name, one])),
    checksFolder: CHECKS,
    kinds: kindsOf(platform),
    remote: lab.remote,
    reader,
    local: { run: async () => ({ kind: "exited", code: 0, stdout: "", stderr: "" }) },
    clock,
    jq,
    lab: null,
    checksFor: (facts, checks = loaded.map((one) => one.document)) =>
      createChecks({ checks, remote: reader, inventory, platform, facts, clock, jq }),
    maskerFor: async () => createMasker({ key: Buffer.alloc(32), secrets: [] }),
    close: async () => undefined,
  };

  const run: Embedded["run"] = async (plan, before, onEvent, stopAfter) => {
    const name = `20261120T150000Z-upgrade-${plan.inputs["target"] ?? ""}`;
    const journal = memoryJournal(clock, [...(before?.events ?? [])]);
    // A run that goes on has what it kept before.
    const artifacts = before?.artifacts ?? memoryArtifacts();
    const sent: Sent[] = [];
    const remote: Remote = {
      ...lab.remote,
      run: (target, command: Command, signal) => {
        sent.push({ target, argv: command.argv, afterSeq: journal.events.length });
        return lab.remote.run(target, command, signal);
      },
    };
    const engine = startEngine(
      {
        run: name,
        plan,
        inventory,
        platform,
        kinds: cluster.kinds,
        journal,
        state: fold(before?.events ?? [], EMPTY_RUN),
        artifacts,
        remote,
        reader,
        local: cluster.local,
        checks: cluster.checksFor(plan.facts),
        clock,
        operator: policyOperator({ yes: true, approve: [], phases: plan.phases }),
        control: null,
        lock:
          plan.lock === null
            ? null
            : createClusterLock({
                remote: lab.remote,
                nodes: plan.lock.nodes,
                path: plan.lock.path,
                run: name,
                id: name,
                folder: `backups/lab/${name}`,
                process: null,
                identity: null,
                actor: "test",
                host: "test",
                clock,
              }),
        viewer: { show: (news) => (news.type === "event" ? onEvent?.(news.event) : undefined) },
        limits: { stopAfter: stopAfter ?? null, untilMs: null, expectedMs: () => null },
        process: { pid: 1, host: "test", boot: "test" },
      },
      before !== undefined,
    );
    return { name, lab, plan, events: journal.events, result: await engine.done, artifacts, sent };
  };

  return {
    lab,
    cluster,
    survey(goal, only = [], hop = 1, waivers = []) {
      const request: UpgradeRequest = {
        runbook,
        policy,
        goal,
        given: SOAKS,
        waivers,
        options: { inventory: "lab.yaml", outputDir: "backups", approve: [], only, set: [], waive: [] },
      };
      return surveyHop(capturedIo("."), cluster, request, hop);
    },
    run,
    async byHand(from, target, nodes) {
      const make = {
        argv: ["bash", `/opt/dcos/${target}/dcos_generate_config.sh`, "--generate-node-upgrade-script", from],
        sudo: true,
        timeoutMs: 600_000,
      };
      const made = await lab.remote.run("bootstrap", make);
      const url = made.kind === "exited" ? /URL: (\S+)/.exec(made.stdout)?.[1] : undefined;
      if (url === undefined) throw new Error(`no script: ${JSON.stringify(made)}`);
      const upgradeOne = async (node: string): Promise<void> => {
        const done = await lab.remote.run(node, {
          argv: ["sh", "-c", `curl -fsSL -o /tmp/up.sh ${url} && bash /tmp/up.sh`],
          sudo: true,
          timeoutMs: 3_600_000,
        });
        if (done.kind !== "exited" || done.code !== 0) throw new Error(`${node} by hand: ${JSON.stringify(done)}`);
      };
      for (const node of nodes.filter((one) => one.startsWith("m"))) {
        await upgradeOne(node);
        await clock.sleep(120_000);
      }
      await Promise.all(nodes.filter((one) => !one.startsWith("m")).map(upgradeOne));
      await clock.sleep(300_000);
    },
    close: () => jq.close(),
  };
}
