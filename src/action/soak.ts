import { formatDuration, parseDuration } from "../domain/duration.ts";
import { PawlError } from "../domain/errors.ts";
import type { StepKind } from "../engine/ports.ts";

/** Throws PawlError invalid-document where it is no duration: a soak that does not say how long would be over at once. */
function lengthOf(value: unknown): number {
  const ms = parseDuration(typeof value === "string" ? value : "");
  if (ms === null)
    throw new PawlError("invalid-document", "soak.no-length", "a soak does not say how long it takes", {
      expected: "with: { for: 30m }",
      observed: JSON.stringify(value ?? null),
    });
  return ms;
}

/** Waits for `with.for` while the watches go on. A stop cuts it short; then it is done again from its beginning. */
export const soak: StepKind = {
  name: "soak",
  effect: "read",
  shows: (step) => [`wait ${formatDuration(lengthOf(step.with["for"]))}, watches running`],
  plannedMs: (step) => lengthOf(step.with["for"]),
  async doIt(ctx) {
    const totalMs = lengthOf(ctx.step.with["for"]);
    const untilMs = ctx.clock.monotonic() + totalMs;
    while (ctx.clock.monotonic() < untilMs) {
      if (ctx.stopping.aborted) return { kind: "stopped" };
      ctx.sleeping(untilMs, totalMs);
      await ctx.clock.sleep(Math.min(untilMs - ctx.clock.monotonic(), Math.max(totalMs / 20, 1_000)), ctx.stopping);
    }
    return { kind: "done", note: `soaked for ${formatDuration(totalMs)}` };
  },
};
