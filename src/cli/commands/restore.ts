import { Command } from "commander";
import { resolve } from "node:path";
import { readArtifact, streamArtifact } from "../../artifact/store.ts";
import { PawlError } from "../../domain/errors.ts";
import type { ArtifactRecord } from "../../domain/events.ts";
import type { Json, JsonRecord } from "../../domain/json.ts";
import { readJournal } from "../../journal/read.ts";
import { findRun } from "../../journal/runs.ts";
import { backupOfFolder } from "../../zookeeper/backup-folder.ts";
import { drill, zxidFrom, type Backup } from "../../zookeeper/drill.ts";
import type { ProofDocument } from "../../zookeeper/proof-document.ts";
import { DumpError } from "../../zookeeper/read-dump.ts";
import { createScratch, type ScratchSettings } from "../../zookeeper/scratch-server.ts";
import { printable, speaksUnicode } from "../../view/paper.ts";
import { clean } from "../../view/text.ts";
import type { Io } from "../io.ts";
import { DEFAULT_OUTPUT, shownFolder } from "../places.ts";

interface Options {
  readonly drill?: string | true;
  readonly from?: string;
  readonly java?: string;
  readonly library?: string;
  readonly outputDir: string;
  readonly json?: true;
}

const SHOWN = 20;

/** The artifacts of a run by name; of two of one name the later. */
async function artifactsOf(run: string): Promise<ReadonlyMap<string, ArtifactRecord>> {
  const { events } = await readJournal(run);
  return new Map(events.flatMap((event) => (event.type === "artifact.recorded" ? [[event.name, event] as const] : [])));
}

/** What was told of an archive beside it; empty where that is missing. */
async function toldOf(run: string, found: ArtifactRecord | undefined): Promise<JsonRecord> {
  if (found === undefined) return {};
  const value = JSON.parse((await readArtifact(run, found)).toString("utf8")) as Json;
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as JsonRecord) : {};
}

function textAt(value: Json | undefined, name: string): string | null {
  const found = typeof value === "object" && value !== null && !Array.isArray(value) ? (value as JsonRecord)[name] : undefined;
  return typeof found === "string" ? found : null;
}

/** The backup a run recorded. Throws PawlError `said-no` where it has none. */
export async function backupOfRun(run: string): Promise<Backup> {
  const artifacts = await artifactsOf(run);
  const of = (pattern: RegExp): readonly (readonly [string, ArtifactRecord])[] =>
    [...artifacts].flatMap(([name, record]) => {
      const node = pattern.exec(name)?.[1];
      return node === undefined ? [] : [[node, record] as const];
    });
  const dump = of(/^zookeeper\/(.+)\.znodes\.tar$/).at(-1);
  const folders = of(/^zookeeper\/((?!.*\.znodes\.tar$).+)\.tar$/);
  if (dump === undefined && folders.length === 0)
    throw new PawlError("said-no", "no-backup", `${run} holds no backup of ZooKeeper`, {
      expected: "a run of pawl backup zookeeper, or of pawl upgrade",
      next: "pawl runs",
    });
  const told = dump === undefined ? {} : await toldOf(run, artifacts.get(`zookeeper/${dump[0]}.znodes.json`));
  return {
    dump:
      dump === undefined
        ? null
        : { name: `dump of ${dump[0]}`, indexSha256: textAt(told, "indexSha256"), open: () => streamArtifact(run, dump[1]) },
    folders: await Promise.all(
      folders.map(async ([node, record]) => {
        const entries = await toldOf(run, artifacts.get(`zookeeper/${node}.entries.json`));
        return {
          name: `tar of ${node}`,
          begun: zxidFrom(textAt(entries["zxid"], "before")),
          open: () => streamArtifact(run, record),
        };
      }),
    ),
    guano: [],
  };
}

function byHand(): PawlError {
  return new PawlError(
    "refused",
    "restore-by-hand",
    "pawl does not restore ZooKeeper into a cluster: it would stop every master at once, and what runs on the cluster would meet a past it does not know.",
    {
      expected: "--drill RUN, which restores into a server of its own and compares",
      observed: "a restore into the cluster",
      next: [
        "Try the backup first: pawl restore zookeeper --drill RUN",
        "By hand, as a last resort (docs/restore.md): stop every Marathon and dcos-exhibitor on all masters; put one tar's snapshot and",
        "transactions folders on every master, each with its own myid; start all; wait for one leader; compare by pawl backup zookeeper.",
        "Single znodes: guano -r into a quiet tree, from the dump's tree folder; it blanks data and resets ACLs on its way.",
      ].join("\n"),
    },
  );
}

function word(value: Json | undefined): string {
  return typeof value === "string" || typeof value === "number" ? String(value) : "-";
}

function row(value: Json): string {
  const one = value as JsonRecord;
  const seconds = typeof one["seconds"] === "number" ? `${one["seconds"].toFixed(1)} s` : "";
  const [copy, verdict, znodes] = [word(one["copy"]), word(one["verdict"]), word(one["znodes"])];
  return `  ${copy}: ${verdict}, ${znodes} znodes, ${word(one["equal"])} equal, ${word(one["explained"])} explained, ${word(one["unexplained"])} not; ${seconds}`;
}

function rowsOf(document: JsonRecord, name: string): readonly Json[] {
  const found = document[name];
  return Array.isArray(found) ? (found as readonly Json[]) : [];
}

function show(io: Io, what: string, { document, proven }: ProofDocument, seconds: number): void {
  const faults = rowsOf(document, "faults");
  const more = faults.length > SHOWN ? [`  and ${String(faults.length - SHOWN)} more; --json has them`] : [];
  const lines = [
    proven ? `The backup in ${what} comes back.` : `The backup in ${what} does NOT come back as it was read.`,
    ...rowsOf(document, "copies").map(row),
    ...faults.slice(0, SHOWN).map((fault) => `  ${word(fault)}`),
    ...more,
    `The drill took ${seconds.toFixed(1)} s with ${word(document["tool"])}. The cluster was not asked.`,
  ];
  io.out(printable(clean(lines.join("\n")), { unicode: speaksUnicode(io.env) }));
}

async function run(io: Io, options: Options): Promise<void> {
  if (options.drill === undefined) throw byHand();
  if (typeof options.drill === "string" && options.from !== undefined)
    throw new PawlError("usage", "restore.two-sources", "--drill RUN and --from FOLDER name two backups", { next: "name one" });
  const settings: ScratchSettings = {
    ...(options.java === undefined ? {} : { java: resolve(io.cwd, options.java) }),
    ...(options.library === undefined ? {} : { library: resolve(io.cwd, options.library) }),
  };
  const scratch = createScratch(settings, io.env);
  const tool = scratch.find();
  if (tool.kind === "missing")
    throw new PawlError("said-no", "zookeeper-not-provable", "the backup cannot be tried here", {
      expected: "Java and ZooKeeper on this machine",
      observed: tool.reason,
      next: "Install Java and ZooKeeper (Debian: package zookeeper), or name them with --java and --library.",
    });
  const folder =
    options.from === undefined
      ? await findRun(options.outputDir, options.drill === true ? "latest" : options.drill, io.cwd)
      : resolve(io.cwd, options.from);
  const backup = await (options.from === undefined ? backupOfRun(folder) : backupOfFolder(folder)).catch((error: unknown) => {
    if (error instanceof PawlError) throw error;
    const missing = error instanceof Error && "code" in error;
    if (!missing && !(error instanceof DumpError)) throw error;
    throw new PawlError("usage", "restore.no-folder", `there is no backup in ${folder}`, {
      observed: error.message,
      cause: error,
    });
  });
  const from = performance.now();
  const result = await drill(scratch, backup, {
    at: new Date(io.now()).toISOString(),
    ...(options.json === true ? {} : { say: (line) => io.err(line) }),
  });
  const seconds = (performance.now() - from) / 1_000;
  if (options.json === true)
    io.out(JSON.stringify({ proven: result.proven, from: folder, seconds: Math.round(seconds * 10) / 10, ...result.document }));
  else show(io, shownFolder(io, folder), result, seconds);
  io.exit(result.proven ? "ok" : "said-no");
}

/** `pawl restore zookeeper --drill`: a recorded backup restored into a scratch server and compared. Never touches a cluster. */
export function restoreCommand(io: Io): Command {
  const zookeeper = new Command("zookeeper")
    .description("try a recorded backup of ZooKeeper in a server of its own; the cluster is not asked")
    .option("--drill [run]", "the run whose backup is tried: folder, name, or latest")
    .option("--from <folder>", "with --drill: a folder of archives (*.tar) instead: dumps of pawl or guano, data folders")
    .option("--java <path>", "program java, where it is in no usual place")
    .option("--library <path>", "ZooKeeper's jar, or a folder of jars")
    .option("--output-dir <folder>", "where evidence goes", DEFAULT_OUTPUT)
    .option("--json", "one JSON document")
    .addHelpText(
      "after",
      "\nExamples:\n  pawl restore zookeeper --drill latest\n  pawl restore zookeeper --drill --from /safe/zookeeper-backup",
    )
    .action((options: Options) => run(io, options));
  return new Command("restore").description("try a backup").addCommand(zookeeper);
}
