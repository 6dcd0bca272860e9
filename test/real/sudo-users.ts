import { execFileSync } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A machine with users of its own, for servers started in a mount namespace of their own; this machine's files stay as they are. */
export interface SudoUsers {
  /** What to put before a program so that it and its children see the users. */
  readonly wrap: readonly string[];
  /** What sudo wrote down so far, line by line. */
  log(): readonly string[];
}

/** What tests lack where `mayMount` says no. */
export const MOUNTS = "mounts of one's own; run the tests as root";

/** Whether mounts of one's own are possible here (root, or a container that allows it). */
export function mayMount(): boolean {
  try {
    execFileSync("unshare", ["--mount", "true"], { stdio: "ignore" });
    return process.getuid?.() === 0;
  } catch {
    return false;
  }
}

/** Users with this password and these lines in sudoers. sudo, PAM and the files are the real ones. */
export function makeSudoUsers(names: readonly string[], password: string, sudoers: readonly string[]): SudoUsers {
  const folder = mkdtempSync(join(tmpdir(), "pawl-users-"));
  chmodSync(folder, 0o755);
  const hash = execFileSync("openssl", ["passwd", "-6", "-stdin"], { input: `${password}\n`, encoding: "utf8" }).trim();
  const log = join(folder, "sudo.log");
  const files = {
    passwd:
      readFileSync("/etc/passwd", "utf8") +
      names.map((name, at) => `${name}:x:${String(60_001 + at)}:60001::/tmp:/bin/sh\n`).join(""),
    shadow: readFileSync("/etc/shadow", "utf8") + names.map((name) => `${name}:${hash}:19000:0:99999:7:::\n`).join(""),
    sudoers: `Defaults env_reset, logfile=${log}, !syslog, lecture=always\n${sudoers.join("\n")}\n`,
  };
  for (const [name, text] of Object.entries(files))
    writeFileSync(join(folder, name), text, { mode: name === "passwd" ? 0o644 : 0o440 });
  mkdirSync(join(folder, "timestamps"), { mode: 0o700 });
  const script = `set -e
for f in passwd shadow sudoers; do mount --bind "$1/$f" "/etc/$f"; done
mkdir -p /run/sudo; mount --bind "$1/timestamps" /run/sudo
shift; exec "$@"`;
  writeFileSync(join(folder, "enter"), script);
  return {
    wrap: ["unshare", "--mount", "--propagation", "private", "sh", join(folder, "enter"), folder],
    log: () =>
      existsSync(log)
        ? readFileSync(log, "utf8")
            .split("\n")
            .filter((line) => line !== "")
        : [],
  };
}
