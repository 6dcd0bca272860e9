import type { JsonRecord } from "../../../domain/json.ts";
import type { Facts } from "../../../domain/plan.ts";
import type { PersonQuestion } from "../../../domain/question.ts";
import { list, record, text } from "../../../domain/json-fields.ts";

/** The question about the data of each app that has any (runbooks/dcos-upgrade.yaml). */
const APPLICATION_DATA = "application-data";

/** Apps and pods of every Marathon with volumes that outlive a task; null where one of the Marathons could not be read. */
function withData(marathons: readonly JsonRecord[]): readonly string[] | null {
  if (marathons.some((one) => !Array.isArray(one["workloads"]))) return null;
  return marathons.flatMap((one) =>
    list(one["workloads"])
      .map(record)
      .filter((work) => list(work["volumes"]).length > 0)
      .map((work) => `${one["root"] === true ? "" : `${text(one["name"]) ?? "?"}:`}${text(work["id"]) ?? "?"}`),
  );
}

/**
 * Which apps a question is asked about: those with volumes of their own where it is about their data, all of them otherwise. Null
 * where Marathon's apps could not be read; undefined for questions that are not about apps.
 */
export function questionSubjects(
  question: Pick<PersonQuestion, "name" | "per">,
  facts: Facts,
): readonly string[] | null | undefined {
  if (question.per !== "app") return undefined;
  const marathons = list(facts.baseline["marathons"]).map(record);
  if (question.name === APPLICATION_DATA && marathons.length > 0) return withData(marathons);
  const apps = facts.baseline["apps"];
  if (!Array.isArray(apps)) return null;
  return list(apps)
    .map(record)
    .filter((app) => question.name !== APPLICATION_DATA || app["keepsData"] === true)
    .flatMap((app) => text(app["id"]) ?? []);
}
