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
 * because nobody would notice tests that silently stopped running. `lacks` names what else this machine does not have or may not do.
 */
export function describeReal(name: string, needs: readonly Component[], body: () => void, lacks: string | null = null): void {
  const missing = missingComponents(needs);
  if (missing.length === 0 && lacks === null) {
    describe(name, body);
    return;
  }
  const why = missing.length > 0 ? `package ${missing.join(", ")}; run node test/real/install.js` : (lacks ?? "");
  if (process.env["CI"] === "true") {
    it(`${name} (not run: ${why})`, () => {
      throw new Error(`missing: ${why}`);
    });
  } else describe.skip(`${name} (not run: ${why})`, body);
}

function reachable(path: string, mode = constants.F_OK): boolean {
  try {
    accessSync(path, mode);
    return true;
  } catch {
    return false;
  }
}
