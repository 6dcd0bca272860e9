import type { Problem } from "../domain/errors.ts";
import { formatDuration } from "../domain/duration.ts";
import type { Hook } from "../domain/inventory.ts";
import type { Outcome } from "./ports.ts";
import type { Halt, Session } from "./session.ts";

/** Two halts of the same name are the same halt, found again by a resume. */
function nameOf(halt: Halt): string {
  return `${halt.exit} at ${halt.step ?? "the run"}: ${halt.problem.code}`;
}

type When = "before-node" | "after-node" | "on-halt";

/**
 * Runs one of the inventory's hooks and records its output and how it ended; says what went wrong, null where all is well or
 * there is none. The on-halt hook runs once for a halt: taking up a run only to halt again at the same point tells nobody twice.
 */
export async function runHook(session: Session, when: When, node: string | null): Promise<Problem | null> {
  const { inventory, local, artifacts } = session.parts;
  const halt = when === "on-halt" && session.halt !== null ? nameOf(session.halt) : null;
  const hook = {
    "before-node": inventory.hooks.beforeNode,
    "after-node": inventory.hooks.afterNode,
    "on-halt": inventory.hooks.onHalt,
  }[when];
  if (hook === undefined || (when === "on-halt" && session.state.haltTold === halt)) return null;
  const env = {
    PAWL_RUN: session.parts.run,
    PAWL_CLUSTER: inventory.name,
    PAWL_WHEN: when,
    ...(node === null ? {} : { PAWL_NODE: node }),
  };
  const outcome = await local.run(hook.argv, { timeoutMs: hook.timeoutMs, env });
  const text = outcome.kind === "lost" ? outcome.reason : `${outcome.stdout}${outcome.stderr}`;
  const name = `hooks/${when}${node === null ? "" : `/${node}`}`;
  await session.recorded(
    await artifacts.put({ name, mediaType: "text/plain", step: null, node, evidenceOf: `output of the ${when} hook` }, text),
  );
  const problem = problemOf(hook, when, node, outcome);
  await session.append({ type: "hook.ended", hook: when, node, halt, problem });
  return problem;
}

function problemOf(hook: Hook, when: When, node: string | null, outcome: Outcome): Problem | null {
  if (outcome.kind === "exited" && outcome.code === 0) return null;
  const observed =
    outcome.kind === "exited"
      ? `exit code ${outcome.code}`
      : outcome.kind === "timed-out"
        ? `no end within ${formatDuration(hook.timeoutMs)}`
        : outcome.reason;
  return {
    code: `hook.${when}`,
    text: `the ${when} hook failed`,
    expected: `${hook.argv.join(" ")} ends with 0`,
    observed,
    ...(node === null ? {} : { node }),
    next:
      when === "on-halt"
        ? "Tell by hand whom it would have told; the halt itself stands."
        : "Mend the hook, then retry the step.",
  };
}
