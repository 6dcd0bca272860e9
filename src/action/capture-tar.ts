import { posix } from "node:path";
import type { Json } from "../domain/json.ts";
import type { AllowList, ArtifactSink, Effect, StepContext, StepKind } from "../engine/ports.ts";
import { targetOf, timeoutOf } from "./command.ts";
import { judgeForm, streamTar, tarArgv } from "./tar-archive.ts";
import type { TarReport } from "./tar-scan.ts";

/**
 * SHA-256 of every regular file below the given paths, one `sha256sum` line each, and `end` when all was seen. A name with a
 * line break or backslash comes escaped, as sha256sum does it. Only absolute paths, so that none is taken for an option.
 */
const DIGESTS_TEXT = `for path in "$@"; do
  case $path in /*) ;; *) continue ;; esac
  if [ -e "$path" ]; then find "$path" -type f -exec sha256sum {} + 2>/dev/null; fi
done
echo end`;
const DIGESTS = ["sh", "-c", DIGESTS_TEXT, "pawl-digests"] as const;

/** What this kind sends, for the read-only guard: nothing behind `--` can be an option. */
export const CAPTURE_TAR_COMMANDS: AllowList["commands"] = [
  ["tar", "-cf", "-", "-C", "/", "--", "..."],
  [...DIGESTS, "..."],
];

const LISTING_MS = 10 * 60_000;
const STREAM_MS = 2 * 3_600_000;
/** Paths asked about in one command, well below any limit of its length. */
const PATHS_AT_ONCE = 100;

function words(value: Json | undefined): readonly string[] {
  return Array.isArray(value) ? value.filter((one): one is string => typeof one === "string") : [];
}

type Digests = ReadonlyMap<string, string>;

/** Digests by absolute path; null where the output was cut before its end. */
export function parseDigests(output: string): Digests | null {
  const lines = output.trimEnd().split("\n");
  if (lines.at(-1) !== "end") return null;
  const found = new Map<string, string>();
  for (const line of lines) {
    const parts = /^(\\?)([0-9a-f]{64}) [ *](.*)$/.exec(line);
    if (parts === null) continue;
    const name = parts[3] ?? "";
    found.set(parts[1] === "" ? name : name.replace(/\\[n\\]/g, (sign) => (sign === "\\n" ? "\n" : "\\")), parts[2] ?? "");
  }
  return found;
}

/** What the node says of its files, or why it did not. */
async function digestsOf(ctx: StepContext, target: string, paths: readonly string[]): Promise<Digests | string> {
  const found = new Map<string, string>();
  for (let at = 0; at < paths.length; at += PATHS_AT_ONCE) {
    const argv = [...DIGESTS, ...paths.slice(at, at + PATHS_AT_ONCE)];
    const outcome = await ctx.remote.run(target, {
      argv,
      sudo: ctx.step.with["sudo"] === true,
      timeoutMs: LISTING_MS,
      maxOutputBytes: 16 * 1024 * 1024,
    });
    if (outcome.kind !== "exited") return outcome.kind === "lost" ? outcome.reason : `no end after ${outcome.afterMs / 1_000} s`;
    const digests = parseDigests(outcome.stdout);
    if (digests === null)
      return `exit code ${outcome.code}, and a list that does not end: ${outcome.stderr.trim().slice(0, 300)}`;
    for (const [path, sha256] of digests) found.set(path, sha256);
  }
  return found;
}

function archivedDigests(report: TarReport): Digests {
  return new Map(report.files.map((file) => [`/${file.name.replace(/^(?:\.?\/)+/, "")}`, file.sha256]));
}

/** `myid`, `version-2/snapshot.*`: the end of a path, with `*` for any part of one name. */
function endsLike(path: string, wish: string): boolean {
  const pattern = wish
    .split("*")
    .map((part) => part.replace(/[.+?^$()[\]{}|\\]/g, "\\$&"))
    .join("[^/]*");
  return new RegExp(`/${pattern}$`).test(path);
}

interface Comparison {
  readonly proven: number;
  /** Files that changed or went while they were copied. */
  readonly restless: readonly string[];
  /** A file that stayed as it was, and that the archive has otherwise or not at all. */
  readonly wrong: { readonly path: string; readonly wanted: string; readonly found: string } | null;
}

/**
 * Every file the node listed before must be in the archive with that digest. Where one is not, the node is asked again: a file
 * that is another one by now was changed while it was copied; one that is still the same makes the archive wrong.
 */
async function compare(ctx: StepContext, target: string, before: Digests, report: TarReport): Promise<Comparison | string> {
  const archived = archivedDigests(report);
  const odd = [...before].filter(([path, sha256]) => archived.get(path) !== sha256);
  const after = await digestsOf(
    ctx,
    target,
    odd.map(([path]) => path),
  );
  if (typeof after === "string") return after;
  const [wrong] = odd.filter(([path, sha256]) => after.get(path) === sha256);
  return {
    proven: before.size - odd.length,
    restless: odd.map(([path]) => path),
    wrong:
      wrong === undefined ? null : { path: wrong[0], wanted: wrong[1], found: archived.get(wrong[0]) ?? "not in the archive" },
  };
}

function failed(
  ctx: StepContext,
  target: string,
  code: string,
  text: string,
  more: { readonly expected?: string; readonly observed: string },
): Effect {
  return {
    kind: "failed",
    problem: {
      code,
      text,
      ...more,
      node: target,
      next: `Look at the files on ${target}, then: ${ctx.spell("retry", ctx.step.address)}`,
    },
  };
}

async function run(ctx: StepContext): Promise<Effect> {
  const target = targetOf(ctx);
  const paths = words(ctx.step.with["paths"]).map((path) => posix.normalize(path).replace(/(?<=.)\/+$/, ""));
  const given = ctx.step.with["paths"];
  // GNU tar takes a backslash in a name it is given for the beginning of an escape, other tars do not.
  const bad = paths.filter((path) => !path.startsWith("/") || path === "/" || /[\\\0]/.test(path));
  if (paths.length === 0 || bad.length > 0 || (Array.isArray(given) && given.length !== paths.length))
    return failed(ctx, target, "tar-paths", "These paths cannot be archived.", {
      expected: "with.paths: absolute paths below /, as text, without backslashes",
      observed: JSON.stringify(given ?? null).slice(0, 200),
    });
  const before = await digestsOf(ctx, target, paths);
  if (typeof before === "string")
    return failed(ctx, target, "tar-unlisted", "The files could not be listed.", { observed: before });
  const meta = {
    name: `${ctx.step.address}.tar`,
    mediaType: "application/x-tar",
    step: ctx.step.address,
    node: ctx.step.node,
    evidenceOf: `${paths.join(", ")} on ${target}`,
    sealed: true,
  };
  const came = await streamTar(
    ctx,
    target,
    { argv: tarArgv(paths), sudo: ctx.step.with["sudo"] === true, timeoutMs: timeoutOf(ctx.step, STREAM_MS) },
    meta,
  );
  if (came.kind === "broken") return failed(ctx, target, `tar-${came.how}`, "The stream broke.", { observed: came.observed });
  const { report, sink } = came;
  const refuse = async (
    code: string,
    text: string,
    more: { readonly expected?: string; readonly observed: string },
  ): Promise<Effect> => {
    await sink.abandon();
    return failed(ctx, target, code, text, more);
  };
  const form = judgeForm(came);
  if (form.kind === "bad")
    return refuse(form.problem.code, form.problem.text, {
      ...(form.problem.expected === undefined ? {} : { expected: form.problem.expected }),
      observed: form.problem.observed ?? "",
    });
  const missing = words(ctx.step.with["require"]).filter(
    (wish) => !report.files.some((file) => file.bytes > 0 && endsLike(`/${file.name}`, wish)),
  );
  if (missing.length > 0)
    return refuse("tar-incomplete", "The archive lacks what it must hold.", {
      expected: "every required file, none of them empty",
      observed: `missing: ${missing.join(", ")}`,
    });
  const compared = await compare(ctx, target, before, report);
  if (typeof compared === "string") return refuse("tar-unlisted", "The files could not be listed again.", { observed: compared });
  const { wrong, proven, restless } = compared;
  if (wrong !== null)
    return refuse("tar-differs", "The archive differs from what the node has.", {
      expected: `${wrong.path} with SHA-256 ${wrong.wanted}`,
      observed: wrong.found,
    });
  if (proven === 0)
    return refuse("tar-unproven", "Nothing in the archive could be compared with the node.", {
      expected: "at least one file with the digest the node gave",
      observed: `${before.size} files on the node, none of them equal`,
    });
  return keep(ctx, { paths, report, sink, code: came.code, proven, restless });
}

interface Proven {
  readonly paths: readonly string[];
  readonly report: TarReport;
  readonly sink: ArtifactSink;
  readonly code: number;
  readonly proven: number;
  readonly restless: readonly string[];
}

/** Stores the archive and, beside it, the list of what it holds: the list is no secret. */
async function keep(ctx: StepContext, found: Proven): Promise<Effect> {
  const { report, restless, proven, paths, code } = found;
  const stored = await found.sink.finish();
  await ctx.recorded(stored);
  const notes = restless.length === 0 && code === 0 ? [] : [`${Math.max(restless.length, 1)} files changed while they were read`];
  const entries = JSON.stringify(
    {
      node: targetOf(ctx),
      paths,
      bytes: report.bytes,
      sha256: stored.sha256,
      exitCode: code,
      proven,
      changed: restless,
      files: report.files,
    },
    null,
    1,
  );
  await ctx.recorded(
    await ctx.artifacts.put(
      {
        name: `${ctx.step.address}.entries.json`,
        mediaType: "application/json",
        step: ctx.step.address,
        node: ctx.step.node,
        evidenceOf: "what the archive holds",
      },
      entries,
    ),
  );
  const note = [`${report.files.length} files, ${report.bytes} bytes, ${proven} digests as on the node`, ...notes].join("; ");
  return { kind: "done", note, output: { sha256: stored.sha256, bytes: stored.bytes, files: report.files.length } };
}

/**
 * Folders and files of a node as one archive, streamed into the run folder while they are in use, sealed, hashed, and proven:
 * whole in form, every required entry there, every file that kept still with the digest the node gave.
 */
export const captureTar: StepKind = {
  name: "capture-tar",
  effect: "read",
  shows: (step) => [
    `${step.with["sudo"] === true ? "sudo " : ""}${tarArgv(words(step.with["paths"])).join(" ")}, streamed and verified`,
  ],
  doIt: run,
};
