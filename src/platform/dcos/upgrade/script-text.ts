import type { Problem } from "../../../domain/errors.ts";

/** Versions a node upgrade script was generated for. */
export interface ScriptVersions {
  readonly from: string;
  readonly to: string;
}

const VERSION = "([0-9]+(?:\\.[0-9]+)+(?:-[0-9A-Za-z.]+)?)";
/** Both places of the script that name its versions: what it says when it finds another one, and what it announces. */
const PLACES = [
  new RegExp(`Expecting to upgrade DC/OS from ${VERSION} to ${VERSION}\\.(?![0-9])`),
  new RegExp(`Upgrading DC/OS [^\\n]*?${VERSION} -> ${VERSION}`),
];

/** The versions baked into a script; null where it is no such script or names two different pairs. */
export function versionsOfScript(text: string): ScriptVersions | null {
  const found = PLACES.map((place) => place.exec(text))
    .filter((match) => match !== null)
    .map(([, from = "", to = ""]) => ({ from, to }));
  const [first] = found;
  if (first === undefined) return null;
  return found.every((one) => one.from === first.from && one.to === first.to) ? first : null;
}

/**
 * Whether a downloaded text is the script for this hop. A 404 page saved as a script would be executed (dcos.md 4.2), and the
 * generator accepts any version as installed (4.1): so the first line and both baked-in versions are looked at. Null: it is.
 */
export function judgeScriptText(text: string, wanted: ScriptVersions): Problem | null {
  if (!/^#!.*\b(?:bash|sh)\b/.test(text))
    return {
      code: "script-no-script",
      text: "What the address serves is not a shell script.",
      expected: "a first line like #!/bin/bash",
      observed: text.split("\n")[0]?.slice(0, 120) ?? "nothing",
      next: "Look at what the bootstrap machine serves: an old folder, or an error page.",
    };
  const versions = versionsOfScript(text);
  if (versions === null)
    return {
      code: "script-unknown",
      text: "The script does not say which versions it is for.",
      expected: `an upgrade script from ${wanted.from} to ${wanted.to}`,
      observed: "no pair of versions, or two different ones",
    };
  if (versions.from === wanted.from && versions.to === wanted.to) return skippedChecks(text);
  return {
    code: "script-wrong-versions",
    text: "The script is for another hop.",
    expected: `from ${wanted.from} to ${wanted.to}`,
    observed: `from ${versions.from} to ${versions.to}`,
    next: "Generate it with the installer of the target version, for the version that is installed now.",
  };
}

/**
 * A script that was changed to skip its checks: a default other than false, outside of what reads the script's own flags, or a line that
 * starts it again with the flag (workbook: if $SKIP_CHECKS is set to true, no checks are performed). Null: it skips nothing.
 */
function skippedChecks(text: string): Problem | null {
  const line =
    /^(?:(?:export|declare|readonly)\s+)*SKIP_CHECKS=(?!["']?false["']?\s*(?:[;#]|$)).*$/m.exec(text)?.[0] ??
    /^\s*(?:exec\s+)?(?:set\s+--|(?:\/\S*\/)?(?:bash|sh)\s).*(?<!\[)--skip-checks.*$/m.exec(text)?.[0];
  if (line === undefined) return null;
  return {
    code: "script-skips-checks",
    text: "The script skips its checks.",
    expected: "SKIP_CHECKS=false, as the installer generates it",
    observed: line.trim().slice(0, 120),
    next: "Somebody changed the script: generate it anew. Checks are never skipped.",
  };
}

/** The address the generator prints as its last line (dcos.md 4.1); the last one counts. Null where there is none. */
export function urlOfGenerator(stdout: string): string | null {
  const lines = [...stdout.matchAll(/^.*script URL:\s*(https?:\/\/[A-Za-z0-9_.~:\/?&#%@+=,-]+)\s*$/gim)];
  return lines.at(-1)?.[1] ?? null;
}

/** Flags for the script by target version: its own talk is discarded from 1.11 on unless asked for (dcos.md 4.2, 4.6). */
export function scriptFlags(target: string): readonly string[] {
  const [major = 0, minor = 0] = target.split(".").map(Number);
  return major > 1 || (major === 1 && minor >= 11) ? ["--verbose"] : [];
}
