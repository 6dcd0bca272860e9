import { hostname } from "node:os";
import { readFileSync } from "node:fs";
import { awaitsAcceptance } from "../domain/acceptance.ts";
import { PawlError } from "../domain/errors.ts";
import { explained } from "../domain/system-error.ts";
import { stepRecord } from "../domain/run-state.ts";
import type { Operator, Viewer } from "../engine/ports.ts";
import { startEngine, type RunResult } from "../engine/run.ts";
import type { Limits } from "../engine/session.ts";
import { createControlSocket } from "../journal/control-socket.ts";
import { createJsonLines } from "../view/json-lines.ts";
import { finishCommand } from "../view/next-command.ts";
import { operatorChain, policyOperator, promptOperator } from "../view/operator.ts";
import { speaksUnicode } from "../view/paper.ts";
import { createPlainLines } from "../view/plain-lines.ts";
import { renderProblem } from "../view/problem.ts";
import type { TerminalView } from "../view/terminal.ts";
import type { Cluster } from "./cluster.ts";
import type { Io } from "./io.ts";
import { runLock } from "./locks.ts";
import { maskedProblem, maskedViewer } from "./masked.ts";
import { shownFolder, stateDir } from "./places.ts";
import type { RunRecord } from "./run-folder.ts";
import { outputDirWords, spellOf } from "./spell.ts";

/** How a person (or nobody) is present at this run. */
export interface Presence {
  readonly json: boolean;
  readonly yes: boolean;
  readonly approve: readonly string[];
}

export interface Execution {
  readonly presence: Presence;
  readonly limits: Limits;
  /** Nothing follows this run on the cluster: its connections end while the record is sealed. */
  readonly last?: true;
}

function bootId(): string {
  try {
    return readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
  } catch {
    return "unknown";
  }
}

async function viewOf(
  io: Io,
  cluster: Cluster,
  record: RunRecord,
  json: boolean,
): Promise<{ readonly viewer: Viewer; readonly terminal: TerminalView | null }> {
  if (json) return { viewer: createJsonLines((line) => io.out(line)), terminal: null };
  const unicode = speaksUnicode(io.env);
  if (io.stdoutTty) {
    const { createTerminalView } = await import("../view/terminal.ts");
    const terminal = createTerminalView({
      plan: record.plan,
      stream: io.terminal(),
      columns: () => io.columns,
      rows: () => io.rows,
      colour: io.colour,
      unicode,
      clock: cluster.clock,
      state: record.state(),
      ...io.keyboard(),
    });
    return { viewer: terminal, terminal };
  }
  return {
    viewer: createPlainLines({
      plan: record.plan,
      paper: { columns: io.columns, colour: io.colour, unicode },
      out: (text) => io.out(text),
      now: () => cluster.clock.now(),
    }),
    terminal: null,
  };
}

/**
 * Runs the engine on a record until it completes or halts: lock, view, operator, control socket, signals. Two signals are let
 * through to the engine as a stop at the next safe point; nothing is killed.
 */
export async function execute(io: Io, cluster: Cluster, record: RunRecord, execution: Execution): Promise<RunResult> {
  const { presence, limits } = execution;
  const { viewer, terminal } = await viewOf(io, cluster, record, presence.json);
  // `--yes` without an answer ends with the trouble's own code; it never falls back to asking.
  const person =
    presence.json || presence.yes
      ? []
      : [promptOperator({ view: terminal, io, actor: io.actor, unicode: speaksUnicode(io.env) })];
  const operator: Operator = operatorChain([
    policyOperator({ yes: presence.yes, approve: presence.approve, phases: record.plan.phases }),
    ...person,
  ]);
  const state = record.state();
  const engine = startEngine(
    {
      run: record.run,
      plan: record.plan,
      inventory: cluster.inventory.document,
      platform: cluster.platform,
      kinds: cluster.kinds,
      journal: cluster.lab?.journal(record.journal) ?? record.journal,
      state,
      artifacts: cluster.lab?.artifacts(record.artifacts) ?? record.artifacts,
      remote: cluster.remote,
      reader: cluster.reader,
      local: cluster.local,
      checks: cluster.checksFor(record.plan.facts),
      clock: cluster.clock,
      ...(cluster.monitoring === undefined ? {} : { monitoring: cluster.monitoring }),
      operator,
      control: createControlSocket({ stateDir: stateDir(io.env), runFolder: record.folder }),
      lock: runLock(io, cluster, record),
      viewer: maskedViewer(viewer, (text) => record.mask(text)),
      limits,
      spell: spellOf(io, record.folder),
      process: { pid: process.pid, host: hostname(), boot: bootId() },
      // Whoever opened the cluster closes it too, and hears what goes wrong there.
      ...(execution.last === true ? { leave: () => void cluster.close().catch(() => undefined) } : {}),
    },
    state.phase !== "created",
  );
  const offKeys = cluster.acceptedKeys?.attach((event) => engine.note(event));
  const offStop = io.onStop(() => engine.stop(io.actor));
  try {
    return await engine.done;
  } catch (caught) {
    const next = `Mend what is named here, then: pawl resume ${shownFolder(io, record.folder)}`;
    const error = explained(caught, next);
    if (!(error instanceof PawlError)) throw error;
    const details = maskedProblem(error.details, (text) => record.mask(text));
    throw new PawlError(error.exit, error.code, record.mask(error.message), { ...details, next, cause: error });
  } finally {
    offStop();
    offKeys?.();
    await terminal?.stop();
    await record.close();
  }
}

/** What a run that ended leaves on the screen: the trouble if any, where the record lies, and the next command. */
export function tellEnd(io: Io, record: RunRecord, result: RunResult, presence: Presence): void {
  if (presence.json) return;
  const paper = { columns: io.columns, colour: io.colour, unicode: speaksUnicode(io.env) };
  if (result.halt !== null && io.stdoutTty)
    io.err(
      renderProblem(
        maskedProblem(result.halt.problem, (text) => record.mask(text)),
        paper,
      ),
    );
  const folder = shownFolder(io, record.folder);
  const failed = result.halt?.step ?? null;
  // A resume alone does not measure again what was refused, nor repeat what failed: a person says so first.
  if (failed !== null && stepRecord(record.state(), failed).status === "error")
    io.err(`When it is mended: pawl retry ${folder} ${failed}`);
  if (result.exit !== "ok" && result.exit !== "set-aside") io.err(`Resume with: pawl resume ${folder}`);
  const words = outputDirWords(io, record.folder);
  const finish = result.exit === "set-aside" ? finishCommand(record.state(), record.plan, words) : null;
  if (finish !== null) io.out(`Finish what was set aside: ${finish}`);
  const { journey, sources } = record.plan;
  if (finish !== null && journey !== null && journey.hop < journey.hops)
    io.out(`Then go on with the hops that are left: pawl upgrade -i ${sources.inventory} --to ${journey.goal}${words}`);
  if (awaitsAcceptance(record.state(), record.plan))
    io.out(`Complete, not accepted. Once somebody takes it as good: pawl accept ${folder} --reason TEXT`);
  io.out(`Report: ${folder}/report.html`);
  io.out(`Proof: pawl verify ${folder}`);
}
