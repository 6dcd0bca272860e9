import type { StepKind } from "../engine/ports.ts";
import { lastLine, targetOf } from "./command.ts";

function pathOf(value: unknown): string {
  return typeof value === "string" ? value : "";
}

/** Copies a file of a node into the run folder, streamed and hashed. `sealed: true` keeps secrets out of reports and answers. */
export const captureFile: StepKind = {
  name: "capture-file",
  effect: "read",
  shows: (step) => [`${step.with["sudo"] === true ? "sudo " : ""}cat ${pathOf(step.with["path"])}`],
  async doIt(ctx) {
    const path = pathOf(ctx.step.with["path"]);
    const target = targetOf(ctx);
    if (!/^\/[^\0]*$/.test(path))
      return {
        kind: "failed",
        problem: {
          code: "capture-file",
          text: `${ctx.step.address}: only an absolute path can be captured`,
          expected: "a path that begins with /",
          observed: JSON.stringify(path.slice(0, 80)),
          next: "Correct the runbook or the input it was made from, then start a new run.",
        },
      };
    const sink = await ctx.artifacts.sink({
      name: `${ctx.step.address}${path}`,
      mediaType: typeof ctx.step.with["media-type"] === "string" ? ctx.step.with["media-type"] : "application/octet-stream",
      step: ctx.step.address,
      node: ctx.step.node,
      evidenceOf: `${path} on ${target}`,
      sealed: ctx.step.with["sealed"] === true,
    });
    const outcome = await ctx.remote.stream(
      target,
      { argv: ["cat", path], sudo: ctx.step.with["sudo"] === true, timeoutMs: 10 * 60_000 },
      (chunk) => sink.write(chunk),
    );
    if (outcome.kind === "exited" && outcome.code === 0) {
      const artifact = await sink.finish();
      await ctx.recorded(artifact);
      return { kind: "done", note: `${artifact.bytes} bytes, sha256 ${artifact.sha256.slice(0, 12)}…` };
    }
    await sink.abandon();
    const observed =
      outcome.kind === "exited"
        ? `exit code ${outcome.code}: ${lastLine(outcome.stderr)}`
        : outcome.kind === "lost"
          ? outcome.reason
          : "no end in time";
    return {
      kind: "failed",
      problem: {
        code: "capture-file",
        text: `${path} could not be captured`,
        expected: "the whole file",
        observed,
        node: target,
        next: `Mend access, then: ${ctx.spell("retry", ctx.step.address)}`,
      },
    };
  },
};
