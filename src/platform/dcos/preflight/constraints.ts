import type { Json } from "../../../domain/json.ts";
import { list, text } from "../json-fields.ts";

const OPERATORS = ["UNIQUE", "CLUSTER", "GROUP_BY", "LIKE", "UNLIKE", "MAX_PER", "IS"];

function isPattern(value: string): boolean {
  try {
    new RegExp(value);
    return true;
  } catch {
    return false;
  }
}

/** What is wrong with one constraint by Marathon's own rules (dcos.md 13.1, 13.3); null where nothing is. */
function complaint(parts: readonly string[]): string | null {
  const [field = "", operator = "", value] = parts;
  const name = operator.toUpperCase();
  if (parts.length < 2 || parts.length > 3) return "needs two or three parts";
  if (field === "") return "names no field";
  switch (name) {
    case "UNIQUE":
      return value === undefined || value === "" ? null : "UNIQUE takes no value";
    case "LIKE":
    case "UNLIKE":
      return value === undefined || value === ""
        ? `${name} needs a pattern`
        : isPattern(value)
          ? null
          : `${name} has a pattern that is no regular expression`;
    case "MAX_PER":
      return value !== undefined && /^[1-9]\d*$/.test(value) ? null : "MAX_PER needs a whole number";
    case "GROUP_BY":
      return value === undefined || value === "" || /^\d+$/.test(value) ? null : "GROUP_BY takes a whole number";
    case "IS":
      return value === undefined || !/^[A-Za-z0-9_/.-]*$/.test(value) ? "IS needs a plain value" : null;
    default:
      return OPERATORS.includes(name) ? null : `${operator || "an empty operator"} is no operator`;
  }
}

/**
 * Complaints about the constraints of one app. A migration of Marathon removes what it cannot read, with nothing but a line
 * in its log (workbook FAQ: constraints of 1.9 gone in 1.10), so they are judged before the upgrade.
 */
export function judgeConstraints(constraints: Json | undefined): readonly string[] {
  return list(constraints).flatMap((one) => {
    const parts = list(one).map((part) => text(part) ?? "");
    const wrong = complaint(parts);
    return wrong === null ? [] : [`[${parts.join(", ")}] ${wrong}`];
  });
}
