import type { RunEventBody } from "../domain/events.ts";

/** Events that no step makes: they wait for the run to be opened, and none comes behind its last event. */
export interface Notes {
  /** False where nothing is taken any more. */
  take(event: RunEventBody): boolean;
  open(): void;
  /** Resolves when what was taken is on disk; nothing is taken from then on. */
  close(): Promise<void>;
}

/** Notes that are written by `append`, which must not reject. */
export function createNotes(append: (event: RunEventBody) => Promise<unknown>): Notes {
  const waiting: RunEventBody[] = [];
  let state: "waiting" | "open" | "closed" = "waiting";
  let writing: Promise<unknown> = Promise.resolve();
  const take = (event: RunEventBody): boolean => {
    if (state === "waiting") waiting.push(event);
    if (state === "open") writing = Promise.all([writing, append(event)]);
    return state !== "closed";
  };
  return {
    take,
    open() {
      state = "open";
      for (const event of waiting.splice(0)) take(event);
    },
    async close() {
      state = "closed";
      await writing;
    },
  };
}
