import fc from "fast-check";
import type { Verb } from "../../src/domain/events.ts";

/** What people may type while a run goes on, at any of the targets; names that mean nothing and places to be found in the run are among them. */
export function verbsAt(...targets: readonly (string | null)[]): fc.Arbitrary<Verb> {
  return fc.record({
    verb: fc.constantFrom("pause", "resume", "approve", "retry", "set-aside", "force-complete", "skip", "stop"),
    target: fc.constantFrom(
      ...targets,
      "bosses/confirm",
      "look/look",
      "nonsense",
      null,
      "STUCK",
      "STUCK",
      "STUCK NODE",
      "FLYING",
      "ASIDE",
    ),
    reason: fc.constantFrom("because", null),
  });
}
