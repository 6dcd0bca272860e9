import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { loadChecks, loadDocuments, loadInventory, loadPolicy, loadRunbook } from "../../src/document/load.ts";
import { PawlError } from "../../src/domain/errors.ts";
import { change, CHECK, INVENTORY, POLICY, RUNBOOK, valid } from "./material.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "pawl-document-"));
});
afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

function file(name: string, text: string): string {
  const path = join(folder, name);
  mkdirSync(join(path, ".."), { recursive: true });
  writeFileSync(path, text);
  return path;
}

async function refusal(promise: Promise<unknown>): Promise<PawlError> {
  const outcome: unknown = await promise.then(
    () => null,
    (error: unknown) => error,
  );
  if (!(outcome instanceof PawlError)) throw new Error(`expected a PawlError, got ${String(outcome)}`);
  return outcome;
}

describe("loading a document", () => {
  it("gives a runbook with its defaults filled in", async () => {
    const { document } = await loadRunbook(file("r.yaml", RUNBOOK));
    expect(document).toEqual({
      name: "roll",
      version: "1",
      title: "Roll",
      platform: "dcos",
      source: "test",
      inputs: {
        target: { type: "version", title: "Target", required: true },
        soak: { type: "duration", title: "Soak", default: "30m", required: false, floorMs: 300_000 },
      },
      byHand: [],
      questions: [],
      preflight: [],
      watches: [],
      phases: [
        {
          name: "masters",
          title: "Masters",
          source: "test",
          strategy: "serial",
          role: "master",
          order: "leader-last",
          waves: [],
          maxInFlight: 1,
          skipComplete: false,
          steps: [
            {
              name: "upgrade",
              uses: "dcos/upgrade-node",
              title: "Upgrade",
              with: {},
              gates: [{ check: "leads", policy: {}, advisory: false }],
              optional: false,
            },
          ],
          after: [{ name: "soak", uses: "soak", title: "Soak", with: { for: "{{ inputs.soak }}" }, gates: [], optional: false }],
        },
      ],
      finally: [],
    });
  });

  it("gives gates the parts of a policy that are written down, in milliseconds", () => {
    const gates = "[{ check: leads, passes: 5, span: 1m5s, interval: 500ms, deadline: 1h, advisory: true }]";
    const [one] = valid(change(RUNBOOK, "[leads]", gates));
    expect(one?.kind === "Runbook" && one.document.phases[0]?.steps[0]?.gates).toEqual([
      {
        check: "leads",
        policy: { consecutivePasses: 5, spanMs: 65_000, intervalMs: 500, deadlineMs: 3_600_000 },
        advisory: true,
      },
    ]);
  });

  it("keeps numeric and boolean defaults as the text that inputs are", () => {
    const [one] = valid(
      change(
        RUNBOOK,
        "phases:",
        "  many: { type: number, title: N, default: 5 }\n  loud: { type: boolean, title: L, default: false }\nphases:",
      ),
    );
    expect(one?.kind === "Runbook" && [one.document.inputs["many"]?.default, one.document.inputs["loud"]?.default]).toEqual([
      "5",
      "false",
    ]);
  });

  it("gives a check with the gate and the readings it did not spell out", async () => {
    const [loaded] = await loadChecks(file("c.yaml", CHECK));
    expect(loaded?.document).toMatchObject({
      scope: { kind: "role", roles: ["master"] },
      gate: { consecutivePasses: 3, spanMs: 0, intervalMs: 10_000, deadlineMs: 300_000 },
      readings: {
        state: {
          kind: "http",
          method: "GET",
          url: "http://{address}:{port.http}/state",
          followRedirects: 3,
          as: "json",
          timeoutMs: 10_000,
          optional: false,
        },
      },
      refuses: [{ name: "does not lead", subjects: { m1: { state: { leads: false } } } }],
    });
    expect(loaded?.document).not.toHaveProperty("fatal");
  });

  it("knows every kind of reading and of scope", () => {
    const readings = [
      `a: { post: "http://{address}/x", body: "{}", as: answer, follow-redirects: 0 }`,
      "b: { command: [cat, /x], sudo: true, timeout: 3s, optional: true }",
      "c: { four-letter: mntr, port: zookeeper, as: table }",
      "d: { file: ./x.json, as: json }",
      "state: { facts: node }",
    ];
    const read = (scope: string) =>
      valid(
        change(
          change(CHECK, 'state: { http: "http://{address}:{port.http}/state" }', readings.join("\n  ")),
          "{ role: master }",
          scope,
        ),
      )[0];
    const loaded = read("{ node: step }");
    expect(loaded?.kind === "Check" && loaded.document.readings).toEqual({
      a: {
        kind: "http",
        method: "POST",
        url: "http://{address}/x",
        body: "{}",
        followRedirects: 0,
        as: "answer",
        timeoutMs: 10_000,
        optional: false,
      },
      b: { kind: "command", argv: ["cat", "/x"], sudo: true, as: "text", timeoutMs: 3_000, optional: true },
      c: { kind: "four-letter", word: "mntr", port: "zookeeper", as: "table", timeoutMs: 10_000, optional: false },
      d: { kind: "file", path: "./x.json", as: "json", timeoutMs: 10_000, optional: false },
      state: { kind: "facts", about: "node", as: "json", timeoutMs: 10_000, optional: false },
    });
    const scope = (text: string) => {
      const one = read(text);
      return one?.kind === "Check" ? one.document.scope : null;
    };
    expect(scope("{ node: step }")).toEqual({ kind: "step-node" });
    expect(scope("{ cluster: master }")).toEqual({ kind: "cluster", roles: ["master"] });
    expect(scope("{ role: [agent, agent_public] }")).toEqual({ kind: "role", roles: ["agent", "agent_public"] });
  });

  it("resolves an inventory's paths against its own folder, `~/` against home, and leaves program names alone", async () => {
    const ssh = "ssh: { user: core, identity-file: keys/id, known-hosts: ~/.ssh/known_hosts }";
    const hooks =
      "hooks: { before-node: { argv: [./lb, ./out], timeout: 30s }, on-halt: { argv: [page] } }\nsite-steps: [{ argv: [/bin/true], timeout: 5m }]\n";
    const { document } = await loadInventory(file("sub/i.yaml", change(INVENTORY, "ssh: { user: core }", ssh) + hooks));
    const own = join(folder, "sub");
    expect(document.folder).toBe(own);
    expect(document.ssh).toEqual({
      user: "core",
      identityFile: join(own, "keys/id"),
      knownHosts: join(homedir(), ".ssh/known_hosts"),
    });
    expect(document.hooks).toEqual({
      beforeNode: { argv: [join(own, "lb"), "./out"], timeoutMs: 30_000 },
      onHalt: { argv: ["page"], timeoutMs: 60_000 },
    });
    expect(document.siteSteps).toEqual([{ argv: ["/bin/true"], timeoutMs: 300_000 }]);
    expect(document.nodes[1]).toEqual({ name: "a1", address: "10.0.0.21", role: "agent", critical: false, ssh: {} });
  });

  it("gives a bootstrap's URL without a slash at its end", () => {
    const [one] = valid(
      change(INVENTORY, "nodes:", 'bootstrap: { address: b, url: "http://b:8080/", installers: { "1.10": /x } }\nnodes:'),
    );
    expect(one?.kind === "Inventory" && one.document.bootstrap).toEqual({
      address: "b",
      ssh: {},
      url: "http://b:8080",
      installers: { "1.10": "/x" },
    });
  });

  it("gives a version policy", async () => {
    const { document } = await loadPolicy(file("p.yaml", POLICY));
    expect(document).toMatchObject({
      name: "rule",
      asOf: "2018-07-24",
      rule: "latest-of-minor",
      latest: { "1.9": "1.9.9" },
      moves: [],
      notes: [],
    });
    expect(document.releases).toEqual([{ version: "1.9.9", date: "2018-07-10" }, { version: "1.10.8" }]);
  });
});

describe("the fingerprint", () => {
  const print = (text: string) => valid(text)[0]?.sha256;

  it("does not see comments, layout, quotes or the order of keys", () => {
    const other = `# a comment\nkind: "Inventory"\napiVersion: pawl/v1\nplatform: dcos\nmetadata:\n  name: production\nssh:\n  user: core\nnodes:\n- {role: master, name: m1, address: 10.0.0.11}\n- {role: agent, name: a1, address: 10.0.0.21}\n`;
    expect(print(other)).toBe(print(INVENTORY));
    expect(print(INVENTORY)).toMatch(/^[0-9a-f]{64}$/);
  });

  it("sees every change of a value and the order of nodes", () => {
    const lines = INVENTORY.trimEnd().split("\n");
    const swapped = [...lines.slice(0, -2), lines.at(-1), lines.at(-2), ""].join("\n");
    expect(new Set([INVENTORY, change(INVENTORY, "10.0.0.21", "10.0.0.22"), swapped].map(print)).size).toBe(3);
  });
});

describe("files and folders", () => {
  it("gives all checks below a folder in order of name, several from one file", async () => {
    file("b.yaml", change(CHECK, "name: leads", "name: b"));
    file(
      "a/a.yml",
      `${change(CHECK, "name: leads", "name: a1")}---\n${change(CHECK, "name: leads", "name: a2")}---\n# nothing more\n`,
    );
    file("a/notes.txt", "not: [yaml");
    const checks = await loadChecks(folder);
    expect(checks.map((one) => one.document.name)).toEqual(["a1", "a2", "b"]);
    expect(checks.map((one) => one.file)).toEqual([join(folder, "a/a.yml"), join(folder, "a/a.yml"), join(folder, "b.yaml")]);
  });

  it("reads a file named twice once", async () => {
    const path = file("c.yaml", CHECK);
    expect(await loadChecks([path, path, folder])).toHaveLength(1);
  });

  it("lists every complaint of every file in one error, each with file, line and column", async () => {
    const one = file("1.yaml", change(CHECK, "severity: mandatory", "severity: bad"));
    const two = file("2.yaml", change(change(CHECK, "name: leads", "name: two"), "remedy: Wait.", "remedy: 5"));
    const error = await refusal(loadChecks(folder));
    expect([error.exit, error.code]).toEqual(["invalid-document", "document.invalid"]);
    expect(error.message).toBe(
      [
        "not valid: 2 complaints",
        `${one}:5:11: severity must be one of mandatory, waivable, advisory, not "bad" (accepted: mandatory, waivable, advisory)`,
        `${two}:11:9: remedy must be text, and not empty, not the number 5 (quote it: "5")`,
      ].join("\n"),
    );
    expect(error.details.next).toBe("Correct the lines above; `pawl lint FILE` shows all of them again.");
  });

  it("counts what is too much to list", async () => {
    const nodes = Array.from({ length: 150 }, (_, index) => `  - { name: n${index}, address: 10.0.1.${index}, role: 1 }`);
    const error = await refusal(loadInventory(file("i.yaml", `${INVENTORY}${nodes.join("\n")}\n`)));
    const lines = error.message.split("\n");
    expect([lines[0], lines.length, lines.at(-1)]).toEqual(["not valid: 150 complaints", 102, "… and 50 more"]);
  });

  it("says that a file holds another kind, or two of the kind", async () => {
    const check = file("c.yaml", CHECK);
    expect((await refusal(loadInventory(check))).message).toContain(`${check}:1:1: there is no Inventory in this file`);
    const two = file("i.yaml", `${INVENTORY}---\n${change(INVENTORY, "production", "other")}`);
    expect((await refusal(loadInventory(two))).message).toContain(
      `${two}:11:7: there is more than one Inventory in this file: it must hold one`,
    );
  });

  it("says that a file is missing, as a matter of usage", async () => {
    const error = await refusal(loadRunbook(join(folder, "none.yaml")));
    expect([error.exit, error.message]).toEqual(["usage", `${join(folder, "none.yaml")} cannot be read: there is no such file`]);
  });

  it("does not mind a byte order mark, Windows line ends and a leading document marker", async () => {
    const path = file("i.yaml", `\uFEFF---\r\n${INVENTORY.replaceAll("\n", "\r\n")}`);
    expect((await loadInventory(path)).document.name).toBe("production");
  });

  it("accepts the documents that ship with the product", async () => {
    const root = join(import.meta.dirname, "../..");
    const { documents, complaints } = await loadDocuments(["runbooks", "checks", "inventories"].map((name) => join(root, name)));
    expect(complaints).toEqual([]);
    expect(documents.filter((one) => one.kind === "VersionPolicy").map((one) => one.document.name)).toEqual(
      expect.arrayContaining(["dcos-workbook", "dcos-published"]),
    );
    expect(documents.filter((one) => one.kind === "Inventory").map((one) => one.document.name)).toContain("example");
  });
});
