import type { Inventory, InventoryNode } from "../domain/inventory.ts";
import type { Json, JsonRecord } from "../domain/json.ts";
import { isColumn, type Kept, type Monitor, type Sample } from "../domain/monitor.ts";
import type { SampleRequest, Sampler } from "../engine/ports.ts";
import type { Jq, JqResult } from "./jq.ts";
import { startRound, type ReadingWorld } from "./read.ts";

/** Readings that come within this time of the first are kept by one call of jq; who is slower does not hold up the others. */
const TOGETHER_MS = 50;
const MOST_COLUMNS = 64;
const LONGEST_NOTICE = 300;

/** What a sampler is made of. `jq` is its own: a filter that does not end must not hold up the checks that decide. */
export interface SamplerWorld extends ReadingWorld {
  readonly jq: Jq;
}

/** A reading that has come and waits to be kept. */
interface Arrived {
  readonly index: number;
  readonly request: SampleRequest;
  readonly value: Json;
  readonly atMs: number;
}

/** Reads the sources of monitors: one request per URL and call, then `keep` and `notice` for all that came together. */
export function createSampler(world: SamplerWorld): Sampler {
  return {
    async sample(requests, signal, heard) {
      const round = startRound(world, signal);
      const nodes = world.inventory.nodes.map(({ name, address, role }) => ({ name, address, role }));
      let waiting: Arrived[] = [];
      const keepWaiting = async (): Promise<void> => {
        const taken = waiting;
        waiting = [];
        if (taken.length === 0) return;
        const results = await world.jq.evaluate(
          taken.map(({ request, value }) => ({
            filter: filterOf(request.monitor),
            input: value,
            vars: { subject: request.subject, context: { ...request.context, nodes }, now: world.clock.now() / 1_000 },
          })),
        );
        taken.forEach((one, at) => heard(one.index, sampleOf(results[at], one.atMs)));
      };
      const readOne = async (request: SampleRequest, index: number): Promise<void> => {
        const gap = (reason: string): void => heard(index, { kind: "gap", atMs: world.clock.now(), reason });
        try {
          const { monitor, subject, context } = request;
          const ask = nodesOf(world.inventory, request);
          const reading = await round.read({ spec: monitor.reading, subject, nodes: ask, context });
          if (reading.kind === "no-answer") gap(reading.reason);
          else waiting.push({ index, request, value: reading.value, atMs: world.clock.now() });
        } catch (error) {
          // What a platform may not be read with (a fault of the runbook) ends no run: the file says so.
          gap(error instanceof Error ? error.message : String(error));
        }
      };
      const reading = requests.map(readOne);
      const all = Promise.all(reading);
      const patience = new AbortController();
      await Promise.race([all, world.clock.sleep(TOGETHER_MS, patience.signal)]);
      patience.abort();
      await keepWaiting();
      await Promise.all(reading.map((one) => one.then(keepWaiting)));
    },
  };
}

function nodesOf(inventory: Inventory, { monitor, node }: SampleRequest): readonly InventoryNode[] | null {
  const { scope } = monitor;
  if (scope.kind === "listed") return null;
  if (scope.kind === "cluster") return inventory.nodes.filter((one) => scope.roles.includes(one.role));
  return inventory.nodes.filter((one) => one.name === node);
}

/** `keep` and `notice` as one filter. A notice that fails is none: the reading itself is kept all the same. */
function filterOf({ keep, notice }: Monitor): string {
  const told =
    notice === undefined
      ? "null"
      : `(if $context.before == null then null else ({before: $context.before, now: $pawl_kept} | try ([limit(1; (${notice}\n))][0]) catch null) end)`;
  // True and false are 1 and 0 from here on, so that what is compared now has the form of what was kept before.
  return `(${keep}\n) | if type == "object" then map_values(if . == true then 1 elif . == false then 0 else . end) else . end | . as $pawl_kept | {kept: $pawl_kept, notice: ${told}}`;
}

function sampleOf(result: JqResult | undefined, atMs: number): Sample {
  const gap = (reason: string): Sample => ({ kind: "gap", atMs, reason });
  if (result === undefined) return gap("not kept");
  if (result.kind === "error") return gap(`keep: ${result.error}`);
  const [only, ...more] = result.outputs;
  if (only === undefined || more.length > 0) return gap(`keep gives ${result.outputs.length} results instead of one`);
  const { kept, notice } = record(only);
  const values = keptOf(kept);
  if (typeof values === "string") return gap(values);
  const told = typeof notice === "string" && notice.trim() !== "" ? notice.slice(0, LONGEST_NOTICE) : null;
  return { kind: "kept", atMs, kept: values, notice: told };
}

/** What can stand in a file, or why it cannot. What is null is not there. */
function keptOf(value: Json | undefined): Kept | string {
  if (value === null || value === undefined || typeof value !== "object" || Array.isArray(value))
    return "keep does not give a flat object";
  const entries = Object.entries(value as JsonRecord).filter(([, one]) => one !== null);
  if (entries.length === 0) return "keep finds nothing in this answer";
  if (entries.length > MOST_COLUMNS) return `keep gives more than ${MOST_COLUMNS} columns`;
  const kept: Record<string, number | string> = {};
  for (const [name, one] of entries) {
    if (!isColumn(name)) return `keep gives ${JSON.stringify(name.slice(0, 80))}, which cannot be a column`;
    if (typeof one === "string" || (typeof one === "number" && Number.isFinite(one))) kept[name] = one;
    else return `keep gives ${name}, which is neither a number nor a text`;
  }
  return kept;
}

function record(value: Json): JsonRecord {
  return value !== null && typeof value === "object" && !Array.isArray(value) ? (value as JsonRecord) : {};
}
