import type { TunnelAttempt } from "./ssh-tunnel.ts";

export interface AttemptOptions {
  readonly timeoutMs: number;
  readonly signal: AbortSignal | undefined;
  /** Told once when the stream did not come about. */
  readonly onClose: () => void;
  /** What it comes to where nothing has answered in time. */
  readonly late: TunnelAttempt;
}

/**
 * One attempt at a stream: what `begin` settles first counts, else the end of its time (ms), else the abort. What comes after that finds
 * `isOver`, and closes what it has opened. Never throws, unless `begin` does.
 */
export function attemptOnce(
  { timeoutMs, signal, onClose, late }: AttemptOptions,
  begin: (settle: (attempt: TunnelAttempt) => void, isOver: () => boolean) => void,
): Promise<TunnelAttempt> {
  return new Promise((resolve) => {
    let settled = false;
    const settle = (attempt: TunnelAttempt): void => {
      if (settled) return;
      settled = true;
      clearTimeout(timer);
      signal?.removeEventListener("abort", abort);
      if (attempt.kind !== "open") onClose();
      resolve(attempt);
    };
    const abort = (): void => settle({ kind: "failed", code: "aborted", reason: "no longer wanted" });
    const timer = setTimeout(() => settle(late), timeoutMs);
    if (signal?.aborted === true) {
      abort();
      return;
    }
    signal?.addEventListener("abort", abort, { once: true });
    begin(settle, () => settled);
  });
}
