import type { Command } from "commander";
import { readFileSync, statSync } from "node:fs";
import { PawlError } from "../domain/errors.ts";
import type { AskPassphrase } from "../transport/identities.ts";
import type { Io } from "./io.ts";

/** What a person allows and gives so that the nodes can be reached. */
export interface AccessOptions {
  readonly acceptNewHostKeys?: true;
  readonly askSudoPassword?: true;
  /** The password itself, where the caller has asked already. */
  readonly sudoPassword?: string | undefined;
}

/** The options of every command that connects. */
export function accessOptions(command: Command): Command {
  return command
    .option("--accept-new-host-keys", "trust machines whose SSH host key is not known yet, and write it to known_hosts")
    .option("--ask-sudo-password", "ask once for the password that sudo on the nodes wants");
}

/** Prompts at the terminal; null without one. Throws PawlError interrupted for Ctrl-C and for a signal; the terminal echoes again then. */
async function ask(io: Io, message: string): Promise<string | null> {
  if (!io.stdinTty) return null;
  const { askSecret } = await import("../view/secret.ts");
  const { PromptEnded } = await import("../view/prompt.ts");
  const stopped = new AbortController();
  const off = io.onStop(() => stopped.abort());
  try {
    const given = await askSecret(message, stopped.signal);
    // It must not turn up anywhere, however it is used.
    if (given !== "") io.secrets?.add(given);
    return given;
  } catch (error) {
    if (!(error instanceof PromptEnded)) throw error;
    if (error.how === "closed") return null;
    throw new PawlError("interrupted", "prompt-ended", "The question was not answered, so nothing was done.", {
      expected: "an answer, and Enter",
      observed: error.how === "interrupted" ? "Ctrl-C or Ctrl-D" : "a signal to end",
      next: "Run the same command again.",
      cause: error,
    });
  } finally {
    off();
  }
}

/** Asks for passphrases of key files, where somebody is there. */
export function passphrasesFrom(io: Io): AskPassphrase {
  return async (file, again) => {
    if (again) io.err("That was not the passphrase.");
    return ask(io, `Passphrase of ${file}:`);
  };
}

/**
 * The sudo password that this run was given without a question: by the caller, or from the file PAWL_SUDO_PASSWORD_FILE names (`-`:
 * standard input; its first line). Undefined: none. Throws PawlError for a file others may read.
 */
export function givenSudoPassword(io: Io, options: AccessOptions): string | undefined {
  if (options.sudoPassword !== undefined) return options.sudoPassword;
  const file = io.env["PAWL_SUDO_PASSWORD_FILE"];
  return file === undefined || file === "" ? undefined : fromFile(file);
}

/** Asks for the sudo password, where --ask-sudo-password says so. Undefined: it does not. Throws PawlError where nobody is there. */
export async function askedSudoPassword(io: Io, options: AccessOptions): Promise<string | undefined> {
  if (options.askSudoPassword !== true) return undefined;
  const given = await ask(io, "Password for sudo on the nodes:");
  if (given !== null && given !== "") return given;
  throw new PawlError("waiting", "sudo-password-missing", "The sudo password was asked for, and nobody gave one.", {
    expected: "a password typed at a terminal",
    observed: given === null ? "no terminal" : "an empty line",
    next: "Run it at a terminal, or name a file that only you can read: PAWL_SUDO_PASSWORD_FILE=FILE (- is standard input).",
  });
}

/** Fewer than what locks an account where that is usual (pam_faillock: three). */
const SUDO_TRIES = 2;

/**
 * Asks for the sudo password and has it tried on one machine, before anything else is done; a wrong one is asked for once more.
 * Throws PawlError where nobody is there, and for a second wrong one: it was sent to that one machine only.
 */
export async function askWorkingSudoPassword(
  io: Io,
  options: AccessOptions,
  give: (password: string) => Promise<{ readonly machine: string; readonly reason: string } | null>,
): Promise<void> {
  for (let tries = 1; ; tries++) {
    const password = await askedSudoPassword(io, options);
    if (password === undefined) return;
    const wrong = await give(password);
    if (wrong === null) return;
    if (tries === SUDO_TRIES)
      throw new PawlError("said-no", "sudo-password-wrong", "sudo did not take the password, so nothing was done.", {
        node: wrong.machine,
        expected: "the password of the user who logs in there",
        observed: wrong.reason,
        next: "Look which password it is before you run the same command again: many wrong ones may lock the account.",
      });
    io.err(`sudo on ${wrong.machine} did not take that password. It was sent to no other machine.`);
  }
}

function fromFile(file: string): string {
  const refuse = (code: string, observed: string): PawlError =>
    new PawlError("usage", code, "The file of PAWL_SUDO_PASSWORD_FILE cannot be used.", {
      expected: "a file with the password in its first line, which only you can read (0600)",
      observed,
      next: `chmod 600 ${file}, or use --ask-sudo-password`,
    });
  let text: string;
  try {
    if (file !== "-" && (statSync(file).mode & 0o077) !== 0 && statSync(file).isFile())
      throw refuse("sudo-password-open", `${file} can be read by others`);
    text = readFileSync(file === "-" ? 0 : file, "utf8");
  } catch (error) {
    if (error instanceof PawlError) throw error;
    throw refuse("sudo-password-unreadable", error instanceof Error ? error.message : String(error));
  }
  const [line = ""] = text.split(/\r?\n/);
  if (line === "") throw refuse("sudo-password-empty", `the first line of ${file} is empty`);
  return line;
}
