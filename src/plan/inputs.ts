import type { Runbook } from "../domain/documents.ts";
import { formatDuration, parseDuration } from "../domain/duration.ts";
import { PawlError } from "../domain/errors.ts";

const ACCEPTS: Readonly<Record<string, { readonly pattern: RegExp; readonly example: string }>> = {
  version: { pattern: /^\d+(\.\d+)+([-+][0-9A-Za-z.-]+)?$/, example: "1.11.3" },
  number: { pattern: /^\d+(\.\d+)?$/, example: "5" },
  boolean: { pattern: /^(true|false)$/, example: "true" },
};

/**
 * The runbook's inputs with defaults filled in, all as text. `enforceFloors` is false only on a proven lab: no flag shortens
 * a soak on a real cluster. Throws PawlError usage, naming every wrong input at once.
 */
export function resolveInputs(
  runbook: Runbook,
  given: Readonly<Record<string, string>>,
  enforceFloors: boolean,
): Readonly<Record<string, string>> {
  const complaints: string[] = [];
  const resolved: Record<string, string> = {};
  for (const name of Object.keys(given)) {
    if (!Object.hasOwn(runbook.inputs, name))
      complaints.push(`${name}: this runbook has no such input (it has ${Object.keys(runbook.inputs).join(", ") || "none"})`);
  }
  for (const [name, spec] of Object.entries(runbook.inputs)) {
    const value = Object.hasOwn(given, name) ? given[name] : spec.default;
    if (value === undefined) {
      if (spec.required) complaints.push(`${name}: missing; ${spec.title}`);
      continue;
    }
    const accepted = ACCEPTS[spec.type];
    if (accepted !== undefined && !accepted.pattern.test(value))
      complaints.push(`${name}: "${value}" is not a ${spec.type} such as ${accepted.example}`);
    if (spec.type === "duration") {
      const ms = parseDuration(value);
      if (ms === null) complaints.push(`${name}: "${value}" is not a duration such as 30m`);
      else if (enforceFloors && spec.floorMs !== undefined && ms < spec.floorMs)
        complaints.push(
          `${name}: ${value} is shorter than ${formatDuration(spec.floorMs)}, the least that is accepted on a real cluster`,
        );
    }
    resolved[name] = value;
  }
  if (complaints.length > 0) {
    throw new PawlError(
      "usage",
      "inputs.invalid",
      `the inputs do not fit runbook ${runbook.name}:\n  ${complaints.join("\n  ")}`,
      {
        next: "Set inputs with --set NAME=VALUE.",
      },
    );
  }
  return resolved;
}
