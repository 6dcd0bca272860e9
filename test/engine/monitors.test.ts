import { describe, expect, it } from "vitest";
import type { RunEvent } from "../../src/domain/events.ts";
import { seriesOf, type Monitor, type Sample } from "../../src/domain/monitor.ts";
import { parseSeries, type SeriesRow } from "../../src/domain/series.ts";
import type { Clock, Monitoring, Operator, SampleRequest } from "../../src/engine/ports.ts";
import { toyRun, toyRunbook, yes, type ToyOptions } from "../toy/toy.ts";

const MINUTE = 60_000;

const monitor = (name: string, more: Partial<Monitor> = {}): Monitor => ({
  name,
  title: name,
  source: "test",
  scope: { kind: "cluster", roles: ["boss"] },
  reading: { kind: "facts", about: "node", as: "json", timeoutMs: 1_000, optional: false },
  keep: ".",
  intervalMs: MINUTE,
  phases: [],
  plots: [],
  ...more,
});

const kept = (atMs: number, value: number, notice: string | null = null): Sample => ({
  kind: "kept",
  atMs,
  kept: { value },
  notice,
});

type Read = (request: SampleRequest, clock: Clock) => Sample | Promise<Sample>;

/** Reads by a function; a reading that takes time holds back no other. */
function reading(read: Read): NonNullable<ToyOptions["monitoring"]> {
  return (_world, clock): Monitoring => ({
    sampler: {
      sample: async (requests, _signal, heard) => {
        await Promise.all(requests.map(async (request, index) => heard(index, await read(request, clock))));
      },
    },
    leastGapMs: null,
    idle: (ms, signal) => clock.sleep(ms, signal),
  });
}

const steady: Read = (_request, clock) => kept(clock.now(), 1);

type Toy = ReturnType<typeof toyRun>;

/** Segments of a source as they are on record. */
function segments({ events, artifacts }: Toy, name: string): readonly string[] {
  return events.flatMap((event) => {
    if (event.type !== "artifact.recorded") return [];
    const of = seriesOf(event.name);
    if (of === null || `${of.monitor}/${of.subject}` !== name) return [];
    return [artifacts.all.get(event.sha256)?.toString("utf8") ?? ""];
  });
}

const rows = (toy: Toy, name: string): readonly SeriesRow[] => parseSeries(segments(toy, name));

function toyWith(monitors: readonly Monitor[], read: Read, more: ToyOptions = {}): Toy {
  return toyRun({ runbook: { ...toyRunbook(), monitors }, monitoring: reading(read), ...more });
}

/** What the run did, and when. */
const moves = (events: readonly RunEvent[]): readonly string[] =>
  events.flatMap((event) => (event.type === "step.moved" ? [`${event.time} ${event.step} ${event.to}`] : []));

const timeOf = (events: readonly RunEvent[], type: RunEvent["type"]): number =>
  Date.parse(events.find((event) => event.type === type)?.time ?? "");

/** Answers every announced question, after a night's sleep. */
const sleepy = (clock: () => Clock): Operator => ({
  ask: async (question, seq, signal) => {
    await clock().sleep(8 * 60 * MINUTE);
    return yes.ask(question, seq, signal);
  },
});

describe("an operator whose runbook has monitors", () => {
  it("finds a reading for every minute from before the first phase to after the last, soaks and questions of a night included", async () => {
    let toy: Toy | null = null;
    const clock = (): Clock => toy?.clock ?? expect.unreachable();
    toy = toyWith([monitor("load")], steady, { operator: sleepy(clock) });
    expect((await toy.run()).exit).toBe("ok");
    const found = rows(toy, "load/cluster");
    const times = found.map((row) => row.atMs);
    expect(times[0]).toBe(timeOf(toy.events, "run.opened"));
    expect(times.at(-1)).toBe(timeOf(toy.events, "run.completed"));
    expect(Math.max(...times.slice(1).map((time, index) => time - (times[index] ?? 0)))).toBeLessThanOrEqual(MINUTE);
    expect(found.every((row) => row.gap === null && row.values["value"] === 1)).toBe(true);
    // One line of the journal a quarter of an hour, not one a reading.
    const quarters = ((times.at(-1) ?? 0) - (times[0] ?? 0)) / (15 * MINUTE);
    expect(found.length).toBeGreaterThan(quarters * 14);
    expect(segments(toy, "load/cluster").length).toBeLessThanOrEqual(Math.ceil(quarters) + 1);
  });

  it("reads every entry with a name and an address of a list that was found, each at its own", async () => {
    const asked = new Map<string, unknown>();
    const read: Read = (request, clock) => {
      asked.set(request.subject, request.context["url"]);
      return kept(clock.now(), 1);
    };
    const found = [
      { name: "team/one", url: "http://192.0.2.7:22223" },
      { name: "two", url: "http://192.0.2.8:22223" },
      { name: "of no address", url: null },
      "no entry",
    ];
    const toy = toyWith([monitor("services", { scope: { kind: "listed", fact: "services" } })], read, {
      baseline: { services: found },
    });
    expect((await toy.run()).exit).toBe("ok");
    expect([...asked].map(([, url]) => url)).toEqual(["http://192.0.2.7:22223", "http://192.0.2.8:22223"]);
    expect(rows(toy, "services/two").length).toBeGreaterThan(10);
  });

  it("is told in the record where the monitoring itself broke, and the upgrade goes on as if it were not there", async () => {
    const bare = toyRun();
    await bare.run();
    const broken: ToyOptions["monitoring"] = (_world, clock) => ({
      sampler: { sample: async () => undefined },
      leastGapMs: null,
      idle: async () => {
        await clock.sleep(MINUTE);
        throw new Error("a fault of pawl's own");
      },
    });
    const toy = toyRun({ runbook: { ...toyRunbook(), monitors: [monitor("load")] }, monitoring: broken });
    expect((await toy.run()).exit).toBe("ok");
    const notices = toy.events.flatMap((event) => (event.type === "notice.given" ? [`${event.monitor}: ${event.text}`] : []));
    expect(notices).toEqual([
      expect.stringMatching(/^monitoring: monitoring ended: a fault of pawl's own; gates and watches go on/),
    ]);
    expect(moves(toy.events)).toEqual(moves(bare.events));
  });

  it("loses no second of the upgrade to a monitor that is slow, hangs or throws", async () => {
    const bare = toyRun();
    await bare.run();
    const faults: Readonly<Record<string, Read>> = {
      "answers after an hour": async (_request, clock) => {
        await clock.sleep(60 * MINUTE);
        return kept(clock.now(), 1);
      },
      hangs: () => new Promise<Sample>(() => undefined),
      throws: () => {
        throw new Error("the source is broken");
      },
      rejects: () => Promise.reject(new RangeError("no such thing")),
    };
    for (const [fault, read] of Object.entries(faults)) {
      const toy = toyWith([monitor("load")], read);
      expect((await toy.run()).exit, fault).toBe("ok");
      expect(moves(toy.events), fault).toEqual(moves(bare.events));
      expect(
        rows(toy, "load/cluster").some((row) => row.gap !== null),
        fault,
      ).toBe(true);
    }
  });

  it("sees a source that dies as one gap with its reason, and the readings before and after it", async () => {
    const toy = toyWith([monitor("load")], (_request, clock) => {
      const minutes = (clock.now() - timeOf(toy.events, "run.opened")) / MINUTE;
      return minutes >= 3 && minutes < 6
        ? { kind: "gap", atMs: clock.now(), reason: "connection refused" }
        : kept(clock.now(), 7);
    });
    expect((await toy.run()).exit).toBe("ok");
    const found = rows(toy, "load/cluster");
    const gap = found.findIndex((row) => row.gap !== null);
    expect(found.filter((row) => row.gap !== null)).toHaveLength(1);
    expect(found[gap]).toMatchObject({ gap: "connection refused", values: {} });
    expect((found[gap]?.atMs ?? 0) - (found[gap - 1]?.atMs ?? 0)).toBe(MINUTE);
    expect((found[gap + 1]?.atMs ?? 0) - (found[gap]?.atMs ?? 0)).toBe(3 * MINUTE);
  });

  it("has one slow source of two, and the other is read in time", async () => {
    const two = [monitor("slow"), monitor("quick")];
    const toy = toyWith(two, async (request, clock) => {
      if (request.monitor.name === "slow") await clock.sleep(10 * MINUTE);
      return kept(clock.now(), 1);
    });
    expect((await toy.run()).exit).toBe("ok");
    const quick = rows(toy, "quick/cluster").map((row) => row.atMs);
    expect(Math.max(...quick.slice(1).map((time, index) => time - (quick[index] ?? 0)))).toBeLessThanOrEqual(MINUTE);
    expect(rows(toy, "slow/cluster").filter((row) => row.gap === "no answer yet").length).toBeGreaterThan(1);
  });

  it("keeps what was read before a crash, and finds the hole where pawl was away", async () => {
    const toy = toyWith([monitor("load")], steady, { bosses: 3, workers: 4 });
    const died = toy.run(80).catch((error: unknown) => error);
    expect(await died).toBeInstanceOf(Error);
    const before = segments(toy, "load/cluster");
    expect(before.length).toBeGreaterThan(0);
    await toy.clock.sleep(60 * MINUTE);
    expect((await toy.run()).exit).toBe("ok");
    const after = segments(toy, "load/cluster");
    expect(after.slice(0, before.length)).toEqual(before);
    const second = parseSeries(after.slice(before.length));
    expect(second[0]?.gap).toBe("pawl was taken up again");
    expect(second[1]).toMatchObject({ atMs: second[0]?.atMs, values: { value: 1 } });
  });

  it("reads a node's own monitor only while a step changes it, and once more when the step has ended", async () => {
    const seen: SampleRequest[] = [];
    const toy = toyWith(
      [monitor("errors", { scope: { kind: "in-hand" } })],
      (request, clock) => (seen.push(request), kept(clock.now(), 0)),
      { bosses: 1, workers: 2 },
    );
    expect((await toy.run()).exit).toBe("ok");
    const at = (step: string, to: string): number =>
      Date.parse(toy.events.find((e) => e.type === "step.moved" && e.step === step && e.to === to)?.time ?? "");
    for (const [node, step] of [
      ["b1", "bosses/b1/upgrade"],
      ["w1", "workers-1/w1/upgrade"],
      ["w2", "workers-2/w2/upgrade"],
    ] as const) {
      const times = rows(toy, `errors/${node}`).map((row) => row.atMs);
      expect(times[0], node).toBe(at(step, "starting"));
      expect(times.at(-1), node).toBe(at(step, "complete"));
      const since = seen.filter((one) => one.subject === node).map((one) => one.context["since"]);
      expect(new Set(since), node).toEqual(new Set([Math.floor(at(step, "starting") / 1_000)]));
    }
  });

  it("reads a monitor of some phases only while they run, waves by the name of their family", async () => {
    const toy = toyWith([monitor("load", { phases: ["workers"] })], steady, { bosses: 1, workers: 2 });
    expect((await toy.run()).exit).toBe("ok");
    const begun = Date.parse(toy.events.find((e) => e.type === "step.moved" && e.step.startsWith("workers-1/"))?.time ?? "");
    const times = rows(toy, "load/cluster").map((row) => row.atMs);
    expect(times[0]).toBe(begun);
    expect(times.at(-1)).toBe(timeOf(toy.events, "run.completed"));
  });
});

describe("what a monitor notices", () => {
  it("is on record when it happens, a dozen an hour, and the rest is counted", async () => {
    let turn = 0;
    const toy = toyWith([monitor("leader")], (_request, clock) => kept(clock.now(), (turn += 1), `turn ${turn}`));
    expect((await toy.run()).exit).toBe("ok");
    const told = toy.events.filter((event) => event.type === "notice.given");
    expect(told[0]).toMatchObject({ monitor: "leader", subject: "cluster", text: "turn 1", unsaid: 0 });
    const hours = (timeOf(toy.events, "run.completed") - timeOf(toy.events, "run.opened")) / (60 * MINUTE);
    expect(told.length).toBeGreaterThan(12);
    expect(told.length).toBeLessThanOrEqual(12 * (Math.ceil(hours) + 1) + 1);
    // Said or counted, none is lost.
    const last = told.at(-1);
    const whole = told.reduce((sum, one) => sum + one.unsaid, 0) + told.length - (last?.text.startsWith("more") === true ? 1 : 0);
    expect(whole).toBe(turn);
  });

  it("decides nothing: the run goes on as without it", async () => {
    const bare = toyRun();
    await bare.run();
    const toy = toyWith([monitor("leader")], (_request, clock) => kept(clock.now(), 0, "everything is on fire"));
    expect((await toy.run()).exit).toBe("ok");
    expect(moves(toy.events)).toEqual(moves(bare.events));
  });
});
