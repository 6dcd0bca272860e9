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

/** The same for files that pawl has made itself: anywhere else these would be a bug. */
const OWN_TROUBLES: Readonly<Record<string, string>> = {
  ...TROUBLES,
  ENOENT: "it is gone, or its folder is",
  ENOTDIR: "there is a file where a folder should be",
  EISDIR: "there is a folder where a file should be",
  EEXIST: "something else is there already",
  ENOTEMPTY: "something else is there already",
  ELOOP: "a link lies in its place",
  ENAMETOOLONG: "its name is too long",
  EXDEV: "another file system lies in between",
  ESTALE: "the file server does not know it any more",
  EBUSY: "something else uses it",
  ETXTBSY: "something else uses it",
};

const OWN = Symbol("a file of pawl's own");

/** Does something to a file of pawl's own (a record, a lock, a key): where the system refuses, the error names that file. */
export async function onOwnFile<T>(path: string, act: () => Promise<T>): Promise<T> {
  try {
    return await act();
  } catch (error) {
    if (error instanceof Error && "syscall" in error && !(OWN in error)) Object.assign(error, { path, [OWN]: true });
    throw error;
  }
}

/** An error of the operating system about pawl's own files as a PawlError (step-failed). Anything else as it is. */
export function explained(error: unknown, next: string): unknown {
  if (!(error instanceof Error) || !("syscall" in error) || !("code" in error) || typeof error.code !== "string") return error;
  const trouble = (OWN in error ? OWN_TROUBLES : TROUBLES)[error.code];
  if (trouble === undefined) return error;
  const what = "path" in error && typeof error.path === "string" ? error.path : "a file of pawl's";
  return new PawlError("step-failed", `system.${error.code}`, `${what} cannot be used: ${trouble}`, {
    expected: "a file that can be written",
    observed: error.message,
    evidence: what === "a file of pawl's" ? [] : [what],
    next,
    cause: error,
  });
}
