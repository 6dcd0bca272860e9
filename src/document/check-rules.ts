import type { Json } from "../domain/json.ts";
import { PROBE_KEYS, PROBES } from "./check.ts";
import { quoted, type Complaint, type Path } from "./complaint.ts";
import { complaintAt, pathText } from "./issues.ts";
import type { Parsed } from "./tree.ts";
import { suggest } from "./suggest.ts";
import { exactlyOne, hinted, isRecord, list, record } from "./rule-parts.ts";

/** Complaints about a check: one scope, one probe per reading, bad readings that name readings it has. */
/** Each reading has one probe, a check reads something, and recordings name readings it has. */
export function checkRules(parsed: Parsed): readonly Complaint[] {
  const root = record(parsed.value);
  const readings = record(root["read"]);
  const complaints: Complaint[] = [];
  if (isRecord(root["each"])) complaints.push(...exactlyOne(parsed, ["each"], root["each"], ["role", "node", "cluster"]));
  if (isRecord(root["read"]) && Object.keys(readings).length === 0)
    complaints.push(complaintAt(parsed, ["read"], "a check must read something"));
  for (const [name, reading] of Object.entries(readings)) complaints.push(...readingRules(parsed, ["read", name], reading));
  for (const key of ["refuses", "accepts"]) complaints.push(...recordingRules(parsed, key, Object.keys(readings)));
  return complaints;
}

/** One probe per reading, with the keys that belong to it. */
export function readingRules(parsed: Parsed, path: Path, reading: Json | undefined): readonly Complaint[] {
  if (!isRecord(reading)) return [];
  const complaints = [...exactlyOne(parsed, path, reading, PROBES)];
  for (const [key, probes] of Object.entries(PROBE_KEYS)) {
    if (key in reading && !probes.some((probe) => probe in reading))
      complaints.push(complaintAt(parsed, [...path, key], `\`${key}\` belongs to ${probes.join(" and ")} readings only`));
  }
  if ("four-letter" in reading && !("port" in reading))
    complaints.push(
      complaintAt(parsed, path, `${pathText(path)}.port is missing`, "name the service, such as `port: zookeeper`"),
    );
  return complaints;
}

/** A recording names readings the check has: one it does not have would prove nothing. */
function recordingRules(parsed: Parsed, key: string, readings: readonly string[]): readonly Complaint[] {
  return list(record(parsed.value)[key]).flatMap((one, index) =>
    Object.entries(record(record(one)["subjects"])).flatMap(([subject, values]) =>
      Object.keys(record(values))
        .filter((name) => !readings.includes(name))
        .map((name) => {
          const path: Path = [key, index, "subjects", subject, name];
          return {
            file: parsed.file,
            ...parsed.whereKey(path),
            message: `${pathText(path)}: this check reads no ${quoted(name)}`,
            ...hinted(suggest(name, readings)),
          };
        }),
    ),
  );
}
