import type { Program } from "../../ports.ts";
import { controlService, signalService } from "../unit-control.ts";
import { unitNames, unitState, type UnitState } from "../services.ts";
import type { Model, NodeState } from "../state.ts";

function stamp(ms: number | null): string {
  if (ms === null) return "";
  const date = new Date(ms);
  return `${["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"][date.getUTCDay()] ?? ""} ${date.toISOString().slice(0, 10)} ${date.toISOString().slice(11, 19)} UTC`;
}

/** What `systemctl show` says of a unit; an unknown unit is `not-found` and inactive, with exit code 0. */
function properties(model: Model, node: NodeState, name: string): Readonly<Record<string, string>> {
  const id = name.includes(".") ? name : `${name}.service`;
  const unit = unitState(model, node, id);
  const monotonic = unit === null || unit.sinceMs === null ? 0 : Math.max(0, unit.sinceMs - node.bootMs) * 1000;
  // Groups and timers have no process, and none of its properties (a real systemd in the tests).
  const service = {
    Type: "simple",
    Restart: "always",
    NRestarts: String(unit?.restarts ?? 0),
    MainPID: String(unit?.pid ?? 0),
    ExecMainStatus: "0",
    ExecMainPID: String(unit?.pid ?? 0),
    Result: "success",
  };
  return {
    ...(id.endsWith(".service") ? service : {}),
    Id: id,
    Names: id,
    Description: unit?.description ?? id,
    LoadState: unit === null ? "not-found" : "loaded",
    ActiveState: unit?.active ?? "inactive",
    SubState: unit?.sub ?? "dead",
    UnitFileState: unit === null ? "" : "enabled",
    ActiveEnterTimestamp: stamp(unit?.sinceMs ?? null),
    ActiveEnterTimestampMonotonic: String(Math.round(monotonic)),
    ExecMainStartTimestamp: stamp(unit?.sinceMs ?? null),
    ExecMainStartTimestampMonotonic: String(Math.round(monotonic)),
    StateChangeTimestamp: stamp(unit?.sinceMs ?? null),
  };
}

function statusText(node: NodeState, unit: UnitState): string {
  const since = unit.sinceMs === null ? "" : ` since ${stamp(unit.sinceMs)}`;
  return `● ${unit.id} - ${unit.description}\n   Loaded: loaded (/etc/systemd/system/${unit.id}; enabled; vendor preset: disabled)\n   Active: ${unit.active} (${unit.sub})${since}\n Main PID: ${unit.pid}\n\n${node.name} systemd[1]: ${unit.id}\n`;
}

/** Words behind `-p` and `--property=`, each may be a comma list; the rest are verbs and units. */
function split(argv: readonly string[]): {
  readonly wanted: readonly string[];
  readonly words: readonly string[];
  readonly quiet: boolean;
  readonly values: boolean;
} {
  const wanted: string[] = [];
  const words: string[] = [];
  for (let index = 1; index < argv.length; index += 1) {
    const word = argv[index] ?? "";
    if (word === "-p" || word === "--property") wanted.push(...(argv[(index += 1)] ?? "").split(","));
    else if (word.startsWith("--property=")) wanted.push(...word.slice("--property=".length).split(","));
    else if (/^-p./.test(word)) wanted.push(...word.slice(2).split(","));
    else if (["-n", "-o", "-u", "-t", "-s", "--signal"].includes(word)) index += 1;
    else if (!word.startsWith("-")) words.push(word);
  }
  return { wanted, words, quiet: argv.includes("-q") || argv.includes("--quiet"), values: argv.includes("--value") };
}

function systemctl(model: Model, node: NodeState): Program {
  return async (io) => {
    if (io.argv.includes("--version")) {
      await io.out(
        "systemd 238\n+PAM +AUDIT +SELINUX +IMA -APPARMOR +SMACK -SYSVINIT +UTMP +LIBCRYPTSETUP +GCRYPT -GNUTLS -ACL +XZ\n",
      );
      return 0;
    }
    const { wanted, words, quiet, values } = split(io.argv);
    const [verb = "list-units", ...units] = words;
    const known = (name: string): UnitState | null => unitState(model, node, name);
    switch (verb) {
      case "show": {
        const texts = units.map((name) => {
          const all = properties(model, node, name);
          const shown = Object.entries(all).filter(([key]) => wanted.length === 0 || wanted.includes(key));
          return shown.map(([key, value]) => (values ? `${value}\n` : `${key}=${value}\n`)).join("");
        });
        await io.out(texts.join("\n"));
        return 0;
      }
      case "is-active": {
        // systemctl(1): 0 if at least one of them is active.
        const states = units.map((name) => known(name)?.active ?? "inactive");
        if (!quiet) await io.out(states.map((state) => `${state}\n`).join(""));
        return states.includes("active") ? 0 : 3;
      }
      case "is-enabled":
        await io.out(units.map((name) => (known(name) === null ? "" : "enabled\n")).join(""));
        return units.every((name) => known(name) !== null) ? 0 : 1;
      case "is-failed":
        await io.out(units.map((name) => `${known(name)?.active ?? "inactive"}\n`).join(""));
        return 1;
      case "status": {
        const [name = "dcos.target"] = units;
        const unit = known(name);
        if (unit === null) {
          await io.err(`Unit ${name.includes(".") ? name : `${name}.service`} could not be found.\n`);
          return 4;
        }
        await io.out(statusText(node, unit));
        return unit.active === "active" ? 0 : 3;
      }
      case "list-units":
      case "list-unit-files": {
        const rows = unitNames(node).flatMap((name) => known(name) ?? []);
        await io.out(
          rows
            .map((unit) => `${unit.id.padEnd(40)} loaded ${unit.active.padEnd(10)} ${unit.sub.padEnd(12)} ${unit.description}\n`)
            .join(""),
        );
        return 0;
      }
      case "daemon-reload":
        return 0;
      case "start":
      case "stop":
      case "restart":
      case "kill": {
        const given = /(?:-s|--signal)[= ]?(?:SIG)?([A-Z0-9]+)/.exec(io.argv.join(" "))?.[1] ?? "TERM";
        const ids = units.map((name) => (name.includes(".") ? name : `${name}.service`));
        const odd = ids.find(
          (id) => !(verb === "kill" ? signalService(model, node, id, given) : controlService(model, node, id, verb)),
        );
        if (odd === undefined) return 0;
        await io.err(
          `Failed to ${verb} ${odd}: this embedded node runs only Exhibitor, Mesos and Marathon as processes of their own\n`,
        );
        return known(odd) === null ? 5 : 1;
      }
      default:
        await io.err(
          `Failed to ${verb} ${units.join(" ")}: this embedded node starts and stops services only through its own upgrade script\n`,
        );
        return 1;
    }
  };
}

function journalctl(model: Model, node: NodeState): Program {
  return async (io) => {
    const at = Math.max(io.argv.indexOf("-u"), io.argv.indexOf("--unit"));
    const name = (at < 0 ? "dcos.target" : (io.argv[at + 1] ?? "")).replace(/^--unit=/, "");
    const unit = unitState(model, node, name);
    const priority = /(?:^| )(?:-p|--priority)[= ]?(\w+)/.exec(io.argv.join(" "))?.[1] ?? "debug";
    // Services print to their standard output, which the journal keeps as information: a sound node has no line that is worse.
    if (/^(?:[0-4]|emerg|alert|crit|err|warning)$/.test(priority)) {
      if (!io.argv.some((word) => word === "-q" || word === "--quiet")) await io.out("-- No entries --\n");
      return 0;
    }
    const lineStamp = (ms: number): string =>
      new Date(ms)
        .toUTCString()
        .slice(5, 25)
        .replace(/^(\d+) (\w+) \d+/, "$2 $1");
    if (unit === null || unit.sinceMs === null) {
      await io.out("-- No entries --\n");
      return 0;
    }
    const short = unit.id.replace(/^dcos-|\.\w+$/g, "");
    const lines = [
      `systemd[1]: Starting ${unit.description}...`,
      `systemd[1]: Started ${unit.description}.`,
      `${short}[${unit.pid}]: serving on ${node.address}`,
    ];
    const { sinceMs } = unit;
    await io.out(
      `-- Logs begin at ${stamp(node.bootMs)}, end at ${stamp(model.clock.now())}. --\n${lines.map((line, index) => `${lineStamp(sinceMs + index * 1_000)} ${node.name} ${line}\n`).join("")}`,
    );
    return 0;
  };
}

/** systemctl and journalctl over the units of the node. */
export function systemdPrograms(model: Model, node: NodeState): ReadonlyMap<string, Program> {
  return new Map([
    ["systemctl", systemctl(model, node)],
    ["journalctl", journalctl(model, node)],
  ]);
}
