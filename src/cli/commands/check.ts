import { Command } from "commander";
import { readFile, stat } from "node:fs/promises";
import { resolve } from "node:path";
import type { Jq } from "../../check/jq.ts";
import type { Evidence } from "../../check/recorded.ts";
import type { Check } from "../../domain/documents.ts";
import { PawlError } from "../../domain/errors.ts";
import type { JsonRecord } from "../../domain/json.ts";
import type { CheckAnswer, Clock, Platform } from "../../engine/ports.ts";
import { inkOf } from "../../view/paper.ts";
import { beside, oneLine } from "../../view/text.ts";
import { contextOf, judgeEvidence } from "../check-evidence.ts";
import { accessOptions, type AccessOptions } from "../access.ts";
import type { Io } from "../io.ts";
import type { RecordedPlatform } from "../recordings.ts";

/** What is asked of the live cluster. */
export interface LiveCheck {
  readonly check: Check;
  readonly inventory: string;
  /** For checks of one node. */
  readonly node: string | null;
  readonly inputs: Readonly<Record<string, string>>;
  readonly access: AccessOptions;
}

export interface CheckDeps {
  /** Folder of the checks that come with the product. */
  readonly checks: string;
  /** Ports of a platform's services by name, and the role of the nodes where a service runs. Null: no such platform. */
  services(
    platform: string,
  ): { readonly ports: Readonly<Record<string, number>>; readonly roles: Readonly<Record<string, string>> } | null;
  /** How records of a platform's runs are read. Null: no such platform. */
  recorded(platform: string): RecordedPlatform | null;
  /** Measures on the cluster of an inventory, with nothing but the reader. */
  measure(live: LiveCheck): Promise<CheckAnswer>;
}

interface Options extends AccessOptions {
  readonly evidence?: readonly string[];
  readonly inventory?: string;
  readonly node?: string;
  readonly checks?: string;
  readonly set: Readonly<Record<string, string>>;
  readonly json?: true;
}

/**
 * `pawl check NAME`: one check, on the cluster or on recorded answers. Exits 0 where it passes, 1 where it fails or is
 * inconclusive, 2 for a name no check has or a file that cannot be read, 3 for evidence that is none.
 */
export function checkCommand(io: Io, deps: CheckDeps): Command {
  return accessOptions(new Command("check"))
    .description("try one check, on the cluster of an inventory or on recorded answers")
    .argument("<name>", "name of a check, such as replog-recovered")
    .option("-i, --inventory <file>", "the cluster")
    .option(
      "--evidence <file...>",
      "recorded answers instead of the cluster: the folder of a run or a snapshot; evidence of a check, captured answers, a plan for its facts; or the raw answer to one reading, as [NODE.]READING=FILE",
    )
    .option("--node <name>", "the node, for checks of one node")
    .option("--set <key=value>", "an input, such as target=1.11.3; repeatable", collect, {})
    .option("--checks <path>", "file or folder of checks instead of those that come with pawl")
    .option("--json", "one JSON document")
    .addHelpText(
      "after",
      "\nExamples:\n  pawl check replog-recovered -i production.yaml\n  pawl check disk-space --evidence backups/production/20261120T010000Z-snapshot\n  pawl check no-maintenance --evidence m1.status=status.json",
    )
    .action(async (name: string, options: Options) => {
      const check = await findCheck(name, resolve(io.cwd, options.checks ?? deps.checks));
      const answer =
        options.evidence === undefined
          ? await measureLive(io, deps, check, options)
          : await measureRecorded(io, deps, check, options);
      if (options.json === true) io.out(JSON.stringify(asJson(answer)));
      else show(io, check, answer);
      io.exit(answer.verdict === "pass" ? "ok" : "said-no");
    });
}

function collect(text: string, earlier: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  const cut = text.indexOf("=");
  if (cut < 1)
    throw new PawlError("usage", "check.bad-input", `--set ${text}: an input is written KEY=VALUE`, {
      next: "pawl check master-upgraded --set target=1.11.3",
    });
  return { ...earlier, [text.slice(0, cut)]: text.slice(cut + 1) };
}

async function findCheck(name: string, folder: string): Promise<Check> {
  const { loadChecks } = await import("../../document/load.ts");
  const { suggest } = await import("../../document/suggest.ts");
  const checks = (await loadChecks(folder)).map((one) => one.document);
  const found = checks.find((check) => check.name === name);
  if (found !== undefined) return found;
  const names = [...new Set(checks.map((check) => check.name))].toSorted();
  const hint = suggest(name, names);
  throw new PawlError("usage", "check.unknown", `no check is called ${name}`, {
    expected: `one of ${names.join(", ")}`,
    ...(hint === undefined ? {} : { next: hint }),
  });
}

async function measureLive(io: Io, deps: CheckDeps, check: Check, options: Options): Promise<CheckAnswer> {
  if (options.inventory === undefined) {
    throw new PawlError("usage", "check.no-cluster", "a check needs a cluster or recorded answers", {
      next: `pawl check ${check.name} -i inventory.yaml, or --evidence FILE`,
    });
  }
  return deps.measure({
    check,
    inventory: resolve(io.cwd, options.inventory),
    node: options.node ?? null,
    inputs: options.set,
    access: options,
  });
}

async function measureRecorded(io: Io, deps: CheckDeps, check: Check, options: Options): Promise<CheckAnswer> {
  const { parseEvidence } = await import("../../check/recorded.ts");
  const { createJq } = await import("../../check/jq.ts");
  const given = options.evidence ?? [];
  const folder = await folderAmong(io, given);
  if (folder !== null) {
    const { measureFolder } = await import("../check-folder.ts");
    return measureFolder(io, (name) => deps.recorded(name), check, folder, options);
  }
  const whole = given.filter((one) => rawOf(check, one) === null);
  const evidence = withRaw(
    parseEvidence(await Promise.all(whole.map((file) => readText(io, file)))),
    await Promise.all(
      given.flatMap((one) => {
        const raw = rawOf(check, one);
        return raw === null ? [] : [readRaw(io, check, raw, options)];
      }),
    ),
  );
  const context = contextOf(evidence.context, options.set);
  const jq = createJq();
  try {
    if (evidence.captures.length > 0) return await measureCaptures(io, deps, check, evidence, context, options, jq);
    return await judgeEvidence(check, evidence, context, jq);
  } finally {
    await jq.close();
  }
}

/** The one folder among the evidence, absolute; null where there is none. A folder is whole: nothing can be given beside it. */
async function folderAmong(io: Io, given: readonly string[]): Promise<string | null> {
  const paths = given.map((one) => resolve(io.cwd, one));
  const folders = (await Promise.all(paths.map(isFolder))).flatMap((is, index) => (is ? (paths[index] ?? []) : []));
  const [only] = folders;
  if (only === undefined) return null;
  if (given.length === 1) return only;
  throw new PawlError("usage", "check.folder-and-more", "the folder of a run is evidence by itself", {
    expected: "one folder, or files",
    observed: given.join(" "),
  });
}

function isFolder(path: string): Promise<boolean> {
  return stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  );
}

interface RawFile {
  readonly subject: string | null;
  readonly reading: string;
  readonly file: string;
}

/** `m1.metrics=FILE` or `slaves=FILE`; null for the name of a file. */
function rawOf(check: Check, text: string): RawFile | null {
  const [, subject, reading, file] = /^(?:([A-Za-z0-9_][A-Za-z0-9._-]*)\.)?([A-Za-z_][A-Za-z0-9_]*)=(.+)$/.exec(text) ?? [];
  if (reading === undefined || file === undefined) return null;
  // A file may have an equals sign in its name; then it is written with its folder.
  return subject !== undefined || reading in check.readings || !text.includes("/")
    ? { subject: subject ?? null, reading, file }
    : null;
}

async function readRaw(io: Io, check: Check, raw: RawFile, options: Options): Promise<Evidence["subjects"]> {
  const { rawReading } = await import("../../check/recorded.ts");
  const subject = raw.subject ?? (check.scope.kind === "cluster" ? "cluster" : (options.node ?? "evidence"));
  const { file, text } = await readText(io, raw.file);
  return rawReading(check, { subject, reading: raw.reading }, file, text);
}

/** Raw answers beside what the other files hold; several readings of one subject come together. */
function withRaw(evidence: Evidence, raw: readonly Evidence["subjects"][]): Evidence {
  const subjects: Record<string, JsonRecord> = { ...evidence.subjects };
  for (const one of raw) for (const [name, readings] of Object.entries(one)) subjects[name] = { ...subjects[name], ...readings };
  return { ...evidence, subjects };
}

async function measureCaptures(
  io: Io,
  deps: CheckDeps,
  check: Check,
  evidence: Evidence,
  context: JsonRecord,
  options: Options,
  jq: Jq,
): Promise<CheckAnswer> {
  const { createChecks } = await import("../../check/runner.ts");
  const { nodesOf, recordedRemote } = await import("../../check/recorded.ts");
  const { loadInventory } = await import("../../document/load.ts");
  const services = deps.services(check.platform);
  if (services === null)
    throw new PawlError("usage", "check.no-platform", `recorded answers of ${check.platform} cannot be read`, {
      expected: "a platform with services on known ports",
    });
  const given = options.inventory === undefined ? null : (await loadInventory(resolve(io.cwd, options.inventory))).document;
  const nodes = given?.nodes ?? nodesOf(evidence.captures, services.ports, services.roles);
  const inventory = given ?? {
    name: "recorded",
    platform: check.platform,
    folder: io.cwd,
    ssh: {},
    ports: {},
    nodes,
    scripts: {},
    hooks: {},
    siteSteps: [],
    settings: {},
  };
  const facts = evidence.facts as Parameters<typeof createChecks>[0]["facts"];
  const platform: Pick<Platform, "ports" | "nodeFacts"> = { ports: services.ports, nodeFacts: () => Promise.resolve(null) };
  const checks = createChecks({
    checks: [check],
    remote: recordedRemote(evidence.captures),
    inventory,
    platform,
    facts,
    clock: clockOf(evidence),
    jq,
  });
  const [answer] = await checks.measure([{ check: check.name, node: options.node ?? null, context }]);
  if (answer === undefined) throw new PawlError("internal", "check.no-answer", "the check gave no answer");
  return answer;
}

/** The time of the recording: filters must not see today's. */
function clockOf({ captures }: Evidence): Clock {
  const nowMs = Math.max(0, ...captures.map((one) => one.epochSeconds ?? 0)) * 1000;
  return { now: () => nowMs, monotonic: () => nowMs, sleep: () => Promise.resolve() };
}

async function readText(io: Io, file: string): Promise<{ readonly file: string; readonly text: string }> {
  try {
    return { file, text: await readFile(resolve(io.cwd, file), "utf8") };
  } catch (cause) {
    throw new PawlError("usage", "check.unreadable", `${file} cannot be read`, {
      cause,
      observed: cause instanceof Error ? cause.message : "unknown fault",
    });
  }
}

/** The form people script against (design section 1). */
function asJson({ check, verdict, why, asserted, subjects }: CheckAnswer) {
  return { check, verdict, why, asserted, subjects };
}

function show(io: Io, check: Check, answer: CheckAnswer): void {
  const ink = inkOf(io);
  const verdict =
    answer.verdict === "pass"
      ? ink.proven("pass")
      : ink.trouble(answer.why === null ? answer.verdict : `${answer.verdict}: ${answer.why}`);
  const { subjects, passed } = answer.asserted;
  io.out(
    `${ink.strong(check.name)}  ${verdict}  ${ink.quiet(`${passed} of ${subjects} ${subjects === 1 ? "subject" : "subjects"} passed`)}`,
  );
  const lines = [
    ...beside("  expected  ", 12, check.title, io.columns),
    ...beside("  observed  ", 12, oneLine(answer.observed), io.columns),
  ];
  io.out([...lines, ...(answer.verdict === "pass" ? [] : beside("  remedy    ", 12, check.remedy, io.columns))].join("\n"));
}
