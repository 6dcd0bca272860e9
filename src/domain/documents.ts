import type { JsonRecord } from "./json.ts";
import type { Monitor } from "./monitor.ts";
import type { PersonQuestion } from "./question.ts";

/** How much a finding matters. Mandatory findings can never be waived. */
export type Severity = "mandatory" | "waivable" | "advisory";

/** N passes in a row that together cover at least `spanMs`, before `deadlineMs` is over. */
export interface GatePolicy {
  readonly consecutivePasses: number;
  readonly spanMs: number;
  readonly intervalMs: number;
  readonly deadlineMs: number;
}

/** What a platform can be asked about a node: the node itself, the machine below the product, or the product's own checks. */
export const FACT_TOPICS = ["node", "machine", "checks"] as const;
export type FactTopic = (typeof FACT_TOPICS)[number];

/** One thing a check reads. `{address}`, `{port.NAME}`, `{subject}` and `{target}`-like names of the context are filled in. */
export type ReadingSpec = {
  /** Body handling: parsed JSON, plain text, lines of `key<TAB>value` as an object, or the whole HTTP answer. */
  readonly as: "json" | "text" | "table" | "answer";
  readonly timeoutMs: number;
  /** A missing answer becomes null instead of making the subject inconclusive. */
  readonly optional: boolean;
} & (
  | {
      readonly kind: "http";
      readonly method: string;
      readonly url: string;
      readonly body?: string;
      readonly followRedirects: number;
      /** What is asked for may be a page for people. */
      readonly page?: true;
    }
  | { readonly kind: "command"; readonly argv: readonly string[]; readonly sudo: boolean }
  | { readonly kind: "four-letter"; readonly word: string; readonly port: string }
  | { readonly kind: "file"; readonly path: string }
  /** What the platform knows of the node: about what, is a word of `FACT_TOPICS`. */
  | { readonly kind: "facts"; readonly about: FactTopic }
  /** What the step that the gate belongs to has found and handed on. */
  | { readonly kind: "step" }
);

/**
 * Who is asked.
 * `role`: every node with one of the roles is a subject of its own. `step-node`: the node of the step the gate belongs to.
 * `cluster`: one subject; each reading is asked of the nodes with one of the roles in turn until one answers.
 */
export type CheckScope =
  | { readonly kind: "role"; readonly roles: readonly string[] }
  | { readonly kind: "step-node" }
  | { readonly kind: "cluster"; readonly roles: readonly string[] };

/** Recorded readings of a check's subjects, with what else its verdict is made from. */
export interface Recording {
  readonly name: string;
  /** Reading values by subject; `{ m1: { metrics: {...} } }`. A reading that is absent counts as no answer. */
  readonly subjects: Readonly<Record<string, JsonRecord>>;
  readonly facts?: JsonRecord;
  readonly context?: JsonRecord;
  /** Captures of a real system the readings are cut from, such as `quorum-lost/02-leader-alone-13s`. */
  readonly from?: readonly string[];
}

/** A recorded reading that the check must refuse (design rule 5). */
export interface BadReading extends Recording {
  /** The verdict must be inconclusive for this reason; without it any refusal is one. */
  readonly why?: "no-answer" | "missing-field";
  /** Whether it must end a gate at once (default: it must not). */
  readonly fatal?: boolean;
}

/** Times (ms since the first) of passes that must not yet satisfy the check's gate. */
export interface UnsteadyReading {
  readonly name: string;
  readonly passesAtMs: readonly number[];
}

/** A check is data: what is read, which answer is good, how steady it must be, and a bad reading it must refuse. */
export interface Check {
  readonly name: string;
  readonly title: string;
  readonly why: string;
  readonly source: string;
  readonly platform: string;
  readonly severity: Severity;
  /** Asked only before a hop that begins below this version and ends at it or above; without it before every hop. */
  readonly when?: { readonly crosses: string };
  readonly scope: CheckScope;
  readonly readings: Readonly<Record<string, ReadingSpec>>;
  /** jq: exactly one boolean per subject. Anything else is inconclusive. */
  readonly pass: string;
  /** jq: the value shown to people and recorded as what was asserted. */
  readonly show: string;
  /** jq: true ends a gate at once (two leaders, wrong version, lost task). */
  readonly fatal?: string;
  readonly gate: GatePolicy;
  readonly remedy: string;
  readonly refuses: readonly BadReading[];
  /** Recorded good readings that it must pass: a check that refuses everything guards nothing either. */
  readonly accepts?: readonly Recording[];
  /** Passes that came too few or too close together to be believed. */
  readonly unsteady?: readonly UnsteadyReading[];
}

export interface InputSpec {
  readonly type: "version" | "duration" | "text" | "number" | "boolean";
  readonly title: string;
  readonly default?: string;
  readonly required: boolean;
  /** Shortest duration accepted on a real cluster, in ms. */
  readonly floorMs?: number;
}

/** A gate behind a step: a check, with any part of its policy overridden. Advisory gates are recorded, never halt. */
export interface GateSpec {
  readonly check: string;
  readonly policy: Partial<GatePolicy>;
  readonly advisory: boolean;
}

export interface StepSpec {
  readonly name: string;
  /** Step kind: `soak`, `confirm`, `check`, `command`… or `<platform>/<kind>`. */
  readonly uses: string;
  readonly title: string;
  readonly with: JsonRecord;
  readonly gates: readonly GateSpec[];
  /** Steps without effect that a person may skip with a reason. */
  readonly optional: boolean;
}

/** A requirement that only a person can look after. Never a pass: a preflight lists it as not evaluated. */
export interface ByHand {
  readonly name: string;
  readonly title: string;
  readonly source: string;
  /** Told only before a hop that begins below this version and ends at it or above; without it before every hop. */
  readonly when?: { readonly crosses: string };
  readonly remedy: string;
}

export interface PhaseSpec {
  readonly name: string;
  readonly title: string;
  readonly source: string;
  readonly strategy: "serial" | "parallel" | "canary";
  /** Nodes with this role each get the phase's steps; without it the steps run once. */
  readonly role?: string;
  readonly order: "listed" | "leader-last" | "non-critical-first";
  /** Canary: sizes of the waves, the last repeated; whole numbers or percentages of the selected nodes. */
  readonly waves: readonly (number | `${number}%`)[];
  readonly maxInFlight: number;
  /** True: nodes already at the target are left out (rule 13). */
  readonly skipComplete: boolean;
  readonly steps: readonly StepSpec[];
  /** Run once when all nodes of the phase (or of a wave) are done. */
  readonly after: readonly StepSpec[];
  /** Instead of `after` for the first wave, where given. */
  readonly afterCanary?: readonly StepSpec[];
}

/** A check that runs beside whole phases and interrupts the run when it has been bad for `haltAfterMs` (rule 14). */
export interface WatchSpec {
  readonly check: string;
  readonly intervalMs: number;
  readonly haltAfterMs: number;
  readonly phases: readonly string[];
}

export interface Runbook {
  readonly name: string;
  readonly version: string;
  readonly title: string;
  readonly platform: string;
  readonly source: string;
  readonly inputs: Readonly<Record<string, InputSpec>>;
  /** Checks that a preflight runs, in the order they are shown. */
  readonly preflight: readonly string[];
  /** What must hold and cannot be read: told before each hop it belongs to, as not evaluated. */
  readonly byHand: readonly ByHand[];
  /** What only a person can say: asked before the run begins, kept in the inventory. */
  readonly questions: readonly PersonQuestion[];
  readonly watches: readonly WatchSpec[];
  /** What is read and kept beside the phases; missing where there is nothing of the kind. */
  readonly monitors?: readonly Monitor[];
  readonly phases: readonly PhaseSpec[];
  /** Declared undo of pawl's own temporary changes; run once when the run ends. */
  readonly finally: readonly StepSpec[];
}

/** A document with what is needed to point at it and to pin it. */
export interface Loaded<T> {
  readonly document: T;
  readonly file: string;
  /** SHA-256 of the canonical document: comments and layout do not change it. */
  readonly sha256: string;
}

/**
 * One cell of the table of what a release runs on. `damaged`: the source's text is cut or belongs to another cell, so that nobody can
 * tell what it said; such a cell allows nothing and forbids nothing.
 */
export interface SupportCell {
  /** What the source says, word for word. */
  readonly text: string;
  readonly confidence: "read" | "damaged";
  /** Container runtimes that are qualified: the beginning of a version, and the edition where the source names one. */
  readonly runtimes: readonly { readonly version: string; readonly edition?: string }[];
}

/** One operating system with what each minor series is qualified with on it. */
export interface SupportRow {
  /** How the system's own name begins. */
  readonly os: string;
  /** Its release, such as `7.4`. */
  readonly release: string;
  readonly series: Readonly<Record<string, SupportCell>>;
}

/** Which versions exist and which moves are qualified, as data with reasons. */
export interface VersionPolicy {
  readonly name: string;
  readonly title: string;
  readonly platform: string;
  readonly source: string;
  readonly asOf: string;
  readonly releases: readonly { readonly version: string; readonly date?: string; readonly note?: string }[];
  /** `latest-of-minor`: the textual rule; `table`: only listed moves. */
  readonly rule: "latest-of-minor" | "table";
  /** For the textual rule: the patch release each minor is left from and entered at. */
  readonly latest: Readonly<Record<string, string>>;
  readonly moves: readonly { readonly from: string; readonly to: readonly string[]; readonly why?: string }[];
  readonly notes: readonly { readonly about: readonly string[]; readonly text: string }[];
  /** What the releases are qualified to run on, where the source has such a table. */
  readonly machines?: readonly SupportRow[];
}

/** What each release of a product ships: to be compared with, never decided on. */
export interface ComponentMatrix {
  readonly name: string;
  readonly title: string;
  readonly source: string;
  readonly platform: string;
  readonly components: readonly string[];
}
