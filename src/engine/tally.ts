import type { Unit } from "../domain/plan.ts";
import { unitState, type UnitState } from "../domain/strategy.ts";
import type { Session } from "./session.ts";

/** How the units of a phase stand, kept up to date at the cost of what has moved: a phase may have a thousand nodes and as many moves again. */
export interface Tally {
  stateOf(unit: Unit): UnitState;
  /** Units with a step in hand, stuck, or settled before the others; in the order of the plan. */
  begun(): readonly Unit[];
  areDone(): boolean;
  /** A unit is stuck. */
  isStuck(): boolean;
}

/** A tally of these units from the session's steps. */
export function createTally(session: Pick<Session, "status" | "moves">, units: readonly Unit[]): Tally {
  const unitOf = new Map(units.flatMap((unit) => unit.steps.map((step) => [step.address, unit] as const)));
  const states = new Map<Unit, UnitState>();
  const inState: Readonly<Record<UnitState, Set<Unit>>> = {
    waiting: new Set(),
    running: new Set(),
    stuck: new Set(),
    done: new Set(),
  };
  const look = (unit: Unit): void => {
    const before = states.get(unit);
    const now = unitState(unit, (address) => session.status(address));
    if (before === now) return;
    if (before !== undefined) inState[before].delete(unit);
    states.set(unit, now);
    inState[now].add(unit);
  };
  let seen = session.moves.length;
  for (const unit of units) look(unit);
  const catchUp = (): void => {
    for (; seen < session.moves.length; seen += 1) {
      const unit = unitOf.get(session.moves[seen] ?? "");
      if (unit !== undefined) look(unit);
    }
  };
  return {
    stateOf(unit) {
      catchUp();
      return states.get(unit) ?? "waiting";
    },
    begun() {
      catchUp();
      const open = new Set([...inState.running, ...inState.stuck]);
      return open.size < 2 ? [...open] : units.filter((unit) => open.has(unit));
    },
    areDone() {
      catchUp();
      return inState.done.size === units.length;
    },
    isStuck() {
      catchUp();
      return inState.stuck.size > 0;
    },
  };
}
