import type { Outcome } from "../engine/ports.ts";

/** Comes between the password and the command's own input: whoever reads to it has read the password, should sudo not have taken it. */
const BARRIER = "pawl-sudo-go";
/** Runs as root: drops what sudo left, then becomes the command. `read` takes no byte behind the line's end. */
const WRAPPER = `while IFS= read -r line; do [ "$line" = ${BARRIER} ] && break; done; exec "$@"`;

/** What a command must be sent as, so that sudo gets the password from standard input and nobody else does. */
export function withPassword(
  argv: readonly string[],
  stdin: string | undefined,
  password: string,
): { readonly argv: readonly string[]; readonly stdin: string } {
  return {
    // -k: a credential of an earlier command must not decide whether the password is read.
    argv: ["sudo", "-k", "-S", "-p", "", "--", "sh", "-c", WRAPPER, "sudo", ...argv],
    stdin: `${password}\n${BARRIER}\n${stdin ?? ""}`,
  };
}

/** Whether sudo needs no password here (NOPASSWD). */
export const NEEDS_NONE: readonly string[] = ["sudo", "-k", "-n", "--", "true"];

/** Tries the password once, with the end of the input behind it, so that sudo cannot ask again. */
export const TRY_PASSWORD: readonly string[] = ["sudo", "-k", "-S", "-p", "", "--", "true"];

/** What the pool knows about the password; a password that was wrong on the first node is sent to no other (lock-outs). */
export interface SudoState {
  /** Null: none is given. */
  password: string | null;
  /** The one try that is under way while nothing is proven. */
  first: Promise<unknown> | null;
  proven: boolean;
  /** What the first node said to it, where it was wrong. */
  wrong: Outcome | null;
}

interface Refusal {
  readonly code: string;
  readonly says: RegExp;
  readonly reason: string;
}

/** What sudo says when it runs nothing (sudo 1.8 to 1.9), and what to do. */
const REFUSALS: readonly Refusal[] = [
  {
    code: "sudo-requiretty",
    says: /you must have a tty to run sudo/,
    reason: "sudo insists on a terminal there (requiretty). Take it away for this user: Defaults:USER !requiretty",
  },
  {
    code: "sudo-password-wrong",
    says: /incorrect password attempt|Sorry, try again|no password was provided|Authentication failure/,
    reason: "sudo did not accept the password. It is not tried again in this run",
  },
  {
    code: "sudo-password-required",
    says: /a password is required|a terminal is required to read the password|no tty present and no askpass/,
    reason:
      "sudo asks for a password there. Give it once with --ask-sudo-password (or PAWL_SUDO_PASSWORD_FILE), or allow NOPASSWD",
  },
  {
    code: "sudo-refused",
    says: /is not in the sudoers file|may not run sudo|is not allowed to (?:execute|run)/,
    reason: "sudo does not let this user run it. Change sudoers, or log in as a user who may",
  },
  {
    code: "sudo-missing",
    says: /sudo: (?:command )?not found|sudo: No such file/,
    reason: "there is no sudo on this machine. Log in as root (user: root), or install it",
  },
];

const LAST_LINES = 4;
const LONGEST_WORDS = 200;

/**
 * A command that sudo itself turned down, as an outcome that says so: it never began. Anything the command wrote, or any exit code
 * sudo does not use for that, leaves the outcome as it is.
 */
export function sudoRefusal(outcome: Outcome, who: string): Outcome {
  if (outcome.kind !== "exited" || (outcome.code !== 1 && outcome.code !== 127) || outcome.stdout !== "") return outcome;
  // A lecture may stand before it.
  const text = outcome.stderr.trim().split("\n").slice(-LAST_LINES).join("\n");
  const found = REFUSALS.find((one) => one.says.test(text));
  if (found === undefined || !/\bsudo: |^Sorry, |is not in the sudoers file/m.test(text)) return outcome;
  return refused(who, found, text);
}

/** What is told where sudo ran nothing and nobody knows its words. */
export function unknownRefusal(outcome: Outcome, who: string): Outcome {
  if (outcome.kind !== "exited") return outcome;
  return refused(who, { code: "sudo-refused", reason: "sudo did not run a command" }, outcome.stderr.trim());
}

function refused(who: string, { code, reason }: Pick<Refusal, "code" | "reason">, text: string): Outcome {
  const said = text.replace(/[\u0000-\u001f\u007f-\u009f]+/g, " ").slice(-LONGEST_WORDS);
  return { kind: "lost", code, sent: false, reason: `${who}: ${reason}. sudo said: ${said}` };
}
