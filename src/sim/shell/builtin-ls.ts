import { posix } from "node:path";
import type { FsStat } from "just-bash";
import { complain, say, splitOptions, type Builtin, type Call } from "./caller.ts";
import { modeText } from "./mode-text.ts";
import { ownerOf } from "./rights.ts";

interface Row {
  readonly name: string;
  readonly stat: FsStat;
  readonly line: string;
}

const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

function humanSize(bytes: number): string {
  const units = ["", "K", "M", "G", "T"];
  let value = bytes;
  let unit = 0;
  for (; value >= 1024 && unit < units.length - 1; unit += 1) value /= 1024;
  return unit === 0 ? String(bytes) : `${value < 10 ? value.toFixed(1) : Math.ceil(value).toString()}${units[unit] ?? ""}`;
}

function timeText(time: Date): string {
  const clock = `${String(time.getUTCHours()).padStart(2, "0")}:${String(time.getUTCMinutes()).padStart(2, "0")}`;
  return `${MONTHS[time.getUTCMonth()] ?? ""} ${String(time.getUTCDate()).padStart(2)} ${clock}`;
}

async function rowOf(call: Call, path: string, name: string, options: ReadonlyMap<string, string>): Promise<Row> {
  const { view, machine } = call.caller;
  const stat = await view.lstat(path);
  const [user = "root", group = "root"] = ownerOf(machine, path).split(":");
  const named = (who: string): string => (options.has("-n") ? (who === "root" ? "0" : "500") : who);
  const size = options.has("-h") ? humanSize(stat.size) : String(stat.size);
  const target = stat.isSymbolicLink ? ` -> ${await view.readlink(path)}` : "";
  const line = `${modeText(stat)} 1 ${named(user).padEnd(4)} ${named(group).padEnd(4)} ${size.padStart(8)} ${timeText(stat.mtime)} ${name}${target}`;
  return { name, stat, line };
}

function shown(rows: readonly Row[], options: ReadonlyMap<string, string>): string {
  const sorted = options.has("-t") ? [...rows].sort((a, b) => b.stat.mtime.getTime() - a.stat.mtime.getTime()) : [...rows];
  if (options.has("-r")) sorted.reverse();
  const mark = (row: Row): string => (options.has("-F") || options.has("-p") ? (row.stat.isDirectory ? "/" : "") : "");
  return sorted.map((row) => `${options.has("-l") || options.has("-n") ? row.line : row.name}${mark(row)}\n`).join("");
}

async function folderText(call: Call, folder: string, options: ReadonlyMap<string, string>): Promise<string> {
  const names = (await call.caller.view.readdir(folder)).filter(
    (name) => !name.startsWith(".") || options.has("-a") || options.has("-A"),
  );
  const rows = await Promise.all(names.map((name) => rowOf(call, posix.join(folder, name), name, options)));
  const dots = options.has("-a")
    ? [await rowOf(call, folder, ".", options), await rowOf(call, posix.dirname(folder), "..", options)]
    : [];
  return `${options.has("-l") || options.has("-n") ? `total ${rows.length * 4}\n` : ""}${shown([...dots, ...rows], options)}`;
}

/** `ls [-l] [-n] [-a] [-A] [-d] [-1] [-t] [-r] [-h] [-F] [FILE…]`: just-bash shows neither modes nor owners. Times are UTC. */
export const ls: Builtin = async (call) => {
  const flags = call.args.filter((word) => /^-./.test(word));
  const { options } = splitOptions(flags);
  const given = call.args.filter((word) => !/^-./.test(word));
  const { view, cwd } = call.caller;
  const files: Row[] = [];
  const folders: (readonly [string, string])[] = [];
  let code = 0;
  for (const name of given.length === 0 ? ["."] : given) {
    const path = view.resolvePath(cwd, name);
    try {
      const row = await rowOf(call, path, name, options);
      const stat = row.stat.isSymbolicLink && !options.has("-l") ? await view.stat(path).catch(() => row.stat) : row.stat;
      if (stat.isDirectory && !options.has("-d")) folders.push([name, path]);
      else files.push(row);
    } catch {
      code = await complain(call, `ls: cannot access '${name}': No such file or directory`, 2);
    }
  }
  let text = shown(files, options);
  for (const [name, path] of folders) {
    if (given.length > 1) text += `${text === "" ? "" : "\n"}${name}:\n`;
    text += await folderText(call, path, options);
  }
  await say(call.out, text);
  return code;
};
