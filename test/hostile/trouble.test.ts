import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { describeReal } from "../real/requires.ts";
import { freePort } from "../real/sshd.ts";
import { runbookOf, runsIn, startHostsStory, type HostsStory } from "./hosts.ts";

describeReal("machines of which one does not answer", ["openssh-server", "openssh-client"], () => {
  let story: HostsStory;
  let inventory: string;
  beforeAll(async () => {
    story = await startHostsStory();
    const dead = `  - { name: n2, address: 127.0.0.1, role: box, ssh: { port: ${await freePort("127.0.0.1")} } }\n`;
    inventory = story.write("two.yaml", readFileSync(story.inventory, "utf8").trimEnd() + `\n${dead}`);
  });
  afterAll(() => story.close());

  it("are not touched by a runbook that changes something, although they have no managers to lock", async () => {
    const mark = join(story.folder, "mark");
    for (const kind of ["command", "job"]) {
      const runbook = story.write(`${kind}.yaml`, runbookOf([`uses: ${kind}, with: { argv: [touch, ${mark}] }`]));
      const output = join(story.folder, kind);
      const { exit, out, err } = await story.pawl(["run", runbook, "-i", inventory, "--yes", "--output-dir", output]);
      expect([exit, out], kind).toEqual(["said-no", expect.stringContaining("no answer: n2")]);
      expect(err).toContain("Nothing was changed");
      expect(runsIn(output)).toEqual([]);
      expect(existsSync(mark), kind).toBe(false);
    }
  });

  it("are looked at all the same by one that only reads", async () => {
    const runbook = story.write("look.yaml", runbookOf(["uses: capture-file, with: { path: /etc/hostname }"]));
    const output = join(story.folder, "look");
    const { err } = await story.pawl(["run", runbook, "-i", inventory, "--yes", "--output-dir", output]);
    expect(err).toContain("looked at all the same: hosts-answer");
    expect(runsIn(output)).toHaveLength(1);
  });
});
