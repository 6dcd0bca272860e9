import { PawlError } from "../domain/errors.ts";

/**
 * One word for a POSIX shell: wrapped in single quotes, every single quote inside written as `'\''`. There is no character a
 * shell still interprets inside single quotes, so the rule has no exceptions and every word is quoted, harmless ones too.
 * Throws PawlError for text with a NUL character: no argument of a process can hold one, so it would arrive shortened.
 */
export function quote(text: string): string {
  if (text.includes("\0")) {
    throw new PawlError(
      "invalid-document",
      "nul-in-argument",
      "A command word holds a NUL character, which no program can receive.",
      {
        expected: "words without NUL characters",
        observed: JSON.stringify(text.slice(0, 80)),
        next: "Remove the character from the document or value the command was made from.",
      },
    );
  }
  return `'${text.replaceAll("'", "'\\''")}'`;
}

/** The line a remote shell gets for an argument list; `sudo` puts `sudo -n --` before it (never asks for a password, ends its own options). */
export function commandLine(argv: readonly string[], options: { readonly sudo: boolean } = { sudo: false }): string {
  if (argv.length === 0) throw new RangeError("a command needs at least one word");
  return `${options.sudo ? "sudo -n -- " : ""}${argv.map(quote).join(" ")}`;
}
