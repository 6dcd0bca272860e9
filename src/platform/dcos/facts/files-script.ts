/**
 * Says of each path given what it is: `dir PATH`, `absent PATH`, or `file SHA256 PATH`. With `-r` before it, a directory is
 * walked for the files of ZooKeeper that never change once they are written: `myid` and snapshots. POSIX sh; writes nothing.
 */
export const FILES_SCRIPT = `say() {
  sum=$(sha256sum "$1" 2>/dev/null) || sum=unreadable
  printf 'file %s %s\\n' "\${sum%% *}" "$1"
}
deep=no
for path in "$@"; do
  if [ "$path" = -r ]; then deep=yes
  elif [ -d "$path" ]; then
    printf 'dir %s\\n' "$path"
    if [ "$deep" = yes ]; then find "$path" -type f \\( -name myid -o -name 'snapshot.*' \\) 2>/dev/null | while IFS= read -r file; do say "$file"; done; fi
  elif [ -f "$path" ]; then say "$path"
  else printf 'absent %s\\n' "$path"
  fi
done
echo end
`;

/** Name given to the script as \`$0\`. */
export const FILES_NAME = "pawl-files";

export interface FileListing {
  readonly folders: readonly string[];
  /** SHA-256 by path; null where the file could not be read. */
  readonly files: ReadonlyMap<string, string | null>;
}

/** The words that run the script over the paths; \`deep\` walks directories. */
export function filesArgv(paths: readonly string[], deep: boolean): readonly string[] {
  return ["sh", "-c", FILES_SCRIPT, FILES_NAME, ...(deep ? ["-r"] : []), ...paths];
}

/** Parses the script's output; null where it was cut before its end. */
export function parseListing(output: string): FileListing | null {
  const lines = output.split("\n");
  if (!lines.includes("end")) return null;
  const files = new Map<string, string | null>();
  const folders: string[] = [];
  for (const line of lines) {
    const file = /^file (\S+) ([^]+)$/.exec(line);
    if (file !== null) files.set(file[2] ?? "", /^[0-9a-f]{64}$/.test(file[1] ?? "") ? (file[1] ?? null) : null);
    else if (line.startsWith("dir ")) folders.push(line.slice(4));
  }
  return { folders, files };
}
