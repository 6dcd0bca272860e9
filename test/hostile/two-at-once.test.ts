import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it, vi } from "vitest";
import { describeReal } from "../real/requires.ts";
import { journalOf, runbookOf, runsIn, startHostsStory, type HostsStory } from "./hosts.ts";

describeReal(
  "two runs on the same machines, which have no managers to keep a lock on",
  ["openssh-server", "openssh-client"],
  () => {
    let story: HostsStory;
    beforeAll(async () => {
      story = await startHostsStory();
    });
    afterAll(() => story.close());

    it("are one: whoever comes second is refused before anything happens, also under another name of the machines", async () => {
      const gate = join(story.folder, "gate");
      const wait = `i=0; while [ ! -e ${gate} ] && [ $i -lt 600 ]; do sleep 0.1; i=$((i + 1)); done; echo one >> ${gate}.log`;
      const first = story.write("first.yaml", runbookOf([`uses: command, with: { argv: [sh, -c, ${JSON.stringify(wait)}] }`]));
      const second = story.write(
        "second.yaml",
        runbookOf([`uses: command, with: { argv: [sh, -c, "echo two >> ${gate}.log"] }`]),
      );
      const twin = story.write("twin.yaml", readFileSync(story.inventory, "utf8").replace("name: boxes", "name: twins"));
      const run = (runbook: string, inventory: string, output: string) =>
        story.pawl(["run", runbook, "-i", inventory, "--yes", "--output-dir", join(story.folder, output)]);

      const working = run(first, story.inventory, "one");
      await vi.waitFor(
        () =>
          expect(journalOf(runsIn(join(story.folder, "one"))[0] ?? "").some((event) => event.type === "lock.taken")).toBe(true),
        { timeout: 20_000 },
      );
      const refused = await run(second, twin, "two");
      expect([refused.exit, refused.err]).toEqual([
        "locked",
        expect.stringMatching(/another run holds this cluster: [\s\S]*is running/),
      ]);
      expect(runsIn(join(story.folder, "two"))).toEqual([]);
      expect(existsSync(`${gate}.log`)).toBe(false);

      story.write("gate", "");
      expect((await working).exit).toBe("ok");
      expect((await run(second, twin, "two")).exit).toBe("ok");
      expect(readFileSync(`${gate}.log`, "utf8")).toBe("one\ntwo\n");
      const told = journalOf(runsIn(join(story.folder, "one"))[0] ?? "").map((event) => event.type);
      expect(told.filter((type) => type.startsWith("lock."))).toEqual(["lock.taken", "lock.released"]);
      expect(existsSync(join(runsIn(join(story.folder, "one"))[0] ?? "", "writer.lock"))).toBe(false);
    });

    it("may both only read", async () => {
      const reads = story.write("reads.yaml", runbookOf(["uses: capture-file, with: { path: /etc/hostname }"]));
      const both = ["three", "four"].map((output) =>
        story.pawl(["run", reads, "-i", story.inventory, "--yes", "--output-dir", join(story.folder, output)]),
      );
      expect((await Promise.all(both)).map((one) => one.exit)).toEqual(["ok", "ok"]);
    });
  },
);
