import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { bundle } from "../esbuild.config.ts";

const ROOT = fileURLToPath(new URL("..", import.meta.url));

/** Puts pawl into a folder as a package would be installed: built, beside its documents. No build of the checkout is touched. */
export async function installApp(folder: string): Promise<{ readonly pawl: string }> {
  mkdirSync(folder, { recursive: true });
  for (const part of ["bin", "checks", "runbooks", "package.json"])
    cpSync(join(ROOT, part), join(folder, part), { recursive: true });
  await bundle(join(folder, "dist"));
  symlinkSync(join(ROOT, "node_modules"), join(folder, "node_modules"));
  return { pawl: join(folder, "bin", "pawl.js") };
}

/** The same, and the pieces of pawl that are measured from within: what is measured is what users run. */
export async function buildApp(folder: string): Promise<{ readonly pawl: string; readonly subjects: string }> {
  const installed = await installApp(folder);
  const tsc = join(ROOT, "node_modules", "typescript", "bin", "tsc");
  const built = join(folder, "build");
  execFileSync(process.execPath, [tsc, "-p", join(ROOT, "bench", "tsconfig.json"), "--outDir", built], { cwd: ROOT });
  return { ...installed, subjects: join(built, "bench", "subjects") };
}
