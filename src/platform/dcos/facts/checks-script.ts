import type { Command } from "../../../engine/ports.ts";

/** The kinds of checks that DC/OS knows, in the order in which a node's own are asked (dcos.md 5.1). */
export const CHECK_TYPES = ["node-poststart", "cluster", "node-prestart"] as const;

/**
 * Runs DC/OS's own checks of a node, one type at a time, after the list of those that the node has: the upgrade scripts of 1.12 and
 * 1.13 hand both types over as one word and assert nothing (dcos.md 4.5). The program that runs them is another one from 1.12 on;
 * neither knows checks on a node of 1.9. POSIX sh; changes nothing.
 */
export const CHECKS_SCRIPT = `say() { printf '\\n=== %s\\n' "$*"; }
PATH=/opt/mesosphere/bin:$PATH
program=none
for one in dcos-check-runner dcos-diagnostics; do
  "$one" check node-poststart --list >/dev/null 2>&1
  if [ "$?" != 127 ]; then program=$one; break; fi
done
say program
echo "$program"
if [ "$program" != none ]; then
  for type in ${CHECK_TYPES.join(" ")}; do
    say "list $type"
    "$program" check "$type" --list
    say "run $type"
    "$program" check "$type"
    code=$?
    say "code $type"
    echo "$code"
  done
fi
say end
`;

/** Name given to the script as \`$0\`. */
export const CHECKS_NAME = "pawl-checks";

/** Six questions, the slowest of which takes as long as the longest check: 30 s (dcos.md 5.2). */
const CHECKS_TIMEOUT_MS = 150_000;

/** Runs the node's own checks; as root, as they demand. */
export function checksCommand(): Command {
  return {
    argv: ["sh", "-c", CHECKS_SCRIPT, CHECKS_NAME],
    sudo: true,
    timeoutMs: CHECKS_TIMEOUT_MS,
    maxOutputBytes: 1024 * 1024,
  };
}
