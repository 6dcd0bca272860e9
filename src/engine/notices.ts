import type { RunEventBody } from "../domain/events.ts";

/** Notices of one monitor that are told within an hour; further ones are counted. */
const NOTICES_AN_HOUR = 12;
const HOUR_MS = 3_600_000;
const LONGEST = 300;

type Notice = Extract<RunEventBody, { type: "notice.given" }>;

/** Decides which notices go on record: few, so that a source that flaps fills neither the journal nor the screen. */
export interface NoticeBoard {
  /** The event to write, or null where this one is only counted. */
  give(monitor: string, subject: string, text: string): Notice | null;
  /** What was counted and not told yet, one event a monitor; for the end of a session. */
  rest(): readonly Notice[];
}

interface Told {
  hourMs: number;
  told: number;
  unsaid: number;
  subject: string;
}

/** A board with the time of `now`, epoch ms. */
export function createNoticeBoard(now: () => number): NoticeBoard {
  const all = new Map<string, Told>();
  return {
    give(monitor, subject, text) {
      const one = all.get(monitor) ?? { hourMs: now(), told: 0, unsaid: 0, subject };
      all.set(monitor, one);
      if (now() - one.hourMs >= HOUR_MS) Object.assign(one, { hourMs: now(), told: 0 });
      one.subject = subject;
      if (one.told >= NOTICES_AN_HOUR) {
        one.unsaid += 1;
        return null;
      }
      one.told += 1;
      const { unsaid } = one;
      one.unsaid = 0;
      return { type: "notice.given", monitor, subject, text: text.slice(0, LONGEST), unsaid };
    },
    rest: () =>
      [...all].flatMap(([monitor, { unsaid, subject }]) =>
        unsaid === 0
          ? []
          : [{ type: "notice.given" as const, monitor, subject, text: "more of the same was seen and only counted", unsaid }],
      ),
  };
}
