import { describe, expect, it } from "vitest";
import { supportedMachines } from "../../src/cli/supported-machines.ts";
import { loadPolicy } from "../../src/document/load.ts";
import type { Facts } from "../../src/domain/plan.ts";

const { document: policy } = await loadPolicy("runbooks/policies/dcos-workbook.yaml");

/** Facts of one node with this system, release and Docker. */
function one(os: string, osRelease: string | null, docker: string | null): Facts {
  const node = { version: "1.10.8", role: "agent", reachable: true, complete: false, details: { os, osRelease, docker } };
  return { clusterId: "c", observedAt: "", nodes: { a1: node }, last: {}, counts: {}, baseline: {} };
}

const RHEL = "Red Hat Enterprise Linux Server";

describe("Docker and operating system against the workbook's table", () => {
  it.each([
    { os: RHEL, release: "7.2", docker: "1.13.1", to: "1.11.3" },
    { os: RHEL, release: "7.3", docker: "1.11.2", to: "1.9.9" },
    { os: "CentOS Linux 7 (Core)", release: "7.3", docker: "1.12.6", to: "1.10.8" },
    { os: "CentOS Linux 7 (Core)", release: "7.4", docker: "17.05.0-ce", to: "1.11.3" },
  ])("pass a combination that it names: $os $release, Docker $docker, for $to", ({ os, release, docker, to }) => {
    expect(supportedMachines(policy, one(os, release, docker), to)).toMatchObject([
      { id: "machines-supported", verdict: "pass" },
    ]);
  });

  it.each([
    { os: "CentOS Linux 7 (Core)", release: "7.4", docker: "17.12.1-ce", to: "1.11.3" },
    { os: "CentOS Linux 7 (Core)", release: "7.4", docker: "17.05.0-ee-3", to: "1.11.3" },
    { os: RHEL, release: "7.2", docker: "1.1.3", to: "1.11.3" },
    { os: RHEL, release: "7.2", docker: "1.130.0", to: "1.11.3" },
  ])("leave another one to a person: $os $release, Docker $docker, for $to", ({ os, release, docker, to }) => {
    expect(supportedMachines(policy, one(os, release, docker), to)).toMatchObject([
      { id: "machines-supported", verdict: "fail", severity: "waivable", nodes: ["a1"] },
    ]);
  });

  it("have no verdict where the cell cannot be read, with what is left of it", () => {
    expect(supportedMachines(policy, one(RHEL, "7.4", "17.06.2-ee-3"), "1.10.8")).toMatchObject([
      {
        id: "machines-supported",
        verdict: "inconclusive",
        observed: `a1: ${RHEL} (7.4), Docker 17.06.2-ee-3; the table's cell for 1.10 cannot be read ("2 Docker EE 17.06.2")`,
      },
    ]);
    expect(supportedMachines(policy, one(RHEL, "7.2", null), "1.10.8")).toMatchObject([{ verdict: "inconclusive" }]);
  });

  it("are not evaluated where the table has no such system or no such minor", () => {
    const coreos = "Container Linux by CoreOS 1688.5.3 (Rhyolite)";
    for (const facts of [one(coreos, "1688.5.3", "17.12.1-ce"), one("CentOS Linux 7 (Core)", "7", "1.13.1")])
      expect(supportedMachines(policy, facts, "1.11.3")).toMatchObject([
        { id: "machines-not-in-table", byHand: true, severity: "advisory", verdict: "inconclusive" },
      ]);
    expect(supportedMachines(policy, one(RHEL, "7.2", "1.13.1"), "1.12.5")).toMatchObject([{ id: "machines-not-in-table" }]);
    expect(supportedMachines({ ...policy, machines: [] }, one(RHEL, "7.2", "1.13.1"), "1.11.3")).toMatchObject([
      { byHand: true },
    ]);
  });

  it("say of each cell whether it could be read: a damaged one qualifies nothing", () => {
    const cells = (policy.machines ?? []).flatMap((row) => Object.values(row.series));
    expect(cells.filter((cell) => cell.confidence === "damaged").map((cell) => cell.runtimes)).toEqual([[], [], []]);
    expect(cells.filter((cell) => cell.confidence === "read").every((cell) => cell.runtimes.length > 0)).toBe(true);
    expect(cells).toHaveLength(15);
  });
});
