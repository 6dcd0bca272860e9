import type { Problem } from "../../domain/errors.ts";
import type { FileListing } from "./files-script.ts";
import type { TarReport } from "./tar-scan.ts";

/** What must be in an archive of a ZooKeeper folder, by the folder it is of (dcos.md 8.1). */
const REQUIRED: readonly { readonly what: string; readonly pattern: RegExp }[] = [
  { what: "myid", pattern: /(?:^|\/)snapshot\/myid$/ },
  { what: "a snapshot", pattern: /(?:^|\/)snapshot\/version-2\/snapshot\.[0-9a-f]+$/ },
  { what: "a transaction log", pattern: /(?:^|\/)transactions\/version-2\/log\.[0-9a-f]+$/ },
];

export interface ArchiveEvidence {
  /** Exit code of tar on the node. */
  readonly code: number;
  readonly stderr: string;
  readonly report: TarReport;
  /** What the node itself said of the files that never change, before the archive was made. */
  readonly listing: FileListing;
}

export type ArchiveVerdict = { readonly kind: "good"; readonly notes: readonly string[]; readonly proven: number } | { readonly kind: "bad"; readonly problem: Problem };

/** Lines of tar's stderr that a live ZooKeeper causes and that leave the rest usable. */
function livelyLines(stderr: string): readonly string[] {
  return stderr.split("\n").filter((line) => /file changed as we read it|file removed before we read it|File shrank by/i.test(line));
}

function bad(code: string, text: string, more: Partial<Problem> = {}): ArchiveVerdict {
  return { kind: "bad", problem: { code, text, ...more } };
}

/**
 * Whether a streamed archive is a usable copy. tar's 1 means that files changed while they were read, which a live ZooKeeper
 * causes: usable, with a note; any other code is a failure. Then the form (header sums, two zero blocks), the entries a
 * restore needs, and the digests of myid and snapshots against what the node said: the second opinion.
 */
export function judgeArchive({ code, stderr, report, listing }: ArchiveEvidence): ArchiveVerdict {
  const lively = livelyLines(stderr);
  const said = stderr.trim().split("\n").slice(0, 3).join("; ");
  if (code > 1 || (code === 1 && lively.length === 0)) return bad("tar-failed", "tar failed on the node.", { expected: "exit code 0, or 1 with files that changed while they were read", observed: `exit code ${code}${said === "" ? "" : `: ${said}`}` });
  if (report.damage !== null) return bad("tar-damaged", "The archive is damaged.", { observed: report.damage });
  if (!report.ended) return bad("tar-cut", "The archive does not end as an archive ends.", { expected: "two zero blocks at its end", observed: `${report.bytes} bytes, ${report.files.length} files` });
  const missing = REQUIRED.filter(({ pattern }) => !report.files.some((file) => pattern.test(file.name) && file.bytes > 0)).map((one) => one.what);
  if (missing.length > 0) return bad("tar-incomplete", "The archive lacks what a restore needs.", { expected: "myid, a snapshot and a transaction log, none of them empty", observed: `missing: ${missing.join(", ")}` });
  return compareDigests(report, listing, lively, code === 1 ? [`${lively.length} files changed while they were read: an inconsistent copy of a live ZooKeeper`] : []);
}

function compareDigests(report: TarReport, listing: FileListing, lively: readonly string[], notes: readonly string[]): ArchiveVerdict {
  const archived = new Map(report.files.map((file) => [`/${file.name.replace(/^\.?\//, "")}`, file.sha256]));
  const excused = (path: string): boolean => lively.some((line) => line.includes(path.replace(/^\//, "")));
  const known = [...listing.files].filter(([, sha256]) => sha256 !== null);
  const newest = known.map(([path]) => path).filter((path) => path.includes("/snapshot.")).toSorted().at(-1);
  const odd = known.filter(([path, sha256]) => archived.get(path) !== sha256 && !excused(path) && path !== newest);
  const proven = known.filter(([path, sha256]) => archived.get(path) === sha256).length;
  const [first] = odd;
  if (first !== undefined) return bad("tar-differs", "The archive differs from what the node has.", { expected: `${first[0]} with SHA-256 ${first[1] ?? ""}`, observed: archived.get(first[0]) ?? "not in the archive" });
  if (proven === 0) return bad("tar-unproven", "Nothing in the archive could be compared with the node.", { expected: "at least myid with the digest the node gave", observed: `${known.length} digests from the node, none equal` });
  return { kind: "good", notes, proven };
}
