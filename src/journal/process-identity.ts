import { readFileSync, readlinkSync } from "node:fs";
import { hostname } from "node:os";

/** A process, told apart from every other one that ever had or will have its pid. */
export interface ProcessIdentity {
  readonly pid: number;
  /** Clock ticks after boot at which it started (field 22 of /proc/PID/stat); null where there is no /proc. */
  readonly startTicks: string | null;
  readonly host: string;
  /** The kernel's boot id; empty where there is none. */
  readonly boot: string;
  /** Pid namespace: a pid means nothing outside of it. Empty where there is none. */
  readonly pidSpace: string;
}

/** This process. */
export function thisProcess(): ProcessIdentity {
  return { pid: process.pid, startTicks: startTicksOf(process.pid), host: hostname(), boot: bootId(), pidSpace: pidSpace() };
}

/** Whether a process is there: `unknown` wherever this machine cannot tell for certain. */
export function lookFor(other: ProcessIdentity): "alive" | "dead" | "unknown" {
  const self = thisProcess();
  if (
    self.boot === "" ||
    self.boot !== other.boot ||
    self.host !== other.host ||
    self.pidSpace !== other.pidSpace ||
    other.startTicks === null
  )
    return "unknown";
  const ticks = startTicksOf(other.pid);
  if (ticks === other.startTicks) return "alive";
  // Gone, or its pid was given to another process since.
  return ticks !== null || !isThere(other.pid) ? "dead" : "unknown";
}

function startTicksOf(pid: number): string | null {
  // The command name in field 2 may hold spaces and brackets: count from the last bracket.
  const text = read(`/proc/${pid}/stat`);
  const after = text?.slice(text.lastIndexOf(")") + 2).split(" ");
  return after?.[19] ?? null;
}

function isThere(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== "ESRCH";
  }
}

function bootId(): string {
  return read("/proc/sys/kernel/random/boot_id")?.trim() ?? "";
}

function pidSpace(): string {
  try {
    return readlinkSync("/proc/self/ns/pid");
  } catch {
    return "";
  }
}

function read(path: string): string | null {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return null;
  }
}
