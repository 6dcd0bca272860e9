import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";
import { describe, it } from "vitest";
import components from "./components.json" with { type: "json" };

/** A Debian package with something tests start. */
export type Component = keyof typeof components;

/** Those of the given components that this machine lacks. */
function missingComponents(names: readonly Component[]): readonly Component[] {
  return names.filter((name) => {
    const how: { readonly file?: string; readonly command?: string } = components[name];
    if (how.file !== undefined) return !reachable(how.file);
    return !(process.env["PATH"] ?? "")
      .split(delimiter)
      .some((folder) => reachable(join(folder, how.command ?? ""), constants.X_OK));
  });
}

/**
 * A group of tests that start real components. Where one is missing they report `not run: package X`; with CI=true they fail,
 * because nobody would notice tests that silently stopped running.
 */
export function describeReal(name: string, needs: readonly Component[], body: () => void): void {
  const missing = missingComponents(needs);
  if (missing.length === 0) {
    describe(name, body);
    return;
  }
  const why = `not run: package ${missing.join(", ")}`;
  if (process.env["CI"] === "true") {
    it(`${name} (${why})`, () => {
      throw new Error(`${why} is missing; run node test/real/install.js`);
    });
  } else describe.skip(`${name} (${why})`, body);
}

function reachable(path: string, mode = constants.F_OK): boolean {
  try {
    accessSync(path, mode);
    return true;
  } catch {
    return false;
  }
}
