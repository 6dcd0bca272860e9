import { ensembleServes } from "./ensemble.ts";
import { later, type Candidate, type Election, type Model, type NodeState, type Proc } from "./state.ts";

/**
 * A leader election in ZooKeeper as Mesos and Marathon do it: everybody creates an ephemeral sequential node, the lowest leads.
 * The node of a process that died stays until its session expires (10 s after its last heartbeat, so 7 to 10 s after death).
 */
const SESSION_MS = { low: 7_600, high: 9_800 };
/** What is left of a session when the ensemble is back after a total outage. */
const REVIVED_MS = { low: 9_000, high: 10_500 };

/** Puts a process into the election, unless it is in it or ZooKeeper does not serve. */
export function enroll(model: Model, election: Election, node: NodeState, proc: Proc): boolean {
  if (proc.startedMs === null || !ensembleServes(model)) return false;
  const { startedMs } = proc;
  if (election.candidates.some((one) => one.node === node && one.processMs === startedMs && one.expiresMs === null)) return false;
  election.candidates.push({ node, seq: election.nextSeq, processMs: startedMs, expiresMs: null });
  election.nextSeq += 1;
  return true;
}

/** The process of the node died: its candidates stay until their session expires, then `expired` is called. */
export function abandon(
  model: Model,
  election: Election,
  node: NodeState,
  draw: (low: number, high: number) => number,
  expired: () => void,
): void {
  for (const one of election.candidates.filter((candidate) => candidate.node === node && candidate.expiresMs === null)) {
    one.expiresMs = model.clock.now() + Math.round(draw(SESSION_MS.low, SESSION_MS.high));
    expireAt(model, election, one, one.expiresMs, expired);
  }
}

/** Sessions end only while the ensemble serves: nobody counts heartbeats in between. */
function expireAt(model: Model, election: Election, candidate: Candidate, atMs: number, expired: () => void): void {
  candidate.expiresMs = atMs;
  later(model, atMs - model.clock.now(), () => {
    if (candidate.expiresMs !== atMs || !ensembleServes(model)) return;
    drop(model, election, candidate);
    expired();
  });
}

/**
 * The ensemble serves again: entries of processes that died meanwhile are on its disk and live for another session, so that
 * everybody believes in a dead leader for about ten seconds more (mesos-real.md, 7).
 */
export function reviveSessions(
  model: Model,
  election: Election,
  draw: (low: number, high: number) => number,
  expired: () => void,
): void {
  const nowMs = model.clock.now();
  for (const one of election.candidates)
    if (one.expiresMs !== null && one.expiresMs <= nowMs)
      expireAt(model, election, one, nowMs + Math.round(draw(REVIVED_MS.low, REVIVED_MS.high)), expired);
}

/** A process that was stopped by a signal goes on in time: its entry lives again. False: the session is over. */
export function keepSession(election: Election, node: NodeState, proc: Proc): boolean {
  const own = election.candidates.find((one) => one.node === node && one.processMs === proc.startedMs);
  if (own === undefined) return false;
  own.expiresMs = null;
  return true;
}

/** Takes one candidate out. */
export function drop(model: Model, election: Election, candidate: Candidate): void {
  const index = election.candidates.indexOf(candidate);
  if (index < 0) return;
  election.candidates.splice(index, 1);
}

/** The lowest sequence, alive or not: whom everybody believes to lead. */
export function lowest(election: Election): Candidate | null {
  let found: Candidate | null = null;
  for (const one of election.candidates) if (found === null || one.seq < found.seq) found = one;
  return found;
}

/** The node that leads with a living process, or null. */
export function leaderOf(election: Election): NodeState | null {
  const first = lowest(election);
  return first !== null && first.expiresMs === null && first.seq === election.leaderSeq ? first.node : null;
}
