import type { JsonRecord } from "../../../domain/json.ts";
import type { Problem } from "../../../domain/errors.ts";
import type { StepContext } from "../../../engine/ports.ts";
import { changeSpec } from "../access/change-spec.ts";
import type { Managers } from "../access/managers.ts";

/** How often what may have got lost is looked for and, where it certainly is not there, sent again. */
const ATTEMPTS = 3;
const PAUSE_MS = 1_000;

export type Sending = { readonly kind: "sent" | "there" } | { readonly kind: "failed" | "unknown"; readonly problem: Problem };

/** What the managers say of a spec they do not take, and what that means (swarm.md, "Errors"). */
function meaningOf(why: string): string {
  if (/renaming services/.test(why)) return "A service cannot be renamed: remove it and make another.";
  if (/not found/.test(why)) return "Somebody has removed it.";
  return "Correct the inputs, then begin a new run.";
}

/**
 * Sends a service's whole spec, changed from what is read right before. An answer that got lost is no reason to send again: the service is
 * read first, and the version that every change names keeps an old one from coming late.
 */
export async function sendSpec(
  ctx: StepContext,
  managers: Managers,
  id: string,
  change: (spec: JsonRecord) => JsonRecord | null,
): Promise<Sending> {
  let why = "";
  for (let attempt = 1; attempt <= ATTEMPTS; attempt += 1) {
    const written = await changeSpec(managers, "services", id, change);
    switch (written.kind) {
      case "done":
        return { kind: "sent" };
      case "unchanged":
        return { kind: "there" };
      case "stale":
      case "unknown":
        why = written.why;
        ctx.say(`no clear answer (${why}); looking whether the change is there`);
        await ctx.clock.sleep(PAUSE_MS);
        break;
      case "refused":
        return {
          kind: "failed",
          problem: {
            ...{ code: "spec-refused", text: "The managers did not take the spec; nothing was changed." },
            ...{ expected: "200", observed: written.why },
            next:
              written.status === null
                ? `Mend access to a manager, then: ${ctx.spell("retry", ctx.step.address)}`
                : meaningOf(written.why),
          },
        };
    }
  }
  return {
    kind: "unknown",
    problem: {
      ...{
        code: "spec-sent-unknown",
        text: "Whether the managers have taken the change cannot be told.",
        expected: "a clear answer",
      },
      ...{ observed: why, next: `When a manager answers again: ${ctx.spell("resume")}` },
    },
  };
}
