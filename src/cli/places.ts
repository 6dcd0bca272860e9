import { existsSync, readFileSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { PawlError } from "../domain/errors.ts";
import type { Io } from "./io.ts";

/** The package's own folder: the first one above this file with a package.json (works from src/ and from dist/). */
function packageRoot(): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, "package.json"))) folder = dirname(folder);
  return folder;
}

export const ROOT = packageRoot();

/** Version policies that have a name. */
export const POLICIES: Readonly<Record<string, string>> = {
  workbook: join(ROOT, "runbooks/policies/dcos-workbook.yaml"),
  published: join(ROOT, "runbooks/policies/dcos-published.yaml"),
  "docker-engine": join(ROOT, "runbooks/policies/docker-engine.yaml"),
};

/** The file of a policy that has a name among `named`, else a file of the user's, relative to where pawl was started. */
export function policyFile(io: Pick<Io, "cwd">, named: Readonly<Record<string, string>>, wanted: string): string {
  return (Object.hasOwn(named, wanted) ? named[wanted] : undefined) ?? resolve(io.cwd, wanted);
}

/** Where evidence goes, and where runs are looked for, unless another folder is named; relative to where pawl was started. */
export const DEFAULT_OUTPUT = "backups";

/** Folder of the product's checks. */
export const CHECKS = join(ROOT, "checks");

export function pawlVersion(): string {
  const text: unknown = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8"));
  return typeof text === "object" && text !== null && "version" in text && typeof text.version === "string"
    ? text.version
    : "0.0.0";
}

/** Where pawl keeps what belongs to no run: local locks, masking keys, sockets. `PAWL_STATE_DIR`, else the XDG state folder. */
export function stateDir(env: Io["env"]): string {
  const own = env["PAWL_STATE_DIR"];
  if (own !== undefined && own !== "") return resolve(own);
  const xdg = env["XDG_STATE_HOME"];
  return join(xdg !== undefined && xdg !== "" ? xdg : join(env["HOME"] ?? homedir(), ".local/state"), "pawl");
}

/** A file of the user's, relative to where pawl was started; a product runbook may be named without its folder. */
export function runbookFile(name: string, cwd: string): string {
  const own = resolve(cwd, name);
  if (existsSync(own)) return own;
  const shipped = [join(ROOT, name), join(ROOT, "runbooks", name), join(ROOT, "runbooks", `${name}.yaml`)].find((file) =>
    existsSync(file),
  );
  if (shipped !== undefined) return shipped;
  throw new PawlError("usage", "no-runbook", `there is no runbook ${name}`, {
    expected: "a file, or the name of a shipped runbook",
    next: "ls runbooks/",
  });
}

/** Path of a run as people type it: relative where that is shorter. */
export function shownFolder(io: Pick<Io, "cwd">, folder: string): string {
  const prefix = join(io.cwd, "/");
  return folder.startsWith(prefix) ? folder.slice(prefix.length) : folder;
}
