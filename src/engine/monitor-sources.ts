import { fileNameOf } from "../domain/file-name.ts";
import type { NodeName } from "../domain/inventory.ts";
import { list, record, text } from "../domain/json-fields.ts";
import type { Kept, Monitor } from "../domain/monitor.ts";
import { allSteps, type Phase } from "../domain/plan.ts";
import { stepRecord } from "../domain/run-state.ts";
import type { SeriesOwner } from "./monitor-files.ts";
import type { Monitoring, SampleRequest } from "./ports.ts";
import type { Session } from "./session.ts";

/** One thing that is read again and again. */
export interface Source extends SeriesOwner {
  /** Time between two readings for now, ms. */
  everyMs: number;
  /** When it is read next, on the monotonic clock. */
  dueMs: number;
  /** When it was asked last, monotonic. */
  lastMs: number;
  /** Since when a reading is under way, monotonic; null: none is. */
  askedMs: number | null;
  /** That this reading takes long is in the file already. */
  told: boolean;
  before: Kept | null;
  /** Since when its node is in hand, epoch ms; null where that is not asked. */
  inHandSinceMs: number | null;
  active: boolean;
  /** Where it is read, where that was found when the plan was made; null for nodes. */
  readonly url: string | null;
}

/** Entries with a name and an address of a list in the plan's facts. */
function listedIn(session: Session, fact: string): readonly { readonly name: string; readonly url: string }[] {
  return list(session.parts.plan.facts.baseline[fact]).flatMap((one) => {
    const [name, url] = [text(record(one)["name"]), text(record(one)["url"])];
    return name === null || url === null ? [] : [{ name: fileNameOf(name), url }];
  });
}

/** The sources of all monitors as the run goes on. */
export interface Sources {
  readonly all: readonly Source[];
  /** Who is to be read now; returns those that have just been let go, to be read a last time. */
  refresh(phase: Phase | null): readonly Source[];
}

/** Nodes on which a step that changes them is at work, with the time it began (epoch ms). */
function nodesInHand(session: Session, changing: ReadonlyMap<string, NodeName>): ReadonlyMap<NodeName, number> {
  const hands = new Map<NodeName, number>();
  for (const address of session.inHand) {
    const node = changing.get(address);
    const begun = Date.parse(stepRecord(session.state, address).startedAt ?? "");
    if (node !== undefined && !Number.isNaN(begun)) hands.set(node, Math.min(begun, hands.get(node) ?? begun));
  }
  return hands;
}

/** Steps that change a node, by address. */
function changingSteps(session: Session): ReadonlyMap<string, NodeName> {
  const steps = allSteps(session.parts.plan);
  return new Map(steps.flatMap((step) => (step.effect === "read" || step.node === null ? [] : [[step.address, step.node]])));
}

function isOfPhase(monitor: Monitor, phase: Phase | null): boolean {
  if (monitor.phases.length === 0) return true;
  return phase !== null && (monitor.phases.includes(phase.name) || monitor.phases.includes(phase.wave?.of ?? phase.name));
}

/** Sources of the plan's monitors. `leastGapMs`: readings of one source are never closer. */
export function createSources(session: Session, leastGapMs: Monitoring["leastGapMs"]): Sources {
  const { plan, inventory, clock } = session.parts;
  const monitors = plan.monitors ?? [];
  const changing = changingSteps(session);
  const all: Source[] = [];
  const add = (monitor: Monitor, subject: string, node: NodeName | null, url: string | null = null): Source => {
    const everyMs = monitor.intervalMs;
    const rest = {
      dueMs: 0,
      lastMs: Number.NEGATIVE_INFINITY,
      askedMs: null,
      told: false,
      before: null,
      inHandSinceMs: null,
      active: false,
    };
    const source: Source = { monitor, subject, node, url, everyMs, ...rest };
    all.push(source);
    return source;
  };
  const inHand = new Map<string, Source>();
  for (const monitor of monitors) {
    const { scope } = monitor;
    if (scope.kind === "cluster") add(monitor, "cluster", null);
    if (scope.kind === "listed") for (const { name, url } of listedIn(session, scope.fact)) add(monitor, name, null, url);
    if (scope.kind === "role")
      for (const node of inventory.nodes) if (scope.roles.includes(node.role)) add(monitor, node.name, node.name);
  }
  return {
    all,
    refresh(phase) {
      const hands = nodesInHand(session, changing);
      for (const monitor of monitors.filter((one) => one.scope.kind === "in-hand"))
        for (const node of hands.keys()) {
          const key = `${monitor.name}\n${node}`;
          if (!inHand.has(key)) inHand.set(key, add(monitor, node, node));
        }
      const left: Source[] = [];
      const leastMs = leastGapMs === null ? 0 : hands.size > 0 ? leastGapMs.inHand : leastGapMs.otherwise;
      for (const source of all) {
        const everyMs = Math.max(source.monitor.intervalMs, leastMs);
        if (everyMs < source.everyMs) source.dueMs = Math.min(source.dueMs, source.lastMs + everyMs);
        source.everyMs = everyMs;
        const held = source.node === null ? undefined : hands.get(source.node);
        const isHandy = source.monitor.scope.kind === "in-hand";
        const active = isOfPhase(source.monitor, phase) && (!isHandy || held !== undefined);
        if (active && !source.active) source.dueMs = clock.monotonic();
        if (isHandy && held !== undefined && held !== source.inHandSinceMs) {
          source.inHandSinceMs = held;
          // Another time in hand is another count.
          source.before = null;
        }
        if (!active && source.active && isHandy) left.push(source);
        source.active = active;
      }
      return left;
    },
  };
}

/** What is asked of a source now. */
export function requestOf(session: Session, source: Source): SampleRequest {
  const { monitor, subject, node, before, inHandSinceMs, url } = source;
  const since = inHandSinceMs === null ? null : Math.floor(inHandSinceMs / 1_000);
  return {
    monitor,
    subject,
    node,
    before,
    context: { inputs: { ...session.parts.plan.inputs }, node, since, before, ...(url === null ? {} : { url }) },
  };
}
