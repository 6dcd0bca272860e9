import { createTask, validateDetailed } from "node-cron";
import { PawlError } from "../domain/errors.ts";

/** Says when; what to do then is somebody else's business. */
export interface Trigger {
  /** The next moments, in order. */
  nextRuns(count: number): readonly Date[];
  /** Calls back at each moment, and at moments that were missed because this process was held up. Returns how to stop. */
  start(fire: (at: Date) => void, missed: (at: Date) => void): () => Promise<void>;
}

/**
 * A cron expression in a time zone (an IANA name; null is this machine's own). Throws PawlError `usage` that names the field
 * which is wrong.
 */
export function cronTrigger(cron: string, timezone: string | null): Trigger {
  const { valid, errors } = validateDetailed(cron);
  if (!valid) {
    throw new PawlError(
      "usage",
      "bad-cron",
      `"${cron}" is no cron expression: ${errors.map((error) => error.message).join("; ")}`,
      {
        expected: "minute hour day-of-month month day-of-week",
        next: '--cron "0 2 * * *" is every night at two',
      },
    );
  }
  if (timezone !== null && !isTimezone(timezone)) {
    throw new PawlError("usage", "bad-timezone", `there is no time zone "${timezone}"`, {
      expected: "a name such as Europe/Berlin or UTC",
    });
  }
  const make = (task: (at: Date) => void) =>
    createTask(cron, (context) => task(context.date), {
      ...(timezone === null ? {} : { timezone }),
      suppressMissedWarning: true,
    });
  const calendar = make(() => undefined);
  return {
    nextRuns: (count) => calendar.getNextRuns(count),
    start: (fire, missed) => {
      const task = make(fire);
      task.on("execution:missed", (context) => missed(context.date));
      void task.start();
      return async () => {
        await task.destroy();
      };
    },
  };
}

function isTimezone(name: string): boolean {
  try {
    new Intl.DateTimeFormat("en", { timeZone: name });
    return true;
  } catch {
    return false;
  }
}

/** A moment as the calendar of that zone shows it: `2026-11-21 02:00 Europe/Berlin`. */
export function inZone(at: Date, timezone: string | null): string {
  const zone = timezone ?? Intl.DateTimeFormat().resolvedOptions().timeZone;
  const text = new Intl.DateTimeFormat("sv-SE", { timeZone: zone, dateStyle: "short", timeStyle: "short" }).format(at);
  return `${text} ${zone}`;
}

/**
 * A warning for an expression that means something else than in crontab(5): with both day fields given, cron runs when either
 * of them fits, this schedule when both do. Null where there is nothing to warn about.
 */
export function cronCaveat(cron: string): string | null {
  const fields = cron.trim().split(/\s+/);
  const [dayOfMonth = "*", , dayOfWeek = "*"] = fields.slice(-3);
  if (/^[*?]$/.test(dayOfMonth) || /^[*?]$/.test(dayOfWeek)) return null;
  return "day of month and day of week are both given: it runs only when both fit (crontab(5) would run when either does)";
}
