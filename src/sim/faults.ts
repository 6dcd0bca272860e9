import { PawlError } from "../domain/errors.ts";

/** Every fault the embedded cluster can be asked for (design section 8), with where it can be put. */
const FAULTS = {
  "replog-not-recovered": { on: ["master"], when: ["start", "during", "after"] },
  "exhibitor-not-serving": { on: ["master"], when: ["start", "during", "after"] },
  "master-out-of-quorum": { on: ["master"], when: ["start", "during", "after"] },
  "two-leaders": { on: ["master"], when: ["start", "during", "after"] },
  "no-leader": { on: ["master"], when: ["start", "during", "after"] },
  "marathon-down": { on: ["master"], when: ["start", "during", "after"] },
  "zk-quorum-lost": { on: ["master"], when: ["start", "during", "after"] },
  "script-fails": { on: ["master", "agent"], when: ["during", "after"] },
  "script-lies": { on: ["master", "agent"], when: ["during", "after"] },
  "agent-never": { on: ["agent"], when: ["start", "during", "after"] },
  "agent-late": { on: ["agent"], when: ["start", "during", "after"] },
  "tasks-lost": { on: ["agent"], when: ["start", "during", "after"] },
  "ssh-drop": { on: ["master", "agent"], when: ["during", "after"] },
  "ssh-hang": { on: ["master", "agent"], when: ["start", "during", "after"] },
  "hostkey-changed": { on: ["master", "agent"], when: ["start", "before", "during", "after"] },
  "disk-full": { on: ["master", "agent"], when: ["start", "during"] },
  "bootstrap-down": { on: ["master", "agent", "bootstrap"], when: ["start", "during"] },
  "wrong-role": { on: ["master", "agent"], when: ["start"] },
  "config-differs": { on: ["master", "agent"], when: ["start"] },
  "clock-skew": { on: ["master", "agent"], when: ["start"] },
  "zookeeper-backup-bad": { on: ["master"], when: ["start"] },
  "constraint-broken": { on: ["master", "agent"], when: ["start"] },
} as const satisfies Readonly<
  Record<string, { readonly on: readonly ("master" | "agent" | "bootstrap")[]; readonly when: readonly FaultTime[] }>
>;

/** Every moment a fault can be planned for, in their order. */
const TIMES = ["start", "before", "during", "after"] as const;

export type FaultTime = (typeof TIMES)[number];
export type FaultName = keyof typeof FAULTS;

/** The names of all faults, in the order of the design's table. */
export const FAULT_NAMES = Object.keys(FAULTS) as readonly FaultName[];

/**
 * One thing that goes wrong once. `start`: before anything is read (for a later hop: when the hop before it is complete).
 * `before`: with the first upgrade script of the hop, whichever node's that is. `during`: from the beginning of the node's
 * upgrade script. `after`: when that script has ended. `hop` counts the target versions the cluster's upgrade scripts have
 * had, from 1.
 */
export interface Fault {
  readonly name: FaultName;
  readonly node: string;
  readonly when: FaultTime;
  readonly hop: number;
}

function isFaultName(text: string): text is FaultName {
  return Object.hasOwn(FAULTS, text);
}

/** Edits (insert, delete, replace, swap counted as two) between two short words. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i += 1) {
    const next = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const replaced = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(replaced, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}

function closest(word: string, known: readonly string[]): string | null {
  const ranked = known.map((name) => ({ name, edits: distance(word, name) })).sort((a, b) => a.edits - b.edits);
  const best = ranked[0];
  return best !== undefined && best.edits <= Math.max(2, Math.floor(word.length / 3)) ? best.name : null;
}

function refuse(text: string, problem: string, next: string): PawlError {
  return new PawlError("usage", "bad-fault", `--fault ${text}: ${problem}`, {
    expected: "NAME@NODE[:start|before|during|after][:HOP]",
    observed: text,
    next,
  });
}

function parseTime(text: string, word: string, name: FaultName): FaultTime {
  const allowed: readonly FaultTime[] = FAULTS[name].when;
  const found = allowed.find((time) => time === word);
  if (found !== undefined) return found;
  const near = closest(word, allowed);
  const problem = (TIMES as readonly string[]).includes(word)
    ? `${name} cannot happen at \`${word}\``
    : `there is no time \`${word}\`${near === null ? "" : `; did you mean \`${near}\`?`}`;
  throw refuse(text, problem, `use one of: ${allowed.join(", ")}`);
}

/**
 * Reads `NAME@NODE[:WHEN][:HOP]` (design section 8). WHEN is `after` unless given (`start` for faults that
 * know no `after`); HOP is 1. Throws a usage error that names what was meant. `nodes`, where given, are the names that exist.
 */
export function parseFault(text: string, nodes?: readonly string[]): Fault {
  const parts = /^([^@:]*)@([^@:]*)((?::[^@:]*)*)$/.exec(text);
  if (parts === null)
    throw refuse(
      text,
      "not of the form NAME@NODE[:WHEN][:HOP]",
      "for example: --fault script-fails@m2, --fault agent-never@a4:after:2",
    );
  const [, name = "", node = "", rest = ""] = parts;
  if (!isFaultName(name)) {
    const near = closest(name, FAULT_NAMES);
    throw refuse(
      text,
      `there is no fault \`${name}\`${near === null ? "" : `; did you mean \`${near}\`?`}`,
      `known faults: ${FAULT_NAMES.join(", ")}`,
    );
  }
  const kind = /^m\d+$/.test(node) ? "master" : /^[ap]\d+$/.test(node) ? "agent" : node === "bootstrap" ? "bootstrap" : null;
  if (kind === null || (nodes !== undefined && !nodes.includes(node))) {
    const near = closest(node, nodes ?? []);
    throw refuse(
      text,
      `there is no node \`${node}\`${near === null ? "" : `; did you mean \`${near}\`?`}`,
      "nodes are m1… (masters), a1… (private agents), p1… (public agents)",
    );
  }
  const places: readonly string[] = FAULTS[name].on;
  if (!places.includes(kind))
    throw refuse(
      text,
      `${name} happens at a ${places.join(" or a ")}, ${node} is a${kind === "agent" ? "n" : ""} ${kind}`,
      "choose another node",
    );
  const words = rest.split(":").slice(1);
  const last = words.at(-1);
  const hop = last !== undefined && /^\d+$/.test(last) ? Number(words.pop()) : 1;
  if (hop < 1) throw refuse(text, "hops are counted from 1", "leave HOP out for the first hop");
  if (words.length > 1) throw refuse(text, `\`${words.join(":")}\` is too much`, "give at most one WHEN and one HOP");
  const word = words[0];
  const times: readonly FaultTime[] = FAULTS[name].when;
  const when = word === undefined ? (times.includes("after") ? "after" : (times[0] ?? "start")) : parseTime(text, word, name);
  return { name, node, when, hop };
}
