import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("..", import.meta.url));

/**
 * Builds pawl into a folder as a package would be installed: JavaScript only, beside its documents. What is measured is what
 * users run, and no build of the checkout is touched. Returns the path of the program.
 */
export function buildApp(folder: string): string {
  mkdirSync(folder, { recursive: true });
  const tsc = join(ROOT, "node_modules", "typescript", "bin", "tsc");
  execFileSync(process.execPath, [tsc, "-p", join(ROOT, "tsconfig.build.json"), "--outDir", join(folder, "dist")], { cwd: ROOT });
  for (const part of ["bin", "checks", "runbooks", "package.json"])
    cpSync(join(ROOT, part), join(folder, part), { recursive: true });
  symlinkSync(join(ROOT, "node_modules"), join(folder, "node_modules"));
  return join(folder, "bin", "pawl.js");
}
