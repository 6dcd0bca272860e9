import { describe, expect, it } from "vitest";
import { outputDirWords, spellOf } from "../../src/cli/spell.ts";

const RUN = "20261120T150000Z-upgrade-1.10.8";

describe("the next command", () => {
  it("names a run of the usual output folder by its name alone", () => {
    const spell = spellOf({ cwd: "/home/ada" }, `/home/ada/backups/production/${RUN}`);
    expect(spell("resume")).toBe(`pawl resume ${RUN}`);
    expect(spell("retry", "masters/m1/upgrade")).toBe(`pawl retry ${RUN} masters/m1/upgrade`);
  });

  it("carries the output folder where another one was used, as short as it can be typed", () => {
    expect(spellOf({ cwd: "/home/ada" }, `/home/ada/evidence/production/${RUN}`)("resume")).toBe(
      `pawl resume ${RUN} --output-dir evidence`,
    );
    expect(spellOf({ cwd: "/home/ada" }, `/srv/evidence/production/${RUN}`)("retry", "masters/m1/upgrade")).toBe(
      `pawl retry ${RUN} masters/m1/upgrade --output-dir /srv/evidence`,
    );
    // `backups` of another folder is not the one that is looked into here.
    expect(outputDirWords({ cwd: "/home/ada" }, `/srv/backups/production/${RUN}`)).toBe(" --output-dir /srv/backups");
  });

  it("can be typed as it stands, whatever the folder is called", () => {
    expect(outputDirWords({ cwd: "/" }, `/it's here/production/${RUN}`)).toBe(` --output-dir 'it'\\''s here'`);
  });
});
