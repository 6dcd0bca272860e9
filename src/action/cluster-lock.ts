import { createHash } from "node:crypto";
import type { Clock, ClusterLock, Outcome, Remote } from "../engine/ports.ts";
import { BREAK, FREE, LOOK, RENEW, TAKE } from "./cluster-lock-text.ts";

/** What a lock says about its holder; one line of JSON on the manager. */
export interface ClusterHolder {
  /** Who started the run. */
  readonly holder: string;
  readonly host: string;
  readonly run: string;
  /** ISO time it was taken, by the holder's clock. */
  readonly time: string;
  /** Tells the engine that holds it from every other, also from one that takes up the same run; the run's name where an older pawl wrote the line. */
  readonly id: string;
  /** Tells the run from every other, also from one of the same name. */
  readonly runId: string;
  /** Where the record is, on the holder's machine; empty where it is not told. */
  readonly folder: string;
  /** The engine's process, for whoever looks from the same machine; null where it is not told. */
  readonly process: HolderProcess | null;
}

/** A process as its own machine tells it from every other (pid, start, boot, pid namespace). */
export interface HolderProcess {
  readonly pid: number;
  readonly startTicks: string | null;
  readonly host: string;
  readonly boot: string;
  readonly pidSpace: string;
}

/** A lock as it was found on a manager. `seenSeconds`: how long ago its holder looked after it; null where nobody can tell. */
export interface FoundLock {
  readonly node: string;
  readonly line: string;
  readonly holder: ClusterHolder | null;
  readonly seenSeconds: number | null;
}

export interface LockPlace {
  readonly remote: Remote;
  /** Names of the managers, in an order that is the same for everybody: two runs that start at once then meet at the first. */
  readonly nodes: readonly string[];
  readonly path: string;
  /** A file on every manager that holds the cluster's identity, and what it must say; null where the platform has none. */
  readonly identity: { readonly file: string; readonly value: string } | null;
}

export interface LockParts extends LockPlace {
  readonly run: string;
  /** Unique to this run, kept with its record: a resume finds its own lock again, and has it where the engine before is dead. */
  readonly id: string;
  readonly folder: string;
  readonly actor: string;
  readonly host: string;
  readonly process: HolderProcess | null;
  /** Whether a process lives, where that can be told from here; without it nobody can. */
  readonly life?: (process: HolderProcess) => "alive" | "dead" | "unknown";
  readonly clock: Pick<Clock, "now">;
  /**
   * Calls back every so often, until the returned function is called: the sign of life of a holder that is in a long step or a
   * soak. Of wall time, because whoever looks at it from another machine lives by that. Without it signs are given before steps only.
   */
  readonly everySoOften?: (act: () => void) => () => void;
  /** What a person should know about a holder, and the next command. */
  readonly explain?: (found: FoundLock) => Promise<{ readonly text: string; readonly next: string }>;
}

const TIMEOUT_MS = 15_000;
/** How often the lock is tried on one manager where the command itself fails. */
const ATTEMPTS = 3;

function parseHolder(text: string): ClusterHolder | null {
  try {
    const value = JSON.parse(text) as Partial<Record<keyof ClusterHolder, unknown>> | null;
    if (value === null || typeof value !== "object") return null;
    const { holder, host, run, time, id, runId, folder, process } = value;
    if (typeof holder !== "string" || typeof host !== "string" || typeof run !== "string" || typeof time !== "string")
      return null;
    return {
      holder,
      host,
      run,
      time,
      id: typeof id === "string" ? id : run,
      runId: typeof runId === "string" ? runId : typeof id === "string" ? id : run,
      folder: typeof folder === "string" ? folder : "",
      process: parseProcess(process),
    };
  } catch {
    return null;
  }
}

/** The run and the engine that works on it. */
function markOf({ id, process }: LockParts): string {
  if (process === null) return id;
  const { pid, startTicks, host, boot, pidSpace } = process;
  const engine = createHash("sha256")
    .update(JSON.stringify([pid, startTicks, host, boot, pidSpace]))
    .digest("hex");
  return `${id}.${engine.slice(0, 16)}`;
}

function parseProcess(value: unknown): HolderProcess | null {
  if (typeof value !== "object" || value === null) return null;
  const { pid, startTicks, host, boot, pidSpace } = value as Partial<Record<keyof HolderProcess, unknown>>;
  if (typeof pid !== "number" || typeof host !== "string" || typeof boot !== "string" || typeof pidSpace !== "string")
    return null;
  return { pid, startTicks: typeof startTicks === "string" ? startTicks : null, host, boot, pidSpace };
}

/** A holder as a person wants to read it. */
export function describeClusterHolder(holder: ClusterHolder | null): string {
  return holder === null ? "an unreadable lock" : `${holder.holder} on ${holder.host}, run ${holder.run}, since ${holder.time}`;
}

async function ask(place: LockPlace, node: string, script: string, args: readonly string[]): Promise<Outcome> {
  const argv = ["sh", "-c", script, "pawl-lock", place.path, ...args];
  return place.remote.run(node, { argv, sudo: true, timeoutMs: TIMEOUT_MS });
}

function identityOf(place: LockPlace): readonly [string, string] {
  return place.identity === null ? ["", ""] : [place.identity.file, place.identity.value];
}

/** What one manager said. */
type Said =
  | { readonly node: string; readonly kind: "ours" | "absent" }
  | ({ readonly kind: "held" } & FoundLock)
  | { readonly node: string; readonly kind: "other-cluster"; readonly reason: string }
  | { readonly node: string; readonly kind: "no-answer"; readonly reason: string };

function reason(outcome: Outcome): string {
  switch (outcome.kind) {
    case "lost":
      return outcome.reason;
    case "timed-out":
      return "no answer in time";
    case "exited":
      return outcome.stderr.trim() || `exit code ${outcome.code}`;
  }
}

function understand(node: string, outcome: Outcome, id: string): Said {
  if (outcome.kind !== "exited" || outcome.code !== 0) return { node, kind: "no-answer", reason: reason(outcome) };
  const [word, ...rest] = outcome.stdout.trim().split("\n");
  if (word === "ours" || word === "absent") return { node, kind: word };
  if (word === "other-cluster")
    return { node, kind: "other-cluster", reason: `it belongs to another cluster (${rest[0] ?? "no identity"})` };
  if (word !== "held" && word !== "present") return { node, kind: "no-answer", reason: `it said ${word ?? "nothing"}` };
  const seen = word === "present" ? rest.shift() : undefined;
  const line = rest[0] ?? "";
  const holder = parseHolder(line);
  if (word === "present" && holder !== null && id !== "" && (holder.id === id || holder.run === id))
    return { node, kind: "ours" };
  return { node, kind: "held", line, holder, seenSeconds: seen !== undefined && /^\d+$/.test(seen) ? Number(seen) : null };
}

async function look(place: LockPlace, nodes: readonly string[], id: string): Promise<readonly Said[]> {
  return Promise.all(nodes.map(async (node) => understand(node, await ask(place, node, LOOK, [id, ...identityOf(place)]), id)));
}

function told(said: Said): string {
  switch (said.kind) {
    case "ours":
      return `${said.node}: ours`;
    case "absent":
      return `${said.node}: no lock`;
    case "held":
      return `${said.node}: ${describeClusterHolder(said.holder)}`;
    case "other-cluster":
    case "no-answer":
      return `${said.node}: ${said.reason}`;
  }
}

/**
 * The advisory lock on a majority of the managers (design rule 7). It is taken manager by manager in the given order; whoever
 * gets a majority holds the cluster, whoever does not gives back what it got. Two majorities cannot exist at once.
 */
export function createClusterLock(parts: LockParts): ClusterLock {
  const { nodes } = parts;
  const id = markOf(parts);
  const majority = Math.floor(nodes.length / 2) + 1;
  const free = async (from: readonly string[]): Promise<readonly string[]> => {
    const freed = await Promise.all(
      from.map(async (node) => {
        const outcome = await ask(parts, node, FREE, [id]);
        return outcome.kind === "exited" && outcome.stdout.trim() === "freed" ? [node] : [];
      }),
    );
    return freed.flat();
  };
  const line = (): string => {
    const { actor: holder, host, run, id: runId, folder, process } = parts;
    return JSON.stringify({ holder, host, run, time: new Date(parts.clock.now()).toISOString(), id, runId, folder, process });
  };
  /** Left by an engine of this very run that is certainly dead: two engines must not work on one run, wherever its record lies. */
  const isLeftBehind = ({ holder }: FoundLock): boolean =>
    holder?.runId === parts.id && (holder.process === null || parts.life?.(holder.process) === "dead");
  let stopSigns = (): void => undefined;
  let sign: Promise<unknown> | null = null;
  const giveSigns = (): void => {
    stopSigns =
      parts.everySoOften?.(() => {
        // What it says does not matter here: before the next step the lock is looked at again, and then it decides.
        sign ??= look(parts, nodes, id)
          .catch(() => undefined)
          .finally(() => {
            sign = null;
          });
      }) ?? stopSigns;
  };
  /** Where another one gives its lock back at the same moment, the folder may vanish under our hands: that is tried again. */
  const takeOne = async (node: string, text: string): Promise<Said> => {
    for (let attempt = 1; ; attempt += 1) {
      const outcome = await ask(parts, node, TAKE, [text, id, ...identityOf(parts)]);
      const said = understand(node, outcome, id);
      if (said.kind === "held" && isLeftBehind(said))
        return understand(node, await ask(parts, node, RENEW, [said.line, text, id]), id);
      if (outcome.kind !== "exited" || outcome.code === 0 || attempt === ATTEMPTS) return said;
    }
  };
  return {
    async take() {
      const said: Said[] = [];
      const text = line();
      for (const node of nodes) {
        said.push(await takeOne(node, text));
        const refused = said.filter((one) => one.kind !== "ours").length;
        if (nodes.length - refused < majority) break;
      }
      const ours = said.filter((one) => one.kind === "ours").map((one) => one.node);
      if (ours.length >= majority) {
        stopSigns();
        giveSigns();
        return { kind: "taken", nodes: ours, holder: `${parts.actor} on ${parts.host}` };
      }
      await free(said.map((one) => one.node));
      const held = said.find((one) => one.kind === "held");
      const all = said.map(told).join("; ");
      if (held === undefined)
        return { kind: "no-majority", reason: `${ours.length} of ${nodes.length} managers, ${majority} are needed; ${all}` };
      // Who holds them may have taken more since: what is told is how it is now.
      const now = (await look(parts, [held.node], id)).find((one) => one.kind === "held") ?? held;
      const more = ours.length > 0 ? ` (${all}; what was taken here is given back)` : "";
      const explained = await parts.explain?.(now);
      return {
        kind: "held",
        holder: `${explained?.text ?? describeClusterHolder(now.holder)}${more}`,
        ...(explained === undefined ? {} : { next: explained.next }),
      };
    },
    async check() {
      const first = await look(parts, nodes, id);
      const silent = first.filter((one) => one.kind === "no-answer").map((one) => one.node);
      const enough = first.filter((one) => one.kind === "ours").length >= majority;
      const again = enough || silent.length === 0 ? [] : await look(parts, silent, id);
      const said = first.map((one) => again.find((other) => other.node === one.node) ?? one);
      const ours = said.filter((one) => one.kind === "ours");
      if (ours.length >= majority) return { kind: "ours" };
      const others = said.filter((one) => one.kind !== "ours").map(told);
      return { kind: "lost", reason: `ours on ${ours.length} of ${nodes.length}; ${others.join("; ")}` };
    },
    release: async () => {
      stopSigns();
      await sign;
      return free(nodes);
    },
  };
}

/** Who holds the managers now, by manager; those without a lock or without an answer are told in words. Only reads. */
export async function findClusterLocks(place: LockPlace): Promise<{
  readonly found: readonly FoundLock[];
  readonly others: readonly { readonly node: string; readonly text: string }[];
}> {
  const said = await look(place, place.nodes, "");
  return {
    found: said.filter((one) => one.kind === "held"),
    others: said.flatMap((one) =>
      one.kind === "held"
        ? []
        : [{ node: one.node, text: one.kind === "absent" ? "no lock" : told(one).slice(one.node.length + 2) }],
    ),
  };
}

/** `pawl unlock`: removes the locks that were found, each only while it is still the one that was found. Says per manager what became of it. */
export async function breakClusterLocks(
  place: LockPlace,
  found: readonly FoundLock[],
): Promise<readonly { readonly node: string; readonly broken: boolean; readonly text: string }[]> {
  return Promise.all(
    found.map(async ({ node, line, holder }) => {
      const outcome = await ask(place, node, BREAK, [line]);
      const word = outcome.kind === "exited" && outcome.code === 0 ? outcome.stdout.trim() : "";
      const who = describeClusterHolder(holder);
      if (word === "freed") return { node, broken: true, text: who };
      if (word === "absent") return { node, broken: false, text: `${who}; given back meanwhile` };
      if (word === "changed") return { node, broken: false, text: `${who}; another run has taken it since` };
      return { node, broken: false, text: `${who}; could not be removed: ${reason(outcome)}` };
    }),
  );
}
