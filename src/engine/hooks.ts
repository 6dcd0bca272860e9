import type { Problem } from "../domain/errors.ts";
import { formatDuration } from "../domain/duration.ts";
import type { Session } from "./session.ts";

/** Runs one of the inventory's hooks, records its output, and says what went wrong; null where all is well or there is none. */
export async function runHook(
  session: Session,
  when: "before-node" | "after-node" | "on-halt",
  node: string | null,
): Promise<Problem | null> {
  const { inventory, local, artifacts } = session.parts;
  const hook = {
    "before-node": inventory.hooks.beforeNode,
    "after-node": inventory.hooks.afterNode,
    "on-halt": inventory.hooks.onHalt,
  }[when];
  if (hook === undefined) return null;
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
    next: "Mend the hook, then: pawl retry",
  };
}
