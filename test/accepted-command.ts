import type { Command } from "commander";
import { expect } from "vitest";
import { COMMANDS } from "../src/cli/commands.ts";
import { capturedIo } from "./cli/captured-io.ts";

/** Words of a command line as a shell splits them; quotes hold words together. */
function wordsOf(line: string): readonly string[] {
  return [...line.matchAll(/'([^']*)'|"([^"]*)"|(\S+)/g)].map(([, single, double, bare]) => single ?? double ?? bare ?? "");
}

function disarm(command: Command, parsed: () => void): void {
  command
    .exitOverride()
    .configureOutput({ writeErr: () => undefined, writeOut: () => undefined })
    .action(parsed);
  for (const sub of command.commands) disarm(sub, parsed);
}

/** Holds a `pawl …` line against pawl's own parser: the command, its arguments and its options exist. Nothing is run. */
export async function expectAccepted(line: string): Promise<void> {
  const [program, verb, ...rest] = wordsOf(line);
  expect(program, line).toBe("pawl");
  const entry = COMMANDS.find((one) => one.name === verb);
  expect(entry?.name, `a command of pawl: ${line}`).toBe(verb);
  if (entry === undefined) return;
  const command = await entry.load(capturedIo("."));
  let parsed = false;
  disarm(command, () => (parsed = true));
  const refused = await command.parseAsync([...rest], { from: "user" }).then(
    () => null,
    (error: unknown) => (error instanceof Error ? error.message : String(error)),
  );
  expect(refused, `pawl's own parser refuses: ${line}`).toBeNull();
  expect(parsed, `nothing would be run by: ${line}`).toBe(true);
}

/** Every line of a text that is a command, or ends in one, as `pawl VERB …`. */
export function commandsIn(text: string): readonly string[] {
  return text.split("\n").flatMap((line) => /(?:^|: )(pawl [a-z].*)$/.exec(line)?.[1] ?? []);
}
