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

/** Prompts at the terminal; null without one. Throws PawlError interrupted for Ctrl-C. */
async function ask(io: Io, message: string): Promise<string | null> {
  if (!io.stdinTty) return null;
  const { askSecret } = await import("../view/secret.ts");
  const { PromptEnded } = await import("../view/prompt.ts");
  try {
    const given = await askSecret(message, new AbortController().signal);
    // It must not turn up anywhere, however it is used.
    if (given !== "") io.secrets?.add(given);
    return given;
  } catch (error) {
    if (!(error instanceof PromptEnded)) throw error;
    if (error.how === "closed") return null;
    throw new PawlError("interrupted", "prompt-ended", "Nothing was done: the prompt was ended.", { cause: error });
  }
}

/** Asks for passphrases of key files, where somebody is there. */
export function passphrasesFrom(io: Io): AskPassphrase {
  return (file, again) => ask(io, `${again ? "That was not it. " : ""}Passphrase for ${file}:`);
}

/**
 * The sudo password of this run: from the file PAWL_SUDO_PASSWORD_FILE names (`-`: standard input; its first line), or asked for.
 * Undefined: none is given. Throws PawlError where it is asked for and nobody is there, and for a file others may read.
 */
export async function sudoPasswordOf(io: Io, options: AccessOptions): Promise<string | undefined> {
  if (options.sudoPassword !== undefined) return options.sudoPassword;
  const file = io.env["PAWL_SUDO_PASSWORD_FILE"];
  if (file !== undefined && file !== "") return fromFile(file);
  if (options.askSudoPassword !== true) return undefined;
  const given = await ask(io, "Password for sudo on the nodes:");
  if (given !== null && given !== "") return given;
  throw new PawlError("waiting", "sudo-password-missing", "The sudo password was asked for, and nobody gave one.", {
    expected: "a password typed at a terminal",
    observed: given === null ? "no terminal" : "an empty line",
    next: "Run it at a terminal, or name a file that only you can read: PAWL_SUDO_PASSWORD_FILE=FILE (- is standard input).",
  });
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
