import { formatDuration } from "../../../domain/duration.ts";
import type { Problem } from "../../../domain/errors.ts";
import type { Effect, StepContext } from "../../../engine/ports.ts";
import type { ServiceReading } from "./service-calls.ts";
import { keep } from "./service-calls.ts";
import { outputFolder } from "./kept-spec.ts";
import { progressOf, type UpdateOutcome } from "./update-outcome.ts";
import type { WatchEnd } from "./watch-update.ts";

/** What was to come about, for messages. */
export interface Aim {
  readonly service: string;
  /** `pawl/ping:1.1, and every task of it up`. */
  readonly expected: string;
  /** It goes back to a kept spec: a failure is not answered with another way back. */
  readonly isRollback: boolean;
  readonly withinMs: number;
}

/** A word as it is typed in a shell. */
function typed(word: string): string {
  return /^[A-Za-z0-9_./:@%+,=-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}

/** The command that puts a service back to what this run found, whole: to be copied from the message that a failed update halts with. */
function rollbackCommand(ctx: Pick<StepContext, "spell" | "plan" | "run">, service: string): string {
  const output = outputFolder(ctx);
  const words = [
    "pawl",
    "run",
    "swarm-service-rollback.yaml",
    "-i",
    ctx.plan.sources.inventory,
    "--set",
    `service=${service}`,
    "--set",
    `run=${ctx.run}`,
  ];
  return [...words, ...(output === "backups" ? [] : ["--output-dir", output])].map(typed).join(" ");
}

function nextOf(ctx: StepContext, aim: Aim, first: string): string {
  return aim.isRollback
    ? `${first}\nWhen its cause is gone: ${ctx.spell("retry", ctx.step.address)}`
    : `${first}\nBack to what it was before this run: ${rollbackCommand(ctx, aim.service)}`;
}

/** What a person needs beside the outcome itself: how much of the service serves, and what its tasks say. */
function observedOf(words: string, reading: ServiceReading, errors: readonly string[]): string {
  const { serving, renewed, wanted } = progressOf(reading.service, reading.tasks);
  const counts = `${serving} of ${wanted} tasks serve, ${renewed} of them as the spec is now`;
  const said = errors.length === 0 ? ["no task says why"] : errors;
  return [words, counts, ...said.slice(0, 6), ...(said.length > 6 ? [`${said.length - 6} more kinds of errors`] : [])].join("; ");
}

interface Telling {
  readonly code: string;
  readonly text: string;
  readonly words: string;
  readonly next: string;
}

function tellingOf({ service, isRollback }: Aim, outcome: UpdateOutcome): Telling | null {
  const what = isRollback ? "rollback" : "update";
  switch (outcome.kind) {
    case "completed":
    case "settling":
    case "running":
    case "rolling-back":
      return null;
    case "not-arrived":
      return {
        code: "update-not-arrived",
        text: `The ${what} of ${service} has not arrived: its spec is as it was.`,
        words: "the spec is unchanged",
        next: "Nothing of it has begun.",
      };
    case "paused":
      return {
        code: "update-paused",
        text: `The ${what} of ${service} is paused: too many of its new tasks failed.`,
        words: outcome.message,
        next: "The tasks that were replaced keep the new version and are started again and again; the others keep the old one. Decide: mend what the tasks say and send a fix, or go back.",
      };
    case "rolled-back":
      return outcome.automatic
        ? {
            code: "update-rolled-back",
            text: `The ${what} of ${service} failed, and the managers have rolled it back: the service is what it was before.`,
            words: outcome.message,
            next: "Mend what the tasks say, then begin a new run.",
          }
        : {
            code: "update-rolled-back-by-hand",
            text: `Somebody has rolled ${service} back while pawl watched its ${what}.`,
            words: outcome.message,
            next: "Find out who and why before anything else is sent.",
          };
    case "rollback-paused":
      return {
        code: "rollback-paused",
        text: `The ${what} of ${service} failed, and the way back is paused as well: it is left between two versions.`,
        words: outcome.message,
        next: "What the managers went back to fails too. Decide which version is good.",
      };
    case "replaced":
      return {
        code: "update-replaced",
        text: `Somebody else has changed ${service} since: what is under way is not this ${what}.`,
        words:
          outcome.state === null
            ? "its spec is another, and no update is under way"
            : `its spec is another, in state ${outcome.state}`,
        next: "Find out whose change it is. Nothing more is sent by this run.",
      };
    case "unreadable":
      return {
        code: "update-unreadable",
        text: `The managers call the ${what} of ${service} by a word that pawl does not know.`,
        words: outcome.state,
        next: "Look at the service yourself.",
      };
  }
}

async function evidenceOf(ctx: StepContext, reading: ServiceReading): Promise<readonly string[]> {
  const about = `${reading.service.name} and its tasks when its update ended`;
  return [await keep(ctx, "service-and-tasks.json", about, { at: new Date(ctx.clock.now()).toISOString(), ...reading.answers })];
}

/** What the end of an update means for its step: done, or a problem with the tasks' own errors, evidence, and the way back spelled out. */
export async function effectOf(ctx: StepContext, aim: Aim, end: WatchEnd): Promise<Effect> {
  const failed = (problem: Omit<Problem, "expected">): Effect => ({
    kind: "failed",
    problem: { ...problem, expected: aim.expected },
  });
  switch (end.kind) {
    case "gone":
      return failed({
        ...{
          code: "service-gone",
          text: `${aim.service} is gone: somebody has removed it.`,
          observed: "no service of this name",
        },
        next: "Find out who removed it, and why.",
      });
    case "no-answer":
      return {
        kind: "unknown",
        problem: {
          ...{ code: "managers-silent", text: `No manager answers; how ${aim.service} goes on cannot be told.` },
          ...{ expected: aim.expected, observed: end.why },
          next: `The update goes on by itself where the managers are alive. Mend access to one of them, then: ${ctx.spell("resume")}`,
        },
      };
    case "late":
      return failed({
        code: "update-late",
        text: `The ${aim.isRollback ? "rollback" : "update"} of ${aim.service} has not ended within ${formatDuration(aim.withinMs)}.`,
        observed: observedOf(`still under way after ${end.after}`, end.reading, end.errors),
        evidence: await evidenceOf(ctx, end.reading),
        next: nextOf(ctx, aim, `It goes on by itself. When it has ended: ${ctx.spell("retry", ctx.step.address)}`),
      });
    case "unplaced":
      return failed({
        code: "update-unplaced",
        text: `Tasks of ${aim.service} have had no place for ${end.after}: that never fails an update, it waits for ever.`,
        observed: observedOf("tasks are pending", end.reading, end.errors),
        evidence: await evidenceOf(ctx, end.reading),
        next: nextOf(ctx, aim, `Make room, or correct the service's constraints, then: ${ctx.spell("retry", ctx.step.address)}`),
      });
    case "failing":
      return failed({
        code: "tasks-failing",
        text: `The tasks of ${aim.service} do not stay up.`,
        observed: observedOf(`tasks fail again and again for ${end.after}`, end.reading, end.errors),
        evidence: await evidenceOf(ctx, end.reading),
        next: nextOf(ctx, aim, "Mend what the tasks say."),
      });
    case "ended": {
      const telling = tellingOf(aim, end.outcome);
      if (telling === null) {
        const { serving, wanted } = progressOf(end.reading.service, end.reading.tasks);
        const how = end.outcome.kind === "settling" ? (end.outcome.same ? "" : "no task had to be replaced; ") : "completed; ";
        return { kind: "done", note: `${how}${serving} of ${wanted} tasks serve` };
      }
      return failed({
        ...{ code: telling.code, text: telling.text },
        observed: observedOf(telling.words, end.reading, end.errors),
        evidence: await evidenceOf(ctx, end.reading),
        next: nextOf(ctx, aim, telling.next),
      });
    }
  }
}
