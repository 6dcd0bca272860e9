import type { Json } from "../../../domain/json.ts";
import { compareVersionTexts } from "../../../domain/version.ts";
import { list, record, text } from "../../../domain/json-fields.ts";
import { judgePattern } from "./java-pattern.ts";

/** Field, operator and value as they are stored. */
export type RawConstraint = readonly string[];

/**
 * What is to be said about one constraint. `error`: Marathon refuses or drops it. `unsure`: only Marathon's Java can tell.
 * `warning`: it stands as it is, and other tools or releases read it differently.
 */
export interface Complaint {
  readonly kind: "error" | "unsure" | "warning";
  readonly text: string;
}

const OPERATORS = ["UNIQUE", "CLUSTER", "GROUP_BY", "LIKE", "UNLIKE", "MAX_PER", "IS"];
/** Fields that are no attributes, known from Marathon 1.6 on. */
const NAMED_FIELDS = ["@hostname", "@region", "@zone"];

function word(value: Json): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}

/** The constraints of an app (`constraints`) or a pod (`scheduling.placement.constraints`), in one form; null: no such list. */
export function constraintsOf(definition: Json | undefined): readonly RawConstraint[] | null {
  const own = record(definition);
  const given = own["constraints"] ?? record(record(own["scheduling"])["placement"])["constraints"];
  if (given === undefined || given === null) return [];
  if (!Array.isArray(given)) return null;
  return list(given).map((one) => {
    if (Array.isArray(one)) return list(one).map(word);
    const pod = record(one);
    return [
      text(pod["fieldName"]) ?? "",
      text(pod["operator"]) ?? "",
      ...(pod["value"] === undefined ? [] : [word(pod["value"])]),
    ];
  });
}

/** A constraint for people: `hostname LIKE 10\.0\.0\.1`. */
export function constraintText(constraint: RawConstraint): string {
  return constraint.map((part) => (part === "" ? '""' : part)).join(" ");
}

function said(kind: Complaint["kind"], words: string): readonly Complaint[] {
  return [{ kind, text: words }];
}

function pattern(name: string, value: string | undefined): readonly Complaint[] {
  if (value === undefined || value === "") return said("error", `${name} needs a pattern`);
  switch (judgePattern(value)) {
    case "same":
      return [];
    case "bad":
      return said("error", `${name} has a pattern that is no regular expression`);
    case "unsure":
      return said("unsure", `${name} has a pattern that only Java can judge`);
  }
}

/**
 * One constraint by the rules of the Marathon in a DC/OS release (dcos.md 13.1, 13.3). `release`: the version it must hold in; null:
 * the rules that all releases share.
 */
export function judgeConstraint(constraint: RawConstraint, release: string | null): readonly Complaint[] {
  const [field = "", operator = "", value] = constraint;
  const name = operator.toUpperCase();
  const since = (version: string): boolean => release === null || (compareVersionTexts(release, version) ?? 0) >= 0;
  if (constraint.length < 2 || constraint.length > 3) return said("error", "needs two or three parts");
  if (field === "") return said("error", "names no field");
  if (!OPERATORS.includes(name)) return said("error", `${operator || "an empty operator"} is no operator`);
  const early = NAMED_FIELDS.includes(field) && !since("1.11");
  const about = early ? said("warning", `${field} is an attribute's name before DC/OS 1.11`) : [];
  return [...about, ...judgeValue(name, value, since)];
}

function judgeValue(name: string, value: string | undefined, since: (version: string) => boolean): readonly Complaint[] {
  switch (name) {
    case "UNIQUE":
      if (value === undefined) return [];
      if (value !== "") return said("error", "UNIQUE takes no value");
      return since("1.10")
        ? said("error", "UNIQUE takes no value, not even an empty one")
        : said("warning", "UNIQUE has an empty value");
    case "LIKE":
    case "UNLIKE":
      return pattern(name, value);
    case "MAX_PER":
      return value !== undefined && /^[1-9]\d{0,8}$/.test(value) ? [] : said("error", "MAX_PER needs a whole number");
    case "GROUP_BY":
      if (value === undefined) return said("warning", "GROUP_BY names no number of groups");
      return /^-?\d{1,9}$/.test(value) ? [] : said("error", "GROUP_BY takes a whole number");
    case "CLUSTER":
      return value === undefined || value === "" ? said("warning", "CLUSTER leaves the place to the first task") : [];
    default:
      if (!since("1.11")) return said("error", "IS is unknown before DC/OS 1.11");
      return value === undefined || !/^[A-Za-z0-9_/.-]*$/.test(value) ? said("error", "IS needs a plain value") : [];
  }
}
