import type { SimClock, SimNode } from "../ports.ts";

/** Where a process writes. A returned promise holds the writer back. */
export interface Sink {
  write(chunk: Buffer): void | Promise<void>;
}

/** Runs work during which simulated time stands still, except while that work sleeps on the clock it is given. */
export type Busy = <T>(work: (clock: SimClock) => Promise<T>) => Promise<T>;

/** One entry of a node's process table. What changes over its life is at the bottom. */
export interface Process {
  readonly pid: number;
  readonly ppid: number;
  readonly pgid: number;
  readonly argv: readonly string[];
  readonly user: string;
  /** Clock ticks (1/100 s) since boot: field 22 of /proc/PID/stat. With the pid it names one process for ever. */
  readonly startTicks: number;
  readonly signal: AbortSignal;
  readonly out: Sink;
  readonly err: Sink;
  umask: number;
  /** The signal that ended it, without SIG. */
  killedBy: string | null;
  kill(signal: string): void;
}

/** What the shell keeps per node besides its files. */
export interface Machine {
  readonly node: SimNode;
  readonly clock: SimClock;
  readonly busy: Busy;
  readonly processes: Map<number, Process>;
  /** `user:group` by path, where it is not root's. */
  readonly owners: Map<string, string>;
  readonly boot: { id: string; sinceMs: number };
  readonly pids: { next: number; temporary: number };
}

const machines = new WeakMap<SimNode, Machine>();
const FIRST_PID = 1200;
/** A node that has just been met was booted a day ago. */
const UPTIME_MS = 86_400_000;

/** The busy function of a clock that has one (src/sim/clock.ts); elsewhere work just runs. */
export function busyOf(clock: SimClock): Busy {
  if ("busy" in clock && typeof clock.busy === "function") {
    const holding = clock as SimClock & { readonly busy: Busy };
    return (work) => holding.busy(work);
  }
  return (work) => work(clock);
}

/** The machine behind a node: one per node, made at first use. After a reboot of the node its processes are gone. */
export function machineOf(node: SimNode, clock: SimClock): Machine {
  let machine = machines.get(node);
  if (machine === undefined) {
    for (const folder of ["/tmp", "/var/tmp", "/root", "/home/core", "/home/centos"])
      node.fs.mkdirSync(folder, { recursive: true });
    // The in-memory file system does this at once; only its interface is asynchronous.
    for (const [folder, mode] of [
      ["/tmp", 0o1777],
      ["/var/tmp", 0o1777],
      ["/root", 0o700],
    ] as const)
      void node.fs.chmod(folder, mode);
    const boot = { id: node.bootId, sinceMs: clock.now() - UPTIME_MS };
    machine = {
      node,
      clock,
      busy: busyOf(clock),
      processes: new Map(),
      owners: new Map(),
      boot,
      pids: { next: FIRST_PID, temporary: 0 },
    };
    machines.set(node, machine);
  }
  dropOldBoot(machine);
  return machine;
}

/** Notices a reboot: every process of the boot before is dead, without having ended. */
export function dropOldBoot(machine: Machine): void {
  if (machine.boot.id === machine.node.bootId) return;
  machine.boot.id = machine.node.bootId;
  machine.boot.sinceMs = machine.clock.now();
  killEverything(machine);
}

/** Ends every process of a machine at once, as when its power goes. */
export function killEverything(machine: Machine): void {
  for (const process of [...machine.processes.values()]) process.kill("KILL");
}

/** What a new process is made from. `parent` null: started by sshd; `leader` true: it heads a group of its own. */
export interface ProcessStart {
  readonly parent: Process | null;
  readonly leader: boolean;
  readonly argv: readonly string[];
  readonly user: string;
  readonly out: Sink;
  readonly err: Sink;
}

/** Enters a process into the table. A killed process leaves the table at once and writes no more. */
export function startProcess(machine: Machine, start: ProcessStart): Process {
  const pid = machine.pids.next;
  machine.pids.next += 1;
  const controller = new AbortController();
  const guarded = (sink: Sink): Sink => ({
    write: (chunk) => {
      dropOldBoot(machine);
      return controller.signal.aborted ? undefined : sink.write(chunk);
    },
  });
  const process: Process = {
    pid,
    ppid: start.parent?.pid ?? 1,
    pgid: start.leader ? pid : (start.parent?.pgid ?? pid),
    argv: start.argv,
    user: start.user,
    startTicks: Math.floor((machine.clock.now() - machine.boot.sinceMs) / 10),
    signal: controller.signal,
    out: guarded(start.out),
    err: guarded(start.err),
    umask: start.parent?.umask ?? 0o022,
    killedBy: null,
    kill: (signal) => {
      if (controller.signal.aborted || machine.processes.get(pid) !== process) return;
      process.killedBy = signal;
      endProcess(machine, process);
      controller.abort();
    },
  };
  machine.processes.set(pid, process);
  machine.node.processStarted?.(pid, start.argv);
  return process;
}

/** Takes a process out of the table. Twice does nothing. */
export function endProcess(machine: Machine, process: Process): void {
  if (machine.processes.get(process.pid) !== process) return;
  machine.processes.delete(process.pid);
  machine.node.processEnded?.(process.pid);
}

/** Kills a process (positive) or a group (negative), as kill(2). False: there is none. Signal 0 only looks. */
export function killTarget(machine: Machine, target: number, signal: string): boolean {
  dropOldBoot(machine);
  const found = [...machine.processes.values()].filter((process) =>
    target < 0 ? process.pgid === -target : process.pid === target,
  );
  if (signal !== "0") for (const process of found) process.kill(signal);
  return found.length > 0;
}
