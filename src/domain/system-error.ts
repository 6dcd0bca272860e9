import { PawlError } from "./errors.ts";

/** What this machine refused to do for pawl, in words: no bug, but disk, rights or limits. */
const TROUBLES: Readonly<Record<string, string>> = {
  ENOSPC: "no space is left on the disk",
  EDQUOT: "the disk quota is used up",
  EFBIG: "a file would grow beyond the limit",
  EROFS: "the file system is read-only",
  EIO: "the disk does not work",
  EACCES: "access is denied",
  EPERM: "it is not permitted",
  EMFILE: "too many files are open",
  ENFILE: "too many files are open on this machine",
};

/** An error of the operating system about pawl's own files as a PawlError (step-failed). Anything else as it is. */
export function explained(error: unknown, next: string): unknown {
  if (!(error instanceof Error) || !("syscall" in error) || !("code" in error) || typeof error.code !== "string") return error;
  const trouble = TROUBLES[error.code];
  if (trouble === undefined) return error;
  const what = "path" in error && typeof error.path === "string" ? error.path : "a file of pawl's";
  return new PawlError("step-failed", `system.${error.code}`, `${what} cannot be used: ${trouble}`, {
    observed: error.message,
    next,
    cause: error,
  });
}
