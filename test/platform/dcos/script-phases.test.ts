import { describe, expect, it } from "vitest";
import { afterLine, ended, FIRST_PHASE, phasesJson, phasesText } from "../../../src/platform/dcos/upgrade/script-phases.ts";

/** Lines of a script with the seconds at which they were read. */
function after(...lines: readonly (readonly [number, string])[]) {
  return ended(lines.reduce((phases, [seconds, line]) => afterLine(phases, line, seconds * 1_000), FIRST_PHASE));
}

describe("the phases of an upgrade script, from its own lines", () => {
  it("are told for a script that says what pkgpanda does", () => {
    const phases = after(
      [0, "Verbose mode on"],
      [10, "Upgrading DC/OS agent 1.10.8 -> 1.11.3"],
      [10, "\rFetching: adminrouter--0123\rFetched: adminrouter--0123"],
      [60, "\rFetching: mesos--4567"],
      [90, "\rFetched: mesos--4567"],
    );
    expect(phasesText(phases, 120_000)).toBe("look 10s, fetch 1m 20s (2 packages), switch 30s");
    expect(phasesJson(phases, 120_000)).toEqual({
      packages: 2,
      phases: [
        { phase: "look", fromMs: 0, toMs: 10_000 },
        { phase: "fetch", fromMs: 10_000, toMs: 90_000 },
        { phase: "switch", fromMs: 90_000, toMs: 120_000 },
      ],
    });
  });

  it("are fewer where the script throws pkgpanda's words away: to 1.9, or without --verbose", () => {
    expect(phasesText(after([10, "Upgrading DC/OS master 1.9.4 -> 1.9.9"]), 100_000)).toBe("look 10s, fetch 1m 30s");
  });

  it("tell the wait for Exhibitor on a master of 1.9", () => {
    const phases = after(
      [5, "Upgrading DC/OS master 1.9.4 -> 1.9.9"],
      [65, "Waiting for Exhibitor..."],
      [75, "Waiting for Exhibitor..."],
    );
    expect(phasesText(phases, 85_000)).toBe("look 5s, fetch 1m, exhibitor 20s");
  });

  it("count packages that were there already, and end with the script's no", () => {
    const phases = after(
      [0, "Upgrading DC/OS public agent 1.12.0 -> 1.13.9"],
      [10, "Package already added."],
      [20, "\rFetched: mesos--4567"],
    );
    expect(phases.packages).toBe(2);
    expect(phasesText(after([10, "Cannot proceed with upgrade, node checks failed"]), 10_000)).toBe("look 10s, refused 0s");
    const late = after(
      [5, "Upgrading DC/OS agent 1.10.8 -> 1.11.3"],
      [9, "\rFetched: a--1"],
      [300, "Node upgrade not successful, checks failed"],
    );
    expect(phasesText(late, 300_000)).toBe("look 5s, fetch 4m 55s (1 packages), refused 0s");
  });
});
