import type { StepContext } from "../../../engine/ports.ts";

/** Lines kept at most, the newest ones; a node that swaps its services writes a few hundred. */
const MAX_LINES = 4_000;
const MAX_BYTES = 1024 * 1024;
const TIMEOUT_MS = 20_000;
/** A node's clock may be some seconds behind (design section 4: up to 5 s). */
const BEFORE_MS = 10_000;

/**
 * Keeps what the node's journal says since the step's effect began (workbook: output of journalctl, to verify that there are no issues
 * occurring live during the upgrade; dcos.md 16.2): bounded, and masked like all evidence. A node that does not give it costs the
 * record, never the step.
 */
export async function keepJournal(ctx: StepContext): Promise<void> {
  const { node, step } = ctx;
  if (node === null) return;
  const attempt = Math.max(1, ctx.record(step.address).attempts);
  const name = `${step.address}/journal${attempt === 1 ? "" : `-${attempt}`}.txt`;
  if (ctx.hasRecorded(name)) return;
  const since = Math.floor((ctx.startedMs - BEFORE_MS) / 1_000);
  const outcome = await ctx.remote.run(node.name, {
    argv: ["journalctl", "--no-pager", "-o", "short-iso", "-n", String(MAX_LINES), "--since", `@${since}`],
    sudo: true,
    timeoutMs: TIMEOUT_MS,
    maxOutputBytes: MAX_BYTES,
  });
  if (outcome.kind !== "exited" || outcome.code !== 0 || outcome.stdout === "") {
    const why =
      outcome.kind === "lost"
        ? outcome.reason
        : outcome.kind === "timed-out"
          ? "no answer in time"
          : outcome.stderr.trim().slice(0, 200);
    ctx.say(`the journal of ${node.name} could not be kept: ${why || "it is empty"}`);
    return;
  }
  const kept = await ctx.artifacts.put(
    {
      name,
      mediaType: "text/plain",
      step: step.address,
      node: node.name,
      evidenceOf: `the journal of ${node.name} since its upgrade began`,
    },
    outcome.stdout,
  );
  await ctx.recorded(kept);
}
