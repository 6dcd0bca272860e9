/** What the worker is asked: check that texts compile, or run one program over one document. */
export type JqJob =
  | { readonly id: number; readonly kind: "compile"; readonly filters: readonly string[]; readonly names: readonly string[] }
  | { readonly id: number; readonly kind: "run"; readonly program: string; readonly document: string };

/** The bare answer of jq: `exitCode` 0 does not mean that every filter ran (`halt` also ends with 0). */
export interface JqAnswer {
  readonly stdout: string;
  readonly stderr: string;
  readonly exitCode: number;
}

/** What the worker answers; `failed` is a crash of the engine itself (memory), never a complaint about a filter. */
export type JqReply =
  | { readonly id: number; readonly kind: "compiled"; readonly errors: readonly (string | null)[] }
  | { readonly id: number; readonly kind: "ran"; readonly answer: JqAnswer }
  | { readonly id: number; readonly kind: "failed"; readonly error: string };

/**
 * The worker's program, as plain JavaScript text: a worker started from a TypeScript file works neither from source under
 * Node 20 without a loader nor from `dist`, a worker started from text works in both. `workerData.jq` is the resolved
 * path of jq-wasm. Names are sorted before jq sees them, as they are in evidence: a filter that stops at the first bad entry of an
 * object says the same to whoever judges the evidence again. A compile check gives jq no input value at all, so that the filter is parsed but never run.
 */
export const WORKER_SOURCE = `
const { parentPort, workerData } = require("node:worker_threads");
const ready = require(workerData.jq).loadJq();
const byName = (_, value) =>
  value === null || typeof value !== "object" || Array.isArray(value)
    ? value
    : Object.fromEntries(Object.keys(value).sort().map((name) => [name, value[name]]));
const sorted = (text) => JSON.stringify(JSON.parse(text), byName);
parentPort.on("message", async (job) => {
  try {
    const jq = await ready;
    if (job.kind === "compile") {
      const flags = ["-c", ...job.names.flatMap((name) => ["--argjson", name, "null"])];
      const errors = job.filters.map((filter) => {
        const answer = jq.raw("", filter, flags);
        return answer.exitCode === 0 ? null : answer.stderr;
      });
      parentPort.postMessage({ id: job.id, kind: "compiled", errors });
    } else {
      parentPort.postMessage({ id: job.id, kind: "ran", answer: jq.raw(sorted(job.document), job.program, ["-c"]) });
    }
  } catch (error) {
    parentPort.postMessage({ id: job.id, kind: "failed", error: String(error) });
  }
});
`;
