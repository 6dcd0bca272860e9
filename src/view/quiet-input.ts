/** The part of a terminal's input that keeps keys from being echoed. */
export interface QuietableInput {
  readonly isTTY?: boolean;
  setRawMode?(raw: boolean): unknown;
  resume(): unknown;
  pause(): unknown;
  on(event: "data", listener: (chunk: Buffer | string) => void): unknown;
  off(event: "data", listener: (chunk: Buffer | string) => void): unknown;
  /** Lets the process end although keys might still come. */
  unref?(): unknown;
  ref?(): unknown;
}

/** Keys that a terminal turns into signals, and which. */
const SIGNALS: Readonly<Record<string, "SIGINT" | "SIGQUIT">> = { "\u0003": "SIGINT", "\u001c": "SIGQUIT" };

/**
 * Throws keys away while a picture is being painted: the terminal would echo them into it, and a line typed too early would
 * answer the next question. Ctrl-C and Ctrl-\ still raise their signals, through `raise`. Does nothing without a terminal.
 */
export function quietInput(input: QuietableInput, raise: (signal: "SIGINT" | "SIGQUIT") => void): { begin(): void; end(): void } {
  let quiet = false;
  const drop = (chunk: Buffer | string): void => {
    for (const key of chunk.toString()) {
      const signal = SIGNALS[key];
      if (signal !== undefined) raise(signal);
    }
  };
  return {
    begin() {
      if (quiet || input.isTTY !== true) return;
      quiet = true;
      input.setRawMode?.(true);
      input.on("data", drop);
      input.resume();
      input.unref?.();
    },
    end() {
      if (!quiet) return;
      quiet = false;
      input.off("data", drop);
      input.pause();
      input.ref?.();
      input.setRawMode?.(false);
    },
  };
}
