import type { SampleRequest } from "../../../src/engine/ports.ts";
import { list, record, text } from "../../../src/domain/json-fields.ts";
import { afterEach, describe, expect, it } from "vitest";
import { guard } from "../../../src/check/guard.ts";
import { createSampler } from "../../../src/check/sampler.ts";
import { seriesOf, type Monitor, type Sample } from "../../../src/domain/monitor.ts";
import { parseSeries, type SeriesRow } from "../../../src/domain/series.ts";
import { EMPTY_RUN } from "../../../src/domain/run-state.ts";
import type { RunEvent } from "../../../src/domain/events.ts";
import type { Jq } from "../../../src/check/jq.ts";
import { startEngine } from "../../../src/engine/run.ts";
import { createDcosPlatform } from "../../../src/platform/dcos/platform.ts";
import { memoryArtifacts, memoryJournal } from "../../toy/memory.ts";
import { labJq, testLab, type TestLab } from "./lab.ts";
import { labMonitoring } from "./monitored.ts";
import { announcedOnly, planRollOut, RUN } from "./rollout.ts";

const open: Jq[] = [];
afterEach(async () => {
  for (const jq of open.splice(0)) await jq.close();
});

function ownJq(lab: TestLab): Jq {
  const jq = labJq(lab);
  open.push(jq);
  return jq;
}

/** The monitors of the shipped runbook. */
async function shipped(): Promise<readonly Monitor[]> {
  const planned = await planRollOut();
  await planned.close();
  return planned.plan.monitors ?? [];
}

/** One reading of every monitor of one release, through the guard, by monitor and subject. */
async function readAll(lab: TestLab, monitors: readonly Monitor[]): Promise<Readonly<Record<string, Sample>>> {
  const platform = createDcosPlatform();
  const reader = guard(lab.remote, platform.allow);
  const sampler = createSampler({ remote: reader, inventory: lab.inventory, platform, clock: lab.clock, jq: ownJq(lab) });
  const { facts } = await platform.observe(reader, lab.inventory, {}, lab.clock);
  const requests = monitors.flatMap((monitor): readonly SampleRequest[] => {
    const { scope } = monitor;
    if (scope.kind === "listed")
      return list(facts.baseline[scope.fact])
        .map(record)
        .filter((one) => typeof one["url"] === "string")
        .map((one) => {
          const context = { inputs: {}, node: null, since: null, before: null, url: one["url"] ?? null };
          return { monitor, subject: text(one["name"]) ?? "", node: null, before: null, context };
        });
    const nodes =
      scope.kind === "cluster"
        ? [null]
        : lab.inventory.nodes.filter((node) => scope.kind === "in-hand" || scope.roles.includes(node.role));
    return nodes.map((node) => ({
      monitor,
      subject: node?.name ?? "cluster",
      node: node?.name ?? null,
      before: null,
      context: { inputs: {}, node: node?.name ?? null, since: Math.floor(lab.clock.now() / 1_000), before: null },
    }));
  });
  const heard: Record<string, Sample> = {};
  await sampler.sample(requests, new AbortController().signal, (index, sample) => {
    const request = requests[index];
    if (request !== undefined) heard[`${request.monitor.name}/${request.subject}`] = sample;
  });
  return heard;
}

describe("the monitors of the shipped runbook, on a sound cluster", () => {
  for (const version of ["1.9.9", "1.10.8", "1.11.3", "1.12.4"]) {
    it(`read what the workbook asks for from ${version}, every source, without a gap`, async () => {
      const lab = testLab({ version });
      const heard = await readAll(lab, await shipped());
      for (const [name, sample] of Object.entries(heard)) expect(sample, name).toMatchObject({ kind: "kept" });
      const kept = (name: string) => {
        const sample = heard[name];
        return sample?.kind === "kept" ? sample.kept : {};
      };
      const masters = ["m1", "m2", "m3"].map((node) => kept(`mesos-masters/${node}`));
      expect(masters.map((one) => one["elected"]).toSorted()).toEqual([0, 0, 1]);
      expect(masters.find((one) => one["elected"] === 1)).toMatchObject({
        recovered: 1,
        agents_active: 4,
        agents_unreachable: 0,
        tasks_lost: 0,
      });
      const marathon = kept("marathon/cluster");
      expect(marathon["running"]).toBeGreaterThan(0);
      expect(marathon["apps"]).toBeGreaterThan(0);
      // Milliseconds in the old names, seconds in the new ones.
      expect(marathon["uptime_s"]).toBeGreaterThan(60);
      expect(marathon["uptime_s"]).toBeLessThan(1e6);
      expect(kept("service-marathon/marathon-user")).toMatchObject({ apps: 2, running: 2, staged: 0 });
      expect(kept("marathon-leader/cluster")["leader"]).toMatch(/^m[123]$/);
      const servers = ["m1", "m2", "m3"].map((node) => kept(`zookeeper/${node}`));
      expect(servers.map((one) => one["leads"]).toSorted()).toEqual([0, 0, 1]);
      expect(servers.every((one) => one["serves"] === 1 && Number(one["znodes"]) > 0)).toBe(true);
      for (const node of ["m1", "a1", "p1"]) expect(kept(`node-errors/${node}`), node).toMatchObject({ errors: 0 });
    });
  }
});

describe("the monitors of the shipped runbook, through a hop", () => {
  it("follow every master through its upgrade, and say who leads when that moves", async () => {
    const planned = await planRollOut({ masters: 3, privateAgents: 1, publicAgents: 0 });
    const { lab, clock, platform, plan, kinds } = planned;
    const reader = guard(lab.remote, platform.allow);
    const journal = memoryJournal(clock);
    const artifacts = memoryArtifacts();
    const MINUTE = 60_000;
    const engine = startEngine(
      {
        run: RUN,
        plan,
        inventory: lab.inventory,
        platform,
        kinds,
        journal,
        state: EMPTY_RUN,
        artifacts,
        remote: lab.remote,
        reader,
        local: { run: async () => ({ kind: "exited", code: 0, stdout: "", stderr: "" }) },
        checks: planned.checksOver(reader, clock),
        clock,
        monitoring: labMonitoring(lab, reader, clock, ownJq(lab), { inHand: MINUTE / 2, otherwise: 2 * MINUTE }),
        operator: announcedOnly,
        control: null,
        lock: null,
        viewer: { show: () => undefined },
        limits: { stopAfter: null, untilMs: null, expectedMs: () => null },
        process: { pid: 1, host: "test", boot: "test" },
      },
      false,
    );
    expect((await engine.done).exit).toBe("ok");
    await planned.close();
    const rows = (name: string): readonly SeriesRow[] =>
      parseSeries(
        journal.events.flatMap((event) => {
          if (event.type !== "artifact.recorded" || event.name !== `monitor/${name}.csv`) return [];
          return [artifacts.all.get(event.sha256)?.toString("utf8") ?? ""];
        }),
      );
    const moved = (step: string, to: string): number => timeOf(journal.events, step, to);
    for (const master of ["m1", "m2", "m3"]) {
      const found = rows(`mesos-masters/${master}`);
      const began = moved(`masters/${master}/upgrade`, "starting");
      const ended = moved(`masters/${master}/upgrade`, "complete");
      // Its process is another one afterwards, and before that it was away or young.
      const before = found.findLast((row) => row.gap === null && row.atMs <= began)?.values["uptime_s"];
      const after = found.find((row) => row.gap === null && row.atMs >= ended)?.values["uptime_s"];
      expect(Number(before), master).toBeGreaterThan(Number(after));
      expect(rows(`node-errors/${master}`).length, master).toBeGreaterThan(1);
    }
    const notices = journal.events.filter((event) => event.type === "notice.given");
    const leaders = notices.filter((one) => one.monitor === "mesos-masters").map((one) => one.text);
    // The leading master goes last: one election.
    expect(leaders.filter((text) => text.endsWith("leads Mesos now"))).toHaveLength(1);
    expect(notices.some((one) => one.monitor === "marathon-leader" && /^Marathon is led by m\d now/.test(one.text))).toBe(true);
    const files = journal.events.flatMap((event) => (event.type === "artifact.recorded" ? [seriesOf(event.name)] : []));
    expect(new Set(files.flatMap((of) => of?.monitor ?? []))).toEqual(
      // This cluster has no service Marathon.
      new Set((plan.monitors ?? []).flatMap((one) => (one.scope.kind === "listed" ? [] : [one.name]))),
    );
  }, 300_000);
});

function timeOf(events: readonly RunEvent[], step: string, to: string): number {
  return Date.parse(events.find((event) => event.type === "step.moved" && event.step === step && event.to === to)?.time ?? "");
}
