import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { PawlError } from "../domain/errors.ts";
import type { Plan } from "../domain/plan.ts";
import { replaceFile } from "../disk/durable-file.ts";
import { makeFolder } from "../disk/folder.ts";
import { sha256Of } from "./event-line.ts";

/** Writes `plan.json` into the run folder and returns the SHA-256 of its bytes: the `plan` of `run.created`. */
export async function writePlan(folder: string, plan: Plan): Promise<string> {
  const text = `${JSON.stringify(plan, null, 1)}\n`;
  await makeFolder(folder);
  await replaceFile(join(folder, "plan.json"), text);
  return sha256Of(text);
}

/** The plan of a run. Throws PawlError `said-no` where it is missing or not JSON. */
export async function readPlan(folder: string): Promise<Plan> {
  const path = join(folder, "plan.json");
  try {
    return JSON.parse(await readFile(path, "utf8")) as Plan;
  } catch (cause) {
    throw new PawlError("said-no", "no-plan", `the run's plan cannot be read: ${path}`, {
      expected: "the plan that was approved",
      evidence: [path],
      next: `pawl verify ${folder}`,
      cause,
    });
  }
}
