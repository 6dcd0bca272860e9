import { chmod, link, mkdir, readFile, rename, stat, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { loadInventory } from "../../src/document/load.ts";
import { pawl, workFolder } from "./record-material.ts";

const RUNBOOK = `apiVersion: pawl/v1
kind: Runbook
metadata: { name: roll, version: "1", title: "Roll", source: "test" }
platform: dcos
questions:
  - { name: support-cases, title: "Which cases are open?", source: "test", valid-for: 14d, severity: waivable }
  - { name: critical-nodes, title: "Which nodes are critical?", source: "test", valid-for: 90d, severity: waivable, unless: critical-nodes }
  - { name: application-data, title: "Who has backed it up?", source: "test", valid-for: 7d, severity: mandatory, per: app }
  - { name: console, title: "Who has its console?", source: "test", valid-for: 7d, severity: advisory, per: node, when: { crosses: "1.12" } }
phases:
  - { name: p, title: "P", source: "test", steps: [{ name: s, uses: soak, title: "S", with: { for: 10m } }] }
`;

const INVENTORY = `# ours
apiVersion: pawl/v1
kind: Inventory
metadata: { name: production }
platform: dcos
nodes:
  - { name: m1, address: 10.0.0.1, role: master }
  - { name: a1, address: 10.0.0.2, role: agent }
`;

async function desk(inventory = INVENTORY): Promise<string> {
  const cwd = await workFolder();
  await writeFile(join(cwd, "inv.yaml"), inventory, { mode: 0o640 });
  await writeFile(join(cwd, "roll.yaml"), RUNBOOK);
  return cwd;
}

const WITH = ["-i", "inv.yaml", "--runbook", "roll.yaml"] as const;

const answersIn = async (cwd: string) => (await loadInventory(join(cwd, "inv.yaml"))).document.answers;

describe("pawl questions and pawl answer", () => {
  it("ask once: what was answered is shown with its age and its end", async () => {
    const cwd = await desk();
    const open = await pawl(cwd, "questions", ...WITH);
    expect(open.exit).toBe("ok");
    expect(open.out).toContain("Which cases are open?\n  support-cases, waivable, holds 14d at most\n  ? not answered");
    expect(open.out).toContain("console, advisory, for each node, before a hop to 1.12 or above, holds 7d at most");

    const given = await pawl(cwd, "answer", "support-cases", "--text", "none  open,\nasked on Friday", ...WITH);
    expect([given.exit, given.err]).toEqual(["ok", ""]);
    expect(await answersIn(cwd)).toEqual([
      {
        question: "support-cases",
        subject: null,
        answer: "none open, asked on Friday",
        by: "op@host",
        at: "1970-01-01T00:00:00Z",
        until: "1970-01-15T00:00:00Z",
      },
    ]);
    expect((await pawl(cwd, "questions", ...WITH)).out).toContain(
      "none open, asked on Friday (op@host, 0s ago; holds until 1970-01-15 00:00 UTC)",
    );
    const json = JSON.parse((await pawl(cwd, "questions", ...WITH, "--json")).out);
    expect(json.questions[0]).toMatchObject({
      name: "support-cases",
      subjects: [{ subject: null, state: "answered", answer: { by: "op@host" }, endsAt: "1970-01-15T00:00:00.000Z" }],
    });
    expect(json.questions[2]).toMatchObject({ name: "application-data", subjects: [] });
  });

  it("keep the file as its owner has it: comments, mode, and every byte outside the answers", async () => {
    const cwd = await desk();
    await pawl(cwd, "answer", "support-cases", "--text", "none", ...WITH);
    await pawl(cwd, "answer", "application-data", "/db/a", "/db/b", "--text", "dumped", "--for", "2d", ...WITH);
    const text = await readFile(join(cwd, "inv.yaml"), "utf8");
    expect(text.startsWith(INVENTORY)).toBe(true);
    expect((await stat(join(cwd, "inv.yaml"))).mode & 0o777).toBe(0o640);
    expect((await answersIn(cwd))?.map((one) => [one.question, one.subject, one.until])).toEqual([
      ["support-cases", null, "1970-01-15T00:00:00Z"],
      ["application-data", "/db/a", "1970-01-03T00:00:00Z"],
      ["application-data", "/db/b", "1970-01-03T00:00:00Z"],
    ]);
  });

  it("take the inventory's own word for its critical nodes", async () => {
    const cwd = await desk(INVENTORY.replace("role: agent }", "role: agent, critical: true }"));
    expect((await pawl(cwd, "questions", ...WITH)).out).toContain("✓ the inventory marks a1 as critical");
  });

  it("lose no answer of two people who answer at the same moment", async () => {
    const cwd = await desk();
    const apps = Array.from({ length: 8 }, (_, index) => `/db/${index}`);
    const all = await Promise.all(apps.map((app) => pawl(cwd, "answer", "application-data", app, "--text", "dumped", ...WITH)));
    expect(all.map((one) => one.exit)).toEqual(apps.map(() => "ok"));
    expect((await answersIn(cwd))?.map((one) => one.subject).toSorted()).toEqual(apps);
  });

  it.each([
    ["no such question", ["nothing-like-it", "--text", "x"], "asks no question named nothing-like-it"],
    ["no text", ["support-cases", "--text", " "], "says nothing"],
    ["a subject where there is none", ["support-cases", "/db", "--text", "x"], "is not asked about each"],
    ["no subject where there must be one", ["application-data", "--text", "x"], "is asked about each app"],
    ["a node that is not there", ["console", "a9", "--text", "x"], "has no node a9"],
    ["an answer that would hold too long", ["support-cases", "--text", "x", "--for", "30d"], "holds 14d at most"],
    ["no duration", ["support-cases", "--text", "x", "--for", "soon"], "that is no duration"],
  ])("refuse %s, and change nothing", async (_, words, says) => {
    const cwd = await desk();
    const refused = await pawl(cwd, "answer", ...words, ...WITH);
    expect(refused.exit).toBe("usage");
    expect(refused.err).toContain(says);
    expect(await readFile(join(cwd, "inv.yaml"), "utf8")).toBe(INVENTORY);
  });

  it.each([
    ["is read-only", (file: string) => chmod(file, 0o440)],
    [
      "is a link",
      async (file: string) => {
        await mkdir(`${file}.d`);
        await rename(file, join(`${file}.d`, "real.yaml"));
        await symlink(join(`${file}.d`, "real.yaml"), file);
      },
    ],
    ["has another name", (file: string) => link(file, `${file}.other`)],
  ])("give the lines to add by hand where the inventory %s", async (_, spoil) => {
    const cwd = await desk();
    await spoil(join(cwd, "inv.yaml"));
    const refused = await pawl(cwd, "answer", "support-cases", "--text", "none: really", ...WITH);
    expect(refused.exit).toBe("refused");
    expect(refused.err).toContain("cannot be changed");
    expect(refused.err).toContain("- question: support-cases");
    expect(refused.err).toContain('answer: "none: really"');
    expect(await readFile(join(cwd, "inv.yaml"), "utf8")).toBe(INVENTORY);
  });

  it("do not touch an inventory that is not valid", async () => {
    const cwd = await desk(INVENTORY.replace("role: agent", "role: [agent]"));
    expect((await pawl(cwd, "answer", "support-cases", "--text", "none", ...WITH)).exit).toBe("invalid-document");
  });
});
