import type { Program, ProgramIo } from "../../ports.ts";
import { MOUNTS } from "../files.ts";
import { appOf, type Model, type NodeState } from "../state.ts";

/** A program that prints and ends. */
function prints(text: (io: ProgramIo) => string): Program {
  return async (io) => {
    await io.out(text(io));
    return 0;
  };
}

const DAYS = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];
const MONTHS = [
  "January",
  "February",
  "March",
  "April",
  "May",
  "June",
  "July",
  "August",
  "September",
  "October",
  "November",
  "December",
];

function pad(value: number, width = 2, fill = "0"): string {
  return String(value).padStart(width, fill);
}

/** `date`'s format letters, in UTC: the machines' zone. Unknown ones stay as they are. */
function formatDate(ms: number, format: string): string {
  const date = new Date(ms);
  const values: Readonly<Record<string, string>> = {
    s: String(Math.floor(ms / 1000)),
    N: pad(Math.round((ms % 1000) * 1_000_000), 9),
    "3N": pad(Math.floor(ms % 1000), 3),
    Y: String(date.getUTCFullYear()),
    m: pad(date.getUTCMonth() + 1),
    d: pad(date.getUTCDate()),
    e: pad(date.getUTCDate(), 2, " "),
    H: pad(date.getUTCHours()),
    M: pad(date.getUTCMinutes()),
    S: pad(date.getUTCSeconds()),
    F: date.toISOString().slice(0, 10),
    T: date.toISOString().slice(11, 19),
    R: date.toISOString().slice(11, 16),
    y: pad(date.getUTCFullYear() % 100),
    a: (DAYS[date.getUTCDay()] ?? "").slice(0, 3),
    A: DAYS[date.getUTCDay()] ?? "",
    b: (MONTHS[date.getUTCMonth()] ?? "").slice(0, 3),
    B: MONTHS[date.getUTCMonth()] ?? "",
    Z: "UTC",
    z: "+0000",
    "%": "%",
    n: "\n",
    t: "\t",
  };
  return format.replace(/%(3N|[a-zA-Z%])/g, (whole, letter: string) => values[letter] ?? whole);
}

function date(model: Model, node: NodeState): Program {
  return async (io) => {
    const words = io.argv.slice(1);
    let ms = model.clock.now() + node.ailments.clockSkewMs;
    let format = "%a %b %e %H:%M:%S %Z %Y";
    for (const [index, word] of words.entries()) {
      if (word.startsWith("+")) format = word.slice(1);
      else if (word === "-R") format = "%a, %d %b %Y %H:%M:%S %z";
      else if (/^(-I|--iso-8601)/.test(word)) format = /s/.test(word.replace("--iso", "")) ? "%FT%T+0000" : "%F";
      const at = /^@(\d+)$/.exec(word === "-d" || word === "--date" ? (words[index + 1] ?? "") : word.replace(/^--date=/, ""));
      if (at !== null) ms = Number(at[1]) * 1000;
    }
    await io.out(`${formatDate(ms, format)}\n`);
    return 0;
  };
}

function df(node: NodeState): Program {
  return async (io) => {
    const flags = io.argv
      .slice(1)
      .filter((word) => word.startsWith("-"))
      .join("");
    const paths = io.argv.slice(1).filter((word) => !word.startsWith("-"));
    const holds = (path: string): (typeof MOUNTS)[number] =>
      MOUNTS.filter((one) => path === one.at || path.startsWith(one.at === "/" ? "/" : `${one.at}/`)).reduce((a, b) =>
        b.at.length > a.at.length ? b : a,
      );
    const rows: (typeof MOUNTS)[number][] = [];
    let code = 0;
    for (const path of paths) {
      if (await node.fs.exists(path)) rows.push(holds(path));
      else {
        await io.err(`df: ${path}: No such file or directory\n`);
        code = 1;
      }
    }
    if (paths.length === 0) rows.push(...MOUNTS);
    if (rows.length === 0) return code;
    const human = flags.includes("h");
    const size = (kb: number): string => (human ? `${(kb / 1_048_576).toFixed(kb > 10_485_760 ? 0 : 1)}G` : String(kb));
    const lines = rows.map((one) => {
      const used = node.ailments.diskFull ? one.sizeKb : one.usedKb;
      const share = Math.ceil((used / one.sizeKb) * 100);
      return `${one.device.padEnd(14)} ${size(one.sizeKb).padStart(13)} ${size(used).padStart(9)} ${size(one.sizeKb - used).padStart(9)} ${`${share}%`.padStart(7)} ${one.at}`;
    });
    const title = human
      ? "Filesystem              Size      Used     Avail    Use% Mounted on"
      : flags.includes("P")
        ? "Filesystem     1024-blocks      Used Available Capacity Mounted on"
        : "Filesystem         1K-blocks      Used Available    Use% Mounted on";
    await io.out(`${title}\n${lines.join("\n")}\n`);
    return code;
  };
}

function ping(model: Model, node: NodeState): Program {
  return async (io) => {
    const host = io.argv.filter((word) => !word.startsWith("-")).at(-1) ?? "";
    const known = model.nodes.find((one) => one.address === host || one.name === host);
    const dns = node.servicesSinceMs !== null && model.clock.now() >= node.servicesSinceMs + 4_000;
    const address = known?.address ?? (dns && /\.(mesos|spartan|zk|dcos)$/.test(host) ? "198.51.100.1" : null);
    if (address === null) {
      await io.err(`ping: unknown host ${host}\n`);
      return 2;
    }
    await io.out(
      `PING ${host} (${address}) 56(84) bytes of data.\n64 bytes from ${address}: icmp_seq=1 ttl=64 time=0.031 ms\n\n--- ${host} ping statistics ---\n1 packets transmitted, 1 received, 0% packet loss, time 0ms\nrtt min/avg/max/mdev = 0.031/0.031/0.031/0.000 ms\n`,
    );
    return 0;
  };
}

function id(io: ProgramIo): string {
  const number = io.user === "root" ? 0 : 500;
  const flags = io.argv.slice(1).join("");
  if (flags.includes("u") || flags.includes("g") || flags.includes("G")) return `${flags.includes("n") ? io.user : number}\n`;
  return `uid=${number}(${io.user}) gid=${number}(${io.user}) groups=${number}(${io.user})\n`;
}

function uptime(model: Model, node: NodeState): string {
  const seconds = Math.floor((model.clock.now() - node.bootMs) / 1000);
  const days = Math.floor(seconds / 86_400);
  const hours = Math.floor((seconds % 86_400) / 3_600);
  return ` ${formatDate(model.clock.now(), "%T")} up ${days} days, ${hours}:${pad(Math.floor((seconds % 3_600) / 60))},  1 user,  load average: 0.32, 0.27, 0.21\n`;
}

function uname(node: NodeState, words: readonly string[]): string {
  const parts: Readonly<Record<string, string>> = {
    s: "Linux",
    n: node.name,
    r: "4.14.48-coreos-r2",
    v: "#1 SMP Thu Jun 14 08:23:03 UTC 2018",
    m: "x86_64",
  };
  const flags = words.join("").replaceAll("-", "");
  if (flags === "") return "Linux\n";
  if (flags.includes("a")) return `${Object.values(parts).join(" ")} GNU/Linux\n`;
  return `${["s", "n", "r", "v", "m"]
    .filter((one) => flags.includes(one))
    .map((one) => parts[one] ?? "")
    .join(" ")}\n`;
}

/** When a file was changed, as `stat -c %Y FILE` prints it: what an activation wrote is as old as that. */
function stat(node: NodeState): Program {
  return async (io) => {
    const path = io.argv.at(-1) ?? "";
    const told = await node.fs.stat(path).catch(() => null);
    if (told === null) {
      await io.err(`stat: cannot stat '${path}': No such file or directory\n`);
      return 1;
    }
    const changedMs = path.startsWith("/opt/mesosphere/") ? node.activatedMs : told.mtime.getTime();
    const values: Readonly<Record<string, string>> = { Y: String(Math.floor(changedMs / 1_000)), s: String(told.size), n: path };
    await io.out(`${(io.argv[2] ?? "%n").replace(/%([Ysn])/g, (whole, letter: string) => values[letter] ?? whole)}\n`);
    return 0;
  };
}

/** Programs of the machine itself, by name. Clock, disks and names are the model's. */
export function systemPrograms(model: Model, node: NodeState): ReadonlyMap<string, Program> {
  const synced = (): boolean => Math.abs(node.ailments.clockSkewMs) <= 1_000;
  const containers = (): string =>
    model.tasks
      .filter((task) => task.node === node && task.state === "TASK_RUNNING" && appOf(model, task.appId)?.image !== null)
      .map((task) => `${task.containerId.replaceAll("-", "").slice(0, 12)}\n`)
      .join("");
  return new Map<string, Program>([
    ["hostname", prints((io) => `${io.argv.includes("-i") || io.argv.includes("-I") ? node.address : node.name}\n`)],
    ["uname", prints((io) => uname(node, io.argv.slice(1)))],
    ["id", prints(id)],
    ["whoami", prints((io) => `${io.user}\n`)],
    ["nproc", prints(() => "4\n")],
    ["uptime", prints(() => uptime(model, node))],
    ["date", date(model, node)],
    ["df", df(node)],
    ["stat", stat(node)],
    // ipset(8): the version of the program and of the kernel's protocol.
    ["ipset", prints(() => "ipset v6.38, protocol version: 6\n")],
    ["ping", ping(model, node)],
    [
      "timedatectl",
      prints(
        () =>
          `      Local time: ${formatDate(model.clock.now() + node.ailments.clockSkewMs, "%a %F %T %Z")}\n  Universal time: ${formatDate(model.clock.now() + node.ailments.clockSkewMs, "%a %F %T %Z")}\n       Time zone: UTC (UTC, +0000)\n Network time on: yes\nNTP synchronized: ${synced() ? "yes" : "no"}\n RTC in local TZ: no\n`,
      ),
    ],
    [
      "ntptime",
      async (io) => {
        const error = synced() ? 12_000 : 16_000_000;
        await io.out(
          `ntp_gettime() returns code ${synced() ? "0 (OK)" : "5 (ERROR)"}\n  maximum error ${error} us, estimated error 0 us\nntp_adjtime() returns code ${synced() ? "0 (OK)" : "5 (ERROR)"}\n`,
        );
        return synced() ? 0 : 5;
      },
    ],
    [
      "docker",
      async (io) => {
        const words = io.argv.slice(1);
        if (words[0] === "ps") {
          await io.out(
            words.some((word) => /^-\w*q/.test(word))
              ? containers()
              : `CONTAINER ID        IMAGE               COMMAND             CREATED             STATUS              PORTS               NAMES\n`,
          );
          return 0;
        }
        if (words[0] === "info" || words[0] === "version" || words[0] === "--version") {
          await io.out(
            words[0] === "info"
              ? "Containers: 3\nServer Version: 17.12.1-ce\nStorage Driver: overlay2\n"
              : "Docker version 17.12.1-ce, build 7390fc6\n",
          );
          return 0;
        }
        await io.err(`docker: '${words[0] ?? ""}' is not a docker command.\n`);
        return 1;
      },
    ],
  ]);
}
