import { createHash } from "node:crypto";
import type { RunEvent, RunEventBody } from "../../src/domain/events.ts";
import type { ArtifactStore, Clock, Journal } from "../../src/engine/ports.ts";
import { storeOver } from "../artifact/kept.ts";

const sha = (text: string | Buffer): string => createHash("sha256").update(text).digest("hex");

/** A journal in memory. After `diesAfter` events the process has died: `died` is told, and no append ever comes back. */
export function memoryJournal(
  clock: Clock,
  events: RunEvent[] = [],
  diesAfter = Number.POSITIVE_INFINITY,
  died: (error: Error) => void = () => undefined,
): Journal & { sealed: number } {
  let tail: Promise<unknown> = Promise.resolve();
  const journal = {
    events,
    sealed: 0,
    async append(body: RunEventBody, actor = "test"): Promise<RunEvent> {
      const turn = tail.then(() => {
        if (events.length >= diesAfter) {
          died(new Error("the process died here"));
          return new Promise<RunEvent>(() => undefined);
        }
        const before = events.at(-1);
        const event = {
          ...body,
          v: 1,
          seq: events.length + 1,
          time: new Date(clock.now()).toISOString(),
          actor,
          prev: before === undefined ? "0".repeat(64) : sha(JSON.stringify(before)),
        } as RunEvent;
        events.push(event);
        return event;
      });
      tail = turn.catch(() => undefined);
      return turn;
    },
    async seal(): Promise<void> {
      journal.sealed += 1;
    },
  };
  return journal;
}

export function memoryArtifacts(): ArtifactStore & { readonly all: Map<string, Buffer> } {
  const all = new Map<string, Buffer>();
  const store = storeOver(
    ({ sha256 }, { bytes }) => all.set(sha256, bytes),
    (sha256) => all.get(sha256),
  );
  return { ...store, all };
}

/** What a test wants to know about events: their types and steps, in order. */
export function trace(events: readonly RunEvent[]): readonly string[] {
  return events.flatMap((event) =>
    event.type === "step.moved"
      ? [`${event.step} ${event.to}`]
      : event.type === "gate.refused"
        ? [`${event.step} refused ${event.check}`]
        : [],
  );
}

export const silent = { show: (): void => undefined };
