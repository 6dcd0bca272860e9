import { Command, CommanderError } from "commander";
import { EXIT, PawlError, type ExitName } from "../domain/errors.ts";
import { explained } from "../domain/system-error.ts";
import { COMMANDS } from "./commands.ts";
import type { Io } from "./io.ts";
import { processIo } from "./process-io.ts";
import { resultLine } from "./result-line.ts";

/** Only the command that is meant is loaded: `pawl --help` stays fast. */
async function programFor(io: Io, name: string | undefined, version: string): Promise<Command> {
  const program = new Command("pawl")
    .description("Moves a live cluster from one version to the next, one proven tooth at a time.")
    .version(version, "-V, --version", "print the version")
    .helpCommand("help [command]", "help for a command")
    // Behind a command's name `--version` is the command's own: the version a lab starts with.
    .enablePositionalOptions()
    .showHelpAfterError("(pawl --help shows all commands)")
    .configureOutput({
      writeOut: (text) => io.out(text.trimEnd()),
      writeErr: (text) => io.err(text.trimEnd()),
      getOutHelpWidth: () => io.columns,
      getErrHelpWidth: () => io.columns,
    })
    .exitOverride();
  for (const entry of COMMANDS) {
    const command = entry.name === name ? await entry.load(io) : new Command(entry.name);
    command.exitOverride().configureOutput(program.configureOutput());
    for (const sub of command.commands) sub.exitOverride().configureOutput(program.configureOutput());
    program.addCommand(command.summary(entry.summary));
  }
  return program.addHelpText("after", "\nFirst: pawl demo (no cluster needed). Exit codes: docs/exit-codes.md.");
}

function wanted(args: readonly string[]): string | undefined {
  const words = args.filter((word) => !word.startsWith("-"));
  return words[0] === "help" ? words[1] : words[0];
}

async function tell(io: Io, error: PawlError): Promise<void> {
  const { renderError } = await import("../view/problem.ts");
  const { speaksUnicode } = await import("../view/paper.ts");
  io.err(renderError(error, { columns: io.columns, colour: io.colour, unicode: speaksUnicode(io.env) }));
}

/** What a failed command leaves on standard output with --json: the error, and for running work the result as the last line. */
function tellJson(io: Io, args: readonly string[], exit: ExitName, code: string, text: string, details: object): void {
  if (!args.includes("--json")) return;
  io.out(JSON.stringify({ type: "error", exit: EXIT[exit], name: exit, code, text, ...details }));
  const running = COMMANDS.find((entry) => entry.name === wanted(args))?.runs === true && !args.includes("--dry-run");
  if (running) io.out(resultLine(exit, io.begun()));
}

/** Runs one command line. Sets the exit code through `io`; throws only for a bug in pawl. */
export async function runCommandLine(io: Io, args: readonly string[], version: string): Promise<void> {
  try {
    const help = args.length === 0 || (args[0] === "help" && args[1] !== undefined);
    const line = help ? (args.length === 0 ? ["--help"] : [args[1] ?? "", "--help"]) : args;
    const program = await programFor(io, wanted(line), version);
    await program.parseAsync(line, { from: "user" });
  } catch (caught) {
    if (caught instanceof CommanderError) {
      if (caught.exitCode !== 0) tellJson(io, args, "usage", caught.code, caught.message, {});
      io.exit(caught.exitCode === 0 ? "ok" : "usage");
      return;
    }
    const again = "Make room there, or choose a folder that can be written (--output-dir, PAWL_STATE_DIR), and run it again.";
    const error = explained(caught, again);
    if (!(error instanceof PawlError)) {
      tellJson(io, args, "internal", "internal", caught instanceof Error ? caught.message : String(caught), {});
      throw error;
    }
    tellJson(io, args, error.exit, error.code, error.message, jsonable(error));
    await tell(io, error);
    io.exit(error.exit);
  }
}

function jsonable(error: PawlError): object {
  const { cause, ...rest } = error.details;
  return rest;
}

/**
 * A reader that went away (a pipe, a closed terminal) or a log on a full disk must not end a run in mid-step: what cannot be
 * written is not written. The journal is the record; what was lost on the way to standard output is said once on the other stream.
 */
function outliveReaders(): void {
  for (const [stream, other] of [
    [process.stdout, process.stderr],
    [process.stderr, null],
  ] as const) {
    stream.once("error", (error: NodeJS.ErrnoException) => {
      if (error.code !== "EPIPE" && error.code !== "EIO")
        other?.write(`pawl: standard output cannot be written (${error.code ?? error.message}); the run goes on\n`);
      stream.on("error", () => undefined);
    });
  }
}

/** The program. The exit code is 70 until a command has ended: a promise that never settles must not look like success. */
export async function main(): Promise<void> {
  process.exitCode = EXIT.internal;
  outliveReaders();
  const { pawlVersion } = await import("./places.ts");
  const io = processIo();
  await runCommandLine(io, process.argv.slice(2), pawlVersion());
  // A command that has ended without a word about its exit has ended well; no command ends with 70 by its own will.
  if (process.exitCode === EXIT.internal) io.exit("ok");
}
