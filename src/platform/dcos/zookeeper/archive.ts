import type { Problem } from "../../../domain/errors.ts";
import type { FileListing } from "../facts/files-script.ts";
import { judgeForm } from "../../../action/tar-archive.ts";
import type { TarReport } from "../../../action/tar-scan.ts";

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

export type ArchiveVerdict =
  | { readonly kind: "good"; readonly notes: readonly string[]; readonly proven: number }
  | { readonly kind: "bad"; readonly problem: Problem };

function bad(code: string, text: string, more: Partial<Problem> = {}): ArchiveVerdict {
  return { kind: "bad", problem: { code, text, ...more } };
}

/**
 * Whether a streamed archive is a usable copy: a whole archive (judgeForm), with the entries a restore needs, and the digests
 * of myid and snapshots as the node said they are: the second opinion.
 */
export function judgeArchive({ code, stderr, report, listing }: ArchiveEvidence): ArchiveVerdict {
  const form = judgeForm({ code, stderr, report });
  if (form.kind === "bad") return form;
  const missing = REQUIRED.filter(({ pattern }) => !report.files.some((file) => pattern.test(file.name) && file.bytes > 0)).map(
    (one) => one.what,
  );
  if (missing.length > 0)
    return bad("tar-incomplete", "The archive lacks what a restore needs.", {
      expected: "myid, a snapshot and a transaction log, none of them empty",
      observed: `missing: ${missing.join(", ")}`,
    });
  const { lively } = form;
  return compareDigests(
    report,
    listing,
    lively,
    lively.length > 0 ? [`${lively.length} files changed while they were read: an inconsistent copy of a live ZooKeeper`] : [],
  );
}

function compareDigests(
  report: TarReport,
  listing: FileListing,
  lively: readonly string[],
  notes: readonly string[],
): ArchiveVerdict {
  const archived = new Map(report.files.map((file) => [`/${file.name.replace(/^\.?\//, "")}`, file.sha256]));
  const excused = (path: string): boolean => lively.some((line) => line.includes(path.replace(/^\//, "")));
  const known = [...listing.files].filter(([, sha256]) => sha256 !== null);
  const newest = known
    .map(([path]) => path)
    .filter((path) => path.includes("/snapshot."))
    .toSorted()
    .at(-1);
  const odd = known.filter(([path, sha256]) => archived.get(path) !== sha256 && !excused(path) && path !== newest);
  const proven = known.filter(([path, sha256]) => archived.get(path) === sha256).length;
  const [first] = odd;
  if (first !== undefined)
    return bad("tar-differs", "The archive differs from what the node has.", {
      expected: `${first[0]} with SHA-256 ${first[1] ?? ""}`,
      observed: archived.get(first[0]) ?? "not in the archive",
    });
  if (proven === 0)
    return bad("tar-unproven", "Nothing in the archive could be compared with the node.", {
      expected: "at least myid with the digest the node gave",
      observed: `${known.length} digests from the node, none equal`,
    });
  return { kind: "good", notes, proven };
}
