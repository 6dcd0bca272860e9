import { dropOldBoot, type Machine, type Process } from "./machine.ts";

/** Twenty zeros after field 22: nobody asks for memory or signals of a simulated process. */
const TAIL = "0 ".repeat(29).trim();

/** A file's text, or that it is a folder. */
export type ProcEntry = string | { readonly folder: true };
const FOLDER: ProcEntry = { folder: true };

function stat(process: Process): string {
  const name = (process.argv[0] ?? "sh").split("/").pop() ?? "sh";
  const front = `${process.pid} (${name.slice(0, 15)}) S ${process.ppid} ${process.pgid} ${process.pgid} 0 -1 4194304`;
  return `${front} 0 0 0 0 0 0 0 0 20 0 1 0 ${process.startTicks} ${TAIL}\n`;
}

function status(process: Process): string {
  const id = process.user === "root" ? 0 : 500;
  const ids = `${id}\t${id}\t${id}\t${id}`;
  return `Name:\tsh\nState:\tS (sleeping)\nPid:\t${process.pid}\nPPid:\t${process.ppid}\nUid:\t${ids}\nGid:\t${ids}\n`;
}

function processFile(process: Process, rest: string): ProcEntry | null {
  switch (rest) {
    case "":
      return FOLDER;
    case "stat":
      return stat(process);
    case "status":
      return status(process);
    case "comm":
      return `${(process.argv[0] ?? "sh").split("/").pop() ?? "sh"}\n`;
    case "cmdline":
      return process.argv.map((word) => `${word}\0`).join("");
    default:
      return null;
  }
}

/** Files of one process folder. */
export const PROCESS_FILES = ["cmdline", "comm", "stat", "status"];

/**
 * The part of /proc that lives: processes, boot id, uptime. `self` is the process that asks. Null: not ours, look into the
 * node's files. Layout: proc(5).
 */
export function procEntry(machine: Machine, self: Process, path: string): ProcEntry | null {
  if (!path.startsWith("/proc")) return null;
  dropOldBoot(machine);
  if (path === "/proc") return FOLDER;
  if (path === "/proc/sys/kernel/random/boot_id") return `${machine.node.bootId}\n`;
  if (path === "/proc/uptime") {
    const seconds = ((machine.clock.now() - machine.boot.sinceMs) / 1000).toFixed(2);
    return `${seconds} ${seconds}\n`;
  }
  const match = /^\/proc\/(self|\d+)(?:\/(.*))?$/.exec(path);
  if (match === null) return null;
  const process = match[1] === "self" ? self : machine.processes.get(Number(match[1]));
  return process === undefined ? null : processFile(process, match[2] ?? "");
}
