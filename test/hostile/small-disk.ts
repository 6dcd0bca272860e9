import { execFileSync } from "node:child_process";
import { statfsSync } from "node:fs";
import { startProgram } from "../real/process.ts";

/** A file system of a chosen size, in a mount namespace of its own: nothing of this machine is mounted over or filled. */
export interface SmallDisk {
  /** Its root, as this process reaches it. */
  readonly path: string;
  /** Gives it another size; what is on it stays. */
  resize(size: { readonly bytes?: number; readonly files?: number }): void;
  /** Takes the right to write away, or gives it back. */
  readOnly(on: boolean): void;
  /** Bytes and file entries in use. */
  used(): { readonly bytes: number; readonly files: number };
  close(): Promise<void>;
}

/** Mounts one. Needs the right to make mount namespaces: root, as tests run in CI. */
export async function mountSmallDisk(size: { readonly bytes: number; readonly files: number }): Promise<SmallDisk> {
  // A folder every Linux has and nobody removes: removing a mount point anywhere ends the mount everywhere.
  const at = "/mnt";
  const options = `size=${size.bytes},nr_inodes=${size.files},mode=0700`;
  const holder = await startProgram(
    [
      "unshare",
      "-m",
      "--propagation",
      "private",
      "sh",
      "-c",
      'mount -t tmpfs -o "$1" pawl "$2" && echo mounted >&2 && exec sleep 3600',
      "sh",
      options,
      at,
    ],
    { cwd: "/" },
  );
  const path = `/proc/${holder.pid}/root${at}`;
  for (let asked = 0; !holder.log().includes("mounted"); asked += 1) {
    if (asked > 400) throw new Error(`no small file system: ${holder.log()}`);
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
  const remount = (options: string): void =>
    void execFileSync("nsenter", ["-t", String(holder.pid), "-m", "mount", "-o", `remount,${options}`, at], { stdio: "pipe" });
  return {
    path,
    resize: ({ bytes, files }) =>
      remount(
        [bytes === undefined ? "" : `size=${bytes}`, files === undefined ? "" : `nr_inodes=${files}`].filter(Boolean).join(","),
      ),
    readOnly: (on) => remount(on ? "ro" : "rw"),
    used() {
      const { bsize, blocks, bfree, files, ffree } = statfsSync(path);
      return { bytes: (blocks - bfree) * bsize, files: files - ffree };
    },
    close: () => holder.stop(),
  };
}
