import { createHash } from "node:crypto";
import { posix } from "node:path";
import { modeText } from "./mode-text.ts";
import { ls } from "./builtin-ls.ts";
import { touch } from "./builtin-touch.ts";
import { ownerOf } from "./rights.ts";
import { complain, say, splitOptions, type Builtin, type Call } from "./caller.ts";

const FOLLOW_MS = 1000;

function place(call: Call, path: string): string {
  return call.caller.view.resolvePath(call.caller.cwd, path);
}

async function read(call: Call, path: string): Promise<Buffer> {
  return path === "-" ? call.stdin() : Buffer.from(await call.caller.view.readFileBuffer(place(call, path)));
}

function lineStart(bytes: Buffer, spec: string): number {
  const count = Number(spec.replace(/^[+-]/, ""));
  if (spec.startsWith("+")) {
    let index = 0;
    for (let line = 1; line < count; line += 1) {
      const next = bytes.indexOf(10, index);
      if (next < 0) return bytes.length;
      index = next + 1;
    }
    return index;
  }
  let index = bytes.at(-1) === 10 ? bytes.length - 1 : bytes.length;
  for (let line = 0; line < count; line += 1) {
    const before = index === 0 ? -1 : bytes.lastIndexOf(10, index - 1);
    if (before < 0) return 0;
    index = before;
  }
  return count === 0 ? bytes.length : index + 1;
}

function byteStart(bytes: Buffer, spec: string): number {
  const count = Number(spec.replace(/^[+-]/, ""));
  return spec.startsWith("+") ? Math.max(0, Math.min(count, bytes.length + 1) - 1) : Math.max(0, bytes.length - count);
}

/** `tail [-c N|+N] [-n N|+N] [-f] FILE…`: just-bash gives the last N bytes for `-c +N`, and has no `-f`. */
const tail: Builtin = async (call) => {
  const args = call.args.map((word) => (/^-\d+$/.test(word) ? `-n${word.slice(1)}` : word));
  const { options, rest } = splitOptions(args, new Set(["-c", "-n", "-s"]));
  const bySize = options.get("-c") ?? options.get("--bytes");
  const byLine = options.get("-n") ?? options.get("--lines") ?? "10";
  const files = rest.length === 0 ? ["-"] : rest;
  let code = 0;
  for (const file of files) {
    try {
      const bytes = await read(call, file);
      if (files.length > 1 && !options.has("-q")) await say(call.out, `${file === files[0] ? "" : "\n"}==> ${file} <==\n`);
      await say(call.out, bytes.subarray(bySize === undefined ? lineStart(bytes, byLine) : byteStart(bytes, bySize)));
    } catch {
      code = await complain(call, `tail: cannot open '${file}' for reading: No such file or directory`);
    }
  }
  if ((options.has("-f") || options.has("-F")) && rest[0] !== undefined) await follow(call, rest[0]);
  return code;
};

async function follow(call: Call, file: string): Promise<void> {
  const { clock, process } = call.caller;
  const size = async (): Promise<number> => (await read(call, file).catch(() => Buffer.alloc(0))).length;
  let seen = await size();
  while (!process.signal.aborted) {
    await clock.sleep(FOLLOW_MS, process.signal);
    const bytes = await read(call, file).catch(() => Buffer.alloc(0));
    if (bytes.length < seen) seen = 0;
    if (bytes.length > seen) await say(call.out, bytes.subarray(seen));
    seen = bytes.length;
  }
}

const cmp: Builtin = async (call) => {
  const { options, rest } = splitOptions(call.args);
  const [left = "-", right = "-"] = rest;
  let pair: [Buffer, Buffer];
  try {
    pair = [await read(call, left), await read(call, right)];
  } catch {
    return complain(call, `cmp: ${left} or ${right}: No such file or directory`, 2);
  }
  if (pair[0].equals(pair[1])) return 0;
  const at = pair[0].findIndex((byte, index) => byte !== pair[1][index]);
  if (!options.has("-s")) await say(call.out, `${left} ${right} differ: byte ${(at < 0 ? pair[0].length : at) + 1}, line 1\n`);
  return 1;
};

const sha512sum: Builtin = async (call) => {
  const { rest } = splitOptions(call.args);
  let code = 0;
  for (const file of rest.length === 0 ? ["-"] : rest) {
    try {
      await say(
        call.out,
        `${createHash("sha512")
          .update(await read(call, file))
          .digest("hex")}  ${file}\n`,
      );
    } catch {
      code = await complain(call, `sha512sum: ${file}: No such file or directory`);
    }
  }
  return code;
};

const mktemp: Builtin = async (call) => {
  const { options, rest } = splitOptions(call.args, new Set(["-p"]));
  const folder = options.get("-p") ?? options.get("--tmpdir") ?? (rest[0]?.includes("/") === true ? "" : "/tmp");
  const template = rest[0] ?? "tmp.XXXXXXXXXX";
  const { machine, view, process } = call.caller;
  for (let round = 0; round < 1000; round += 1) {
    machine.pids.temporary += 1;
    const mark = createHash("sha256").update(`${machine.node.name} ${machine.pids.temporary}`).digest("hex");
    const name = template.replace(/X{3,}(?=[^X]*$)/, (marks) => mark.slice(0, marks.length));
    const path = place(call, posix.join(folder, name));
    if (await view.exists(path)) continue;
    const before = process.umask;
    process.umask = 0o077;
    try {
      await (options.has("-d") ? view.mkdir(path) : view.writeFile(path, ""));
    } catch {
      return await complain(call, `mktemp: failed to create ${path}: No such file or directory`);
    } finally {
      process.umask = before;
    }
    await say(call.out, `${path}\n`);
    return 0;
  }
  return complain(call, "mktemp: too many tries");
};

/** `chown [-R] OWNER[:GROUP] FILE…` and `chgrp`: kept beside the files, which know no owner. */
const chown: Builtin = async (call) => {
  const { options, rest } = splitOptions(call.args);
  const [owner = "", ...files] = rest;
  const [user = "root", group = user] = owner.split(":");
  const { machine, view } = call.caller;
  let code = 0;
  for (const file of files) {
    const path = place(call, file);
    if (!(await view.exists(path))) {
      code = await complain(call, `chown: cannot access '${file}': No such file or directory`);
      continue;
    }
    if (call.caller.process.user !== "root") {
      code = await complain(call, `chown: changing ownership of '${file}': Operation not permitted`);
      continue;
    }
    const inside = options.has("-R") ? view.getAllPaths().filter((other) => other.startsWith(`${path}/`)) : [];
    for (const each of [path, ...inside]) machine.owners.set(each, `${user}:${group === "" ? user : group}`);
  }
  return code;
};

/** `mkdir [-p] [-m MODE] FOLDER…`: just-bash knows no `-m`, and locks are made with it. */
const mkdir: Builtin = async (call) => {
  const { options, rest } = splitOptions(call.args, new Set(["-m"]));
  const mode = options.get("-m") ?? options.get("--mode");
  const { view } = call.caller;
  let code = 0;
  for (const folder of rest) {
    const path = place(call, folder);
    const recursive = options.has("-p") || options.has("--parents");
    try {
      await view.mkdir(path, { recursive });
      if (mode !== undefined) await view.chmod(path, Number.parseInt(mode, 8));
    } catch (error) {
      code = await complain(call, `mkdir: cannot create directory '${folder}': ${reasonOf(error)}`);
    }
  }
  return code;
};

/** What a program prints for an error of the file system. */
function reasonOf(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  if (text.startsWith("EEXIST")) return "File exists";
  if (text.startsWith("EACCES")) return "Permission denied";
  if (text.startsWith("ENOTDIR")) return "Not a directory";
  return "No such file or directory";
}

const realpath: Builtin = async (call) => {
  const { options, rest } = splitOptions(call.args);
  for (const file of rest) {
    try {
      await say(call.out, `${await call.caller.view.realpath(place(call, file))}\n`);
    } catch {
      if (!options.has("-m")) return complain(call, `realpath: ${file}: No such file or directory`);
      await say(call.out, `${place(call, file)}\n`);
    }
  }
  return 0;
};

/** `stat -c FORMAT FILE…` with %n %s %a %A %U %G %u %g %Y %F %N; without a format the same facts in words. */
const stat: Builtin = async (call) => {
  const { options, rest } = splitOptions(call.args, new Set(["-c"]));
  const format =
    options.get("-c") ??
    options.get("--format") ??
    options.get("--printf") ??
    "  File: %n\n  Size: %s\t%F\nAccess: (%a/%A)  Uid: %U   Gid: %G\nModify: %Y";
  const { view, machine } = call.caller;
  let code = 0;
  for (const file of rest) {
    const path = place(call, file);
    try {
      const found = options.has("-L") ? await view.stat(path) : await view.lstat(path);
      const words = found.isDirectory
        ? "directory"
        : found.isSymbolicLink
          ? "symbolic link"
          : found.size === 0
            ? "regular empty file"
            : "regular file";
      const [user = "root", group = "root"] = ownerOf(machine, path).split(":");
      const facts: Record<string, string> = {
        n: file,
        N: `'${file}'`,
        s: String(found.size),
        a: (found.mode & 0o7777).toString(8),
        A: modeText(found),
        U: user,
        G: group,
        u: user === "root" ? "0" : "500",
        g: group === "root" ? "0" : "500",
        Y: String(Math.floor(found.mtime.getTime() / 1000)),
        F: words,
      };
      const line = format.replaceAll(/%([A-Za-z])/g, (all, letter: string) => facts[letter] ?? all);
      await say(call.out, options.has("--printf") ? line.replaceAll("\\n", "\n") : `${line}\n`);
    } catch {
      code = await complain(call, `stat: cannot stat '${file}': No such file or directory`);
    }
  }
  return code;
};

/** Nothing here survives the process anyway. */
const sync: Builtin = () => Promise.resolve(0);

/** Commands about files. */
export const FILE_BUILTINS: readonly (readonly [string, Builtin])[] = [
  ["ls", ls],
  ["tail", tail],
  ["cmp", cmp],
  ["sha512sum", sha512sum],
  ["mkdir", mkdir],
  ["mktemp", mktemp],
  ["chown", chown],
  [
    "chgrp",
    (call) =>
      chown({
        ...call,
        args: call.args.map((word, index) =>
          index === call.args.findIndex((other) => !other.startsWith("-")) ? `root:${word}` : word,
        ),
        stdin: () => call.stdin(),
      }),
  ],
  ["realpath", realpath],
  ["stat", stat],
  ["touch", touch],
  ["sync", sync],
];
