import { InvalidArgumentError, Option, type Command } from "commander";
import { isSecretName } from "../artifact/secret-words.ts";
import { PawlError } from "../domain/errors.ts";
import { stopPlaces, type Plan } from "../domain/plan.ts";
import type { Limits } from "../engine/session.ts";
import { accessOptions, type AccessOptions } from "./access.ts";
import type { Io } from "./io.ts";
import { DEFAULT_OUTPUT } from "./places.ts";

/** Options every command that talks to a cluster has. */
export interface ClusterOptions extends AccessOptions {
  readonly inventory: string;
  readonly outputDir: string;
  readonly json?: true;
}

export interface RunOptions extends ClusterOptions {
  readonly yes?: true;
  readonly approve: readonly string[];
  readonly only: readonly string[];
  readonly stopAfter?: string;
  readonly until?: string;
  readonly ticket?: string;
  readonly waive: readonly string[];
  readonly reason?: string;
  readonly waiveUntil?: string;
  readonly set: readonly string[];
}

const collect = (value: string, before: readonly string[]): readonly string[] => [...before, value];
const split = (value: string, before: readonly string[]): readonly string[] => [
  ...before,
  ...value.split(",").filter((part) => part !== ""),
];

export function clusterOptions(command: Command): Command {
  return accessOptions(command)
    .requiredOption("-i, --inventory <file>", "the cluster: an inventory file")
    .option("--output-dir <folder>", "where evidence goes", DEFAULT_OUTPUT)
    .option("--json", "JSON only: one document, or one event a line");
}

export function runOptions(command: Command): Command {
  return clusterOptions(command)
    .option("--set <name=value>", "an input of the runbook (repeatable)", collect, [])
    .option("--yes", "approve everything the printed plan announces, and nothing else")
    .option("--approve <phase>", "approve one announced stop (repeatable)", collect, [])
    .option("--only <nodes>", "change only these nodes (comma-separated, repeatable)", split, [])
    .option("--stop-after <step|phase>", "end, as planned, after this step or phase")
    .addOption(
      new Option("--until <HH:MM>", "start no node that is not expected to be finished by then (local time)").argParser(
        checkTime,
      ),
    )
    .option("--waive <finding@value>", "let one waivable finding stand, as the preflight printed it (repeatable)", collect, [])
    .option("--reason <text>", "why it may stand; recorded with who said so")
    .option("--waive-until <date>", "last day of the waiver, such as 2026-12-01")
    .option("--ticket <text>", "recorded in journal and report");
}

function checkTime(text: string): string {
  if (!/^([01]\d|2[0-3]):[0-5]\d$/.test(text)) throw new InvalidArgumentError("give a time such as 04:30");
  return text;
}

/** `NAME=VALUE` pairs. Throws PawlError usage for anything else. */
export function inputsOf(pairs: readonly string[]): Readonly<Record<string, string>> {
  return Object.fromEntries(
    pairs.map((pair) => {
      const at = pair.indexOf("=");
      if (at < 1)
        throw new PawlError("usage", "set.malformed", `--set ${pair}: an input is set as NAME=VALUE`, {
          next: "pawl upgrade --set soak-masters=45m …",
        });
      // Bytes that are no UTF-8 arrive here as this sign: what would be sent is not what was typed.
      if (pair.includes("\uFFFD"))
        throw new PawlError(
          "usage",
          "set.encoding",
          `--set ${pair}: the value is not UTF-8, so it could not arrive as it was typed`,
        );
      const [name, value] = [pair.slice(0, at), pair.slice(at + 1)];
      // The plan is executed as it is written, so what is in an input cannot be masked there.
      if (isSecretName(name) && !/^\d{0,9}[a-z]?$/.test(value))
        throw new PawlError(
          "usage",
          "set.secret",
          `--set ${name}=…: a secret cannot be an input, because plan.json would keep it`,
          {
            expected: "an input that says where the secret lies, such as a path on the node",
            next: "Give the runbook an input like password-file, and let the command read that file.",
          },
        );
      return [name, value];
    }),
  );
}

/** The next moment the clock shows HH:MM, in local time, as epoch ms. */
function nextTime(text: string, nowMs: number): number {
  const [hours = 0, minutes = 0] = text.split(":").map(Number);
  const at = new Date(nowMs);
  at.setHours(hours, minutes, 0, 0);
  if (at.getTime() <= nowMs) at.setDate(at.getDate() + 1);
  return at.getTime();
}

/** Throws PawlError usage for a place the plan does not have: nobody would stop there. */
function needPlace(plan: Plan, name: string): void {
  const { phases, steps } = stopPlaces(plan, name);
  if (phases.length + steps.length > 0) return;
  const omitted = plan.omitted.find((one) => one.phase === name);
  const why = omitted === undefined ? "" : ` (${omitted.reason})`;
  const known = [...new Set(plan.phases.map((phase) => phase.wave?.of ?? phase.name))].join(", ");
  throw new PawlError("usage", "stop-after.unknown", `--stop-after ${name}: this plan has no such phase or step${why}`, {
    expected: `one of ${known}, or a step's address`,
    next: "pawl plan shows them all.",
  });
}

/** Where the run ends early by wish. Throws PawlError usage where that is no place of the plan. */
export function limitsOf(
  options: Pick<RunOptions, "stopAfter" | "until">,
  plan: Plan,
  nowMs: number,
  history: Pick<Limits, "expectedMs">,
): Limits {
  if (options.stopAfter !== undefined) needPlace(plan, options.stopAfter);
  return {
    stopAfter: options.stopAfter ?? null,
    untilMs: options.until === undefined ? null : nextTime(options.until, nowMs),
    expectedMs: (phase, node) => history.expectedMs(phase, node),
  };
}

/** A paper as wide as the terminal. */
export function paperOf(
  io: Io,
  unicode: boolean,
): { readonly columns: number; readonly colour: boolean; readonly unicode: boolean } {
  return { columns: io.columns, colour: io.colour, unicode };
}
