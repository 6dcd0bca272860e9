import { execFileSync, spawnSync } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { parseDigests } from "../../../src/action/capture-tar.ts";
import { BACKUP_TEXT, ENDS, UPGRADE_TEXT, withWords } from "../../../src/platform/swarm/node/engine-texts.ts";

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "pawl-engine-"));
  mkdirSync(join(folder, "bin"));
  mkdirSync(join(folder, "data/swarm/raft"), { recursive: true });
  writeFileSync(join(folder, "data/swarm/raft/0.wal"), "log");
  writeFileSync(join(folder, "data/swarm/state.json"), "{}");
  writeFileSync(join(folder, "running"), "20.10.24+dfsg1");
  writeFileSync(join(folder, "installed"), "20.10.24+dfsg1");
  writeFileSync(join(folder, "log"), "");
  // An engine: a file `running` with its version where it runs; a restart takes the version that is installed.
  program("docker", `test -f "$W/running" && cat "$W/running"`);
  const service = `echo "$verb" >>"$W/log"
case $verb in
stop) rm -f "$W/running" ;;
*) cp "$W/installed" "$W/running" ;;
esac`;
  program("service", `verb=$2\n${service}`);
  program("systemctl", `test "$2" = docker.socket && exit 0\nverb=$1\n${service}`);
  program("sleep", "exit 0");
  program("dpkg-query", `for one; do :; done; test "$one" = "$(cat "$W/package")" && echo "install ok installed"`);
  program("apt-get", `echo "$*" >>"$W/apt"; if [ "$1" = install ]; then echo 26.1.5 >"$W/installed"; fi`);
  program("apt-cache", `grep " $2 " "$W/sources" || true`);
  offer([
    "docker.io | 26.1.50+x-1 | here",
    "docker.io | 26.1.5+dfsg1-9+deb13u1 | here",
    "docker.io | 20.10.24+dfsg1-1 | here",
    "docker-cli | 26.1.5+dfsg1-9+deb13u1 | here",
  ]);
  writeFileSync(join(folder, "package"), "docker.io");
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function program(name: string, text: string): void {
  writeFileSync(join(folder, "bin", name), `#!/bin/sh\nW='${folder}'\n${text}\n`);
  chmodSync(join(folder, "bin", name), 0o755);
}

function offer(lines: readonly string[]): void {
  writeFileSync(join(folder, "sources"), lines.map((line) => ` ${line}\n`).join(""));
}

function run(text: string, words: readonly string[]): { readonly code: number | null; readonly out: string } {
  const ran = spawnSync("sh", ["-c", withWords(text, words)], {
    encoding: "utf8",
    env: { PATH: `${join(folder, "bin")}:${process.env["PATH"] ?? ""}` },
  });
  return { code: ran.status, out: ran.stdout };
}

const read = (name: string): string => (existsSync(join(folder, name)) ? readFileSync(join(folder, name), "utf8").trim() : "");
const log = (): readonly string[] => read("log").split("\n");
const backUp = (): ReturnType<typeof run> => run(BACKUP_TEXT, [join(folder, "data"), join(folder, "copy")]);
const upgrade = (own = ""): ReturnType<typeof run> => run(UPGRADE_TEXT, ["26.1.5", own]);

describe("the text that backs up a manager's state", () => {
  it("copies while the engine is stopped, starts it again, and gives the digest of every original", () => {
    const { code, out } = backUp();
    expect([code, log()]).toEqual([0, ["stop", "start"]]);
    const digests = parseDigests(out);
    expect([...(digests?.keys() ?? [])].toSorted()).toEqual(["swarm/raft/0.wal", "swarm/state.json"]);
    const own = execFileSync("sha256sum", [join(folder, "copy/swarm/raft/0.wal")], { encoding: "utf8" }).slice(0, 64);
    expect(digests?.get("swarm/raft/0.wal")).toBe(own);
    expect(read("running")).toBe("20.10.24+dfsg1");
  });

  it("starts the engine again where there is nothing to copy, and says so", () => {
    rmSync(join(folder, "data/swarm"), { recursive: true });
    expect(backUp().code).toBe(67);
    expect([log(), read("running")]).toEqual([["stop", "start"], "20.10.24+dfsg1"]);
  });

  it("copies nothing under an engine that has not stopped", () => {
    for (const name of ["service", "systemctl"]) program(name, "exit 0");
    expect(backUp().code).toBe(66);
    expect(existsSync(join(folder, "copy/swarm"))).toBe(false);
  });

  it("starts again an engine that said no to being stopped, and tells one that stays away", () => {
    for (const name of ["service", "systemctl"]) program(name, `test "$1$2" = dockerstart -o "$1" = start`);
    expect(backUp().code).toBe(65);
    for (const name of ["service", "systemctl"]) program(name, `rm -f "$W/running"`);
    expect(backUp().code).toBe(64);
  });
});

describe("the text that upgrades an engine", () => {
  it("installs the build of exactly that version with its client, and restarts an engine that runs on", () => {
    expect(upgrade().code).toBe(0);
    expect(read("apt")).toBe(
      "update -q\ninstall -y -q --no-install-recommends -o Dpkg::Options::=--force-confdef -o Dpkg::Options::=--force-confold docker.io=26.1.5+dfsg1-9+deb13u1 docker-cli=26.1.5+dfsg1-9+deb13u1",
    );
    expect([log(), read("running")]).toEqual([["restart"], "26.1.5"]);
  });

  it("knows Docker's own packages, whose versions have an epoch", () => {
    writeFileSync(join(folder, "package"), "docker-ce");
    offer([
      "docker-ce | 5:26.1.5-1~debian.12~bookworm | here",
      "docker-ce-cli | 5:26.1.5-1~debian.12~bookworm | here",
      "docker-cli | 26.1.5+dfsg1 | here",
    ]);
    expect(upgrade().code).toBe(0);
    expect(read("apt")).toContain("docker-ce=5:26.1.5-1~debian.12~bookworm docker-ce-cli=5:26.1.5-1~debian.12~bookworm");
    expect(read("apt")).not.toContain(" docker-cli=");
  });

  it("does not restart an engine that its package has restarted", () => {
    program("apt-get", `if [ "$1" = install ]; then echo 26.1.5+dfsg1 >"$W/running"; fi`);
    expect([upgrade().code, log()]).toEqual([0, [""]]);
  });

  it("touches nothing where the sources lack that version, or another way has installed the engine", () => {
    offer(["docker.io | 26.1.50+x-1 | here"]);
    expect([upgrade().code, read("apt"), log()]).toEqual([61, "update -q", [""]]);
    writeFileSync(join(folder, "package"), "none");
    expect([upgrade().code, log()]).toEqual([62, [""]]);
    for (const code of [60, 61, 62, 63, 64, 65, 66, 67]) expect(ENDS[code]).toMatch(/\w/);
  });

  it("hands on what the package manager ends with", () => {
    program("apt-get", `test "$1" = update || exit 100`);
    expect([upgrade().code, read("running")]).toEqual([100, "20.10.24+dfsg1"]);
    program("apt-get", "exit 100");
    expect(upgrade().code).toBe(60);
  });

  it("runs the operator's own command instead, whatever is in it, and hands on its code", () => {
    expect(upgrade(`echo "it's $PAWL_TARGET; \\$(x)" >'${folder}/own'; echo "$PAWL_TARGET" >'${folder}/installed'`).code).toBe(0);
    expect([read("own"), read("apt"), read("running")]).toEqual(["it's 26.1.5; $(x)", "", "26.1.5"]);
    expect([upgrade("exit 7").code, upgrade("kill -9 $$").code]).toEqual([7, 137]);
  });
});
