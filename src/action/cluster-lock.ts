import type { Clock, ClusterLock, Outcome, Remote } from "../engine/ports.ts";

/** What a lock directory says about its holder; one line of JSON. */
interface LockHolder {
  readonly holder: string;
  readonly host: string;
  readonly run: string;
  readonly time: string;
}

/**
 * `mkdir` is the atomic act; the holder's line is written beside it. A lock that is ours already (a resumed run) is kept.
 * One whose line cannot be written (a full disk) is no lock: nobody could free it by its run.
 * Prints `ours`, or `held` and the other holder's line.
 */
const TAKE = `d=$1 line=$2 run=$3
mkdir -p "$(dirname "$d")" || exit 1
if mkdir -m 0755 "$d" 2>/dev/null; then printf '%s\\n' "$line" >"$d/holder" || { rm -f "$d/holder"; rmdir "$d"; exit 1; }; echo ours; exit 0; fi
if [ -f "$d/holder" ] && grep -F -q "\\"run\\":\\"$run\\"" "$d/holder"; then echo ours; exit 0; fi
echo held; cat "$d/holder" 2>/dev/null || true`;

const LOOK = `d=$1
if [ ! -d "$d" ]; then echo absent; exit 0; fi
echo present; cat "$d/holder" 2>/dev/null || true`;

const FREE = `d=$1 run=$2
[ -d "$d" ] || { echo absent; exit 0; }
if grep -F -q "\\"run\\":\\"$run\\"" "$d/holder" 2>/dev/null; then rm -f "$d/holder" && rmdir "$d" && echo freed; else echo foreign; fi`;

const BREAK = `d=$1
[ -d "$d" ] || { echo absent; exit 0; }
rm -f "$d/holder" && rmdir "$d" && echo freed`;

function parseHolder(text: string): LockHolder | null {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value !== "object" || value === null) return null;
    const { holder, host, run, time } = value as Record<string, unknown>;
    return typeof holder === "string" && typeof host === "string" && typeof run === "string" && typeof time === "string"
      ? { holder, host, run, time }
      : null;
  } catch {
    return null;
  }
}

/** A holder as a person wants to read it. */
function describeHolder(holder: LockHolder): string {
  return `${holder.holder} on ${holder.host}, run ${holder.run}, since ${holder.time}`;
}

export interface LockParts {
  readonly remote: Remote;
  /** Node names of the managers. */
  readonly nodes: readonly string[];
  readonly path: string;
  readonly run: string;
  readonly actor: string;
  readonly host: string;
  readonly clock: Pick<Clock, "now">;
}

async function ask(parts: LockParts, node: string, script: string, args: readonly string[]): Promise<Outcome> {
  return parts.remote.run(node, { argv: ["sh", "-c", script, "pawl-lock", parts.path, ...args], sudo: true, timeoutMs: 15_000 });
}

function lines(outcome: Outcome): readonly string[] {
  return outcome.kind === "exited" && outcome.code === 0 ? outcome.stdout.trim().split("\n") : [];
}

function reason(outcome: Outcome): string {
  return outcome.kind === "lost"
    ? outcome.reason
    : outcome.kind === "timed-out"
      ? "no answer in time"
      : outcome.stderr.trim() || `exit code ${outcome.code}`;
}

/** The advisory lock on a majority of the managers (design rule 7): an atomic directory with holder, host, run and time. */
export function createClusterLock(parts: LockParts): ClusterLock {
  const majority = Math.floor(parts.nodes.length / 2) + 1;
  const free = async (): Promise<readonly string[]> => {
    const answers = await Promise.all(
      parts.nodes.map(async (node) => ({ node, answer: lines(await ask(parts, node, FREE, [parts.run])) })),
    );
    return answers.filter(({ answer }) => answer[0] === "freed").map(({ node }) => node);
  };
  return {
    async take() {
      const line = JSON.stringify({
        holder: parts.actor,
        host: parts.host,
        run: parts.run,
        time: new Date(parts.clock.now()).toISOString(),
      });
      const answers = await Promise.all(
        parts.nodes.map(async (node) => ({ node, outcome: await ask(parts, node, TAKE, [line, parts.run]) })),
      );
      const held = answers.map(({ outcome }) => lines(outcome)).find((answer) => answer[0] === "held");
      const ours = answers.filter(({ outcome }) => lines(outcome)[0] === "ours").map(({ node }) => node);
      if (held !== undefined) {
        await free();
        const other = parseHolder(held[1] ?? "");
        return { kind: "held", holder: other === null ? "an unreadable lock" : describeHolder(other) };
      }
      if (ours.length >= majority) return { kind: "taken", nodes: ours, holder: `${parts.actor} on ${parts.host}` };
      await free();
      const missing = answers
        .filter(({ node }) => !ours.includes(node))
        .map(({ node, outcome }) => `${node}: ${reason(outcome)}`);
      return { kind: "no-majority", reason: `${ours.length} of ${parts.nodes.length} managers; ${missing.join("; ")}` };
    },
    async check() {
      const answers = await Promise.all(parts.nodes.map(async (node) => ({ node, outcome: await ask(parts, node, LOOK, []) })));
      const ours = answers.filter(({ outcome }) => parseHolder(lines(outcome)[1] ?? "")?.run === parts.run);
      if (ours.length >= majority) return { kind: "ours" };
      const seen = answers
        .filter((one) => !ours.includes(one))
        .map(({ node, outcome }) => {
          const [state, line] = lines(outcome);
          const other = parseHolder(line ?? "");
          return `${node}: ${state === undefined ? reason(outcome) : state === "absent" ? "no lock" : other === null ? "unreadable" : describeHolder(other)}`;
        });
      return { kind: "lost", reason: `ours on ${ours.length} of ${parts.nodes.length}; ${seen.join("; ")}` };
    },
    release: free,
  };
}

/** `pawl unlock`: removes the lock whoever holds it; returns what was found per node. */
export async function breakClusterLock(parts: LockParts): Promise<readonly { readonly node: string; readonly found: string }[]> {
  return Promise.all(
    parts.nodes.map(async (node) => {
      const before = lines(await ask(parts, node, LOOK, []));
      const holder = parseHolder(before[1] ?? "");
      const after = await ask(parts, node, BREAK, []);
      const found = before[0] === "absent" ? "no lock" : holder === null ? "an unreadable lock" : describeHolder(holder);
      return { node, found: lines(after).length === 0 ? `${found}; could not be removed: ${reason(after)}` : found };
    }),
  );
}
