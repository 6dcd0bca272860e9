import { parseDuration } from "../domain/duration.ts";
import type { Json, JsonRecord } from "../domain/json.ts";
import { parseVersion } from "../domain/version.ts";
import { readingRules } from "./check-rules.ts";
import { quoted, type Complaint, type Path } from "./complaint.ts";
import { complaintAt, pathText } from "./issues.ts";
import type { Parsed } from "./tree.ts";
import { exactlyOne, isRecord, list, record, repeated } from "./rule-parts.ts";

/** Complaints about a runbook: unique names, defaults that fit their type, keys that fit the strategy. */
export function runbookRules(parsed: Parsed): readonly Complaint[] {
  const root = record(parsed.value);
  const phases = list(root["phases"]).map(record);
  const complaints: Complaint[] = [];
  for (const [name, input] of Object.entries(record(root["inputs"])))
    complaints.push(...inputRules(parsed, ["inputs", name], record(input)));
  complaints.push(
    ...repeated(
      parsed,
      phases.map((phase, index) => ({ path: ["phases", index, "name"], value: phase["name"] })),
      (value) => `the phase name ${quoted(value)} is taken`,
    ),
    ...repeated(parsed, stepNames(root, ["finally"], "finally"), (value) => `the step name ${quoted(value)} is taken in finally`),
  );
  complaints.push(...monitorRules(parsed, list(root["monitors"]).map(record)));
  complaints.push(...argvRules(parsed, list(root["finally"]), ["finally"]));
  complaints.push(...questionRules(parsed, list(root["questions"]).map(record)));
  phases.forEach((phase, index) => {
    const path: Path = ["phases", index];
    for (const key of ["steps", "after", "after-canary"]) complaints.push(...argvRules(parsed, list(phase[key]), [...path, key]));
    const taken = (value: string): string => `the step name ${quoted(value)} is taken in this phase`;
    complaints.push(...repeated(parsed, [...stepNames(phase, path, "steps"), ...stepNames(phase, path, "after")], taken));
    complaints.push(
      ...repeated(parsed, [...stepNames(phase, path, "steps"), ...stepNames(phase, path, "after-canary")], taken).filter(
        (one) => !complaints.some((other) => other.line === one.line && other.column === one.column),
      ),
    );
    if (phase["name"] === "finally")
      complaints.push(
        complaintAt(parsed, [...path, "name"], "`finally` is the name of the steps at the end of a run: a phase cannot have it"),
      );
    for (const key of ["waves", "after-canary"]) {
      if (key in phase && phase["strategy"] !== "canary")
        complaints.push(complaintAt(parsed, [...path, key], `\`${key}\` belongs to strategy canary only`));
    }
    if ("max-in-flight" in phase && (phase["strategy"] ?? "serial") === "serial")
      complaints.push(
        complaintAt(
          parsed,
          [...path, "max-in-flight"],
          "`max-in-flight` belongs to the strategies parallel and canary: serial is one at a time",
        ),
      );
  });
  return complaints;
}

/** Shorter, and reading would be all that pawl does. */
const LEAST_INTERVAL_MS = 1_000;

/** Complaints about the monitors of a runbook: unique names, one source, one probe, and time between two readings. */
function monitorRules(parsed: Parsed, monitors: readonly JsonRecord[]): readonly Complaint[] {
  const names = monitors.map((one, index) => ({ path: ["monitors", index, "name"], value: one["name"] }));
  return [
    ...repeated(parsed, names, (value) => `the monitor name ${quoted(value)} is taken`),
    ...monitors.flatMap((one, index) => {
      const path: Path = ["monitors", index];
      const { each, interval } = one;
      const ms = typeof interval === "string" ? parseDuration(interval) : null;
      const plots = list(one["plots"]).map((plot, place) => ({
        path: [...path, "plots", place, "name"],
        value: record(plot)["name"],
      }));
      return [
        ...(isRecord(each) ? exactlyOne(parsed, [...path, "each"], each, ["role", "cluster", "listed", "node"]) : []),
        ...readingRules(parsed, [...path, "read"], one["read"]),
        ...(ms !== null && ms < LEAST_INTERVAL_MS
          ? [complaintAt(parsed, [...path, "interval"], "a monitor reads at most once a second")]
          : []),
        ...repeated(parsed, plots, (value) => `the plot name ${quoted(value)} is taken in this monitor`),
      ];
    }),
  ];
}

/** A question has a name of its own, and is asked about each of something or settled by the inventory, never both. */
function questionRules(parsed: Parsed, questions: readonly JsonRecord[]): readonly Complaint[] {
  return [
    ...repeated(
      parsed,
      questions.map((one, index) => ({ path: ["questions", index, "name"], value: one["name"] })),
      (value) => `the question name ${quoted(value)} is taken`,
    ),
    ...questions.flatMap((one, index) =>
      "per" in one && "unless" in one
        ? [complaintAt(parsed, ["questions", index, "unless"], "`unless` cannot be together with `per`")]
        : [],
    ),
  ];
}

/** Words of a command arrive as they are written: `1.10` and `yes` must not become other words on the way. */
function argvRules(parsed: Parsed, steps: readonly Json[], path: Path): readonly Complaint[] {
  return steps.flatMap((step, index) => {
    const at: Path = [...path, index, "with", "argv"];
    const argv = record(record(step)["with"])["argv"];
    if (argv !== undefined && list(argv).length === 0)
      return [complaintAt(parsed, at, `${pathText(at)} must be a list of words, the program first`)];
    const [program] = list(argv);
    if (typeof program === "string" && /^(?:-.*|[^/]*=.*)?$/s.test(program))
      return [
        complaintAt(parsed, [...at, 0], `${pathText([...at, 0])} must be a program: without a dash before it or \`=\` in it`),
      ];
    return list(record(record(step)["with"])["argv"]).flatMap((word, place) => {
      const written = parsed.writtenAs([...at, place]);
      if (typeof word === "string" || (written !== null && written === JSON.stringify(word))) return [];
      const hint = written === null ? undefined : `quote it: "${written}"`;
      return [complaintAt(parsed, [...at, place], `${pathText([...at, place])} must be text`, hint)];
    });
  });
}

function inputRules(parsed: Parsed, path: Path, input: JsonRecord): readonly Complaint[] {
  const { type, floor } = input;
  const value = input["default"];
  const complaints: Complaint[] = [];
  if (floor !== undefined && typeof type === "string" && type !== "duration")
    complaints.push(complaintAt(parsed, [...path, "floor"], "`floor` belongs to inputs of type duration only"));
  const wrong = value === undefined ? null : wrongDefault(type, value);
  if (wrong !== null) {
    const written = parsed.writtenAs([...path, "default"]);
    const hint =
      typeof value === "number" && type === "version" && written !== null
        ? `quote it: "${written}"; without quotes YAML reads it as ${value}`
        : undefined;
    complaints.push(complaintAt(parsed, [...path, "default"], `${pathText(path)}.default must be ${wrong}`, hint));
  }
  const least = typeof floor === "string" ? parseDuration(floor) : null;
  const ms = typeof value === "string" && type === "duration" ? parseDuration(value) : null;
  if (least !== null && ms !== null && ms < least)
    complaints.push(complaintAt(parsed, [...path, "default"], `${pathText(path)}.default is shorter than its own floor`));
  return complaints;
}

/** What the default of an input must be, where the one given is not. */
function wrongDefault(type: Json | undefined, value: Json): string | null {
  const texts: Readonly<Record<string, string>> = { number: "a number", boolean: "true or false", text: "text (quote it)" };
  if (type === "version")
    return typeof value === "string" && parseVersion(value) !== null ? null : 'a version in quotes, such as "1.11.3"';
  if (type === "duration")
    return typeof value === "string" && parseDuration(value) !== null ? null : "a duration such as 30s, 10m or 1h30m";
  if (typeof type !== "string" || !Object.hasOwn(texts, type)) return null;
  return typeof value === (type === "text" ? "string" : type) ? null : (texts[type] ?? null);
}

function stepNames(
  parent: JsonRecord,
  path: Path,
  key: string,
): readonly { readonly path: Path; readonly value: Json | undefined }[] {
  const base = path.at(-1) === key ? path : [...path, key];
  return list(parent[key]).map((step, index) => ({ path: [...base, index, "name"], value: record(step)["name"] }));
}
