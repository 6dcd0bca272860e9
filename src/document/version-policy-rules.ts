import type { Json } from "../domain/json.ts";
import { parseVersion, seriesOf } from "../domain/version.ts";
import type { Complaint, Path } from "./complaint.ts";
import { complaintAt } from "./issues.ts";
import type { Parsed } from "./tree.ts";
import { suggest } from "./suggest.ts";
import { list, record, repeated } from "./rule-parts.ts";

/** Complaints about a version policy: releases once, and nothing named that is no release. */
export function versionPolicyRules(parsed: Parsed): readonly Complaint[] {
  const root = record(parsed.value);
  const releases = list(root["releases"]).map((one, index) => ({
    path: ["releases", index, "version"],
    value: record(one)["version"],
  }));
  const known = releases.map((one) => one.value).filter((value) => typeof value === "string");
  const complaints: Complaint[] = [...repeated(parsed, releases, (value) => `the release ${value} is listed twice`)];
  const mustExist = (path: Path, value: Json | undefined): void => {
    if (typeof value === "string" && parseVersion(value) !== null && !known.includes(value))
      complaints.push(complaintAt(parsed, path, `${value} is not in the list of releases`, suggest(value, known)));
  };
  for (const [series, value] of Object.entries(record(root["latest"]))) {
    const version = typeof value === "string" ? parseVersion(value) : null;
    if (version !== null && seriesOf(version) !== series)
      complaints.push(complaintAt(parsed, ["latest", series], `${version.text} is no release of ${series}`));
    else mustExist(["latest", series], value);
  }
  list(root["moves"]).forEach((move, index) => {
    mustExist(["moves", index, "from"], record(move)["from"]);
    list(record(move)["to"]).forEach((target, place) => mustExist(["moves", index, "to", place], target));
  });
  if (root["rule"] === "table" && list(root["moves"]).length === 0)
    complaints.push(complaintAt(parsed, ["rule"], "rule table needs moves: without them nothing is allowed"));
  return complaints;
}
