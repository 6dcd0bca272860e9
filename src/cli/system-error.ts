import { PawlError } from "../domain/errors.ts";

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

/**
 * An error of the operating system about pawl's own files as a PawlError (step-failed), and one of pawl's own with the way
 * back as its next command. Anything else is a bug and stays as it is.
 */
export function explained(error: unknown, next: string): unknown {
  if (error instanceof PawlError)
    return new PawlError(error.exit, error.code, error.message, { ...error.details, next, cause: error });
  const { code = "", syscall, path }: Partial<NodeJS.ErrnoException> = error instanceof Error ? error : {};
  const trouble = syscall === undefined ? undefined : TROUBLES[code];
  if (trouble === undefined) return error;
  const what = `${path ?? "a file of pawl's"} cannot be used: ${trouble}`;
  return new PawlError("step-failed", `system.${code}`, what, { observed: `${syscall ?? ""}: ${code}`, next, cause: error });
}
