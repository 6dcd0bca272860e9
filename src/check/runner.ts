import type { Check } from "../domain/documents.ts";
import { PawlError } from "../domain/errors.ts";
import type { Inventory, InventoryNode, NodeName } from "../domain/inventory.ts";
import type { Json, JsonRecord } from "../domain/json.ts";
import type { Facts } from "../domain/plan.ts";
import type { CheckRequest, Checks } from "../engine/ports.ts";
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
    async measure(requests, signal) {
      const round = startRound(world, signal);
      const wanted = requests.map((request) => ({ request, check: find(request.check) }));
      const read = await Promise.all(wanted.map(({ request, check }) => readSubjects(world.inventory, check, request, round)));
      const facts = typeof world.facts === "function" ? world.facts() : world.facts;
      const nowSeconds = world.clock.now() / 1000;
      const nodes = world.inventory.nodes.map(({ name, address, role }) => ({ name, address, role }));
      const judgements: Judgement[] = wanted.map(({ request, check }, index) => ({
        check,
        subjects: read[index] ?? [],
        facts: facts as Json,
        // `nodes`: what the inventory says, for checks that compare the cluster's own lists with it.
        context: { node: request.node, ...request.context, nodes },
        nowSeconds,
      }));
      return judge(judgements, world.jq);
    },
    describe(name) {
      const check = find(name);
      return { title: check.title, remedy: check.remedy, expects: check.why };
    },
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
