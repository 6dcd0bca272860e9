import { matchesPattern } from "./java-pattern.ts";
import type { RawConstraint } from "./constraints.ts";

/** An agent as constraints see it. */
export interface Spot {
  readonly hostname: string;
  /** Attributes as text; null: a form whose text only Marathon knows. */
  readonly attributes: Readonly<Record<string, string | null>>;
  readonly region: string | null;
  readonly zone: string | null;
}

/** The value a constraint compares: text, `undefined` where the agent has no such field, null where its text cannot be told. */
export function valueOf(spot: Spot, field: string): string | null | undefined {
  switch (field) {
    case "hostname":
    case "@hostname":
      return spot.hostname;
    case "@region":
      return spot.region ?? undefined;
    case "@zone":
      return spot.zone ?? undefined;
    default:
      return Object.hasOwn(spot.attributes, field) ? spot.attributes[field] : undefined;
  }
}

/** Whether an agent alone satisfies what a constraint asks of each agent; null: it cannot be told here. Operators that count allow any that has the field. */
export function allows(constraint: RawConstraint, spot: Spot): boolean | null {
  const [field = "", operator = "", wanted = ""] = constraint;
  const value = valueOf(spot, field);
  const name = operator.toUpperCase();
  if (value === undefined) return name === "UNLIKE";
  if (value === null) return null;
  switch (name) {
    case "LIKE":
      return matchesPattern(wanted, value);
    case "UNLIKE": {
      const matches = matchesPattern(wanted, value);
      return matches === null ? null : !matches;
    }
    case "CLUSTER":
      return wanted === "" || value === wanted;
    case "IS":
      return value === wanted || (sameNumber(value, wanted) ? null : false);
    default:
      return true;
  }
}

/** `2` and `2.0`: Marathon compares scalars as numbers, texts as texts, and which it has here is not told. */
function sameNumber(a: string, b: string): boolean {
  return a.trim() !== "" && b.trim() !== "" && Number(a) === Number(b);
}

function counted(values: readonly string[]): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
  return counts;
}

/**
 * How tasks where they are now break a constraint, in words; null: they do not; `undefined`: it cannot be told. Only what no
 * sequence of Marathon's own placements leads to is called broken, so that uneven groups are not (dcos.md 13.1).
 */
export function brokenBy(constraint: RawConstraint, spots: readonly Spot[]): string | null | undefined {
  const [field = "", operator = "", wanted = ""] = constraint;
  const name = operator.toUpperCase();
  const alone = spots.map((spot) => allows(constraint, spot));
  const wrong = spots.find((_, index) => alone[index] === false);
  if (wrong !== undefined) return `a task is on ${wrong.hostname}, which it does not allow`;
  if (alone.includes(null)) return undefined;
  const values = spots.flatMap((spot) => valueOf(spot, field) ?? []);
  const counts = counted(values);
  const [most, times] = [...counts].toSorted((a, b) => b[1] - a[1])[0] ?? ["", 0];
  switch (name) {
    case "UNIQUE":
      return times > 1 ? `${times} tasks share ${most}` : null;
    case "CLUSTER":
      return counts.size > 1 ? `its tasks are spread over ${counts.size} values of ${field}` : null;
    case "MAX_PER":
      return /^\d{1,9}$/.test(wanted) && times > Number(wanted) ? `${times} tasks share ${most}` : null;
    case "GROUP_BY": {
      const groups = /^-?\d{1,9}$/.test(wanted) ? Number(wanted) : 0;
      return times > 1 && counts.size < groups ? `its tasks are in ${counts.size} of ${groups} groups` : null;
    }
    default:
      return null;
  }
}

/** Where an app may run at all: agents its constraints allow one by one. `undecided`: some could not be told. */
function placesFor(
  constraints: readonly RawConstraint[],
  spots: readonly Spot[],
): { readonly allowed: readonly Spot[]; readonly undecided: boolean } {
  const judged = spots.map((spot) => ({ spot, answers: constraints.map((one) => allows(one, spot)) }));
  const open = judged.filter(({ answers }) => !answers.includes(false));
  return {
    allowed: open.filter(({ answers }) => !answers.includes(null)).map(({ spot }) => spot),
    undecided: open.some(({ answers }) => answers.includes(null)),
  };
}

/** Why an app cannot move while an agent is upgraded, in words; null: it can; `undefined`: it cannot be told. */
export function pinnedBy(
  constraints: readonly RawConstraint[],
  instances: number,
  spots: readonly Spot[],
): string | null | undefined {
  if (instances < 1 || constraints.length === 0) return null;
  const { allowed, undecided } = placesFor(constraints, spots);
  if (undecided && allowed.length < 2) return undefined;
  if (allowed.length === 0) return "no active agent is allowed";
  if (allowed.length === 1) return `only ${allowed[0]?.hostname ?? ""} is allowed`;
  for (const constraint of constraints) {
    const [field = "", operator = "", wanted = ""] = constraint;
    if (operator.toUpperCase() === "CLUSTER" && wanted === "" && instances > 1 && /^@?hostname$/.test(field))
      return "its instances have to be where the first of them is";
    const values = new Set(allowed.map((spot) => valueOf(spot, field) ?? ""));
    const each = operator.toUpperCase() === "UNIQUE" ? 1 : operator.toUpperCase() === "MAX_PER" ? Number(wanted) : null;
    if (each !== null && instances >= values.size * each)
      return `${instances} instances fill all ${values.size} values of ${field}: none is to spare`;
  }
  return null;
}
