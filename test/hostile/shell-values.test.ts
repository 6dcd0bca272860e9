import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, posix } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { CAPTURE_TAR_COMMANDS, parseDigests } from "../../src/action/capture-tar.ts";
import { createClusterLock } from "../../src/action/cluster-lock.ts";
import { argvProblem } from "../../src/action/command.ts";
import { job } from "../../src/action/job.ts";
import { jobFolder } from "../../src/action/remote-job.ts";
import { createTarScan } from "../../src/action/tar-scan.ts";
import { tarArgv } from "../../src/action/tar-archive.ts";
import { fill } from "../../src/check/template.ts";
import { readDocuments } from "../../src/document/documents.ts";
import type { Inventory, InventoryNode } from "../../src/domain/inventory.ts";
import type { Command, StepContext } from "../../src/engine/ports.ts";
import { filesArgv, parseListing } from "../../src/platform/dcos/facts/files-script.ts";
import { factsCommand } from "../../src/platform/dcos/facts/facts-script.ts";
import { urlOfGenerator } from "../../src/platform/dcos/upgrade/script-text.ts";
import { FETCH_SCRIPT } from "../../src/platform/dcos/upgrade/fetch-script.ts";
import { generatorCommand } from "../../src/platform/dcos/upgrade/upgrade-script.ts";
import { createLocalRunner } from "../../src/transport/local.ts";
import { commandLine } from "../../src/transport/quote.ts";
import { INVENTORY } from "../document/material.ts";
import { createShellRemote, type Shell } from "../edge/shell-remote.ts";
import { describeReal } from "../real/requires.ts";
import { hostileValues } from "./values.ts";

const SHELLS: readonly Shell[] = ["dash", "bash", "busybox"];
const ALL = hostileValues(1_000);
let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "pawl-values-"));
});
afterAll(() => {
  // Nothing of all this was ever run: every way to do it would have left this file somewhere.
  const spoiled = readdirSync(folder, { recursive: true }).filter((name) => String(name).split("/").at(-1) === "pwned");
  rmSync(folder, { recursive: true, force: true });
  expect(spoiled).toEqual([]);
});

const parts = (values: readonly string[], size: number): readonly (readonly string[])[] =>
  Array.from({ length: Math.ceil(values.length / size) }, (_, index) => values.slice(index * size, (index + 1) * size));

/** What a text prints, run by a real shell from a file in a folder of its own. */
function sh(shell: Shell, text: string): string {
  return raw(shell, text).toString("utf8");
}

function raw(shell: Shell, text: string): Buffer {
  const file = join(folder, "text.sh");
  writeFileSync(file, text);
  const [program, ...words]: [string, ...string[]] = shell === "busybox" ? ["busybox", "sh", file] : [shell, file];
  return execFileSync(program, words, { cwd: folder, maxBuffer: 64 << 20, stdio: ["ignore", "pipe", "ignore"] });
}

/** NUL-separated words as a list. */
const list = (text: string): readonly string[] => text.split("\0").slice(0, -1);

describeReal("a thousand hostile values on their way to a node's shell", ["dash", "busybox-static"], () => {
  it("are a thousand different ones, and would do harm without quoting", () => {
    expect(ALL).toHaveLength(1_000);
    const naive = spawnSync("dash", ["-c", "printf '%s' $(echo would-run)"], { encoding: "utf8" });
    expect(naive.stdout).toBe("would-run");
  });

  it.each(SHELLS)("arrive as one argument each, whatever command they are words of (%s)", (shell) => {
    for (const part of parts(ALL, 200)) expect(list(sh(shell, commandLine(["printf", "%s\\0", ...part])))).toEqual(part);
  });

  it.each(SHELLS)("arrive in a script that gets them as its arguments: `sh -c TEXT name words` (%s)", (shell) => {
    const text = `for word in "$@"; do printf '%s\\0' "$word"; done`;
    for (const part of parts(ALL, 200)) expect(list(sh(shell, commandLine(["sh", "-c", text, "name", ...part])))).toEqual(part);
  });

  it.each(SHELLS)("arrive in a detached job, which runs from a file (%s)", { timeout: 120_000 }, async (shell) => {
    const place = mkdtempSync(join(folder, "job-"));
    const remote = createShellRemote(shell, place);
    let text = "";
    const real = {
      ...remote,
      run: (target: string, command: Command) =>
        command.stdin === undefined
          ? remote.run(target, command)
          : ((text = command.stdin), Promise.resolve({ kind: "lost", reason: "seen", code: "seen", sent: false } as const)),
    };
    for (const part of parts(ALL, 200)) {
      const step = { address: "work/n1/job", node: "n1", kind: "job", with: { argv: ["printf", "%s\\0", ...part] } };
      const clock = { now: () => 0, monotonic: () => 0, sleep: () => Promise.resolve() };
      await job.doIt({
        run: "run-1",
        step,
        remote: real,
        clock,
        record: () => ({ attempts: 1 }),
        say: () => undefined,
      } as unknown as StepContext);
      expect(list(sh(shell, text))).toEqual(part);
    }
  });

  it.each(SHELLS)("arrive as paths of the installer and as the installed version (%s)", (shell) => {
    const paths = hostileValues(1_000, /[\u0000-\u001f\u007f]/).map((value) => `/opt/${value}/gen.sh`);
    const texts = paths.map((path) => `( ${generatorCommand(path, path)} )`);
    const shadows = `cd() { printf '%s\\0' "$@"; }\nbash() { printf '%s\\0' "$@"; }\n`;
    const heard = list(sh(shell, shadows + texts.join("\n")));
    expect(heard).toHaveLength(paths.length * 4);
    paths.forEach((path, index) => {
      expect(heard.slice(index * 4, index * 4 + 4)).toEqual([posix.dirname(path), path, "--generate-node-upgrade-script", path]);
    });
  });

  it.each(SHELLS)("arrive as URLs, folders and digests of the script that a node fetches (%s)", (shell) => {
    const values = ALL.slice(0, shell === "dash" ? 300 : 100);
    const shadows = `umask() { :; }\nmkdir() { printf '%s\\0' "$@"; }\ncurl() { printf '%s\\0' "$@"; }\nrm() { :; }\nsha256sum() { :; }\n`;
    const texts = values.map(
      (value) =>
        `( set -- ${commandLine([`/var/tmp/${value}`, value, value])}\n${FETCH_SCRIPT.replace(/for own in[^]*?\ndone\n/, "")}\n:)`,
    );
    const heard = list(
      sh(shell, `${shadows}${texts.join("\n")}\n:`)
        .replaceAll(/found [^\n]*\n/g, "")
        .replaceAll(/(?<=^|\0)[^\0]*\/dcos_node_upgrade\.sh\0(?=[^\0]*\0-f)/g, ""),
    );
    for (const value of values) {
      expect(heard).toContain(`/var/tmp/${value}`);
      expect(heard).toContain(value);
      expect(heard).toContain(`/var/tmp/${value}/dcos_node_upgrade.sh`);
    }
  });

  it.each(SHELLS)("arrive as paths of files that are hashed, listed and packed, also as names of real files (%s)", (shell) => {
    const here = mkdtempSync(join(folder, "files-"));
    const names = hostileValues(300, /\/|^\.{0,2}$|.{200}|\ud83d|[^\u0000-\u024f]/s);
    for (const name of names) writeFileSync(join(here, name), name);
    const paths = names.map((name) => `${here}/${name}`);
    for (const part of parts(paths, 50)) {
      const digests = CAPTURE_TAR_COMMANDS.at(-1)?.slice(0, -1).map(String) ?? [];
      const hashed = parseDigests(sh(shell, commandLine([...digests, ...part])));
      // The node's own sha256sum escapes line breaks; what it could not tell apart is missing, never mistaken.
      for (const path of part) if (!/[\n\\\r]/.test(path)) expect(hashed?.has(path), JSON.stringify(path)).toBe(true);
      const oneLine = part.filter((path) => !path.includes("\n"));
      const listed = parseListing(sh(shell, commandLine([...filesArgv(oneLine, false)])));
      expect([...(listed?.files.keys() ?? [])].toSorted()).toEqual(oneLine.toSorted());
      const scan = createTarScan();
      // Paths with a backslash are refused by the step: tars do not agree about them.
      const packable = part.filter((path) => !path.includes("\\"));
      scan.write(raw(shell, commandLine([...tarArgv(packable)])));
      const packed = scan.finish();
      expect(packed.damage).toBeNull();
      expect(packed.files.map((file) => `/${file.name}`)).toEqual(packable);
      const read = sh(shell, part.map((path) => `${commandLine(["cat", path])}\nprintf '\\0'`).join("\n"));
      expect(list(read)).toEqual(part.map((path) => path.slice(here.length + 1)));
    }
  });

  it.each(SHELLS)("arrive as what a bootstrap machine is asked for (%s)", (shell) => {
    const inventory = { bootstrap: { url: "http://b" }, scripts: {}, settings: {} } as unknown as Inventory;
    const text = factsCommand(inventory, { name: "m1", role: "none" }).argv[2] ?? "";
    const shadows = `curl() { printf 'asked %s\\n' "$(printf '%s' "$*" | od -An -tx1 | tr -d ' \\n')"; }\nsay() { :; }\n`;
    const only = text
      .split("\n")
      .filter((line) => /^(?:url=|shift|if \[ -n "\$url")/.test(line))
      .join("\n");
    expect(only.split("\n")).toHaveLength(3);
    for (const value of ALL.slice(0, 100).filter((one) => one !== "")) {
      const heard = sh(shell, `${shadows}set -- ${commandLine([value, ""])}\n${only}`);
      expect(heard).toBe(`asked ${Buffer.from(`-sSI --max-time 10 ${value}`).toString("hex")}\n`);
    }
  });

  it.each(SHELLS)(
    "hold the cluster's lock as person, machine and run, and let it go again (%s)",
    { timeout: 120_000 },
    async (shell) => {
      const place = mkdtempSync(join(folder, "lock-"));
      const remote = createShellRemote(shell, place);
      for (const [index, value] of ALL.slice(0, shell === "dash" ? 60 : 25).entries()) {
        const run = `20260101T000000Z-${index}`;
        const lock = createClusterLock({
          remote,
          nodes: ["m1"],
          path: join(place, "it's a lock; $(touch pwned)", "lock"),
          run,
          id: `id-${index}`,
          folder: value,
          process: null,
          identity: null,
          actor: value,
          host: value,
          clock: { now: () => 0 },
        });
        expect(await lock.take()).toMatchObject({ kind: "taken", nodes: ["m1"] });
        expect(await lock.check()).toEqual({ kind: "ours" });
        const other = createClusterLock({
          remote,
          nodes: ["m1"],
          path: join(place, "it's a lock; $(touch pwned)", "lock"),
          run: `${run}-b`,
          id: "other",
          folder: "b",
          process: null,
          identity: null,
          actor: "b",
          host: "b",
          clock: { now: () => 0 },
        });
        expect(await other.take()).toEqual({
          kind: "held",
          holder: `${value} on ${value}, run ${run}, since 1970-01-01T00:00:00.000Z`,
        });
        expect(await lock.release()).toEqual(["m1"]);
      }
    },
  );
});

describe("hostile values on their way to a program of this machine", () => {
  it("arrive in hooks and site steps as they are, as words and in the environment", { timeout: 60_000 }, async () => {
    const local = createLocalRunner();
    for (const part of parts(ALL, 250)) {
      const outcome = await local.run(["printf", "%s\\0", ...part], { timeoutMs: 30_000 });
      expect(outcome.kind === "exited" ? list(outcome.stdout) : outcome).toEqual(part);
      const env = Object.fromEntries(part.map((value, index) => [`V${index}`, value]));
      const seen = await local.run([process.execPath, "-e", "process.stdout.write(JSON.stringify(process.env))"], {
        timeoutMs: 30_000,
        env,
      });
      const heard = JSON.parse(seen.kind === "exited" ? seen.stdout : "{}") as Record<string, string>;
      expect(part.map((_, index) => heard[`V${index}`])).toEqual(part);
    }
  });

  it("are an outcome, never a throw, where no program can get them", async () => {
    const local = createLocalRunner();
    for (const argv of [["printf", "a\0b"], ["a\0b"], [""], ["-x"], ["a".repeat(5_000)], ["printf", "x".repeat(200_000)]])
      expect((await local.run(argv, { timeoutMs: 5_000 })).kind, JSON.stringify(argv).slice(0, 40)).toBe("lost");
  });
});

describe("hostile values where only some are allowed", () => {
  const node: InventoryNode = { name: "m1", address: "10.0.0.1", role: "master", critical: false, ssh: {} };
  const filling = (value: string) => ({
    inventory: { ports: {}, nodes: [node] } as unknown as Inventory,
    ports: {},
    node,
    subject: "m1",
    context: { inputs: { value } },
  });

  it("fill one word of a check's command, or one part of its URL, and are not looked at again", () => {
    for (const value of ALL) {
      expect(fill("{value}", filling(value))).toEqual({ kind: "filled", text: value });
      const url = fill("http://h/{value}?x=1", filling(value), "url");
      expect(url.kind === "filled" ? decodeURIComponent(url.text.slice("http://h/".length, -"?x=1".length)) : url).toBe(value);
      if (url.kind === "filled") expect(new URL(url.text).host).toBe("h");
    }
  });

  it("are refused as names, addresses, users, paths, URLs and versions of an inventory, or are words no shell interprets", () => {
    const places: readonly ((value: string) => string)[] = [
      (value) => INVENTORY.replace("name: m1", () => `name: ${JSON.stringify(value)}`),
      (value) => INVENTORY.replace("10.0.0.11", () => JSON.stringify(value)),
      (value) => INVENTORY.replace("user: core", () => `user: ${JSON.stringify(value)}`),
      (value) => INVENTORY.replace("role: master", () => `role: ${JSON.stringify(value)}`),
      (value) => INVENTORY.replace("name: production", () => `name: ${JSON.stringify(value)}`),
      (value) => INVENTORY.replace("nodes:", () => `bootstrap: { address: b, url: ${JSON.stringify(value)} }\nnodes:`),
      (value) =>
        INVENTORY.replace(
          "nodes:",
          () => `scripts: { ${JSON.stringify(value)}: { url: "http://b/x", sha256: ${"a".repeat(64)} } }\nnodes:`,
        ),
      (value) =>
        INVENTORY.replace(
          "nodes:",
          () => `scripts: { "1.9.9": { url: ${JSON.stringify(`http://b/${value}`)}, sha256: ${"a".repeat(64)} } }\nnodes:`,
        ),
    ];
    let accepted = 0;
    for (const value of ALL) {
      for (const [index, place] of places.entries()) {
        const { documents, complaints } = readDocuments([{ file: "f", text: place(value) }], "/home/op");
        if (documents.length === 0) expect(complaints[0]?.line).toBeGreaterThan(0);
        else {
          accepted += 1;
          expect(value, `place ${index}`).toMatch(
            index >= 5 ? /^[A-Za-z0-9_.~:/?&#%@+=,-]*$/ : /^[A-Za-z0-9_][A-Za-z0-9_.@:-]*$/,
          );
        }
      }
    }
    expect(accepted).toBeGreaterThan(8);
  });

  it("are no address of a script where a generator prints them", () => {
    for (const value of ALL) {
      const url = urlOfGenerator(`Node upgrade script URL: http://b/${value}`);
      if (url !== null) expect(url).toMatch(/^https?:\/\/[A-Za-z0-9_.~:/?&#%@+=,-]+$/);
    }
  });

  it("name no folder outside the one for jobs, and no name too long", () => {
    for (const value of [...ALL, "x".repeat(500)]) {
      const path = jobFolder(`run-${value}`, `phase/${value}/step/1`, { sudo: true, base: "/base" });
      expect(path).toMatch(/^\/base\/[A-Za-z0-9._+-]{1,220}$/);
    }
    const long = "x".repeat(300);
    expect(jobFolder("run", `${long}/a`, { sudo: true })).not.toBe(jobFolder("run", `${long}/b`, { sudo: true }));
  });

  it("are no program where exec, sudo or env would take them for something of their own", () => {
    const problem = (program: string): string | undefined => argvProblem({ address: "a", with: { argv: [program, "x"] } })?.code;
    for (const program of ["", "-x", "--", "A=b", "PATH=/x"]) expect(problem(program)).toBe("argv");
    for (const program of ["ls", "/bin/a=b", "./x", "a-b", "it's"]) expect(problem(program)).toBeUndefined();
    expect(argvProblem({ address: "a", with: { argv: ["printf", "a\0b"] } })?.code).toBe("argv");
    expect(existsSync(join(folder, "pwned"))).toBe(false);
  });
});
