import type { Json, JsonRecord } from "../../../domain/json.ts";
import { list, number, record, text } from "../../../domain/json-fields.ts";

/** Pace and limits of a rollout; the same six for an update and for a rollback. Durations in ns, as the API wants them. */
export interface PaceChange {
  readonly Parallelism?: number;
  readonly Delay?: number;
  readonly FailureAction?: string;
  readonly Monitor?: number;
  readonly MaxFailureRatio?: number;
  readonly Order?: string;
}

/** What is to be different about a service. What is absent stays as it is. */
export interface SpecChange {
  readonly image: string | null;
  readonly env: Readonly<Record<string, string>>;
  readonly envRemove: readonly string[];
  readonly replicas: number | null;
  /** Restart every task although nothing else changes. */
  readonly force: boolean;
  readonly update: PaceChange;
  readonly rollback: PaceChange;
}

/** Nothing is different. */
export const NO_CHANGE: SpecChange = {
  image: null,
  env: {},
  envRemove: [],
  replicas: null,
  force: false,
  update: {},
  rollback: {},
};

function withPace(before: Json | undefined, change: PaceChange): JsonRecord | null {
  if (Object.keys(change).length === 0) return null;
  // A config that was absent meant one task at a time; one that is there without this field means all at once.
  const base = before === undefined || before === null ? { Parallelism: 1 } : record(before);
  return { ...base, ...change };
}

function withEnv(before: Json | undefined, change: SpecChange): readonly Json[] {
  const changed = (line: Json): boolean => {
    const name = nameOf(line);
    return name in change.env || change.envRemove.includes(name);
  };
  const given = new Map(Object.entries(change.env));
  const kept = list(before).flatMap((line): readonly Json[] => {
    if (!changed(line)) return [line];
    const name = nameOf(line);
    const value = given.get(name);
    given.delete(name);
    return value === undefined ? [] : [`${name}=${value}`];
  });
  return [...kept, ...[...given].map(([name, value]) => `${name}=${value}`)];
}

function nameOf(line: Json): string {
  return (text(line) ?? "").split("=")[0] ?? "";
}

/**
 * The spec with the change made: the whole of it, because the API takes nothing less, and nothing else of it touched. `forced` is the
 * `ForceUpdate` to send where all tasks are to be restarted.
 */
export function changeSpec(spec: JsonRecord, change: SpecChange, forced: number | null = null): JsonRecord {
  const template = record(spec["TaskTemplate"]);
  const container = record(template["ContainerSpec"]);
  const [update, rollback] = [withPace(spec["UpdateConfig"], change.update), withPace(spec["RollbackConfig"], change.rollback)];
  const touchesEnv = Object.keys(change.env).length > 0 || change.envRemove.length > 0;
  const containerAfter: JsonRecord = {
    ...container,
    ...(change.image === null ? {} : { Image: change.image }),
    ...(touchesEnv ? { Env: withEnv(container["Env"], change) } : {}),
  };
  const mode = record(spec["Mode"]);
  return {
    ...spec,
    TaskTemplate: { ...template, ContainerSpec: containerAfter, ...(forced === null ? {} : { ForceUpdate: forced }) },
    ...(change.replicas === null
      ? {}
      : { Mode: { ...mode, Replicated: { ...record(mode["Replicated"]), Replicas: change.replicas } } }),
    ...(update === null ? {} : { UpdateConfig: update }),
    ...(rollback === null ? {} : { RollbackConfig: rollback }),
  };
}

/** The `ForceUpdate` that restarts every task of this spec. */
export function nextForce(spec: JsonRecord): number {
  return (number(record(spec["TaskTemplate"])["ForceUpdate"]) ?? 0) + 1;
}
