import { complain, splitOptions, type Builtin, type Call } from "./caller.ts";

/** `[[CC]YY]MMDDhhmm[.ss]`, in UTC as everything on these nodes; a year of two digits is 1969 to 2068 (POSIX). Null: not such a text. */
function stampMs(text: string, nowMs: number): number | null {
  const found = /^(\d\d)??(\d\d)?(\d\d)(\d\d)(\d\d)(\d\d)(?:\.(\d\d))?$/.exec(text);
  if (found === null) return null;
  const [, century, year, month, day, hour, minute, second = "0"] = found;
  const short = Number(year);
  const full =
    year === undefined
      ? new Date(nowMs).getUTCFullYear()
      : century === undefined
        ? short + (short < 69 ? 2000 : 1900)
        : Number(century) * 100 + short;
  return Date.UTC(full, Number(month) - 1, Number(day), Number(hour), Number(minute), Number(second));
}

/** `@SECONDS`, `now`, or a date; without a zone in UTC. Null: none of these. */
function dateMs(text: string, nowMs: number): number | null {
  if (text === "now") return nowMs;
  if (text.startsWith("@")) return Number(text.slice(1)) * 1000;
  const parsed = Date.parse(/Z|[+-]\d\d:?\d\d$|UTC|GMT/.test(text) ? text : `${text} UTC`);
  return Number.isNaN(parsed) ? null : parsed;
}

/** The time to give, in milliseconds; null with a complaint on stderr. */
async function wantedMs(call: Call, options: ReadonlyMap<string, string>): Promise<number | null> {
  const { machine, view, cwd } = call.caller;
  const nowMs = machine.clock.now();
  const model = options.get("-r") ?? options.get("--reference");
  if (model !== undefined) {
    try {
      return (await view.stat(view.resolvePath(cwd, model))).mtime.getTime();
    } catch {
      await complain(call, `touch: failed to get attributes of '${model}': No such file or directory`);
      return null;
    }
  }
  const [date, stamp] = [options.get("-d") ?? options.get("--date"), options.get("-t")];
  const ms = date !== undefined ? dateMs(date, nowMs) : stamp !== undefined ? stampMs(stamp, nowMs) : nowMs;
  if (ms === null) await complain(call, `touch: invalid date format '${date ?? stamp ?? ""}'`);
  return ms;
}

/** `touch [-acm] [-d TEXT] [-t STAMP] [-r FILE] FILE…`: just-bash's own gives the time of the machine it runs on. */
export const touch: Builtin = async (call) => {
  const { options, rest } = splitOptions(call.args, new Set(["-d", "-t", "-r"]));
  const { view, cwd } = call.caller;
  const ms = await wantedMs(call, options);
  if (ms === null) return 1;
  let code = 0;
  for (const file of rest) {
    const path = view.resolvePath(cwd, file);
    try {
      if (!(await view.exists(path))) {
        if (options.has("-c") || options.has("--no-create")) continue;
        await view.writeFile(path, "");
      }
      await view.utimes(path, new Date(ms), new Date(ms));
    } catch (error) {
      const denied = error instanceof Error && error.message.startsWith("EACCES");
      code = await complain(call, `touch: cannot touch '${file}': ${denied ? "Permission denied" : "No such file or directory"}`);
    }
  }
  return code;
};
