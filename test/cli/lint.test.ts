import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { lintCommand } from "../../src/cli/commands/lint.ts";
import { change, CHECK, INVENTORY, RUNBOOK } from "../document/material.ts";
import { capturedIo, type CapturedIo } from "./captured-io.ts";

const contract = [
  { role: "master", title: "masters", serial: true, leaderLast: true, manager: true, after: [], budget: "none" } as const,
  {
    role: "agent",
    title: "agents",
    serial: false,
    leaderLast: false,
    manager: false,
    after: ["master"],
    budget: "rollout",
  } as const,
];

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "pawl-lint-"));
  write("product/leads.yaml", CHECK);
});
afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

function write(name: string, text: string): void {
  mkdirSync(join(folder, name, ".."), { recursive: true });
  writeFileSync(join(folder, name), text);
}

async function lint(...words: readonly string[]): Promise<CapturedIo> {
  const io = capturedIo(folder);
  const kinds = ["soak", "check", "dcos/upgrade-node"];
  await lintCommand(io, { kinds, contracts: { dcos: contract }, checks: join(folder, "product") })
    .exitOverride()
    .parseAsync(words, { from: "user" });
  return io;
}

describe("pawl lint", () => {
  it("compiles the filters of monitors and checks, and names the place of one that jq does not take", async () => {
    const monitors = [
      "monitors:",
      "  - name: load",
      '    title: "Load"',
      '    source: "test"',
      "    each: { role: master }",
      '    read: { http: "http://{address}:5050/metrics" }',
      "    interval: 5s",
      "    keep: '{ load: .load '",
      "    notice: 'if .now.load > $before then \"more\" else null end'",
      "",
    ];
    const lines = RUNBOOK.trimEnd().split("\n");
    write("r.yaml", [...lines, ...monitors].join("\n"));
    write("c.yaml", change(CHECK, 'show: ".state.leads"', "show: '.x | no_such_function'"));
    const io = await lint("r.yaml", "c.yaml");
    expect(io.ended()).toBe("said-no");
    const told = io.stderr.join("\n");
    expect(told).toMatch(
      new RegExp(`r\\.yaml:${lines.length + 8}:11: monitor load: keep is no filter that jq takes: .*syntax error`),
    );
    expect(told).toMatch(new RegExp(`r\\.yaml:${lines.length + 9}:13: monitor load: notice .*before is not defined`));
    expect(told).toMatch(/c\.yaml:\d+:\d+: check \S+: show .*no_such_function\/0 is not defined/);
    expect(told.match(/\[broken-filter\]/g)).toHaveLength(3);
  });

  it("says that all is well, in one line", async () => {
    write("i.yaml", INVENTORY);
    write("r.yaml", RUNBOOK);
    const io = await lint("i.yaml", "r.yaml");
    expect([io.ended(), io.stdout, io.stderr]).toEqual(["ok", ["2 documents: valid, no safety rule broken"], []]);
  });

  it("prints every complaint of every file as file:line:column on standard error and ends with invalid-document", async () => {
    write("i.yaml", change(INVENTORY, "role: agent", "rol: agent"));
    write("sub/r.yaml", change(RUNBOOK, "floor: 5m", "floor: 5"));
    const io = await lint("i.yaml", "sub");
    expect(io.ended()).toBe("invalid-document");
    expect(io.stdout).toEqual([]);
    expect(io.stderr).toEqual([
      "i.yaml:8:5: nodes[1].role is missing (it must be a name of letters, digits, dots, dashes and underscores)",
      'i.yaml:8:37: unknown key "rol" in nodes[1] (did you mean `role`?)',
      "sub/r.yaml:7:61: inputs.soak.floor must be a duration such as 30s, 10m or 1h30m, not the number 5 (add the unit: 5s or 5m)",
      "3 complaints; the safety rules are looked at when there are none",
    ]);
  });

  it("names the broken safety rule and ends with said-no", async () => {
    write("r.yaml", change(RUNBOOK, "{ role: master, order: leader-last }", "{ role: master }"));
    const io = await lint("r.yaml");
    expect(io.ended()).toBe("said-no");
    expect(io.stderr).toEqual([
      'r.yaml:12:11: phase "masters": the leader of masters comes last (write `order: leader-last`) [leader-not-last]',
      "1 document: valid, 1 safety rule broken",
    ]);
  });

  it("gives one JSON document with complaints, findings, documents and the exit code", async () => {
    write("r.yaml", change(RUNBOOK, "[leads]", "[lead]"));
    const unsafe = await lint("r.yaml", "--json");
    expect([unsafe.stdout.length, unsafe.stderr]).toEqual([1, []]);
    expect(JSON.parse(unsafe.stdout[0] ?? "")).toEqual({
      exit: 1,
      name: "said-no",
      documents: [
        { kind: "Runbook", name: "roll", platform: "dcos", file: "r.yaml", sha256: expect.stringMatching(/^[0-9a-f]{64}$/) },
      ],
      complaints: [],
      findings: [
        {
          rule: "unknown-check",
          file: "r.yaml",
          line: 14,
          column: 75,
          message: 'there is no check named "lead" for this platform',
          hint: "did you mean `leads`?",
        },
      ],
    });
    write("r.yaml", "kind: Runbok\n");
    const invalid = await lint("r.yaml", "--json");
    expect(JSON.parse(invalid.stdout[0] ?? "")).toMatchObject({
      exit: 3,
      name: "invalid-document",
      documents: [],
      findings: [],
      complaints: [{ file: "r.yaml", line: 1, column: 7 }],
    });
  });

  it("knows the product's checks, also while one of them is being linted", async () => {
    write("r.yaml", RUNBOOK);
    expect((await lint("r.yaml", "product/leads.yaml")).ended()).toBe("ok");
    write("product/leads.yaml", change(CHECK, "severity: mandatory", "severity: none"));
    const io = await lint("r.yaml");
    expect(io.ended()).toBe("invalid-document");
    expect(io.stderr[0]).toMatch(/^product\/leads\.yaml:5:11: severity must be one of/);
  });

  it("takes a missing file for a mistake of usage", async () => {
    await expect(lint("none.yaml")).rejects.toMatchObject({ name: "PawlError", exit: "usage" });
  });
});
