import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("..", import.meta.url));

/**
 * Builds pawl into a folder as a package would be installed: JavaScript only, beside its documents; and the subjects of the
 * benchmarks with it. What is measured is what users run, and no build of the checkout is touched.
 */
export function buildApp(folder: string): { readonly pawl: string; readonly subjects: string } {
  mkdirSync(folder, { recursive: true });
  const tsc = join(ROOT, "node_modules", "typescript", "bin", "tsc");
  const built = join(folder, "build");
  execFileSync(process.execPath, [tsc, "-p", join(ROOT, "bench", "tsconfig.json"), "--outDir", built], { cwd: ROOT });
  for (const part of ["bin", "checks", "runbooks", "package.json"])
    cpSync(join(ROOT, part), join(folder, part), { recursive: true });
  symlinkSync(join(built, "src"), join(folder, "dist"));
  symlinkSync(join(ROOT, "node_modules"), join(folder, "node_modules"));
  return { pawl: join(folder, "bin", "pawl.js"), subjects: join(built, "bench", "subjects") };
}
