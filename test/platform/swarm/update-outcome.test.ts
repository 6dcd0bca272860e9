import { describe, expect, it } from "vitest";
import { serviceEntry } from "../../../src/platform/swarm/entries/service-entry.ts";
import { parseTasks } from "../../../src/platform/swarm/entries/task-entry.ts";
import { blamedTask, errorLines, failedTasks, unplacedTasks } from "../../../src/platform/swarm/service/task-words.ts";
import { judgeUpdate, type UpdateOutcome } from "../../../src/platform/swarm/service/update-outcome.ts";
import { recorded } from "./recorded.ts";
import { readingOf, timeline } from "./timelines.ts";

/** The outcomes of a timeline in order, each once, as whoever watches an update to `image` would see them. */
function outcomesOf(name: string, image: string): readonly UpdateOutcome[] {
  const moments = timeline(name);
  const before = moments[0] === undefined ? null : (readingOf(moments[0]).service.updateStatus?.startedAt ?? null);
  let mine: string | null = null;
  const seen: UpdateOutcome[] = [];
  for (const moment of moments.slice(1)) {
    const reading = readingOf(moment);
    const outcome = judgeUpdate({ before, mine }, { ...reading, ours: reading.service.image === image });
    if ("startedAt" in outcome && mine === null && outcome.kind !== "replaced") mine = outcome.startedAt;
    if (seen.at(-1)?.kind !== outcome.kind) seen.push(outcome);
  }
  return seen;
}

const kinds = (outcomes: readonly UpdateOutcome[]): readonly string[] => outcomes.map((one) => one.kind);

describe("what a recorded update of a service means", () => {
  it("a rolling update runs until the last batch's monitor time is over, and is complete then", () => {
    expect(kinds(outcomesOf("rolling-update", "pawl/ping:1.1"))).toEqual(["running", "completed"]);
  });

  it("the completed update before it is not taken for this one, which is paused by its first failed task", () => {
    const outcomes = outcomesOf("pause", "pawl/ping:bugged");
    expect(kinds(outcomes)).toEqual(["running", "paused"]);
    expect(outcomes.at(-1)).toMatchObject({ message: expect.stringContaining("early termination of task") as string });
  });

  it("an automatic rollback keeps the update's own beginning, and is the managers' doing", () => {
    for (const name of ["auto-rollback", "max-failure-ratio"]) {
      const outcomes = outcomesOf(name, "pawl/ping:bugged");
      expect(kinds(outcomes), name).toEqual(["running", "rolling-back", "rolled-back"]);
      expect(outcomes.at(-1), name).toMatchObject({ automatic: true });
    }
  });

  it("a health check that never passes ends in the same rollback, although no task says that it failed", () => {
    expect(kinds(outcomesOf("health-check-never-passes", "pawl/ping:sick"))).toEqual(["running", "rolling-back", "rolled-back"]);
  });

  it("with `continue` the managers call an update completed whose every task crashes: completed is not healthy", () => {
    expect(kinds(outcomesOf("continue-on-failure", "pawl/ping:bugged"))).toEqual(["running", "completed"]);
  });

  it("a way back that fails too is paused", () => {
    const outcomes = outcomesOf("rollback-paused", "none of ours");
    expect(kinds(outcomes)).toEqual(["rolling-back", "rollback-paused"]);
  });

  it("somebody's rollback by hand while pawl watches is not its update", () => {
    const moments = timeline("manual-rollback").map(readingOf);
    const [first] = moments;
    const mine = first?.service.updateStatus?.startedAt ?? null;
    const rollback = moments.find((one) => one.service.updateStatus?.state === "rollback_started");
    if (rollback === undefined) throw new Error("the recording has no rollback");
    expect(judgeUpdate({ before: null, mine }, { ...rollback, ours: false })).toMatchObject({
      kind: "rolling-back",
      automatic: false,
    });
  });

  it("another spec with an update of its own is somebody else's", () => {
    const running = timeline("rolling-update").map(readingOf).at(3);
    if (running === undefined) throw new Error("the recording is short");
    expect(judgeUpdate({ before: null, mine: "2026-11-20T15:00:00Z" }, { ...running, ours: false })).toMatchObject({
      kind: "replaced",
    });
    expect(judgeUpdate({ before: null, mine: null }, { ...running, ours: false })).toMatchObject({ kind: "replaced" });
  });

  it("while the old status stands, nothing has begun; with another spec than ours nothing has even arrived", () => {
    const before = readingOf(timeline("pause")[0] ?? { t: 0, service: null, tasks: null });
    const startedAt = before.service.updateStatus?.startedAt ?? null;
    expect(judgeUpdate({ before: startedAt, mine: null }, { ...before, ours: true })).toMatchObject({
      kind: "settling",
      converged: true,
    });
    expect(judgeUpdate({ before: startedAt, mine: null }, { ...before, ours: false })).toEqual({ kind: "not-arrived" });
  });

  it("an update that only scales removes the status: it is judged by its tasks", () => {
    const four = readingOf(timeline("rolling-update")[0] ?? { t: 0, service: null, tasks: null });
    const scaled = { service: { ...four.service, desiredTasks: 5, updateStatus: null }, tasks: four.tasks, ours: true };
    const watched = { before: "2026-11-20T15:35:07.199312947Z", mine: null };
    expect(judgeUpdate(watched, scaled)).toEqual({ kind: "settling", converged: false, same: true });
    expect(judgeUpdate(watched, { ...scaled, service: { ...scaled.service, desiredTasks: 4 } })).toEqual({
      ...{ kind: "settling", converged: true, same: true },
    });
  });

  it("a state that nobody has ever seen is told as it is, not taken for one of the others", () => {
    const one = readingOf(timeline("pause")[0] ?? { t: 0, service: null, tasks: null });
    const odd = {
      ...one.service,
      updateStatus: { state: "halfway", startedAt: "2026-11-20T16:00:00Z", completedAt: null, message: null },
    };
    expect(judgeUpdate({ before: null, mine: null }, { ...one, service: odd, ours: true })).toEqual({
      kind: "unreadable",
      state: "halfway",
    });
  });
});

describe("what tasks say of themselves", () => {
  const tasks = (name: string): NonNullable<ReturnType<typeof parseTasks>> => parseTasks(recorded(name)) ?? [];
  const node = (id: string): string => `node-${id.slice(0, 4)}`;

  it("the task that the managers blame comes first, with its error, exit code, image and node; equal errors are told once", () => {
    const service = serviceEntry(recorded("service-paused"));
    const blamed = blamedTask(service.updateStatus?.message ?? "");
    expect(blamed).toBe("mvpuxt21ca2qtbp4xnnrdew0b");
    const lines = errorLines("ping", failedTasks(tasks("tasks-failing"), service.updateStatus?.startedAt ?? ""), node, blamed);
    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatch(
      /^ping\.\d on node-[a-z0-9]{4}: failed: task: non-zero exit \(1\) \(pawl\/ping:bugged, task mvpuxt21ca2q\), and \d+ more tasks with the same words$/,
    );
  });

  it("tasks that ended before the update began are not its failures", () => {
    expect(failedTasks(tasks("tasks-failing"), "2027-01-01T00:00:00Z")).toEqual([]);
  });

  it("an image that no node has is told in the engine's words", () => {
    expect(errorLines("ping", failedTasks(tasks("tasks-missing-image"), ""), node)[0]).toContain("rejected: No such image");
  });

  it("a health check that never passed is a failure, although its task ended as complete with exit code 0", () => {
    expect(errorLines("ping", failedTasks(tasks("tasks-unhealthy"), ""), node)[0]).toContain(
      "complete: ended by itself, exit code 0",
    );
  });

  it("tasks that were replaced in order are none", () => {
    expect(failedTasks(tasks("tasks-after-update"), "")).toEqual([]);
  });

  it("a task without a place is told with the scheduler's reason", () => {
    expect(unplacedTasks(tasks("tasks-unschedulable")).map((one) => one.error)).toEqual([
      expect.stringContaining("no suitable node") as string,
    ]);
  });
});
