import type { Json, JsonRecord } from "../domain/json.ts";
import type { CaptureItem, Effect, StepContext } from "../engine/ports.ts";

/** Missing captures named in a note. */
const NAMED = 5;

/** What a snapshot has captured, and what not. */
export interface Captured {
  readonly platform: string;
  readonly items: readonly CaptureItem[];
  /** By name; null: kept and not held. */
  readonly taken: ReadonlyMap<string, Buffer | null>;
  readonly missing: readonly { readonly name: string; readonly why: string }[];
}

/** The document two snapshots are compared by: captures in the order they were asked for, whatever order they came in. */
export function summaryDocument(
  ctx: StepContext,
  { platform, items, taken, missing }: Captured,
  summarise: (captured: ReadonlyMap<string, Buffer>) => Json,
): JsonRecord {
  const ordered = new Map(
    items.flatMap(({ name }) => {
      const bytes = taken.get(name) ?? null;
      return bytes === null ? [] : [[name, bytes] as const];
    }),
  );
  return {
    v: 1,
    platform,
    cluster: ctx.plan.cluster.id,
    summary: summarise(ordered),
    missing: missing.toSorted((a, b) => (a.name < b.name ? -1 : 1)),
  };
}

/** The end of a capture: how much of it there is, and where its summary lies (SHA-256). */
export function captureDone({ items, taken, missing }: Captured, summary: string): Effect {
  const names = missing.slice(0, NAMED).map(({ name }) => name);
  const without = missing.length === 0 ? "" : `; not captured: ${names.join(", ")}${missing.length > NAMED ? " and more" : ""}`;
  const output = { captured: taken.size, missing: missing.length, summary };
  return { kind: "done", note: `${taken.size} of ${items.length} captured${without}`, output };
}
