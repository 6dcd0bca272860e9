import type { FactTopic } from "../domain/documents.ts";
import type { ArtifactRecord, ArtifactRef, Measured, Question, RunEvent, RunEventBody, Verb, Choice } from "../domain/events.ts";
import type { ExplainedDifference, UpgradeBetween } from "../domain/difference.ts";
import type { Problem } from "../domain/errors.ts";
import type { Inventory, InventoryNode, NodeName } from "../domain/inventory.ts";
import type { Json, JsonRecord } from "../domain/json.ts";
import type { OrderGroup } from "../domain/order.ts";
import type { EffectClass, Facts, Finding, Plan, Step } from "../domain/plan.ts";
import type { PersonQuestion } from "../domain/question.ts";
import type { StepRecord } from "../domain/run-state.ts";
import type { Looking, LookingWorld, Sheet, SheetCell, SheetPart, Tone } from "./looking-port.ts";
import type { Monitoring, SampleRequest, Sampler } from "./monitor-port.ts";
import type { ByteStream, Command, HttpAnswer, HttpRequest, Outcome, Remote, StreamAnswer, TcpAnswer } from "./remote-port.ts";
import type { ApiVersions, SocketPlace, WebProduct } from "./web-port.ts";

export type { OrderGroup };
export type { Monitoring, SampleRequest, Sampler };
export type { Looking, LookingWorld, Sheet, SheetCell, SheetPart, Tone };
export type { ApiVersions, SocketPlace, WebProduct };
export type { ByteStream, Command, HttpAnswer, HttpRequest, Outcome, Remote, StreamAnswer, TcpAnswer };

/** Time. `now` is wall time in epoch ms (for people), `monotonic` is for durations. On a lab both are the lab's own time. */
export interface Clock {
  now(): number;
  monotonic(): number;
  /** Ends early, without throwing, when the signal aborts. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
  /** Work of this machine that a lab's time waits for, as it waits for answers: nothing in it may sleep. Without it: a real clock. */
  during?<T>(work: () => Promise<T>): Promise<T>;
}

/** Local commands (hooks, site steps): argument lists, never a shell. */
export interface LocalRunner {
  run(
    argv: readonly string[],
    options: { readonly timeoutMs: number; readonly env?: Readonly<Record<string, string>> },
  ): Promise<Outcome>;
}

export interface ArtifactMeta {
  readonly name: string;
  readonly mediaType: string;
  readonly step: string | null;
  readonly node: NodeName | null;
  readonly evidenceOf: string;
  readonly sealed?: boolean;
}

/** Content-addressed store of captured bytes. */
export interface ArtifactStore {
  put(meta: ArtifactMeta, bytes: Buffer | string): Promise<ArtifactRecord>;
  /** A sink that hashes while it writes; `finish` makes it an artifact, `abandon` leaves nothing behind. */
  sink(meta: ArtifactMeta): Promise<ArtifactSink>;
  read(ref: Pick<ArtifactRef, "sha256">): Promise<Buffer>;
  /** The same bytes piece by piece, whatever their size. Throws at the end where they are not those of the digest. */
  stream(ref: Pick<ArtifactRef, "sha256">): AsyncIterable<Buffer>;
}

export interface ArtifactSink {
  write(chunk: Buffer): void | Promise<void>;
  /** Bytes written so far. */
  readonly bytes: number;
  finish(): Promise<ArtifactRecord>;
  abandon(): Promise<void>;
}

/** The only truth. `append` returns when the line is on disk. */
export interface Journal {
  append(body: RunEventBody, actor?: string): Promise<RunEvent>;
  readonly events: readonly RunEvent[];
  /** Writes SHA256SUMS and the head of the journal; called at every stop. */
  seal(): Promise<void>;
}

export interface CheckRequest {
  readonly check: string;
  /** The node of the step, for `step-node` scopes and `$context.node`. */
  readonly node: NodeName | null;
  readonly context: JsonRecord;
  /** Nobody looks at what a pass has seen: such an answer says `observed` without values. Anything else says all. */
  readonly quiet?: boolean;
}

export interface CheckAnswer extends Measured {
  /** The bytes that were judged: canonical JSON of all readings, by subject. */
  readonly evidence: string;
  readonly subjects: readonly {
    readonly subject: string;
    readonly verdict: "pass" | "fail" | "inconclusive";
    readonly why: Measured["why"];
    readonly value: Json;
  }[];
}

/** Measures checks. Readings are shared by all requests of one round: one request per URL. */
export interface Checks {
  /** `early` hears of each answer (by the request's index) as soon as it is known; an adapter that knows all at once need not call it. */
  measure(
    requests: readonly CheckRequest[],
    signal?: AbortSignal,
    early?: (index: number, answer: CheckAnswer) => void,
  ): Promise<readonly CheckAnswer[]>;
  /** Title, remedy and expected value of a check, for messages. */
  describe(check: string): { readonly title: string; readonly remedy: string; readonly expects: string };
}

/** The advisory lock on the cluster (design rule 7). `holder` is text a person understands. */
export interface ClusterLock {
  take(): Promise<
    | { readonly kind: "taken"; readonly nodes: readonly NodeName[]; readonly holder: string }
    | { readonly kind: "held"; readonly holder: string; readonly next?: string }
    | { readonly kind: "no-majority"; readonly reason: string }
  >;
  /** Still ours on a majority? */
  check(): Promise<{ readonly kind: "ours" } | { readonly kind: "lost"; readonly reason: string }>;
  release(): Promise<readonly NodeName[]>;
}

export type OperatorAnswer =
  | { readonly kind: "answered"; readonly choice: Choice; readonly actor: string; readonly reason: string | null }
  | { readonly kind: "nobody" };

/** Whoever decides: a policy (`--yes`), a person at the terminal. Ends with `nobody` when the signal aborts. */
export interface Operator {
  ask(question: Question, seq: number, signal: AbortSignal): Promise<OperatorAnswer>;
}

/** Verbs from another terminal. The engine answers each one: done, or why not. */
export interface ControlRequest {
  readonly verb: Verb;
  readonly actor: string;
  /** The question this answers, where it answers one; a stale one is refused. */
  readonly answers: number | null;
  reply(answer: { readonly ok: boolean; readonly text: string }): void;
}

export interface Control {
  /** Calls back for each request until `close`. */
  listen(handler: (request: ControlRequest) => void): Promise<void>;
  close(): Promise<void>;
}

/** What a view sees besides journal events: never recorded, never decided on. */
export type Telemetry =
  | { readonly type: "event"; readonly event: RunEvent }
  | { readonly type: "output"; readonly step: string; readonly line: string }
  | {
      readonly type: "reading";
      readonly step: string | null;
      readonly check: string;
      readonly verdict: string;
      readonly observed: string;
      readonly streak: number;
      readonly wanted: number;
      readonly spanMs: number;
      readonly wantedSpanMs: number;
      readonly deadlineMs: number;
    }
  | { readonly type: "sleeping"; readonly step: string; readonly untilMs: number; readonly totalMs: number };

export interface Viewer {
  show(news: Telemetry): void;
}

export type Permission =
  | { readonly kind: "yes"; readonly note?: string }
  | { readonly kind: "no"; readonly exit: "refused" | "gate-halted" | "step-failed"; readonly problem: Problem };

export type Effect =
  | { readonly kind: "done"; readonly note?: string; readonly output?: Json }
  | { readonly kind: "failed"; readonly problem: Problem }
  | { readonly kind: "unknown"; readonly problem: Problem }
  /** Nothing happened that matters; the step goes back to pending (a soak cut short by `stop`). */
  | { readonly kind: "stopped" }
  /** A person is needed and nobody is there. */
  | { readonly kind: "waiting"; readonly problem: Problem };

/** How a step looks afterwards: the answer a resume needs before it decides. */
export type Look =
  | { readonly kind: "not-begun" }
  | { readonly kind: "running"; readonly note: string }
  | { readonly kind: "done"; readonly note: string; readonly output?: Json }
  | { readonly kind: "failed"; readonly problem: Problem }
  | { readonly kind: "cannot-tell"; readonly problem: Problem };

/** The whole command line of a verb on this run with what follows it (`retry`, a step's address), as a person types it. */
export type Spell = (verb: string, rest?: string) => string;

export interface StepContext {
  readonly run: string;
  /** For what a person should do next. */
  readonly spell: Spell;
  readonly plan: Plan;
  readonly step: Step;
  readonly inventory: Inventory;
  readonly node: InventoryNode | null;
  readonly remote: Remote;
  readonly local: LocalRunner;
  readonly checks: Checks;
  readonly artifacts: ArtifactStore;
  readonly clock: Clock;
  /** Wall time the step's effect began, epoch ms. */
  readonly startedMs: number;
  /** Status, output and problem of any step so far. */
  record(address: string): StepRecord;
  /** Journals an artifact that was put into the store. */
  recorded(artifact: ArtifactRecord): Promise<void>;
  /** Whether an artifact of that name is in the journal. */
  hasRecorded(name: string): boolean;
  /** Journals that contact was lost and is back. */
  reattached(note: string): Promise<void>;
  /** Journals, and tells at once, what a person wants to know before the step ends: about whom, and what. Nothing is decided by it. */
  notice(subject: string, text: string): Promise<void>;
  /** A line for whoever watches; not recorded. */
  say(line: string): void;
  /** A countdown for whoever watches. */
  sleeping(untilMs: number, totalMs: number): void;
  /** Puts a planned stop before whoever decides. */
  ask(title: string): Promise<"approved" | "stopped" | "nobody">;
  /** The stop of this run is wanted: soaks and waits end early; effects do not. */
  readonly stopping: AbortSignal;
}

/** A step kind answers four questions: may I, do it, (gates: did it hold), how do I look whether it happened. */
export interface StepKind {
  readonly name: string;
  readonly effect: EffectClass;
  /** Its `doIt` asks a person: the plan announces that stop. */
  readonly asks?: true;
  /** Commands and requests as text for the plan. */
  shows(step: Pick<Step, "with" | "node">, inventory: Inventory): readonly string[];
  /** Planned length in ms where the step's own data tells it. */
  plannedMs?(step: Pick<Step, "with">): number | null;
  mayI?(ctx: StepContext): Promise<Permission>;
  /** Does it, or takes up again what is already running (`starting` twice starts once). */
  doIt(ctx: StepContext): Promise<Effect>;
  probe?(ctx: StepContext): Promise<Look>;
  /**
   * Keeps what tells how it went: asked right before the step is complete, or when it has failed for a reason other than lost contact,
   * whatever its gates said. Only reads, and never decides. A process that dies in it leaves it to the next one: what is on record already
   * (`hasRecorded`) is not kept again.
   */
  keep?(ctx: StepContext): Promise<void>;
}

/** One (method, path) or argv a product may be read with; anything else throws before it is sent (design rule 11). */
export interface AllowList {
  /**
   * `body`: what must match where the method carries one (an API whose calls differ only in their body). Without it no body may
   * be sent. `query`: the whole query behind the `?`; without it none may be sent. `contentType`: the only form of a body, for an API
   * whose calls differ in it; without it JSON's.
   */
  readonly http: readonly {
    readonly method: string;
    readonly path: RegExp;
    readonly query?: RegExp;
    readonly body?: RegExp;
    readonly contentType?: RegExp;
  }[];
  /**
   * Each command is a list of word patterns that must match the whole argv, word by word; a trailing `...` allows any more words,
   * `...` and one pattern allow more words that match it.
   */
  readonly commands: readonly (readonly (string | RegExp)[])[];
  readonly fourLetter: readonly string[];
  /**
   * Streams may be opened to machines of the inventory, and this begins to read along one of them: it is given every byte that is about
   * to be sent, and throws where they would change something. Without it none are opened.
   */
  readonly inspect?: () => (chunk: Buffer) => void;
}

/** One thing a snapshot captures. */
export interface CaptureItem {
  readonly name: string;
  readonly node: NodeName | null;
  readonly mediaType: string;
  readonly evidenceOf: string;
  /** An HTTP answer is kept as `{ status, location, body }`, whatever its status: where it leads to is what is asked. */
  readonly whole?: true;
  /** Makes of a good HTTP answer what is kept of it; the answer itself, which holds more than may be written, is dropped. */
  readonly keep?: (
    answer: Buffer,
  ) => { readonly ok: true; readonly bytes: Buffer } | { readonly ok: false; readonly why: string };
  readonly read:
    | { readonly kind: "http"; readonly request: HttpRequest }
    | { readonly kind: "command"; readonly target: string; readonly command: Command }
    | { readonly kind: "tcp"; readonly host: string; readonly port: number; readonly send: string; readonly timeoutMs: number };
}

export interface Observation {
  readonly facts: Facts;
  /** Raw answers the facts were made from. */
  readonly evidence: readonly { readonly meta: ArtifactMeta; readonly bytes: string }[];
  /** What could not be read, in words. */
  readonly gaps: readonly string[];
}

/** What the last run on this cluster that was begun had observed. */
export interface Before {
  readonly run: string;
  readonly facts: Facts;
}

/** A product: facts, order contract, step kinds, permission, what is captured. The engine knows nothing else about it. */
export interface Platform {
  readonly name: string;
  readonly contract: readonly OrderGroup[];
  readonly kinds: readonly StepKind[];
  readonly allow: AllowList;
  /** Port by service name. */
  readonly ports: Readonly<Record<string, number>>;
  /** TLS, tokens and front door of its services; without it they speak plain http. */
  readonly web?: WebProduct;
  /** Path of the advisory lock directory on managers. */
  readonly lockPath: string;
  /** A file on every manager that holds the cluster's identity (`facts.clusterId`), where the product has one. */
  readonly identityFile?: string;
  observe(reader: Remote, inventory: Inventory, inputs: Readonly<Record<string, string>>, clock: Clock): Promise<Observation>;
  /** Node facts for checks with a `facts` reading; asked once per node, topic and round. Null: the platform knows nothing about that. */
  nodeFacts(reader: Remote, inventory: Inventory, node: InventoryNode, about?: FactTopic): Promise<Json>;
  /** Pure findings over the facts: path, versions, roles, counts, and what has changed since the last record of this cluster. */
  findings(
    facts: Facts,
    inventory: Inventory,
    inputs: Readonly<Record<string, string>>,
    before?: Before | null,
  ): readonly Finding[];
  /**
   * Which apps or nodes a question with `per` is asked about, by the question's name; null: it could not be read. Without this
   * function, and for questions it does not know (undefined), `per: node` means every node of the inventory.
   */
  questionSubjects?(question: PersonQuestion, facts: Facts, inventory: Inventory): readonly string[] | null | undefined;
  /** Findings that a check measures too, by name of the check: one fault is not told twice. */
  readonly alsoMeasured?: Readonly<Record<string, string>>;
  /** Findings that are made of some clusters only (what the inventory names, what this machine has), by name. */
  readonly occasional?: readonly string[];
  /** Leadership read again: nodes of the role that must come last. Null: it could not be told. */
  readLast(reader: Remote, inventory: Inventory, role: string): Promise<readonly NodeName[] | null>;
  /** Right before a node is touched: quorum without it, nobody else down, still the role the plan gave it (rule 6). */
  permission(ctx: StepContext): Promise<Permission>;
  /** A failure that cost tasks or an app its minimum is never set aside. */
  isCostly(problem: Problem): boolean;
  captures(inventory: Inventory, facts: Facts): readonly CaptureItem[];
  /** The comparable essence of a snapshot, from its captured bytes. */
  summarise(captured: ReadonlyMap<string, Buffer>): Json;
  /**
   * Every difference between two summary documents with what explains it, given the upgrades that ran between them; without it
   * none is explained.
   */
  explain?(before: JsonRecord, after: JsonRecord, upgrades: readonly UpgradeBetween[]): readonly ExplainedDifference[];
  /** What there is to look at; without it the product has no `pawl nodes` and `pawl service`. */
  readonly looking?: Looking;
  /**
   * The nodes of the cluster that a single node of an inventory belongs to, in the product's words: for an inventory that is about to be
   * written. Throws PawlError where that node cannot tell.
   */
  discover?(reader: Remote, inventory: Inventory): Promise<Discovery>;
}

/** A cluster as one of its nodes tells it. */
export interface Discovery {
  readonly clusterId: string;
  readonly nodes: readonly Pick<InventoryNode, "name" | "address" | "role">[];
  /** What a person should know before using it, in sentences. */
  readonly notes: readonly string[];
}
