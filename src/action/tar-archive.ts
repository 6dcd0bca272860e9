import type { Problem } from "../domain/errors.ts";
import type { ArtifactMeta, ArtifactSink, Command, StepContext } from "../engine/ports.ts";
import { createTarScan, type TarReport } from "./tar-scan.ts";

/** tar of absolute paths to standard output, from the root so that names carry no leading slash. Nothing is written on the node. */
export function tarArgv(paths: readonly string[]): readonly string[] {
  return ["tar", "-cf", "-", "-C", "/", "--", ...paths.map((path) => path.replace(/^\/+/, ""))];
}

/** An archive that has passed by: stored once `sink.finish` is called, gone after `sink.abandon`. */
export interface StreamedTar {
  readonly kind: "streamed";
  readonly sink: ArtifactSink;
  readonly report: TarReport;
  /** Exit code of tar on the node. */
  readonly code: number;
  readonly stderr: string;
}

/** The stream did not come to its end; nothing of it is kept. */
export interface BrokenTar {
  readonly kind: "broken";
  readonly how: "lost" | "timed-out";
  readonly observed: string;
}

/** Runs tar on a node and hashes, inspects and stores what comes, chunk by chunk: memory stays flat whatever the size. */
export async function streamTar(
  ctx: StepContext,
  target: string,
  command: Command,
  meta: ArtifactMeta,
): Promise<StreamedTar | BrokenTar> {
  const sink = await ctx.artifacts.sink(meta);
  const scan = createTarScan();
  const outcome = await ctx.remote.stream(target, command, async (chunk) => {
    scan.write(chunk);
    await sink.write(chunk);
  });
  if (outcome.kind === "exited")
    return { kind: "streamed", sink, report: scan.finish(), code: outcome.code, stderr: outcome.stderr };
  await sink.abandon();
  return {
    kind: "broken",
    how: outcome.kind,
    observed: outcome.kind === "lost" ? outcome.reason : `no end after ${outcome.afterMs / 1_000} s`,
  };
}

/** Lines of tar's stderr that a folder in use causes and that leave the rest usable. */
function livelyLines(stderr: string): readonly string[] {
  return stderr
    .split("\n")
    .filter((line) => /file changed as we read it|file removed before we read it|File shrank by/i.test(line));
}

export type FormVerdict =
  { readonly kind: "whole"; readonly lively: readonly string[] } | { readonly kind: "bad"; readonly problem: Problem };

/**
 * Whether what came is a whole archive. GNU tar's 1 means that files changed while they were read, which a folder in use
 * causes: usable, and `lively` has its lines; any other code is a failure. Then the form: header sums, two zero blocks.
 */
export function judgeForm(came: { readonly code: number; readonly stderr: string; readonly report: TarReport }): FormVerdict {
  const { code, stderr, report } = came;
  const bad = (name: string, text: string, more: Partial<Problem>): FormVerdict => ({
    kind: "bad",
    problem: { code: name, text, ...more },
  });
  const lively = livelyLines(stderr);
  const said = stderr.trim().split("\n").slice(0, 3).join("; ");
  const expected = "exit code 0, or 1 with files that changed while they were read";
  if (code > 1 || (code === 1 && lively.length === 0))
    return bad("tar-failed", "tar failed on the node.", {
      expected,
      observed: `exit code ${code}${said === "" ? "" : `: ${said}`}`,
    });
  if (report.damage !== null) return bad("tar-damaged", "The archive is damaged.", { observed: report.damage });
  if (!report.ended)
    return bad("tar-cut", "The archive does not end as an archive ends.", {
      expected: "two zero blocks at its end",
      observed: `${report.bytes} bytes, ${report.files.length} files`,
    });
  return { kind: "whole", lively: code === 1 ? lively : [] };
}
