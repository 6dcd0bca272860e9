import type { Problem } from "../../../domain/errors.ts";
import type { InventoryNode } from "../../../domain/inventory.ts";
import type { Effect, StepContext } from "../../../engine/ports.ts";
import type { JobPlace } from "../../../action/remote-job.ts";
import type { ScriptOutput } from "./upgrade-script.ts";

const FETCH_TIMEOUT_MS = 150_000;
/** The script's name in the folder of its job. */
export const SCRIPT_FILE = "dcos_node_upgrade.sh";

/**
 * Fetches the script into the job's own folder ($1) and compares its digest. The folder lies where everybody may write and
 * root runs what is in it, so it must be ours. Ends with 20 (not ours), 21 (not fetched), 22 (another digest), 23 (the environment
 * in which the script would run, or the one it reads first, makes it skip its checks).
 */
export const FETCH_SCRIPT = `folder=$1 url=$2 wanted=$3
skip=$(grep -E '^(export )?SKIP_CHECKS=' /opt/mesosphere/environment.export 2>/dev/null | grep -v '=false$')
if [ -n "\${SKIP_CHECKS-}" ] && [ "$SKIP_CHECKS" != false ]; then skip=SKIP_CHECKS=$SKIP_CHECKS; fi
if [ -n "$skip" ]; then
  echo "$skip" >&2
  exit 23
fi
umask 077
mkdir -p "$folder" || exit 20
for own in "\${folder%/*}" "$folder"; do
  if [ -L "$own" ] || [ ! -O "$own" ]; then
    echo "$own belongs to somebody else" >&2
    exit 20
  fi
done
file=$folder/${SCRIPT_FILE}
curl -fsSL --max-time 120 -o "$file" "$url" || exit 21
sum=$(sha256sum "$file")
if [ "\${sum%% *}" != "$wanted" ]; then
  echo "found \${sum%% *}" >&2
  rm -f "$file"
  exit 22
fi
`;

/** A failure on a node before anything of the product was touched. */
export function failed(node: InventoryNode, problem: Problem): Effect {
  return {
    kind: "failed",
    problem: { node: node.name, next: "Mend it; then it can run again.", ...problem },
  };
}

/**
 * Puts the recorded script on the node, compared with what was looked at; null where it is there. Nothing of the product is touched: every
 * trouble here is a plain failure.
 */
export async function fetchScript(
  ctx: StepContext,
  node: InventoryNode,
  place: JobPlace,
  script: ScriptOutput,
): Promise<Effect | null> {
  const outcome = await ctx.remote.run(node.name, {
    argv: ["sh", "-c", FETCH_SCRIPT, "pawl-fetch", place.folder, script.url, script.sha256],
    sudo: true,
    timeoutMs: FETCH_TIMEOUT_MS,
  });
  if (outcome.kind === "exited" && outcome.code === 0) return null;
  const kept = await ctx.artifacts.put(
    {
      name: `${ctx.step.address}/fetch.json`,
      mediaType: "application/json",
      step: ctx.step.address,
      node: node.name,
      evidenceOf: `how fetching the upgrade script ended on ${node.name}`,
    },
    `${JSON.stringify({ url: script.url, ...outcome })}\n`,
  );
  await ctx.recorded(kept);
  const evidence = [`artifacts/${kept.sha256}`];
  // Nothing of the product was touched yet: not reaching the node here is a plain failure.
  if (outcome.kind === "lost")
    return failed(node, {
      code: `ssh.${outcome.code}`,
      text: `${node.name} does not answer; nothing was started.`,
      expected: "the node takes commands over SSH",
      observed: outcome.reason,
      evidence,
    });
  if (outcome.kind === "timed-out")
    return failed(node, {
      code: "ssh.timeout",
      text: `${node.name} does not answer in time; nothing was started.`,
      expected: `the script is there within ${FETCH_TIMEOUT_MS / 1_000} s`,
      observed: `no end after ${outcome.afterMs / 1_000} s`,
      evidence,
    });
  const said = outcome.stderr.trim().slice(0, 300);
  if (outcome.code === 22)
    return failed(node, {
      code: "script-digest",
      text: `${node.name} got another script than the one that was looked at; nothing was started.`,
      expected: script.sha256,
      observed: said,
      evidence,
      next: "Find out who changed the file on the bootstrap machine.",
    });
  if (outcome.code === 23)
    return failed(node, {
      code: "checks-skipped",
      text: `${node.name} would skip the script's checks; nothing was started.`,
      expected: "SKIP_CHECKS is set nowhere",
      observed: said,
      evidence,
      next: "Take it out of the environment of root's commands and of /opt/mesosphere/environment.export. Checks are never skipped.",
    });
  return failed(node, {
    code: "script-download",
    text: `${node.name} cannot fetch the upgrade script; nothing was started.`,
    expected: `the script at ${script.url}`,
    observed: `exit code ${outcome.code}: ${said || "no output"}`,
    evidence,
    next: "Look at the bootstrap machine, the network and the disk of this node, then retry.",
  });
}
