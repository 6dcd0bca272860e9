// Run by `npm pretest`: sees to the real components that tests start (Debian packages; components.json says how each is
// recognised). With CI=true, or as root on a Debian-like system, missing ones are installed; elsewhere the line that installs
// them is printed, and their tests report `not run: package X`. With CI=true a component that is still missing is a failure.
import { spawnSync } from "node:child_process";
import { accessSync, constants, readFileSync } from "node:fs";
import { delimiter, join } from "node:path";

const components = JSON.parse(readFileSync(new URL("components.json", import.meta.url), "utf8"));
const ci = process.env.CI === "true";

function reachable(path, mode = constants.F_OK) {
  try {
    accessSync(path, mode);
    return true;
  } catch {
    return false;
  }
}

function missing() {
  const folders = (process.env.PATH ?? "").split(delimiter);
  return Object.entries(components)
    .filter(([, { file, command }]) =>
      file === undefined ? !folders.some((folder) => reachable(join(folder, command), constants.X_OK)) : !reachable(file),
    )
    .map(([name]) => name);
}

function run(words) {
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  return spawnSync(words[0], words.slice(1), { stdio: ["ignore", "ignore", "inherit"], env }).status === 0;
}

// Debian's packages start their services as soon as they are installed, unless this script says no (invoke-rc.d, 101: forbidden).
const POLICY = "/usr/sbin/policy-rc.d";

/** Does what installs packages, with no service of theirs started on this machine: tests start their own. */
function withoutServices(rights, install) {
  const mine =
    !reachable(POLICY) &&
    run([...rights, "sh", "-c", `printf '#!/bin/sh\\nexit 101\\n' > "$1" && chmod 755 "$1"`, "policy", POLICY]);
  try {
    install();
  } finally {
    if (mine) run([...rights, "rm", "-f", POLICY]);
  }
}

const before = missing();
if (before.length > 0) {
  const root = process.getuid?.() === 0;
  const apt = ["/usr/bin/apt-get", "/bin/apt-get"].some((path) => reachable(path, constants.X_OK));
  if (apt && (ci || root)) {
    const rights = root ? [] : ["sudo", "-n", "DEBIAN_FRONTEND=noninteractive"];
    process.stderr.write(`pawl tests: installing ${before.join(" ")}\n`);
    withoutServices(root ? [] : ["sudo", "-n"], () => {
      run([...rights, "apt-get", "update", "-qq"]);
      run([...rights, "apt-get", "install", "-y", "-qq", "--no-install-recommends", ...before]);
    });
  }
  const after = missing();
  if (after.length > 0) {
    process.stderr.write(
      `pawl tests: tests on real components need: sudo apt-get install -y --no-install-recommends ${after.join(" ")}\n`,
    );
    if (ci) process.exitCode = 1;
  }
}
