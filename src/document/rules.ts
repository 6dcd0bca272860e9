import { parseDuration } from "../domain/duration.ts";
import { plainAddress } from "../domain/inventory.ts";
import type { Json, JsonRecord } from "../domain/json.ts";
import { parseVersion, seriesOf } from "../domain/version.ts";
import { PROBE_KEYS, PROBES } from "./check.ts";
import { quoted, type Complaint, type Path } from "./complaint.ts";
import { complaintAt, pathText } from "./issues.ts";
import type { Parsed } from "./tree.ts";
import { suggest } from "./suggest.ts";

/**
 * What a schema cannot say: things that must be unique, that must fit each other, that name each other. The functions read
 * the plain data and ignore whatever has the wrong form, so that these complaints appear together with the schema's.
 */
export function inventoryRules(parsed: Parsed): readonly Complaint[] {
  const root = record(parsed.value);
  const nodes = list(root["nodes"]).map(record);
  const commonPort = record(root["ssh"])["port"];
  const portOf = (node: JsonRecord): string => JSON.stringify(record(node["ssh"])["port"] ?? commonPort ?? 22);
  const at = (index: number, key: string): Path => ["nodes", index, key];
  return [
    ...repeated(
      parsed,
      nodes.map((node, index) => ({ path: at(index, "name"), value: node["name"] })),
      (value) => `the node name ${quoted(value)} is taken`,
    ),
    ...repeated(
      parsed,
      nodes.map((node, index) => ({
        path: at(index, "address"),
        value: typeof node["address"] === "string" ? `${machineAt(node["address"])} port ${portOf(node)}` : null,
      })),
      (value) => `another node answers at ${value}`,
    ),
    ...httpRules(parsed, root["http"]),
    ...answerRules(parsed, list(root["answers"]).map(record)),
  ];
}

/** Two answers to one question would leave open which holds. */
function answerRules(parsed: Parsed, answers: readonly JsonRecord[]): readonly Complaint[] {
  return repeated(
    parsed,
    answers.map(({ question, subject }, index) => ({
      path: ["answers", index, "question"],
      value: typeof question === "string" ? `${question}${typeof subject === "string" ? ` about ${subject}` : ""}` : null,
    })),
    (value) => `there is another answer to ${quoted(value)}`,
  );
}

/** Two spellings of an IPv6 address, and of a host name, are one machine: counted twice it would be a quorum of its own. */
function machineAt(address: string): string {
  return plainAddress(address).toLowerCase();
}

/** One source of a token, one place of the front door, and no token where it could be read on the way. */
function httpRules(parsed: Parsed, http: Json | undefined): readonly Complaint[] {
  if (!isRecord(http)) return [];
  const { token, security, "admin-router": router } = http;
  const complaints: Complaint[] = [];
  if (isRecord(router)) complaints.push(...exactlyOne(parsed, ["http", "admin-router"], router, ["port", "url"]));
  if (isRecord(token)) {
    const path: Path = ["http", "token"];
    complaints.push(...exactlyOne(parsed, path, token, ["file", "env", "uid"]));
    if ("uid" in token) complaints.push(...exactlyOne(parsed, path, token, ["password-file", "private-key"]));
    for (const key of ["password-file", "private-key"])
      if (key in token && !("uid" in token))
        complaints.push(complaintAt(parsed, [...path, key], `\`${key}\` belongs to \`uid\``));
    if ((security ?? "disabled") === "disabled" && router === undefined)
      complaints.push(
        complaintAt(
          parsed,
          path,
          "http.token would never be used: with security disabled the components speak plain http, and a token is not sent over that",
          "say `security: strict` or `permissive`, or leave the token out",
        ),
      );
  }
  const url =
    isRecord(router) && typeof router["url"] === "string" && URL.canParse(router["url"]) ? new URL(router["url"]) : null;
  const at: Path = ["http", "admin-router", "url"];
  if (url !== null && (url.pathname !== "/" || url.search !== "" || url.hash !== "" || url.username !== ""))
    complaints.push(
      complaintAt(parsed, at, "http.admin-router.url must be scheme, host and port only", `such as ${url.protocol}//${url.host}`),
    );
  if (url !== null && url.protocol === "http:" && token !== undefined)
    complaints.push(complaintAt(parsed, at, "http.admin-router.url must be https where there is a token"));
  return complaints;
}

/** Complaints about a check: one scope, one probe per reading, bad readings that name readings it has. */
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
function readingRules(parsed: Parsed, path: Path, reading: Json | undefined): readonly Complaint[] {
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
        ...(isRecord(each) ? exactlyOne(parsed, [...path, "each"], each, ["role", "cluster", "node"]) : []),
        ...readingRules(parsed, [...path, "read"], one["read"]),
        ...(ms !== null && ms < LEAST_INTERVAL_MS
          ? [complaintAt(parsed, [...path, "interval"], "a monitor reads at most once a second")]
          : []),
        ...repeated(parsed, plots, (value) => `the plot name ${quoted(value)} is taken in this monitor`),
      ];
    }),
  ];
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

function exactlyOne(parsed: Parsed, path: Path, value: JsonRecord, keys: readonly string[]): readonly Complaint[] {
  const found = keys.filter((key) => key in value);
  if (found.length === 1) return [];
  const what = found.length === 0 ? `has none of ${keys.join(", ")}` : `has ${found.join(" and ")}`;
  return [complaintAt(parsed, path, `${pathText(path)} ${what}: it must have exactly one`)];
}

function repeated(
  parsed: Parsed,
  all: readonly { readonly path: Path; readonly value: Json | undefined }[],
  message: (value: string) => string,
): readonly Complaint[] {
  const first = new Map<string, Path>();
  const complaints: Complaint[] = [];
  for (const { path, value } of all) {
    if (typeof value !== "string") continue;
    const earlier = first.get(value);
    if (earlier === undefined) first.set(value, path);
    else complaints.push(complaintAt(parsed, path, message(value), `first on line ${parsed.where(earlier).line}`));
  }
  return complaints;
}

function hinted(hint: string | undefined): { readonly hint?: string } {
  return hint === undefined ? {} : { hint };
}

function isRecord(value: Json | undefined): value is JsonRecord {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function record(value: Json | undefined): JsonRecord {
  return isRecord(value) ? value : {};
}

function list(value: Json | undefined): readonly Json[] {
  return Array.isArray(value) ? (value as readonly Json[]) : [];
}
