import { Command, CommanderError } from "commander";
import { EXIT, PawlError } from "../domain/errors.ts";
import { explained } from "../domain/system-error.ts";
import { COMMANDS } from "./commands.ts";
import type { Io } from "./io.ts";
import { processIo } from "./process-io.ts";

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

/** Runs one command line. Sets the exit code through `io`; throws only for a bug in pawl. */
export async function runCommandLine(io: Io, args: readonly string[], version: string): Promise<void> {
  try {
    const help = args.length === 0 || (args[0] === "help" && args[1] !== undefined);
    const line = help ? (args.length === 0 ? ["--help"] : [args[1] ?? "", "--help"]) : args;
    const program = await programFor(io, wanted(line), version);
    await program.parseAsync(line, { from: "user" });
  } catch (caught) {
    if (caught instanceof CommanderError) {
      io.exit(caught.exitCode === 0 ? "ok" : "usage");
      return;
    }
    const again = "Make room there, or choose a folder that can be written (--output-dir, PAWL_STATE_DIR), and run it again.";
    const error = explained(caught, again);
    if (!(error instanceof PawlError)) throw error;
    if (args.includes("--json"))
      io.out(
        JSON.stringify({
          type: "error",
          exit: EXIT[error.exit],
          name: error.exit,
          code: error.code,
          text: error.message,
          ...jsonable(error),
        }),
      );
    await tell(io, error);
    io.exit(error.exit);
  }
}

function jsonable(error: PawlError): object {
  const { cause, ...rest } = error.details;
  return rest;
}

/** The program. The exit code is 70 until a command has ended: a promise that never settles must not look like success. */
export async function main(): Promise<void> {
  process.exitCode = EXIT.internal;
  // A reader that went away (a pipe, a closed terminal) must not end a run in mid-step: what nobody reads is not written.
  for (const stream of [process.stdout, process.stderr])
    stream.on("error", (error: NodeJS.ErrnoException) => {
      if (error.code !== "EPIPE" && error.code !== "EIO") throw error;
    });
  const { pawlVersion } = await import("./places.ts");
  const io = processIo();
  await runCommandLine(io, process.argv.slice(2), pawlVersion());
  // A command that has ended without a word about its exit has ended well; no command ends with 70 by its own will.
  if (process.exitCode === EXIT.internal) io.exit("ok");
}
