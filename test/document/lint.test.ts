import { describe, expect, it } from "vitest";
import { formatComplaint } from "../../src/document/complaint.ts";
import { lintDocuments, type LintKnowledge } from "../../src/document/lint.ts";
import type { OrderGroup } from "../../src/domain/order.ts";
import { change, CHECK, INVENTORY, RUNBOOK, valid } from "./material.ts";

const contract: readonly OrderGroup[] = [
  { role: "master", title: "masters", serial: true, leaderLast: true, manager: true, after: [], budget: "none" },
  {
    role: "agent",
    title: "private agents",
    serial: false,
    leaderLast: false,
    manager: false,
    after: ["master"],
    budget: "rollout",
  },
];

const KNOWLEDGE: LintKnowledge = {
  kinds: [
    { name: "dcos/upgrade-node", effect: "restart" },
    { name: "dcos/backup", effect: "read" },
    { name: "command", effect: "write" },
    { name: "soak", effect: "read" },
    { name: "check", effect: "read" },
  ],
  contracts: { dcos: contract },
  checks: valid(CHECK).flatMap((one) => (one.kind === "Check" ? [one] : [])),
};

function findings(text: string, knowledge: LintKnowledge = KNOWLEDGE): readonly string[] {
  return lintDocuments(valid(text, "f"), knowledge).map((one) => `${formatComplaint(one)} [${one.rule}]`);
}

const AGENTS = `  - name: agents
    title: Agents
    source: test
    each: { role: agent }
    steps:
      - { name: upgrade, uses: dcos/upgrade-node, title: Upgrade, gates: [leads] }
`;

describe("the safety rules", () => {
  it("have nothing against the smallest documents", () => {
    expect([...findings(RUNBOOK), ...findings(CHECK), ...findings(INVENTORY), ...findings(RUNBOOK + AGENTS)]).toEqual([]);
  });

  it.each<readonly [string, string, readonly string[]]>([
    [
      "a gate that does not exist",
      change(RUNBOOK, "[leads]", "[lead]"),
      ['f:14:75: there is no check named "lead" for this platform (did you mean `leads`?) [unknown-check]'],
    ],
    [
      "a preflight check that does not exist",
      change(RUNBOOK, "phases:", "preflight: [leads, nothing-such]\nphases:"),
      ['f:8:20: there is no check named "nothing-such" for this platform (accepted: leads) [unknown-check]'],
    ],
    [
      "a step kind that does not exist",
      change(RUNBOOK, "dcos/upgrade-node", "dcos/upgrade-nod"),
      ['f:14:32: there is no step kind named "dcos/upgrade-nod" (did you mean `dcos/upgrade-node`?) [unknown-kind]'],
    ],
    [
      "a watch over a phase and with a check that do not exist",
      change(RUNBOOK, "phases:", "watches: [{ check: led, interval: 5s, halt-after: 1m, phases: [master] }]\nphases:"),
      [
        'f:8:20: there is no check named "led" for this platform (accepted: leads) [unknown-check]',
        'f:8:64: there is no phase named "master": this watch would guard nothing (did you mean `masters`?) [unknown-phase]',
      ],
    ],
    [
      "a manager phase that is not serial",
      change(RUNBOOK, "steps:", "strategy: parallel\n    max-in-flight: 2\n    steps:"),
      ['f:13:15: phase "masters": masters one at a time, always (write `strategy: serial`) [not-serial]'],
    ],
    [
      "a manager phase without leader-last",
      change(RUNBOOK, "{ role: master, order: leader-last }", "{ role: master }"),
      ['f:12:11: phase "masters": the leader of masters comes last (write `order: leader-last`) [leader-not-last]'],
    ],
    [
      "a role the platform does not have",
      change(RUNBOOK, "role: master,", "role: manager,"),
      ['f:12:19: the platform has no role "manager" (accepted: master, agent) [unknown-role]'],
    ],
    [
      "agents before masters",
      change(RUNBOOK, "phases:\n", `phases:\n${AGENTS}`),
      [
        'f:9:5: phase "agents" touches private agents before phase "masters" is complete (every master is complete before any agent is touched) [wrong-order]',
      ],
    ],
    [
      "a restart without a gate",
      change(RUNBOOK, ", gates: [leads]", ""),
      [
        'f:14:9: step "upgrade" takes a node out of service and no gate says that it came back (add `gates`, at least one of them not advisory) [ungated-restart]',
      ],
    ],
    [
      "a restart with an advisory gate only",
      change(RUNBOOK, "[leads]", "[{ check: leads, advisory: true }]"),
      [
        'f:14:9: step "upgrade" takes a node out of service and no gate says that it came back (add `gates`, at least one of them not advisory) [ungated-restart]',
      ],
    ],
    [
      "a check step that checks nothing",
      change(RUNBOOK, 'uses: soak, title: Soak, with: { for: "{{ inputs.soak }}" }', "uses: check, title: Check"),
      [
        'f:16:9: step "soak" checks nothing: a check step is its gates (add `gates`, at least one of them not advisory) [vacuous-check]',
      ],
    ],
    [
      "an optional step with an effect",
      change(RUNBOOK, "title: Upgrade,", "title: Upgrade, optional: true,"),
      ['f:14:77: step "upgrade" has an effect: only steps without one can be optional [optional-effect]'],
    ],
    [
      "a canary without waves",
      change(RUNBOOK + AGENTS, "{ role: agent }", "{ role: agent }\n    strategy: canary"),
      ['f:21:15: phase "agents" is a canary without waves (add `waves: [1, 5, 20]`) [canary-without-waves]'],
    ],
    [
      "a strategy for a phase that runs once",
      change(RUNBOOK, "each: { role: master, order: leader-last }", "strategy: parallel"),
      ['f:12:15: phase "masters" runs once: strategy parallel needs `each` [nothing-to-spread]'],
    ],
    [
      "a floor below five minutes",
      change(RUNBOOK, "floor: 5m", "floor: 4m59s"),
      ["f:7:61: 4m 59s is too short for a soak: on a real cluster never under 5m [short-soak]"],
    ],
    [
      "a soak input without a floor",
      change(RUNBOOK, ", floor: 5m", ""),
      ['f:7:9: input "soak" is how long a soak takes and has no floor (add `floor: 5m` or more) [short-soak]'],
    ],
    [
      "a soak with a short length written down",
      change(RUNBOOK, '"{{ inputs.soak }}"', "1m"),
      ["f:16:61: 1m is too short for a soak: on a real cluster never under 5m [short-soak]"],
    ],
    [
      "a soak as long as a version",
      change(RUNBOOK, '"{{ inputs.soak }}"', '"{{ inputs.target }}"'),
      ['f:16:61: input "target" is of type version: a soak needs one of type duration [short-soak]'],
    ],
    [
      "a soak without a length",
      change(RUNBOOK, ', with: { for: "{{ inputs.soak }}" }', ""),
      ['f:16:9: soak "soak" does not say how long (write `with: { for: "{{ inputs.… }}" }`) [short-soak]'],
    ],
    [
      "a template that names no input",
      change(RUNBOOK, "title: Upgrade,", 'title: Upgrade, with: { a: ["{{ inputs.targe }}"] },'),
      ["f:14:79: phases[0].steps[0].with.a[0]: {{ inputs.targe }} names nothing (did you mean `inputs.target`?) [unknown-input]"],
    ],
    [
      "a template that names a node where there is none",
      change(RUNBOOK, 'for: "{{ inputs.soak }}" }', 'for: "{{ inputs.soak }}", a: "{{ node.name }}" }'),
      [
        "f:16:85: phases[0].after[0].with.a: {{ node.name }} names nothing (accepted: inputs.target, inputs.soak, cluster.name, cluster.id) [unknown-input]",
      ],
    ],
    [
      "a check without a bad reading",
      CHECK.slice(0, CHECK.indexOf("refuses:")),
      [
        'f:1:1: check "leads" has no bad reading that it refuses: nothing shows that it can fail (add `refuses` with a recorded bad reading) [unproven-check]',
      ],
    ],
    [
      "a check of a role the platform does not have",
      change(CHECK, "{ role: master }", "{ role: [master, slave] }"),
      ['f:6:7: platform dcos has no role "slave" (accepted: master, agent) [unknown-role]'],
    ],
    [
      "a node of a role the platform does not have",
      change(INVENTORY, "role: agent", "role: slave"),
      ['f:8:43: platform dcos has no role "slave" (accepted: master, agent) [unknown-role]'],
    ],
    [
      "a platform nobody knows",
      change(INVENTORY, "platform: dcos", "platform: dcso"),
      ['f:4:11: there is no platform named "dcso" (did you mean `dcos`?) [unknown-platform]'],
    ],
  ])("find %s", (_, text, expected) => {
    expect(findings(text)).toEqual(expected);
  });

  it("let a phase that only reads go over managers in parallel, before anything else and in any order", () => {
    const backup = `  - name: backup\n    title: Backup\n    source: test\n    each: { role: master }\n    strategy: parallel\n    max-in-flight: 3\n    steps: [{ name: tar, uses: dcos/backup, title: Tar }]\n`;
    expect(findings(change(RUNBOOK, "phases:\n", `phases:\n${backup}`))).toEqual([]);
  });

  it("take a step kind of which only the name is known as one that changes its node", () => {
    const names = KNOWLEDGE.kinds.map((kind) => (typeof kind === "string" ? kind : kind.name));
    const text = change(RUNBOOK, "{ role: master, order: leader-last }", "{ role: master }");
    expect(findings(text, { ...KNOWLEDGE, kinds: names })).toEqual([expect.stringContaining("[leader-not-last]")]);
  });

  it("count the checks of the same files, and only those of the runbook's platform", () => {
    const nothing: LintKnowledge = { ...KNOWLEDGE, checks: [] };
    expect(findings(`${RUNBOOK}---\n${CHECK}`, nothing)).toEqual([]);
    expect(
      findings(`${RUNBOOK}---\n${change(CHECK, "platform: dcos", "platform: swarm")}`, {
        ...nothing,
        contracts: { dcos: contract, swarm: [] },
      }),
    ).toEqual(['f:14:75: there is no check named "leads" for this platform [unknown-check]']);
  });

  it("are not confused by names that every object has", () => {
    expect(findings(change(INVENTORY, "platform: dcos", "platform: constructor"))).toEqual([
      'f:4:11: there is no platform named "constructor" (accepted: dcos) [unknown-platform]',
    ]);
    expect(findings(change(RUNBOOK, "inputs.soak }}", "inputs.constructor }}"))).toEqual([
      expect.stringContaining("[unknown-input]"),
    ]);
  });

  it("notice key and known_hosts files that are named and cannot be read on this machine", () => {
    const text = change(INVENTORY, "{ user: core }", "{ identity-file: keys/id, known-hosts: /nowhere/known }");
    const canRead = (path: string): boolean => !path.endsWith("keys/id") && path !== "/nowhere/known";
    expect(findings(text, { ...KNOWLEDGE, canRead })).toEqual([
      expect.stringMatching(/keys\/id" cannot be read .*\[missing-key-file\]/),
      expect.stringMatching(/"\/nowhere\/known" cannot be read .*accept-new-host-keys.*\[missing-key-file\]/),
    ]);
    expect(findings(text)).toEqual([]);
  });

  it("find everything at once, in the order of the file", () => {
    const text = change(
      change(change(RUNBOOK, "[leads]", "[lead]"), "order: leader-last", "order: listed"),
      "floor: 5m",
      "floor: 1m",
    );
    expect(lintDocuments(valid(text, "f"), KNOWLEDGE).map((one) => [one.line, one.rule])).toEqual([
      [7, "short-soak"],
      [12, "leader-not-last"],
      [14, "unknown-check"],
    ]);
  });
});
