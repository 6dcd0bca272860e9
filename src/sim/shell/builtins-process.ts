import { complain, say, splitOptions, type Builtin, type Call } from "./caller.ts";
import { killTarget, type Process } from "./machine.ts";
import { loginEnv } from "./login.ts";
import { signalName } from "./signals.ts";

/** `sudo`: its options fall away; the rest runs as root (or `-u USER`) with that user's environment, as with `env_reset`. */
const sudo: Builtin = async (call) => {
  const { options, rest } = splitOptions(call.args, new Set(["-u", "-g", "-p", "-C", "-D", "-h"]));
  const user = options.get("-u") ?? options.get("--user") ?? "root";
  const kept =
    options.has("-E") || options.has("--preserve-env") ? call.caller.env : loginEnv(call.caller.machine.node.name, user);
  const env: Record<string, string> = { ...kept, SUDO_USER: call.caller.process.user };
  let index = 0;
  for (; /^[A-Za-z_]\w*=/.test(rest[index] ?? ""); index += 1) {
    const [name = "", value = ""] = (rest[index] ?? "").split(/=(.*)/s);
    env[name] = value;
  }
  const argv = rest.slice(index);
  if (argv.length > 0) return call.caller.run(options.has("-s") ? ["sh", "-c", argv.join(" ")] : argv, call, { user, env });
  if (options.has("-v") || options.has("-l") || options.has("-k") || options.has("-K")) return 0;
  return complain(call, "usage: sudo [-n] [-u user] command");
};

/** `env [-i] [-u NAME] [NAME=VALUE…] [COMMAND…]`. */
const env: Builtin = async (call) => {
  const { options, rest } = splitOptions(call.args, new Set(["-u"]));
  const next: Record<string, string> = options.has("-i") ? {} : { ...call.caller.env };
  const gone = options.get("-u");
  const kept = Object.entries(next).filter(([name]) => name !== gone);
  let index = 0;
  for (; /^[A-Za-z_]\w*=/.test(rest[index] ?? ""); index += 1)
    kept.push((rest[index] ?? "").split(/=(.*)/s).slice(0, 2) as [string, string]);
  const result = Object.fromEntries(kept);
  if (index < rest.length) return call.caller.run(rest.slice(index), call, { env: result });
  await say(
    call.out,
    Object.entries(result)
      .map(([name, value]) => `${name}=${value}\n`)
      .join(""),
  );
  return 0;
};

/** `nohup`, `nice`, `ionice`, `stdbuf`: their options fall away and the command runs. */
const plainly: Builtin = (call) => call.caller.run(splitOptions(call.args, new Set(["-n", "-c", "-o", "-e", "-i"])).rest, call);

/** `kill [-SIG|-s SIG] PID…`; a negative PID is a group (also without `--`, as sh and busybox take it). */
const kill: Builtin = async (call) => {
  let signal = "TERM";
  const targets: string[] = [];
  for (let index = 0; index < call.args.length; index += 1) {
    const word = call.args[index] ?? "";
    if (word === "--") continue;
    if (word === "-s") signal = call.args[(index += 1)] ?? "";
    else if (index === 0 && word === "-l") return complain(call, "HUP INT QUIT KILL USR1 USR2 PIPE ALRM TERM", 0);
    else if (index === 0 && word.startsWith("-")) signal = word.slice(1);
    else targets.push(word);
  }
  const name = signalName(signal);
  if (name === null) return complain(call, `sh: kill: ${signal}: invalid signal specification`);
  let code = 0;
  for (const word of targets) {
    const target = Number(word);
    if (!Number.isInteger(target)) code = await complain(call, `sh: kill: ${word}: arguments must be process or job IDs`);
    else if (!mayKill(call, target)) code = await complain(call, `sh: kill: (${word}) - Operation not permitted`);
    else if (!killTarget(call.caller.machine, target, name)) code = await complain(call, `sh: kill: (${word}) - No such process`);
  }
  return code;
};

function mayKill(call: Call, target: number): boolean {
  const { process, machine } = call.caller;
  const hit = (other: Process): boolean => (target < 0 ? other.pgid === -target : other.pid === target);
  return process.user === "root" || ![...machine.processes.values()].some((other) => hit(other) && other.user !== process.user);
}

const umask: Builtin = async (call) => {
  const [word] = call.args;
  if (word === undefined) {
    await say(call.out, `${call.caller.process.umask.toString(8).padStart(4, "0")}\n`);
    return 0;
  }
  if (!/^[0-7]{1,4}$/.test(word)) return complain(call, `sh: umask: ${word}: octal number out of range`);
  call.caller.process.umask = Number.parseInt(word, 8);
  return 0;
};

const SECONDS: Readonly<Record<string, number>> = { "": 1, s: 1, m: 60, h: 3600, d: 86_400 };

const NO_KILL: (signal: string) => void = () => undefined;

/** `timeout [-s SIG] [-k D] D COMMAND…` in the cluster's time; 124 when it was cut. */
const timeout: Builtin = async (call) => {
  const { options, rest } = splitOptions(call.args, new Set(["-s", "-k"]));
  const match = /^(\d+(?:\.\d+)?)([smhd]?)$/.exec(rest[0] ?? "");
  if (match === null || rest.length < 2) return complain(call, `timeout: invalid time interval '${rest[0] ?? ""}'`, 125);
  const { clock } = call.caller.machine;
  const ms = Number(match[1]) * (SECONDS[match[2] ?? ""] ?? 1) * 1000;
  const state = { cut: false, kill: NO_KILL };
  const cancel = clock.at(clock.now() + ms, () => {
    state.cut = true;
    state.kill(signalName(options.get("-s") ?? "TERM") ?? "TERM");
  });
  try {
    const started = (process: Process): void => {
      state.kill = (signal) => process.kill(signal);
    };
    const code = await call.caller.run(rest.slice(1), call, { leader: true, started });
    return state.cut ? 124 : code;
  } finally {
    cancel();
  }
};

/** `ps`: pid, user and command of every process, whatever columns were asked for; `-p PID` one of them (1 when it is gone). */
const ps: Builtin = async (call) => {
  const { options } = splitOptions(call.args, new Set(["-p", "-o"]));
  const wanted = options.get("-p");
  const found = [...call.caller.machine.processes.values()].filter(
    (process) => wanted === undefined || String(process.pid) === wanted,
  );
  const lines = found.map((process) => `${process.user.padEnd(8)} ${String(process.pid).padStart(6)} ${process.argv.join(" ")}`);
  const header = (options.get("-o") ?? "").endsWith("=") ? [] : ["USER        PID COMMAND"];
  await say(call.out, [...header, ...lines].map((line) => `${line}\n`).join(""));
  return found.length > 0 ? 0 : 1;
};

/** There are no handlers here (embedded-node notes: a custom `trap` cannot run in the caller); taking one away changes nothing. */
const trap: Builtin = (call) =>
  call.args.length < 2 || call.args[0] === "-"
    ? Promise.resolve(0)
    : complain(call, "trap: a node of the lab cannot do this as a real shell does: trap with a handler", 126);

const nothing: Builtin = () => Promise.resolve(0);

/** Commands about processes. */
export const PROCESS_BUILTINS: readonly (readonly [string, Builtin])[] = [
  ["sudo", sudo],
  ["env", env],
  ["nohup", plainly],
  ["nice", plainly],
  ["ionice", plainly],
  ["stdbuf", plainly],
  ["kill", kill],
  ["umask", umask],
  ["timeout", timeout],
  ["ps", ps],
  ["trap", trap],
  ["jobs", nothing],
  ["ulimit", nothing],
];
