/** Exit codes are an interface: people script against them (docs/exit-codes.md). */
export const EXIT = {
  ok: 0,
  "said-no": 1,
  usage: 2,
  "invalid-document": 3,
  refused: 4,
  "gate-halted": 5,
  "step-failed": 6,
  "outcome-unknown": 7,
  waiting: 8,
  locked: 9,
  "set-aside": 10,
  internal: 70,
  interrupted: 130,
} as const;

export type ExitName = keyof typeof EXIT;

/** The name belonging to an exit code; used where only the number survived (journals, results). */
export function exitName(code: number): ExitName {
  const found = (Object.keys(EXIT) as ExitName[]).find((name) => EXIT[name] === code);
  return found ?? "internal";
}

/**
 * What went wrong, for a person: what was expected, what was observed, where, where the evidence lies and what to do next.
 * `code` is stable and for machines; two problems with the same code have "the same cause" for the failure budget.
 */
export interface Problem {
  readonly code: string;
  readonly text: string;
  readonly expected?: string;
  readonly observed?: string;
  readonly node?: string;
  readonly evidence?: readonly string[];
  readonly next?: string;
}

export interface PawlErrorDetails extends Omit<Problem, "code" | "text"> {
  readonly cause?: unknown;
}

/** Every expected failure. Anything that is not a PawlError is a bug in pawl and exits 70 with a stack. */
export class PawlError extends Error {
  override readonly name = "PawlError";
  readonly exit: ExitName;
  readonly code: string;
  readonly details: PawlErrorDetails;

  constructor(exit: ExitName, code: string, message: string, details: PawlErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.exit = exit;
    this.code = code;
    this.details = details;
  }
}
