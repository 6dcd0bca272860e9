import { differences, shapeOf } from "../model/shape.ts";
import { ask, parse, run, type Capture, type Lab } from "../model/support.ts";
import { AGENT, explanation, HISTORY, MESOS, MOMENT } from "./explained.ts";
import { RECORDED } from "./real.ts";

/** Metrics a gate, a watch or a permission decides by: their values must be those of the recorded moment. */
const GATES = [
  "master/elected",
  "registrar/log/recovered",
  "registrar/log/ensemble_size",
  "master/slaves_active",
  "master/slaves_inactive",
  "master/slaves_connected",
  "master/slaves_disconnected",
  "master/slaves_unreachable",
  "master/recovery_slave_removals",
  "slave/registered",
] as const;

export interface Asked {
  /** The model's node for each recorded one; what is recorded of others is left out. */
  readonly names: Readonly<Record<string, string>>;
  /** Only these paths of the moment. */
  readonly paths?: readonly string[];
  readonly headers?: Readonly<Record<string, string>>;
  /** Entries of `recovered_slaves` that are a leftover of an earlier event of the recorded cluster (its README). */
  readonly ghosts?: number;
  /** Agents are on their way back: how many already are differs, their sum does not. */
  readonly underway?: boolean;
  /** Whether an election lies behind both, or behind none. False where only one of the two clusters had one. */
  readonly sameHistory?: boolean;
}

interface Listing {
  readonly slaves: readonly { readonly active: boolean; readonly reregistered_time?: number }[];
  readonly recovered_slaves?: readonly object[];
  readonly activated_slaves?: number;
  readonly deactivated_slaves?: number;
  readonly unreachable_slaves?: number;
}

/** What of an answer must be equal, not only alike: counts, flags, and how many agents are where. */
function essence(path: string, body: string, asked: Asked, recorded: boolean): unknown {
  if (path.endsWith("/metrics/snapshot")) {
    const values = parse<Readonly<Record<string, number>>>(body);
    return Object.fromEntries(GATES.filter((name) => name in values).map((name) => [name, values[name]]));
  }
  if (/\/(slaves|state|state-summary)$/.test(path)) {
    const { slaves, recovered_slaves: waiting, ...more } = parse<Partial<Listing>>(body);
    if (slaves === undefined) return null;
    const recovered = waiting === undefined || waiting.length === 0 ? 0 : waiting.length - (recorded ? (asked.ghosts ?? 0) : 0);
    if (asked.underway === true) return slaves.length + recovered;
    const { activated_slaves: activated, deactivated_slaves: deactivated, unreachable_slaves: unreachable } = more;
    return {
      slaves: slaves.map((one) => (one.active ? "active" : "inactive")).toSorted(),
      recovered: waiting === undefined ? null : recovered,
      counted: { activated, deactivated, unreachable },
    };
  }
  return null;
}

function headersOf(capture: Capture): ReadonlyMap<string, string> {
  const lines = (capture.head ?? "").split("\r\n").slice(1);
  return new Map(lines.map((line) => [line.slice(0, line.indexOf(":")), line.slice(line.indexOf(":") + 2)]));
}

/** Where the model, asked now, differs from what was recorded at that moment: status, headers, text, fields, values. */
export async function differencesAt(one: Lab, moment: string, asked: Asked): Promise<readonly string[]> {
  const found: string[] = [];
  let compared = 0;
  const address = (text: string): string =>
    text.replace(/127\.0\.2([12])\.(\d)/g, (_, kind: string, n: string) =>
      one.at(asked.names[`${kind === "1" ? "m" : "a"}${n}`] ?? "m1"),
    );
  for (const capture of RECORDED.filter((it) => it.moment === `mesos-real/${moment}` || it.moment.endsWith(moment))) {
    const name = asked.names[capture.node];
    if (name === undefined || capture.method !== "GET" || (asked.paths !== undefined && !asked.paths.includes(capture.path)))
      continue;
    compared += 1;
    const label = `${moment} ${capture.node}→${name} ${capture.path}`;
    const port = capture.node.startsWith("m") ? 5050 : 5051;
    const said = await ask(
      one.cluster,
      one.at(name),
      port,
      capture.path,
      asked.headers === undefined ? {} : { headers: asked.headers },
    );
    if (capture.status === undefined) {
      const real = /timed out/.test(capture.error ?? "") ? "hang" : "refused";
      if (said.kind !== real) found.push(`${label}: ${real} recorded, ${said.kind} here`);
      continue;
    }
    if (said.kind !== "answered") {
      found.push(`${label}: ${capture.status} recorded, ${said.kind} here`);
      continue;
    }
    const real = headersOf(capture);
    for (const header of ["Content-Type", "Location", "WWW-Authenticate"]) {
      const wanted = real.get(header);
      if ((wanted === undefined ? undefined : address(wanted)) !== said.headers[header])
        found.push(`${label}: ${header} ${wanted ?? "absent"} recorded, ${said.headers[header] ?? "absent"} here`);
    }
    const body = said.body.toString();
    if (said.status !== capture.status) found.push(`${label}: ${capture.status} recorded, ${said.status} here`);
    else if (capture.status !== 200 || capture.body === "") {
      if (body !== capture.body) found.push(`${label}: ${capture.body} recorded, ${body} here`);
    } else if (capture.path.startsWith("/maintenance/")) {
      const plain = (text: string): string => JSON.stringify(parse(text)).replace(/("nanoseconds":)\d+/g, "$1N");
      if (plain(address(capture.body)) !== plain(body)) found.push(`${label}: ${address(capture.body)} recorded, ${body} here`);
    } else {
      const read = capture.node.startsWith("m") ? `mesos-master GET ${capture.path}` : `mesos-agent GET ${capture.path}`;
      const known = [...MESOS, ...AGENT, ...MOMENT, ...(asked.sameHistory === false ? HISTORY : [])];
      const shape = differences(shapeOf(capture.body), shapeOf(body)).filter((it) => explanation(known, read, it, 13) === null);
      found.push(...shape.map((it) => `${label}: ${it}`));
      const [left, right] = [essence(capture.path, capture.body, asked, true), essence(capture.path, body, asked, false)].map(
        (it) => JSON.stringify(it),
      );
      if (left !== right) found.push(`${label}: ${left ?? ""} recorded, ${right ?? ""} here`);
    }
  }
  if (compared === 0) found.push(`${moment}: nothing was compared`);
  return found;
}

/** `systemctl VERB UNIT` on a node. */
export async function systemctl(one: Lab, name: string, ...words: readonly string[]): Promise<void> {
  const ran = await run(one.node(name), ["systemctl", ...words]);
  if (ran.code !== 0) throw new Error(`systemctl ${words.join(" ")} on ${name}: ${ran.err}`);
}

export const MASTER = "dcos-mesos-master";

/** Takes the replica of the registry's log off a stopped master's disk. */
export async function wipeLog(one: Lab, name: string): Promise<void> {
  await one.node(name).fs.rm("/var/lib/dcos/mesos/master/replicated_log", { recursive: true });
}
