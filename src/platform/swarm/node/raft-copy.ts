import type { TarReport } from "../../../action/tar-scan.ts";

/** What a copy of a manager's Swarm folder must hold, none of it empty; the log may be encrypted and of any version. */
const NEEDED: readonly { readonly what: string; readonly pattern: RegExp }[] = [
  { what: "the write-ahead log (raft/wal-*/*.wal)", pattern: /^swarm\/raft\/wal[^/]*\/[^/]+\.wal$/ },
  { what: "state.json", pattern: /^swarm\/state\.json$/ },
  { what: "docker-state.json", pattern: /^swarm\/docker-state\.json$/ },
  { what: "the node's certificate", pattern: /^swarm\/certificates\/swarm-node\.crt$/ },
  { what: "the node's key, with which the log is read", pattern: /^swarm\/certificates\/swarm-node\.key$/ },
];

/** What is wrong with a backup of a manager's state; null where it is whole. */
export interface CopyVerdict {
  readonly wrong: { readonly expected: string; readonly observed: string } | null;
  readonly proven: number;
  /** Snapshots of the log: a young Swarm has none. */
  readonly snapshots: number;
}

/**
 * Whether an archive is the backup of a manager: everything it needs is there and not empty, and every file has the digest that the node
 * gave of the original while its engine stood still. Pure.
 */
export function judgeCopy(report: TarReport, onNode: ReadonlyMap<string, string>): CopyVerdict {
  const archived = new Map(report.files.map((file) => [file.name.replace(/^(?:\.?\/)+/, ""), file]));
  const snapshots = [...archived.keys()].filter((name) => /^swarm\/raft\/snap[^/]*\/[^/]+\.snap$/.test(name)).length;
  const bad = (expected: string, observed: string): CopyVerdict => ({ wrong: { expected, observed }, proven: 0, snapshots });
  for (const { what, pattern } of NEEDED) {
    const found = [...archived].filter(([name]) => pattern.test(name));
    if (found.length === 0) return bad(what, "not in the archive");
    if (found.every(([, file]) => file.bytes === 0)) return bad(what, "an empty file");
  }
  for (const [name, sha256] of onNode) {
    const copy = archived.get(name);
    if (copy?.sha256 !== sha256) return bad(`${name} with SHA-256 ${sha256}`, copy?.sha256 ?? "not in the archive");
  }
  const strange = [...archived.keys()].find((name) => !onNode.has(name));
  if (strange !== undefined) return bad("only files that the node has", strange);
  return { wrong: null, proven: onNode.size, snapshots };
}
