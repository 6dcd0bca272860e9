import type * as JustBashModule from "just-bash";
import type { Bash, Command, ResolvedCommandContext, ScriptNode } from "just-bash";
import type { Program, SimClock } from "../ports.ts";
import { BUILTINS, ADJUSTMENTS } from "./builtins.ts";
import type { Builtin, Caller, RunChange, Streams } from "./caller.ts";
import { say } from "./caller.ts";
import { endProcess, startProcess, type Machine, type Process, type Sink } from "./machine.ts";
import { asCommand, loopCommands, NUMBERS } from "./own-commands.ts";
import { parsedScript } from "./parsed.ts";
import { plainWords, quoteLine } from "./quote.ts";
import { bareName, fileScript, programOf, SHELLS, shellScript, type Script } from "./script.ts";
import { signalCode } from "./signals.ts";
import { rewriteScript } from "./syntax.ts";
import { refuseUnlike } from "./unlike.ts";
import { ERR_PATH, isOwnCommand, ownName, viewOf } from "./view.ts";

/** How a process ended. */
export type Ending = { readonly code: number } | { readonly signal: string };

export interface ShellStart {
  readonly machine: Machine;
  readonly parent: Process | null;
  readonly leader: boolean;
  readonly argv: readonly string[];
  readonly user: string;
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  /** The clock of the work it is part of. */
  readonly clock: SimClock;
  readonly streams: Streams;
  started?(process: Process): void;
  readonly finished?: (env: Record<string, string>) => void;
}

const LIMIT_BYTES = 1024 ** 3;
/** just-bash arms a timer per command; Node's longest. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;
const LIMITS = {
  maxCommandCount: 1e6,
  maxLoopIterations: 1e6,
  maxExecutionTimeMs: LONGEST_TIMER_MS,
  maxStringLength: LIMIT_BYTES / 2,
  maxOutputSize: LIMIT_BYTES,
  maxLiveBytes: LIMIT_BYTES * 2,
  maxInputBytes: LIMIT_BYTES,
  maxArchiveBytes: LIMIT_BYTES,
  maxWorkUnits: 1e9,
};
type JustBash = typeof JustBashModule;

/** Loaded at the first command, because it is large; kept, because asking the loader again costs more than a command. */
let loading: Promise<{ readonly shell: JustBash; readonly names: readonly string[] }> | null = null;

function loadShell(): NonNullable<typeof loading> {
  loading ??= import("just-bash").then((shell) => ({ shell, names: shell.getCommandNames() }));
  return loading;
}

function programBuiltin(name: string, program: Program): Builtin {
  return (call) => runProgram(program, [name, ...call.args], call.caller, call);
}

/** Runs a program of the node model inside the caller's process. */
async function runProgram(
  program: Program,
  argv: readonly string[],
  caller: Caller,
  streams: Streams,
  process = caller.process,
): Promise<number> {
  const io = {
    argv,
    get stdin(): Buffer {
      return streams.stdin();
    },
    cwd: caller.cwd,
    env: caller.env,
    user: process.user,
    out: (text: string | Buffer) => say(streams.out, text),
    err: (text: string | Buffer) => say(streams.err, text),
    signal: process.signal,
    sleep: (ms: number) => caller.clock.sleep(ms, process.signal),
  };
  return program(io);
}

/** Runs a program as a process of its own, so that it can be seen and killed. */
async function spawnProgram(
  program: Program,
  argv: readonly string[],
  caller: Caller,
  streams: Streams,
  change: RunChange,
): Promise<number> {
  const { machine } = caller;
  const user = change.user ?? caller.process.user;
  const start = { parent: caller.process, leader: change.leader === true, argv, user, out: streams.out, err: streams.err };
  const process = startProcess(machine, start);
  change.started?.(process);
  try {
    const guarded: Streams = { stdin: () => streams.stdin(), out: process.out, err: process.err };
    const there = { ...caller, cwd: change.cwd ?? caller.cwd, env: change.env ?? caller.env };
    const code = await raceKill(process, runProgram(program, argv, there, guarded, process));
    return process.killedBy === null ? code : signalCode(process.killedBy);
  } finally {
    endProcess(machine, process);
  }
}

/** A killed process is over at once, whatever its program still does. */
async function raceKill(process: Process, work: Promise<number>): Promise<number> {
  if (process.signal.aborted) return 137;
  let stop: (() => void) | undefined;
  const killed = new Promise<number>((resolve) => {
    stop = () => resolve(137);
    process.signal.addEventListener("abort", stop, { once: true });
  });
  try {
    return await Promise.race([work, killed]);
  } finally {
    if (stop !== undefined) process.signal.removeEventListener("abort", stop);
    work.catch(() => undefined);
  }
}

/** These surroundings with a `run` that keeps to them. */
function callerLike(surroundings: Omit<Caller, "run">): Caller {
  const caller: Caller = { ...surroundings, run: (argv, to, change) => execute(caller, argv, to, change) };
  return caller;
}

/** Runs an argument list: a shell, a builtin, a program of the model, a script file, or one of just-bash's own commands. */
async function execute(caller: Caller, argv: readonly string[], streams: Streams, change: RunChange = {}): Promise<number> {
  const name = argv[0];
  if (name === undefined) return 0;
  const bare = bareName(name);
  const here = callerLike({ ...caller, cwd: change.cwd ?? caller.cwd, env: change.env ?? caller.env });
  const { machine } = caller;
  const shell = async (script: Script): Promise<number> => {
    const ended = await runScript(script, {
      machine,
      parent: caller.process,
      leader: change.leader === true,
      argv,
      user: change.user ?? caller.process.user,
      cwd: here.cwd,
      env: here.env,
      clock: here.clock,
      streams,
      ...(change.started === undefined ? {} : { started: (process: Process) => change.started?.(process) }),
    });
    return "code" in ended ? ended.code : signalCode(ended.signal);
  };
  if (bare === "setsid") {
    const words = argv.slice(/^-[fcw]+$/.test(argv[1] ?? "") ? 2 : 1);
    detach(here, words, { stdin: () => Buffer.alloc(0), out: streams.out, err: streams.err }, { leader: true });
    return 0;
  }
  if (SHELLS.has(bare)) {
    const script = await shellScript(argv, here, streams);
    if (typeof script === "number") return script;
    return typeof script === "function" ? spawnProgram(script, argv, here, streams, change) : shell(script);
  }
  const program =
    programOf(machine, name) ?? (name.includes("/") ? machine.node.scriptProgram(here.view.resolvePath(here.cwd, name)) : null);
  if (program !== null) return spawnProgram(program, argv, here, streams, change);
  const builtin = BUILTINS.get(bare);
  if (builtin !== undefined && change.leader !== true && change.user === undefined) {
    return builtin({ args: argv.slice(1), caller: here, stdin: () => streams.stdin(), out: streams.out, err: streams.err });
  }
  if (bare.includes("/")) {
    const found = await fileScript(here, bare, argv, streams);
    return typeof found === "number" ? found : shell(found);
  }
  return shell({ text: quoteLine([bare, ...argv.slice(1)]), name: "sh", args: [] });
}

/** `spawn wait|detach MODE F MODE G NAME ARGS` (syntax.ts): runs a command with its output where it belongs. */
const spawnBuiltin: Builtin = async (call) => {
  const [how, outMode = "=", outPath = "", errMode = "=", errPath = "", ...argv] = call.args;
  const { caller } = call;
  const sinkOf = async (mode: string, path: string, back: Sink): Promise<Sink> => {
    if (mode === "=") return back;
    const place = caller.view.resolvePath(caller.cwd, path);
    if (mode === ">") await caller.view.writeFile(place, "");
    else await caller.view.appendFile(place, "");
    return { write: (chunk) => caller.view.appendFile(place, chunk) };
  };
  try {
    const out = await sinkOf(outMode, outPath, call.out);
    const err = errMode === "&" ? out : await sinkOf(errMode, errPath, call.err);
    const stdin = how === "detach" ? Buffer.alloc(0) : null;
    const streams: Streams = { stdin: () => stdin ?? call.stdin(), out, err };
    if (how !== "detach") return await execute(caller, argv, streams);
    detach(caller, argv, streams);
    return 0;
  } catch (error) {
    await say(call.err, `sh: ${outPath}: ${error instanceof Error ? error.message : "cannot create"}\n`);
    return 1;
  }
};

/** Starts a command that nobody waits for. Simulated time stands still while it is awake. */
function detach(caller: Caller, argv: readonly string[], streams: Streams, change: RunChange = {}): void {
  const { machine } = caller;
  machine.busy((clock) => execute({ ...caller, clock }, argv, streams, change)).catch(() => undefined);
}

/** Runs text in a new shell process, and takes it out of the table when it has ended. */
export async function runScript(script: Script, start: ShellStart): Promise<Ending> {
  const { machine, streams } = start;
  const process = startProcess(machine, { ...start, out: streams.out, err: streams.err });
  start.started?.(process);
  try {
    const code = await raceKill(process, evaluate(script, start, process));
    return process.killedBy === null ? { code } : { signal: process.killedBy };
  } finally {
    endProcess(machine, process);
  }
}

async function evaluate(script: Script, start: ShellStart, process: Process): Promise<number> {
  const { machine, streams } = start;
  const { shell, names: bundled } = await loadShell();
  const { programs } = machine.node;
  const own = new Map<string, Builtin>(BUILTINS);
  for (const [name, program] of programs) if (!name.includes("/")) own.set(name, programBuiltin(name, program));
  for (const name of [...SHELLS, "setsid"]) own.set(name, (call) => execute(call.caller, [name, ...call.args], call));
  const names = new Set([...bundled, ...own.keys()]);
  const view = viewOf(machine, process, names);
  const words = start.finished === undefined ? plainWords(script.text) : null;
  const name = words?.[0] ?? "";
  if (words !== null && (own.has(name) || name.includes("/")) && !isOwnCommand(name)) {
    // Nothing to expand, nowhere to redirect: as a real shell does, it gives way to the one command.
    const env = { HOME: "/", PATH: "/usr/bin:/bin", PWD: start.cwd, OLDPWD: start.cwd, ...start.env };
    const caller = callerLike({ machine, process, view, cwd: start.cwd, env, clock: start.clock });
    try {
      return await execute(caller, words, { stdin: () => streams.stdin(), out: process.out, err: process.err });
    } catch (error) {
      await process.err.write(Buffer.from(`sh: ${name}: ${error instanceof Error ? error.message : String(error)}\n`));
      return 1;
    }
  }

  const callerOf = (ctx: ResolvedCommandContext): Caller => {
    return callerLike({ machine, process, view, cwd: ctx.cwd, env: { ...ctx.exportedEnv }, clock: start.clock });
  };
  const adjusted = [...ADJUSTMENTS].map(([name, adjust]): Command => ({
    name,
    execute: async (args, ctx) => {
      const words = adjust(args);
      if ("complaint" in words)
        return { stdout: "", stderr: `${name}: this node cannot do that: ${words.complaint}\n`, exitCode: 2 };
      const result = (await ctx.origCommand?.([...words.args])) ?? { stdout: "", stderr: `${name}: not found\n`, exitCode: 127 };
      return words.hush === true ? { ...result, stderr: "" } : result;
    },
  }));
  const root = process.user === "root" ? 0 : 500;
  const bash: Bash = new shell.Bash({
    fs: view,
    cwd: start.cwd,
    env: { ...start.env },
    customCommands: [
      ...adjusted,
      ...loopCommands(),
      NUMBERS,
      asCommand(ownName("spawn"), spawnBuiltin, callerOf),
      ...[...own].map(([name, builtin]) => asCommand(name, builtin, callerOf)),
    ],
    sleep: (ms) => start.clock.sleep(ms, process.signal),
    defenseInDepth: false,
    processInfo: { pid: process.pid, ppid: process.ppid, uid: root, gid: root },
    executionLimits: LIMITS,
  });
  let known = parseOnce(script.text, own, shell);
  // Without a text there is nothing to rewrite, and what cannot be parsed is left to complain of itself.
  const text = known === null ? script.text : ":";
  bash.registerTransformPlugin({
    name: "pawl-process",
    transform: ({ ast }) => {
      const first = known;
      known = null;
      if (first === null) refuseUnlike(ast);
      return { ast: first ?? rewriteScript(ast, { stream: false, isSpawned: (one) => own.has(one) }) };
    },
  });
  const positional: Record<string, string> = {
    0: script.name,
    "#": String(script.args.length),
    "@": script.args.join(" "),
    "*": script.args.join(" "),
  };
  script.args.forEach((word, index) => (positional[String(index + 1)] = word));
  try {
    const stdin = streams.stdin();
    const result = await bash.exec(text, {
      rawScript: true,
      env: positional,
      stdin: stdin.toString("latin1"),
      stdinKind: "bytes",
      signal: process.signal,
    });
    if (result.stdout !== "") await process.out.write(Buffer.from(result.stdout, "utf8"));
    if (result.stderr !== "") await view.appendFile(ERR_PATH, result.stderr);
    start.finished?.(Object.fromEntries(Object.entries(result.env).filter(([name]) => /^[A-Za-z_]\w*$/.test(name))));
    return result.exitCode;
  } catch (error) {
    if (process.killedBy === null)
      await process.err.write(Buffer.from(`sh: ${error instanceof Error ? error.message : String(error)}\n`));
    return 126;
  }
}

/** The script of a text as it is run; null where the text is empty, no script, or one that will be refused (unlike.ts). */
function parseOnce(text: string, own: ReadonlyMap<string, Builtin>, shell: JustBash): ScriptNode | null {
  if (text.trim() === "") return null;
  try {
    return parsedScript(text, new Set(own.keys()), (source) => shell.parse(source));
  } catch {
    return null;
  }
}
