import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { pathCommand } from "../../src/cli/commands/path.ts";
import { PawlError } from "../../src/domain/errors.ts";
import { capturedIo, type CapturedIo } from "./captured-io.ts";

const policies = {
  workbook: join(import.meta.dirname, "../../runbooks/policies/dcos-workbook.yaml"),
  published: join(import.meta.dirname, "../../runbooks/policies/dcos-published.yaml"),
};
const folder = mkdtempSync(join(tmpdir(), "pawl-path-"));
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

async function path(...words: readonly string[]): Promise<CapturedIo> {
  const io = capturedIo(folder);
  await pathCommand(io, { policies }).exitOverride().parseAsync(words, { from: "user" });
  return io;
}

function json(io: CapturedIo): unknown {
  expect(io.stdout).toHaveLength(1);
  return JSON.parse(io.stdout[0] ?? "");
}

describe("pawl path", () => {
  it("shows the hops with their reasons and notes, each note once", async () => {
    const io = await path("1.9.4", "1.11.3");
    expect(io.ended()).toBe("ok");
    expect(io.stderr).toEqual([]);
    const text = io.stdout.join("\n");
    expect(text.split("\n")[0]).toBe("1.9.4 → 1.11.3: allowed, 3 hops (policy dcos-workbook, as of 2018-07-24)");
    for (const hop of ["1  1.9.4 → 1.9.9 ", "2  1.9.9 → 1.10.8 ", "3  1.10.8 → 1.11.3 "]) expect(text).toContain(hop);
    expect(text.match(/1\.9\.10 existed/g)).toHaveLength(1);
    expect(text).toContain("Each hop is an upgrade of the whole cluster, complete before the next begins.");
    for (const line of text.split("\n")) expect(line.length).toBeLessThanOrEqual(100);
  });

  it("shows a note about the version the cluster has, which belongs to no hop", async () => {
    expect((await path("1.9.10", "1.10.8")).stdout.join("\n")).toContain("note  The workbook names 1.9.9 as the latest 1.9");
  });

  it("gives the answer as one JSON document", async () => {
    const io = await path("1.9.4", "1.11.3", "--json");
    expect(io.ended()).toBe("ok");
    expect(json(io)).toMatchObject({
      from: "1.9.4",
      to: "1.11.3",
      allowed: true,
      hops: [
        { from: "1.9.4", to: "1.9.9", kind: "patch" },
        { from: "1.9.9", to: "1.10.8", kind: "minor" },
        { from: "1.10.8", to: "1.11.3", kind: "minor" },
      ],
      notes: [expect.stringContaining("1.9.10"), expect.stringContaining("1.10.7"), expect.stringContaining("released before")],
      policy: { name: "dcos-workbook", asOf: "2018-07-24", rule: "latest-of-minor" },
    });
  });

  it("refuses with the rule, the reason, the nearest versions and the next command", async () => {
    const io = await path("1.9.4", "1.11.3", "--policy", "published");
    expect(io.ended()).toBe("refused");
    expect(io.stdout).toEqual([]);
    const text = io.stderr.join("\n");
    expect(text).toContain("1.9.4 → 1.11.3: refused by rule listed-moves-only");
    expect(text).toContain("nearest target, shortest way: 1.9.4 → 1.9.10 → 1.10.11 → 1.11.8");
    expect(text).toContain("nearest: 1.11.8, 1.10.11");
    expect(text).toContain("the listed moves to 1.11.3 start at 1.11.0, 1.11.1, 1.11.2");
    expect(text).toContain("pawl path 1.9.4 1.11.8 --policy published");
  });

  it("refuses a skip asked for as one hop, with the shortest allowed way", async () => {
    const io = await path("1.9.4", "1.11.3", "--direct");
    expect(io.ended()).toBe("refused");
    expect(io.stderr.join("\n")).toContain("refused by rule one-minor-at-a-time");
    expect(io.stderr.join("\n")).toContain("shortest allowed way: 1.9.4 → 1.9.9 → 1.10.8 → 1.11.3");
    expect((await path("1.9.4", "1.9.9", "--direct")).ended()).toBe("ok");
  });

  it.each([
    ["a downgrade", "1.11.3", "1.9.4", "no-downgrade"],
    ["the same version", "1.9.4", "1.9.4", "no-change"],
    ["a release nobody knows", "1.9.4", "1.11.99", "known-releases"],
  ])("refuses %s, in JSON on standard output too", async (_, from, to, rule) => {
    const io = await path(from, to, "--json");
    expect(io.ended()).toBe("refused");
    expect(io.stderr).toEqual([]);
    expect(json(io)).toMatchObject({ allowed: false, hops: [], refusal: { rule } });
  });

  it("takes what is no version for a mistake of usage", async () => {
    for (const words of [
      ["one", "1.9.9"],
      ["1.9.4", "v1.9.9"],
      ["1.9.4", "v1.9.9", "--json"],
    ]) {
      await expect(path(...words)).rejects.toMatchObject({ name: "PawlError", exit: "usage", code: "path.bad-version" });
    }
  });

  it("takes a policy from a file, relative to the current folder", async () => {
    writeFileSync(
      join(folder, "mine.yaml"),
      'apiVersion: pawl/v1\nkind: VersionPolicy\nmetadata: { name: mine, title: Mine, source: us }\nplatform: dcos\nas-of: 2026-01-01\nrule: table\nreleases: [{ version: "1" }, { version: "2" }]\nmoves: [{ from: "1", to: ["2"], why: tried }]\n',
    );
    expect(json(await path("1", "2", "--policy", "mine.yaml", "--json"))).toMatchObject({
      allowed: true,
      hops: [{ why: "tried" }],
      policy: { name: "mine" },
    });
    writeFileSync(join(folder, "broken.yaml"), "kind: VersionPolicy\n");
    await expect(path("1", "2", "--policy", "broken.yaml")).rejects.toMatchObject({ exit: "invalid-document" });
    await expect(path("1", "2", "--policy", "toString")).rejects.toBeInstanceOf(PawlError);
  });
});

describe("pawl path on a narrow terminal", () => {
  it.each([
    ["1.9.4", "1.11.3", "--policy", "published"],
    ["1.13.8", "2.1.0", "--policy", "published"],
    ["1.12.0-beta1", "1.12.1"],
  ])("keeps a refusal of %s to %s within 80 columns, and names the way out", async (...words) => {
    const io = { ...capturedIo(folder), columns: 80 };
    await pathCommand(io, { policies }).exitOverride().parseAsync(words, { from: "user" });
    const text = io.stderr.join("\n");
    expect(text.split("\n").filter((line) => line.length > 80)).toEqual([]);
    expect(text).toMatch(/refused by rule/);
  });

  it("points from a release the workbook cannot know to the policy that may, and says what a tag means", async () => {
    expect((await path("1.11.3", "1.13.10")).stderr.join("\n")).toContain("pawl path 1.11.3 1.13.10 --policy published");
    expect((await path("1.12.0-beta1", "1.12.1", "--policy", "published")).stderr.join("\n")).toMatch(
      /neither pre-releases nor builds/,
    );
  });
});
