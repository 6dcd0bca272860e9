import { describe, expect, it } from "vitest";
import { change, CHECK, complaints, INVENTORY, POLICY, RUNBOOK } from "./material.ts";

type Case = readonly [what: string, text: string, expected: readonly string[]];

describe("the smallest document of each kind", () => {
  it.each([
    ["inventory", INVENTORY],
    ["runbook", RUNBOOK],
    ["check", CHECK],
    ["version policy", POLICY],
  ])("is valid: %s", (_, text) => {
    expect(complaints(text)).toEqual([]);
  });
});

describe("versions and durations that YAML or a person gets wrong", () => {
  it.each<Case>([
    [
      "an unquoted version that is a number",
      change(POLICY, '"1.10.8"', "1.10"),
      [
        'f:10:16: releases[1].version must be a version in quotes, such as "1.11.3", not the number 1.10 (quote it: "1.10"; without quotes YAML reads it as 1.1)',
      ],
    ],
    [
      "an unquoted version that is a number as it stands",
      change(POLICY, '"1.10.8"', "1.9"),
      ['f:10:16: releases[1].version must be a version in quotes, such as "1.11.3", not the number 1.9 (quote it: "1.9")'],
    ],
    [
      "an unquoted version as a key",
      change(INVENTORY, "nodes:", "scripts: { 1.10: { url: http://a/b, sha256: x } }\nnodes:"),
      ['f:6:12: the key "1.10" is not text (quote it: "1.10")'],
    ],
    [
      "a key that is no version",
      change(INVENTORY, "nodes:", "bootstrap: { address: b, url: http://b, installers: { newest: /x } }\nnodes:"),
      ['f:6:55: the key "newest" in bootstrap.installers must be a version in quotes, such as "1.11.3"'],
    ],
    [
      "an unquoted minor series",
      change(POLICY, '"1.9": "1.9.9"', "1.9: 1.9.9"),
      ['f:7:11: the key "1.9" is not text (quote it: "1.9")'],
    ],
    [
      "a runbook version that is a number",
      change(RUNBOOK, 'version: "1"', "version: 1.10"),
      [
        'f:3:34: metadata.version must be a version in quotes, such as "1", not the number 1.10 (quote it: "1.10"; without quotes YAML reads it as 1.1)',
      ],
    ],
    [
      "a version default that is a number",
      change(RUNBOOK, "required: true", "default: 1.10"),
      [
        'f:6:52: inputs.target.default must be a version in quotes, such as "1.11.3" (quote it: "1.10"; without quotes YAML reads it as 1.1)',
      ],
    ],
    [
      "a duration without a unit",
      change(RUNBOOK, "floor: 5m", "floor: 300"),
      ["f:7:61: inputs.soak.floor must be a duration such as 30s, 10m or 1h30m, not the number 300 (add the unit: 300s or 300m)"],
    ],
    [
      "a duration in quotes without a unit",
      change(RUNBOOK, "floor: 5m", 'floor: "300"'),
      ['f:7:61: inputs.soak.floor must be a duration such as 30s, 10m or 1h30m, not "300"'],
    ],
    [
      "a duration with a space",
      change(RUNBOOK, "floor: 5m", "floor: 5 min"),
      ['f:7:61: inputs.soak.floor must be a duration such as 30s, 10m or 1h30m, not "5 min"'],
    ],
    [
      "a duration default without a unit",
      change(RUNBOOK, "default: 30m", "default: 30"),
      ["f:7:49: inputs.soak.default must be a duration such as 30s, 10m or 1h30m"],
    ],
  ])("%s", (_, text, expected) => {
    expect(complaints(text)).toEqual(expected);
  });
});

describe("words that are not known", () => {
  it.each<Case>([
    [
      "a key with a letter wrong",
      change(INVENTORY, "platform:", "platfrom:"),
      [
        "f:1:1: platform is missing (it must be a name of letters, digits, dots, dashes and underscores)",
        'f:4:1: unknown key "platfrom" (did you mean `platform`?)',
      ],
    ],
    [
      "a key in another house style",
      change(RUNBOOK, "steps:", "maxInFlight: 2\n    strategy: parallel\n    steps:"),
      ['f:13:5: unknown key "maxInFlight" in phases[0] (did you mean `max-in-flight`?)'],
    ],
    [
      "a key in a list",
      change(INVENTORY, "role: agent }", "rol: agent }"),
      [
        "f:8:5: nodes[1].role is missing (it must be a name of letters, digits, dots, dashes and underscores)",
        'f:8:37: unknown key "rol" in nodes[1] (did you mean `role`?)',
      ],
    ],
    [
      "a key like nothing",
      change(INVENTORY, "ssh: { user: core }", "ssh: { colour: red }"),
      ['f:5:8: unknown key "colour" in ssh (accepted: user, port, identity-file, known-hosts, sudo, jump)'],
    ],
    [
      "a key of a gate",
      change(RUNBOOK, "[leads]", "[{ check: leads, deadlin: 5m }]"),
      ['f:14:91: unknown key "deadlin" in phases[0].steps[0].gates[0] (did you mean `deadline`?)'],
    ],
    [
      "a key that every object has",
      change(INVENTORY, "platform: dcos", "platform: dcos\nconstructor: x"),
      [
        'f:5:1: unknown key "constructor" (accepted: apiVersion, kind, metadata, platform, ssh, http, ports, bootstrap, scripts, nodes, hooks, site-steps, lab, answers, settings)',
      ],
    ],
    [
      "an enum value",
      change(CHECK, "severity: mandatory", "severity: mandatry"),
      ['f:5:11: severity must be one of mandatory, waivable, advisory, not "mandatry" (did you mean `mandatory`?)'],
    ],
    [
      "a kind",
      change(CHECK, "kind: Check", "kind: Checks"),
      [
        'f:2:7: "Checks" is no kind of document: it must be one of Runbook, Check, Inventory, VersionPolicy, Catalogue, ComponentMatrix (did you mean `Check`?)',
      ],
    ],
    [
      "no kind",
      change(CHECK, "kind: Check\n", ""),
      ["f:1:1: kind is missing (it must be one of Runbook, Check, Inventory, VersionPolicy, Catalogue, ComponentMatrix)"],
    ],
    [
      "a kind that is a list",
      change(CHECK, "kind: Check", "kind: [Check]"),
      [
        "f:2:7: this is no kind of document: it must be one of Runbook, Check, Inventory, VersionPolicy, Catalogue, ComponentMatrix",
      ],
    ],
    [
      "an apiVersion of the future",
      change(CHECK, "pawl/v1", "pawl/v2"),
      ['f:1:13: apiVersion must be pawl/v1, not "pawl/v2" (did you mean `pawl/v1`?)'],
    ],
    [
      "a reading that the check does not have",
      change(CHECK, "{ state: { leads", "{ stat: { leads"),
      ['f:13:46: refuses[0].subjects.m1.stat: this check reads no "stat" (did you mean `state`?)'],
    ],
    [
      "a release that is not listed",
      change(POLICY, '"1.9.9" }\nrel', '"1.9.8" }\nrel'),
      ["f:7:18: 1.9.8 is not in the list of releases (did you mean `1.9.9`?)"],
    ],
  ])("%s", (_, text, expected) => {
    expect(complaints(text)).toEqual(expected);
  });
});

describe("an inventory", () => {
  it.each<Case>([
    [
      "needs nodes",
      INVENTORY.slice(0, INVENTORY.indexOf("nodes:")) + "nodes: []\n",
      ["f:6:8: nodes is empty: it needs at least one entry"],
    ],
    ["has each name once", change(INVENTORY, "name: a1", "name: m1"), ['f:8:13: the node name "m1" is taken (first on line 7)']],
    [
      "has each address once",
      change(INVENTORY, "10.0.0.21", "10.0.0.11"),
      ["f:8:26: another node answers at 10.0.0.11 port 22 (first on line 7)"],
    ],
    [
      "has each IPv6 address once, however it is written",
      change(change(INVENTORY, "10.0.0.11", '"fd00::1"'), "10.0.0.21", '"FD00:0:0::0001"'),
      ["f:8:26: another node answers at fd00::1 port 22 (first on line 7)"],
    ],
    [
      "has each host name once, in any case",
      change(change(INVENTORY, "10.0.0.11", "one.example"), "10.0.0.21", "ONE.example"),
      ["f:8:26: another node answers at one.example port 22 (first on line 7)"],
    ],
    [
      "may have an address twice with different ports",
      change(INVENTORY, "10.0.0.21, role: agent", "10.0.0.11, role: agent, ssh: { port: 2222 }"),
      [],
    ],
    [
      "counts the common port",
      change(
        change(INVENTORY, "10.0.0.21, role: agent", "10.0.0.11, role: agent, ssh: { port: 2222 }"),
        "user: core",
        "port: 2222",
      ),
      ["f:8:26: another node answers at 10.0.0.11 port 2222 (first on line 7)"],
    ],
    [
      "keeps the name bootstrap for the bootstrap machine",
      change(INVENTORY, "name: a1", "name: bootstrap"),
      [
        'f:8:13: nodes[1].name must be a name of letters, digits, dots, dashes and underscores, other than `bootstrap`, not "bootstrap"',
      ],
    ],
    [
      "refuses names that are no path segment",
      change(INVENTORY, "name: a1", "name: ../a1"),
      [
        'f:8:13: nodes[1].name must be a name of letters, digits, dots, dashes and underscores, other than `bootstrap`, not "../a1"',
      ],
    ],
    [
      "refuses a shell in an address",
      change(INVENTORY, "10.0.0.21", '"10.0.0.21;reboot"'),
      ['f:8:26: nodes[1].address must be a host name or an IP address, not "10.0.0.21;reboot"'],
    ],
    [
      "refuses an option in an address",
      change(INVENTORY, "10.0.0.21", "-oProxyCommand=x"),
      ['f:8:26: nodes[1].address must be a host name or an IP address, not "-oProxyCommand=x"'],
    ],
    [
      "refuses white space in an address",
      change(INVENTORY, "10.0.0.21", '"a1 "'),
      ['f:8:26: nodes[1].address must be a host name or an IP address, not "a1 "'],
    ],
    ["takes IPv6 addresses", change(INVENTORY, "10.0.0.21", '"fd00::21"'), []],
    [
      "refuses ports that are none",
      change(INVENTORY, "user: core", "port: 70000"),
      ["f:5:14: ssh.port must be a port number from 1 to 65535, not the number 70000"],
    ],
    [
      "refuses a port in quotes",
      change(INVENTORY, "user: core", 'port: "22"'),
      ['f:5:14: ssh.port must be a port number from 1 to 65535, not "22"'],
    ],
    ["refuses yes for true", change(INVENTORY, "user: core", "sudo: yes"), ['f:5:14: ssh.sudo must be true or false, not "yes"']],
    [
      "refuses a shell line as a hook",
      change(INVENTORY, "nodes:", "hooks: { on-halt: { argv: page now } }\nnodes:"),
      ['f:6:27: hooks.on-halt.argv must be a list of words, the program first, not "page now"'],
    ],
    [
      "refuses a number among the words of a hook",
      change(INVENTORY, "nodes:", "hooks: { on-halt: { argv: [page, 5] } }\nnodes:"),
      ['f:6:34: hooks.on-halt.argv[1] must be text (quote numbers), not the number 5 (quote it: "5")'],
    ],
    [
      "refuses half a digest",
      change(INVENTORY, "nodes:", 'scripts: { "1.9.9": { url: "http://a/b", sha256: abc } }\nnodes:'),
      ['f:6:50: scripts."1.9.9".sha256 must be a SHA-256 digest: 64 hexadecimal digits, lower case, not "abc"'],
    ],
    [
      "refuses ftp",
      change(INVENTORY, "nodes:", "bootstrap: { address: b, url: ftp://b }\nnodes:"),
      ['f:6:31: bootstrap.url must be an http or https URL without user, white space or shell characters, not "ftp://b"'],
    ],
    [
      "refuses a user with a space",
      change(INVENTORY, "user: core", "user: the core"),
      ['f:5:14: ssh.user must be a user name, not "the core"'],
    ],
    ["refuses an empty value", change(INVENTORY, "user: core", "user:"), ["f:5:14: ssh.user must be a user name, not empty"]],
  ])("%s", (_, text, expected) => {
    expect(complaints(text)).toEqual(expected);
  });
});

describe("a check", () => {
  it.each<Case>([
    [
      "has one scope",
      change(CHECK, "{ role: master }", "{ role: master, node: step }"),
      ["f:6:7: each has role and node: it must have exactly one"],
    ],
    [
      "has a scope",
      change(CHECK, "{ role: master }", "{}"),
      ["f:6:7: each has none of role, node, cluster: it must have exactly one"],
    ],
    [
      "reads something",
      change(CHECK, '\n  state: { http: "http://{address}:{port.http}/state" }', " {}"),
      ["f:7:7: a check must read something", 'f:12:46: refuses[0].subjects.m1.state: this check reads no "state"'],
    ],
    [
      "has one probe per reading",
      change(CHECK, "{ http:", "{ facts: node, http:"),
      ["f:8:10: read.state has http and facts: it must have exactly one"],
    ],
    [
      "has a body only where it posts",
      change(CHECK, "{ http:", "{ body: x, http:"),
      ["f:8:18: `body` belongs to post readings only"],
    ],
    [
      "names the port of a four-letter word",
      change(CHECK, '{ http: "http://{address}:{port.http}/state" }', "{ four-letter: mntr }"),
      ["f:8:10: read.state.port is missing (name the service, such as `port: zookeeper`)"],
    ],
    [
      "refuses a reading name that jq cannot use",
      change(CHECK, "  state: {", "  my-state: {"),
      [
        'f:8:3: the key "my-state" in read must be a name that jq can use as `.name`: letters, digits and underscores',
        'f:13:46: refuses[0].subjects.m1.state: this check reads no "state" (accepted: my-state)',
      ],
    ],
    [
      "refuses a filter that YAML reads as a boolean",
      change(CHECK, 'pass: ".state.leads"', "pass: true"),
      ['f:9:7: pass must be a jq filter in quotes, not true (quote it: "true")'],
    ],
    [
      "asks for whole passes",
      change(CHECK, "remedy:", "gate: { passes: 0 }\nremedy:"),
      ["f:11:17: gate.passes must be a number of passes, 1 or more, not the number 0"],
    ],
    [
      "asks for a role or roles",
      change(CHECK, "{ role: master }", "{ role: 5 }"),
      ["f:6:15: each.role must be a role, or a list of roles, not the number 5"],
    ],
  ])("%s", (_, text, expected) => {
    expect(complaints(text)).toEqual(expected);
  });
});

describe("a runbook", () => {
  it.each<Case>([
    [
      "has each phase name once",
      RUNBOOK + RUNBOOK.slice(RUNBOOK.indexOf("  - name: masters")),
      ['f:17:11: the phase name "masters" is taken (first on line 9)'],
    ],
    [
      "has each step name once in a phase",
      change(RUNBOOK, "name: soak, uses", "name: upgrade, uses"),
      ['f:16:17: the step name "upgrade" is taken in this phase (first on line 14)'],
    ],
    [
      "keeps the name finally",
      change(RUNBOOK, "name: masters", "name: finally"),
      ["f:9:11: `finally` is the name of the steps at the end of a run: a phase cannot have it"],
    ],
    [
      "has waves only in a canary",
      change(RUNBOOK, "steps:", "waves: [1]\n    steps:"),
      ["f:13:12: `waves` belongs to strategy canary only"],
    ],
    [
      "has nodes in flight only where several can be",
      change(RUNBOOK, "steps:", "max-in-flight: 2\n    steps:"),
      ["f:13:20: `max-in-flight` belongs to the strategies parallel and canary: serial is one at a time"],
    ],
    [
      "takes no wave of 0 or 110%",
      change(RUNBOOK, "steps:", "strategy: canary\n    waves: [0, 110%, 10%]\n    steps:"),
      [
        "f:14:13: phases[0].waves[0] must be a number of nodes, or a percentage such as 10%, not the number 0",
        'f:14:16: phases[0].waves[1] must be a number of nodes, or a percentage such as 10%, not "110%"',
      ],
    ],
    [
      "has a floor only under durations",
      change(RUNBOOK, "required: true", "floor: 5m"),
      ["f:6:50: `floor` belongs to inputs of type duration only"],
    ],
    [
      "has no default under its floor",
      change(RUNBOOK, "default: 30m", "default: 3m"),
      ["f:7:49: inputs.soak.default is shorter than its own floor"],
    ],
    [
      "has a gate that is a name or a mapping",
      change(RUNBOOK, "[leads]", "[[leads]]"),
      [
        "f:14:75: phases[0].steps[0].gates[0] must be the name of a check, or a mapping with check, passes, span, interval, deadline, advisory, not a list",
      ],
    ],
    [
      "has steps",
      change(RUNBOOK, "\n      - { name: upgrade, uses: dcos/upgrade-node, title: Upgrade, gates: [leads] }", " []"),
      ["f:13:12: phases[0].steps is empty: it needs at least one entry"],
    ],
    [
      "names step kinds without shells",
      change(RUNBOOK, "dcos/upgrade-node", "rm -rf"),
      ['f:14:32: phases[0].steps[0].uses must be a step kind such as `soak` or `dcos/upgrade-node`, not "rm -rf"'],
    ],
  ])("%s", (_, text, expected) => {
    expect(complaints(text)).toEqual(expected);
  });
});

describe("a version policy", () => {
  it.each<Case>([
    [
      "lists a release once",
      change(POLICY, '"1.10.8"', '"1.9.9"'),
      ["f:10:16: the release 1.9.9 is listed twice (first on line 9)"],
    ],
    [
      "names a latest patch of that minor",
      change(POLICY, '"1.9": "1.9.9"', '"1.9": "1.10.8"'),
      ["f:7:18: 1.10.8 is no release of 1.9"],
    ],
    [
      "moves between listed releases",
      POLICY + 'moves:\n  - { from: "1.9.9", to: ["1.10.9"] }\n',
      ["f:12:27: 1.10.9 is not in the list of releases (did you mean `1.10.8`?)"],
    ],
    [
      "has moves where only moves are allowed",
      change(POLICY, "latest-of-minor", "table"),
      ["f:6:7: rule table needs moves: without them nothing is allowed"],
    ],
    [
      "has real dates",
      change(POLICY, "2018-07-10", "2018-13-10"),
      ['f:9:31: releases[0].date must be a date such as 2018-07-24, not "2018-13-10"'],
    ],
  ])("%s", (_, text, expected) => {
    expect(complaints(text)).toEqual(expected);
  });
});

describe("all complaints at once", () => {
  it("come from syntax, form and rules together, of every document in the file, by place", () => {
    const first = change(change(change(INVENTORY, "name: a1", "name: m1"), "role: agent", "role: 7"), "platform", "platfrom");
    expect(complaints(`${first}---\n${change(CHECK, "{ role: master }", "{}")}---\nkind: Chek\n`)).toEqual([
      "f:1:1: platform is missing (it must be a name of letters, digits, dots, dashes and underscores)",
      'f:4:1: unknown key "platfrom" (did you mean `platform`?)',
      'f:8:13: the node name "m1" is taken (first on line 7)',
      'f:8:43: nodes[1].role must be a name of letters, digits, dots, dashes and underscores, not the number 7 (quote it: "7")',
      "f:15:7: each has none of role, node, cluster: it must have exactly one",
      'f:24:7: "Chek" is no kind of document: it must be one of Runbook, Check, Inventory, VersionPolicy, Catalogue, ComponentMatrix (did you mean `Check`?)',
    ]);
  });

  it("include names that two documents share", () => {
    expect(complaints(`${CHECK}---\n${CHECK}`)).toEqual(['f:17:19: there is another Check "leads" for dcos (in f on line 3)']);
    expect(complaints(`${CHECK}---\n${change(CHECK, "platform: dcos", "platform: swarm")}`)).toEqual([]);
    expect(complaints(`${INVENTORY}---\n${INVENTORY}`)).toEqual([]);
  });
});
