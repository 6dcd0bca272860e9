import { readArtifact } from "../artifact/store.ts";
import { PawlError } from "../domain/errors.ts";
import type { RunEvent } from "../domain/events.ts";
import type { Plan } from "../domain/plan.ts";

/**
 * Whether everything the preflight found is on record: a run is begun only after that. One that was ended before (killed, or the
 * machine lost its power) has touched nothing, and says less about the cluster than its plan was made from.
 */
export async function isSurveyOnRecord(folder: string, plan: Plan, events: readonly RunEvent[]): Promise<boolean> {
  if (events.some((event) => event.type === "run.opened")) return true;
  const kept = events.find((event) => event.type === "artifact.recorded" && event.name === "preflight.json");
  if (kept?.type !== "artifact.recorded") return false;
  const findings: unknown = JSON.parse((await readArtifact(folder, kept)).toString("utf8"));
  const told = (type: RunEvent["type"]): number => events.filter((event) => event.type === type).length;
  return (
    Array.isArray(findings) &&
    told("finding.reported") === findings.length &&
    told("finding.waived") === (plan.waivers ?? []).length
  );
}

/** What is said of a run that was ended before its preflight was on record. */
export function neverBegun(run: string, plan: Plan): PawlError {
  const { journey, sources } = plan;
  return new PawlError("refused", "never-begun", `run ${run} was ended before its preflight was on record: nothing was begun`, {
    expected: "every finding of the preflight in the journal",
    observed: "a part of them",
    next:
      journey === null
        ? "Start it anew; this one stays as it is."
        : `Start it anew; this one stays as it is: pawl upgrade -i ${sources.inventory} --to ${journey.goal}`,
  });
}
