import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { OWN_FINDINGS } from "../../src/cli/known-names.ts";
import type { CatalogueGap, CatalogueItem } from "../../src/domain/catalogue.ts";
import { pawl, recordedRun, workFolder } from "./record-material.ts";

const ROOT = join(import.meta.dirname, "../..");

interface Coverage {
  readonly items: readonly CatalogueItem[];
  readonly gaps: readonly CatalogueGap[];
}

async function coverage(cwd: string, ...words: readonly string[]): Promise<Coverage & { readonly exit: string | null }> {
  const { exit, out } = await pawl(cwd, "coverage", "--json", ...words);
  return { exit, ...(JSON.parse(out) as Coverage) };
}

/** `name-1` to `name-count`. */
function numbered(name: string, count: number, digits = 1): readonly string[] {
  return Array.from({ length: count }, (_, index) => `${name}${String(index + 1).padStart(digits, "0")}`);
}

/** A catalogue of one item, in a file. */
function catalogueFile(cwd: string, item: string, sections = "  - { name: s, title: S }"): string {
  const file = join(cwd, "catalogue.yaml");
  writeFileSync(
    file,
    `apiVersion: pawl/v1\nkind: Catalogue\nmetadata: { name: c, title: "C", source: "test" }\nplatform: dcos\nsections:\n${sections}\nitems:\n${item}\n`,
  );
  return file;
}

describe("the catalogue of the workbook", () => {
  it("leaves no item without a step, a check, a command or a reason, and names nothing that does not exist", async () => {
    const { items, gaps, exit } = await coverage(await workFolder());
    expect(gaps).toEqual([]);
    expect(exit).toBe("ok");
    expect(items.length).toBeGreaterThanOrEqual(140);
    expect(new Set(items.map((item) => item.id)).size).toBe(items.length);
    for (const item of items)
      expect(item).toEqual(expect.objectContaining({ id: expect.any(String), source: expect.any(String), reason: item.reason }));
  });

  it("has every numbered item of the workbook, and every one of the merged checklist", async () => {
    const ids = (await coverage(await workFolder())).items.map((item) => item.id);
    const wanted = [
      ...numbered("faq-", 23, 2),
      ...numbered("step-2.", 11),
      ...numbered("progress-", 6),
      ..."abcdefgh".split("").map((letter) => `script-${letter}`),
      ..."abcdef".split("").map((letter) => `timing-${letter}`),
      ..."abcdefghi".split("").map((letter) => `summary-1${letter}`),
      ...numbered("pre-", 36, 2),
      ...numbered("post-", 12, 2),
    ];
    expect(wanted.filter((id) => !ids.includes(id))).toEqual([]);
  });

  it("has as many items of each part as the workbook has rows", async () => {
    const { items } = await coverage(await workFolder());
    const of = (section: string): number => items.filter((item) => item.section === section).length;
    expect({
      state: of("cluster-state"),
      gathering: of("gathering"),
      checklist: of("checklist"),
      validation: of("validation"),
      matrix: of("matrix"),
      metrics: of("metrics"),
      endpoints: of("endpoints"),
    }).toEqual({ state: 11, gathering: 10, checklist: 14, validation: 7, matrix: 11, metrics: 12, endpoints: 14 });
  });

  it("explains every item that nothing does", async () => {
    const { items } = await coverage(await workFolder());
    const idle = items.filter((one) => [one.steps, one.checks, one.commands, one.captures].every((names) => names.length === 0));
    for (const item of idle) expect(item.reason?.length, item.id).toBeGreaterThan(20);
  });

  it("knows pawl's own findings by the names they have in the code", () => {
    const text = readdirSync(join(ROOT, "src/cli"))
      .filter((name) => name.endsWith(".ts") && name !== "known-names.ts")
      .map((name) => readFileSync(join(ROOT, "src/cli", name), "utf8"))
      .join("\n");
    const found = [...text.matchAll(/\bid: "([a-z-]+)"/g)].map((match) => match[1]);
    expect(OWN_FINDINGS.filter((name) => !found.includes(name))).toEqual([]);
  });
});

describe("pawl coverage", () => {
  const item = (more: string): string => `  - { id: one, section: s, source: "test", words: "do it"${more} }`;

  it.each([
    ["nothing at all", item(""), "one has no step, check, command or capture, and no reason why not"],
    ["a step that is not there", item(", steps: [dcos-upgrade/masters/fly]"), "one there is no step dcos-upgrade/masters/fly"],
    ["a check that is not there", item(", checks: [all-is-well]"), "one there is no check, finding or question all-is-well"],
    ["a question that is not there", item(", checks: [question-why]"), "one there is no check, finding or question question-why"],
    ["a command that is not there", item(", commands: [fly]"), "one there is no command fly"],
    ["a capture that is not there", item(', captures: ["masters/*/soul.json"]'), "one there is no capture masters/*/soul.json"],
  ])("says no where an item has %s", async (_, text, says) => {
    const cwd = await workFolder();
    const { exit, err } = await pawl(cwd, "coverage", "--catalogue", catalogueFile(cwd, text));
    expect(exit).toBe("said-no");
    expect(err).toBe(`gap: ${says}`);
  });

  it("says no where a part of the workbook has no item", async () => {
    const cwd = await workFolder();
    const file = catalogueFile(cwd, item(", reason: because"), "  - { name: s, title: S }\n  - { name: t, title: T }");
    expect(await pawl(cwd, "coverage", "--catalogue", file)).toMatchObject({
      exit: "said-no",
      err: "gap: t is a section without items",
    });
  });

  it("takes findings, questions, requirements looked after by hand, monitors and steps at the end for what they are", async () => {
    const cwd = await workFolder();
    const text = item(
      ', steps: [dcos-upgrade/finally/remove-job-folders], checks: [exhibitor-serving, cluster-identity, version-path, question-support-cases, rex-ray-form], captures: ["masters/*/flags.json", "monitor/marathon/*.csv"], commands: [diff]',
    );
    expect(await pawl(cwd, "coverage", "--catalogue", catalogueFile(cwd, text))).toMatchObject({ exit: "ok", err: "" });
  });

  it("refuses a catalogue with an id twice, or with an item of no part", async () => {
    const cwd = await workFolder();
    const twice = catalogueFile(cwd, `${item(", reason: r")}\n${item(", reason: r").replace("section: s", "section: x")}`);
    const { exit, err } = await pawl(cwd, "lint", twice);
    expect(exit).toBe("invalid-document");
    expect(err).toMatch(/"one" is taken \(first on line 8\)/);
    expect(err).toMatch(/there is no section "x"/);
  });

  it("says no of a run whose record shows nothing of what was due", async () => {
    const cwd = await workFolder();
    await recordedRun(cwd, "20261120T150000Z-upgrade-1.11.3", { worked: true, platform: "dcos" });
    const file = catalogueFile(cwd, item(", checks: [exhibitor-serving]"));
    const { exit, err, out } = await pawl(cwd, "coverage", "latest", "--catalogue", file);
    expect([exit, err]).toEqual(["said-no", "gap: one was due, and the record of this run shows nothing of it"]);
    expect(out).toContain("1 missing");
  });

  it("says nothing of a run of another product", async () => {
    const cwd = await workFolder();
    await recordedRun(cwd, "20261120T150000Z-upgrade-1.11.3", { worked: true });
    const { exit, err } = await pawl(cwd, "coverage", "latest");
    expect(exit).toBe("usage");
    expect(err).toContain("is of platform toy");
  });
});
