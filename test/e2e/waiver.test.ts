import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import type { Plan } from "../../src/domain/plan.ts";
import { Desk } from "./pawl.ts";

let desk: Desk;
afterEach(async () => desk.clear());

describe("a waivable finding", () => {
  it(
    "stops an upgrade with 1 and the exact waiver; with that waiver it runs, and the record says who, why and until when",
    { timeout: 240_000 },
    async () => {
      desk = await Desk.create();
      const lab = await desk.lab("--masters", "1", "--private", "1", "--public", "0");
      const upgrade = ["upgrade", "-i", lab.inventory, "--to", "1.9.9", "--yes", "--stop-after", "data-collection"] as const;
      const refused = await desk.pawl(...upgrade);
      expect(refused.code).toBe(1);
      const [waiver = ""] = /quorum-structure@[0-9a-f]{8}/.exec(refused.out) ?? [];
      expect(refused.out).toContain(`--waive ${waiver} --reason TEXT --waive-until DATE`);

      const why = ["--reason", "a cluster for tests", "--waive-until", "2099-12-31"] as const;
      const wrong = await desk.pawl(
        ...upgrade,
        "--waive",
        "quorum-structure@00000000",
        "--waive",
        "nodes-answer@00000000",
        ...why,
      );
      expect(wrong.code).toBe(4);
      expect(wrong.out).toMatch(/waiver of quorum-structure refused: the value that was waived \(00000000\)/);
      expect(wrong.out).toMatch(/waiver of nodes-answer refused: it is mandatory/);
      const unknown = await desk.pawl(...upgrade, "--waive", "no-such-finding@00000000", ...why);
      expect([unknown.code, unknown.out]).toEqual([2, expect.stringContaining("there is no such finding")]);

      const run = await desk.json(...upgrade, "--waive", waiver, ...why);
      expect([run.code, run.err]).toEqual([0, ""]);
      const folder = run.value.run ?? "";
      expect((await desk.journal(folder)).find((event) => event.type === "finding.waived")).toMatchObject({
        id: "quorum-structure",
        print: waiver.split("@")[1],
        reason: "a cluster for tests",
        until: "2099-12-31",
        observed: "one master: the cluster has no leader while it is upgraded",
      });
      const plan = JSON.parse(await readFile(join(folder, "plan.json"), "utf8")) as Plan;
      expect(plan.waivers).toMatchObject([
        { finding: "quorum-structure", reason: "a cluster for tests", person: expect.stringMatching(/@/) },
      ]);
      expect(await readFile(join(folder, "report.md"), "utf8")).toMatch(
        /waived quorum-structure until 2099-12-31: a cluster for tests/,
      );
      expect((await desk.pawl("verify", folder)).code).toBe(0);
      await lab.stop();
    },
  );
});
