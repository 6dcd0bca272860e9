import { createRequire } from "node:module";
import { Worker } from "node:worker_threads";
import type { Json } from "../domain/json.ts";
import { buildProgram, readOutputs, VARIABLES } from "./jq-program.ts";
import type { JqAnswer, JqJob, JqReply } from "./jq-worker.ts";
import { WORKER_SOURCE } from "./jq-worker.ts";

/** What a filter can name besides `.`; the meaning of each is in docs/architecture.md, "Check". */
interface JqVariables {
  readonly subject?: Json;
  readonly all?: Json;
  readonly facts?: Json;
  readonly context?: Json;
  readonly now?: Json;
}

/** One filter over one input. */
export interface JqItem {
  readonly filter: string;
  readonly input: Json;
  readonly vars: JqVariables;
}

/** What a filter gave: at most three outputs are kept (one is wanted), or the text of what went wrong. */
export type JqResult =
  { readonly kind: "outputs"; readonly outputs: readonly Json[] } | { readonly kind: "error"; readonly error: string };

/** Filters evaluated off the main thread. */
export interface Jq {
  /** Results in the order of the items. Never rejects because of a filter: that is a result. */
  evaluate(items: readonly JqItem[]): Promise<readonly JqResult[]>;
  close(): Promise<void>;
}

export interface JqOptions {
  /** Wall time one call may take before its worker is thrown away, in ms; a second per MiB of input is added. Default 5 s. */
  readonly timeoutMs?: number;
}

type Call<T> =
  | { readonly kind: "done"; readonly value: T }
  | { readonly kind: "timed-out" }
  | { readonly kind: "crashed"; readonly error: string };

/**
 * jq in a worker thread. A call costs milliseconds of fixed time, so all items of a round go into one program; each filter is
 * compiled once, alone, so that a broken one spoils no other. A filter that never ends takes its worker with it: the
 * items are then run one by one to find out which.
 */
export function createJq(options: JqOptions = {}): Jq {
  const baseTimeoutMs = options.timeoutMs ?? 5000;
  const compiled = new Map<string, string | null>();
  let worker: Worker | null = null;
  let nextId = 0;
  let queue: Promise<unknown> = Promise.resolve();

  const call = async (make: (id: number) => JqJob, bytes: number): Promise<Call<JqReply>> => {
    const current = (worker ??= startWorker());
    const id = nextId++;
    const outcome = await askWorker(current, make(id), baseTimeoutMs + Math.ceil(bytes / 1048.576));
    // A worker that hangs or died is never used again, and neither is one whose engine crashed: it answers nothing more.
    if (outcome.kind !== "done" || outcome.value.kind === "failed") {
      worker = null;
      await current.terminate();
    }
    return outcome;
  };

  const run = async (items: readonly JqItem[]): Promise<JqAnswer | string> => {
    const { program, document } = buildProgram(items);
    const outcome = await call((id) => ({ id, kind: "run", program, document }), document.length);
    if (outcome.kind === "timed-out") return "the filter did not end within its time limit";
    if (outcome.kind === "crashed") return outcome.error;
    if (outcome.value.kind === "ran") return outcome.value.answer;
    return outcome.value.kind === "failed" ? outcome.value.error : "unexpected answer of the jq worker";
  };

  const compile = async (filters: readonly string[]): Promise<void> => {
    const fresh = [...new Set(filters)].filter((filter) => !compiled.has(filter));
    if (fresh.length === 0) return;
    const outcome = await call((id) => ({ id, kind: "compile", filters: fresh, names: VARIABLES }), 0);
    if (outcome.kind === "done" && outcome.value.kind === "compiled") {
      const { errors } = outcome.value;
      fresh.forEach((filter, index) => compiled.set(filter, errors[index] ?? null));
    }
  };

  const runAll = async (items: readonly JqItem[]): Promise<readonly JqResult[]> => {
    const results = new Map<JqItem, JqResult>();
    for (const item of items) {
      const constant = CONSTANTS.get(item.filter);
      if (constant !== undefined) results.set(item, constant);
    }
    const asked = items.filter((item) => !results.has(item));
    await compile(asked.map((item) => item.filter));
    const good = asked.filter((item) => typeof compiled.get(item.filter) !== "string");
    const together = good.length === 0 ? null : await run(good);
    const outputs = together === null || typeof together === "string" ? null : readOutputs(together, good.length);
    if (outputs !== null) good.forEach((item, index) => results.set(item, outputs[index] ?? lost("no output")));
    else for (const item of good) results.set(item, await runAlone(item, run));
    return items.map((item) => results.get(item) ?? lost(firstLines(compiled.get(item.filter) ?? "did not compile")));
  };

  return {
    evaluate(items) {
      // One call at a time: a time limit must measure its own call, not those before it.
      const turn = queue.then(() => (items.length === 0 ? [] : runAll(items)));
      queue = turn.catch(() => undefined);
      return turn;
    },
    async close() {
      const current = worker;
      worker = null;
      if (current !== null) await current.terminate();
    },
  };
}

/** Filters that need no jq: most checks have no `fatal`, which is then `false` for each of their subjects. */
const CONSTANTS: ReadonlyMap<string, JqResult> = new Map([
  ["true", { kind: "outputs", outputs: [true] }],
  ["false", { kind: "outputs", outputs: [false] }],
  ["null", { kind: "outputs", outputs: [null] }],
]);

/** An item that spoilt its round (halt, endless, out of memory) or was in one that was spoilt. */
async function runAlone(item: JqItem, run: (items: readonly JqItem[]) => Promise<JqAnswer | string>): Promise<JqResult> {
  const answer = await run([item]);
  if (typeof answer === "string") return lost(answer);
  const outputs = readOutputs(answer, 1);
  return outputs?.[0] ?? lost(firstLines(answer.stderr) || "the filter ended jq before it gave an output");
}

function lost(error: string): JqResult {
  return { kind: "error", error };
}

/** jq's complaint without the drawing below it; positions in it are those of the filter alone. */
function firstLines(text: string): string {
  return text.split("\n").slice(0, 3).join(" ").replace(/\s+/g, " ").trim();
}

function startWorker(): Worker {
  const jq = createRequire(import.meta.url).resolve("jq-wasm");
  // execArgv is emptied: loaders of the main thread (tsx, vitest) are of no use to plain JavaScript and slow its start.
  const worker = new Worker(WORKER_SOURCE, { eval: true, workerData: { jq }, execArgv: [] });
  worker.unref();
  return worker;
}

function askWorker(worker: Worker, job: JqJob, timeoutMs: number): Promise<Call<JqReply>> {
  return new Promise((resolve) => {
    const finish = (outcome: Call<JqReply>): void => {
      clearTimeout(timer);
      worker.off("message", onMessage);
      worker.off("error", onError);
      worker.off("exit", onExit);
      worker.unref();
      resolve(outcome);
    };
    const onMessage = (reply: JqReply): void => {
      if (reply.id === job.id) finish({ kind: "done", value: reply });
    };
    const onError = (error: unknown): void => finish({ kind: "crashed", error: `the jq worker failed: ${String(error)}` });
    const onExit = (): void => finish({ kind: "crashed", error: "the jq worker ended" });
    const timer = setTimeout(() => finish({ kind: "timed-out" }), timeoutMs);
    // While an answer is awaited the process must stay alive; afterwards an idle worker must not hold it.
    worker.ref();
    worker.on("message", onMessage);
    worker.on("error", onError);
    worker.on("exit", onExit);
    worker.postMessage(job);
  });
}
