import type { KnownNames } from "../domain/catalogue.ts";
import type { Check, Loaded, Runbook, StepSpec } from "../domain/documents.ts";
import type { Inventory, InventoryNode } from "../domain/inventory.ts";
import type { Facts } from "../domain/plan.ts";
import { findingIdOf } from "../domain/question.ts";
import type { Platform } from "../engine/ports.ts";
import { COMMANDS } from "./commands.ts";

/** Findings that are pawl's own and no platform's: of the way to the target, and of its checks. A test compares them with the code. */
export const OWN_FINDINGS = [
  "version-path",
  "one-minor-behind",
  "two-minors-behind",
  "supported-release",
  "checks-can-fail",
  "host-keys-accepted",
  "machines-supported",
  "machines-not-in-table",
] as const;

/** Those of them that are made of some clusters, or by some policies, only. */
export const OWN_OCCASIONAL: readonly (typeof OWN_FINDINGS)[number][] = [
  "host-keys-accepted",
  "machines-supported",
  "machines-not-in-table",
];

/** Versions of the sample, two minors apart. */
const TARGET = "9.9.9";
const OLD = "9.7.0";

/** One node of each role, of which nothing is known: what is captured and found of such a cluster has every name there is. */
function sample(platform: Platform): { readonly inventory: Inventory; readonly facts: Facts; readonly half: Facts } {
  const nodes = platform.contract.map(({ role }, index) => ({
    name: `n${index + 1}`,
    address: `192.0.2.${index + 1}`,
    role,
    critical: false,
    ssh: {},
  }));
  return {
    inventory: {
      name: "sample",
      platform: platform.name,
      folder: ".",
      ssh: {},
      ports: {},
      nodes,
      bootstrap: { address: "192.0.2.99", ssh: {}, url: "http://192.0.2.99", installers: { [TARGET]: "/genconf.sh" } },
      scripts: {},
      hooks: {},
      siteSteps: [],
      settings: {},
    },
    facts: factsOf(nodes, () => OLD),
    // Those that wait for nobody are at the target already: some findings are made of such a cluster only.
    half: factsOf(nodes, (role) =>
      platform.contract.some((group) => group.role === role && group.after.length === 0) ? TARGET : OLD,
    ),
  };
}

function factsOf(nodes: readonly InventoryNode[], versionOf: (role: string) => string): Facts {
  return {
    clusterId: "sample",
    observedAt: "1970-01-01T00:00:00Z",
    nodes: Object.fromEntries(
      nodes.map(({ name, address, role }) => [
        name,
        { version: versionOf(role), role, reachable: true, complete: false, details: { address } },
      ]),
    ),
    last: {},
    counts: {},
    baseline: {},
  };
}

function stepsOf(runbook: Runbook): readonly string[] {
  const named = (phase: string, steps: readonly StepSpec[]): readonly string[] =>
    steps.map((step) => `${runbook.name}/${phase}/${step.name}`);
  return [
    ...runbook.phases.flatMap((phase) => named(phase.name, [...phase.steps, ...phase.after, ...(phase.afterCanary ?? [])])),
    ...named("finally", runbook.finally),
  ];
}

/** Every name a catalogue may refer to: steps, checks, questions and monitors of the documents, findings and captures of the platform. */
export function knownNames(platform: Platform, runbooks: readonly Runbook[], checks: readonly Loaded<Check>[]): KnownNames {
  const { inventory, facts, half } = sample(platform);
  const before = { run: "sample", facts };
  const findings = [facts, half].flatMap((some) =>
    platform.findings(some, inventory, { target: TARGET }, before).map((one) => one.id),
  );
  return {
    steps: new Set(runbooks.flatMap(stepsOf)),
    checks: new Set([
      ...checks.map((one) => one.document.name),
      ...findings,
      ...OWN_FINDINGS,
      ...(platform.occasional ?? []),
      ...runbooks.flatMap((one) => [...one.questions.map(findingIdOf), ...one.byHand.map((by) => by.name)]),
    ]),
    commands: new Set(COMMANDS.map((one) => one.name)),
    captures: [
      ...platform.captures(inventory, facts).map((one) => one.name),
      ...runbooks.flatMap((one) => (one.monitors ?? []).map((monitor) => `monitor/${monitor.name}/subject.csv`)),
    ],
  };
}
