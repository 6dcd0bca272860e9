import { complain, say, splitOptions, type Builtin } from "./caller.ts";
import { formatTime } from "./time-format.ts";

const id: Builtin = async (call) => {
  const { options, rest } = splitOptions(call.args);
  const user = rest[0] ?? call.caller.process.user;
  const number = user === "root" ? "0" : "500";
  const names = options.has("-n");
  const text =
    options.has("-u") || options.has("-g") || options.has("-G")
      ? names
        ? user
        : number
      : `uid=${number}(${user}) gid=${number}(${user}) groups=${number}(${user})`;
  await say(call.out, `${text}\n`);
  return 0;
};

const whoami: Builtin = async (call) => {
  await say(call.out, `${call.caller.process.user}\n`);
  return 0;
};

const hostname: Builtin = async (call) => {
  const { node } = call.caller.machine;
  await say(call.out, `${call.args.some((word) => word === "-i" || word === "-I") ? node.address : node.name}\n`);
  return 0;
};

/** CentOS 7 of the time DC/OS 1.9 to 1.11 ran on. */
const KERNEL = "3.10.0-862.el7.x86_64";

const uname: Builtin = async (call) => {
  const { options } = splitOptions(call.args);
  const all = options.has("-a");
  const parts = [
    [all || options.has("-s") || options.size === 0, "Linux"],
    [all || options.has("-n"), call.caller.machine.node.name],
    [all || options.has("-r"), KERNEL],
    [all || options.has("-v"), "#1 SMP"],
    [all || options.has("-m"), "x86_64"],
    [all || options.has("-o"), "GNU/Linux"],
  ] as const;
  await say(
    call.out,
    `${parts
      .filter(([wanted]) => wanted)
      .map(([, text]) => text)
      .join(" ")}\n`,
  );
  return 0;
};

/** `date [-u] [-d @SECONDS|TEXT] [+FORMAT]` in the cluster's time, always UTC. */
const date: Builtin = async (call) => {
  const { options, rest } = splitOptions(call.args, new Set(["-d", "-r"]));
  const given = options.get("-d") ?? options.get("--date");
  const now = call.caller.machine.clock.now();
  let ms = now;
  if (given?.startsWith("@") === true) ms = Number(given.slice(1)) * 1000;
  else if (given !== undefined && given !== "now")
    ms = Date.parse(/Z|[+-]\d\d:?\d\d$|UTC|GMT/.test(given) ? given : `${given} UTC`);
  if (Number.isNaN(ms)) return complain(call, `date: invalid date '${given ?? ""}'`);
  const plus = rest.find((word) => word.startsWith("+"))?.slice(1);
  const format = options.has("-R")
    ? "%a, %d %b %Y %H:%M:%S +0000"
    : options.has("-Is") || options.has("--iso-8601") || options.has("-I")
      ? "%Y-%m-%dT%H:%M:%S+00:00"
      : "%a %b %e %H:%M:%S UTC %Y";
  await say(call.out, `${formatTime(plus ?? format, ms)}\n`);
  return 0;
};

const GIBIBYTE = 1024 * 1024;

/** `df`: one roomy disk; a model that fills disks brings its own `df`. Sizes in KiB blocks. */
const df: Builtin = async (call) => {
  const { rest } = splitOptions(call.args);
  const [size, used] = [80 * GIBIBYTE, 20 * GIBIBYTE];
  const row = `/dev/sda1      ${size} ${used} ${size - used}      25% /`;
  await say(
    call.out,
    `Filesystem     1024-blocks     Used Available Capacity Mounted on\n${(rest.length === 0 ? ["/"] : rest).map(() => `${row}\n`).join("")}`,
  );
  return 0;
};

const silent: Builtin = () => Promise.resolve(0);

const tty: Builtin = (call) => complain(call, "not a tty");

/** Commands about the machine. */
export const SYSTEM_BUILTINS: readonly (readonly [string, Builtin])[] = [
  ["id", id],
  ["whoami", whoami],
  ["hostname", hostname],
  ["uname", uname],
  ["date", date],
  ["df", df],
  ["logger", silent],
  ["tty", tty],
];
