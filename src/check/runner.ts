import { setMaxListeners } from "node:events";
import type { Check } from "../domain/documents.ts";
import { PawlError } from "../domain/errors.ts";
import type { Inventory, InventoryNode, NodeName } from "../domain/inventory.ts";
import type { Json, JsonRecord } from "../domain/json.ts";
import type { Facts } from "../domain/plan.ts";
import type { CheckAnswer, CheckRequest, Checks } from "../engine/ports.ts";
import type { Jq } from "./jq.ts";
import { judge } from "./judge.ts";
import type { JudgedSubject, Judgement } from "./judge.ts";
import { startRound } from "./read.ts";
import type { ReadingWorld, Round } from "./read.ts";

/** What a runner is made of. */
export interface CheckWorld extends ReadingWorld {
  readonly checks: readonly Check[];
  /** The plan's facts, for `$facts`; a function where they are not known from the start. */
  readonly facts: Facts | null | (() => Facts | null);
  readonly jq: Jq;
}

/**
 * Measures checks: one round reads everything all requests need, once, then all filters run in one call of jq.
 * `measure` throws a PawlError (`unknown-check`) for a name no document has, and where a check asks for something its
 * platform may not be read with; trouble of nodes is never an exception, it is an inconclusive verdict.
 */
export function createChecks(world: CheckWorld): Checks {
  const byName = new Map(world.checks.map((check) => [check.name, check]));
  const find = (name: string): Check => {
    const check = byName.get(name);
    if (check !== undefined) return check;
    throw new PawlError("invalid-document", "unknown-check", `no check is called ${name}`, {
      expected: "a check of the loaded documents",
      observed: name,
    });
  };
  return {
    async measure(requests, signal, early) {
      // Every reading of the round listens to it, and a round over a large cluster has many.
      if (signal !== undefined) setMaxListeners(0, signal);
      const round = startRound(world, signal);
      const facts = typeof world.facts === "function" ? world.facts() : world.facts;
      const nodes = world.inventory.nodes.map(({ name, address, role }) => ({ name, address, role }));
      const wanted = requests.map((request) => ({ request, check: find(request.check) }));
      const read = wanted.map(async ({ request, check }): Promise<Omit<Judgement, "nowSeconds">> => ({
        check,
        subjects: await readSubjects(world.inventory, check, request, round),
        facts: facts as Json,
        // `nodes`: what the inventory says, for checks that compare the cluster's own lists with it.
        context: { node: request.node, ...request.context, nodes },
        quiet: request.quiet === true,
      }));
      const now = (one: Omit<Judgement, "nowSeconds">): Judgement => ({ ...one, nowSeconds: world.clock.now() / 1000 });
      if (early === undefined) return judge((await Promise.all(read)).map(now), world.jq);
      const together = judgeTogether(world.jq);
      return Promise.all(
        read.map(async (one, index) => {
          const answer = await together(now(await one));
          early(index, answer);
          return answer;
        }),
      );
    },
    describe(name) {
      const check = find(name);
      return { title: check.title, remedy: check.remedy, expects: check.why };
    },
  };
}

/** Judges one by one what comes one by one, and in one call of jq what came in the same turn of the event loop. */
function judgeTogether(jq: Jq): (judgement: Judgement) => Promise<CheckAnswer> {
  let waiting: Judgement[] = [];
  let batch: Promise<readonly CheckAnswer[]> | null = null;
  return async (judgement) => {
    const index = waiting.push(judgement) - 1;
    batch ??= new Promise((resolve) => setImmediate(resolve)).then(() => {
      const taken = waiting;
      waiting = [];
      batch = null;
      return judge(taken, jq);
    });
    const answer = (await batch)[index];
    if (answer === undefined) throw new RangeError(`no answer for check ${judgement.check.name}`);
    return answer;
  };
}

/** Who is judged, and which nodes a reading of that subject is asked of. */
function subjectsOf(
  inventory: Inventory,
  check: Check,
  node: NodeName | null,
): readonly { readonly subject: JsonRecord & { readonly name: string }; readonly ask: readonly InventoryNode[] }[] {
  const ofNode = (one: InventoryNode) => ({ subject: { name: one.name, address: one.address, role: one.role }, ask: [one] });
  switch (check.scope.kind) {
    case "role": {
      const { roles } = check.scope;
      return inventory.nodes.filter((one) => roles.includes(one.role)).map(ofNode);
    }
    case "step-node":
      return inventory.nodes.filter((one) => one.name === node).map(ofNode);
    case "cluster": {
      const { roles } = check.scope;
      return [{ subject: { name: "cluster" }, ask: inventory.nodes.filter((one) => roles.includes(one.role)) }];
    }
  }
}

async function readSubjects(
  inventory: Inventory,
  check: Check,
  request: CheckRequest,
  round: Round,
): Promise<readonly JudgedSubject[]> {
  return Promise.all(
    subjectsOf(inventory, check, request.node).map(async ({ subject, ask }) => {
      const names = Object.keys(check.readings);
      const specs = Object.values(check.readings);
      const read = await Promise.all(
        specs.map((spec) => round.read({ spec, subject: subject.name, nodes: ask, context: request.context })),
      );
      const readings: Record<string, Json> = {};
      const missing: Record<string, string> = {};
      names.forEach((name, index) => {
        const reading = read[index];
        readings[name] = reading?.kind === "read" ? reading.value : null;
        if (reading?.kind === "no-answer") missing[name] = reading.reason;
      });
      return { subject, readings, missing };
    }),
  );
}
