import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, expect, it } from "vitest";
import { loadInventory } from "../../src/document/load.ts";
import type { Plan } from "../../src/domain/plan.ts";
import { describeReal } from "../real/requires.ts";
import { Desk } from "./pawl.ts";
import { openScreen, type Screen } from "./screen.ts";

/** An inventory in which the lab does not answer these. */
async function forget(file: string, ...questions: readonly string[]): Promise<void> {
  const lines = (await readFile(file, "utf8")).split("\n");
  await writeFile(file, lines.filter((line) => !questions.some((name) => line.includes(`"${name}"`))).join("\n"));
}

describeReal("what only a person can say", ["tmux"], () => {
  let desk: Desk;
  let screen: Screen | null = null;
  afterEach(async () => {
    screen?.close();
    screen = null;
    await desk.clear();
  });

  it(
    "is asked once at the terminal and kept in the inventory; --yes answers none of it, and an answer given later stops no resume",
    { timeout: 240_000 },
    async () => {
      desk = await Desk.create();
      const lab = await desk.lab("--private", "2", "--public", "0");
      await forget(lab.inventory, "support-cases", "user-access");
      const before = await readFile(lab.inventory, "utf8");
      const upgrade = ["upgrade", "-i", lab.inventory, "--to", "1.9.9", "--stop-after", "data-collection"] as const;

      const hasty = await desk.pawl(...upgrade, "--yes");
      expect(hasty.code).toBe(1);
      expect(hasty.out).toMatch(/question-support-cases, waivable, failed/);
      expect(hasty.out).toContain("pawl answer support-cases --text TEXT -i ");
      expect(await readFile(lab.inventory, "utf8")).toBe(before);

      screen = openScreen(desk, { columns: 100, rows: 30 });
      screen.pawl(...upgrade);
      await screen.until(/Which support cases[^]*Answer:\s*$/, { timeoutMs: 90_000 });
      screen.type("none open; asked on Friday");
      screen.press("Enter");
      await screen.until(/kept away from applications[^]*Answer:\s*$/);
      screen.press("Enter");
      await screen.until(/Start dcos-upgrade on lab\?[^]*What now\?/, { timeoutMs: 90_000 });
      screen.press("Enter");
      expect(await screen.ended(120_000)).toBe(0);

      const { answers } = (await loadInventory(lab.inventory)).document;
      const mine = answers?.filter((one) => one.by !== "pawl lab");
      expect(mine).toMatchObject([{ question: "support-cases", answer: "none open; asked on Friday" }]);
      const { value } = await desk.document("runs");
      const [run] = (value as { readonly runs: readonly { readonly folder: string }[] }).runs;
      const folder = run?.folder ?? "";
      const plan = JSON.parse(await readFile(join(folder, "plan.json"), "utf8")) as Plan;
      expect(plan.answers?.find((one) => one.question === "support-cases")?.answer).toBe("none open; asked on Friday");
      expect(await readFile(join(folder, "report.md"), "utf8")).toContain("none open; asked on Friday");
      // An open advisory question stops nothing, and is on record as not answered.
      const findings = (await desk.journal(folder)).filter((event) => event.type === "finding.reported");
      expect(findings.find((event) => event.id === "question-user-access")?.verdict).toBe("fail");

      expect((await desk.pawl("answer", "user-access", "--text", "nobody is kept away", "-i", lab.inventory)).code).toBe(0);
      const resumed = await desk.pawl("resume", folder, "--yes", "--stop-after", "config-backup");
      expect([resumed.code, resumed.err]).toEqual([0, ""]);

      const early = await desk.pawl("accept", folder, "--reason", "looks good");
      expect(early.code).toBe(1);
      expect(early.err).toContain("is not complete");
      expect((await desk.pawl("verify", folder)).code).toBe(0);
      await lab.stop();
    },
  );
});
