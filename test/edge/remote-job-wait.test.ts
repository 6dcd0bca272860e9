import { describe, expect, it } from "vitest";
import { waitForJob, type JobEnd, type JobWait } from "../../src/action/remote-job-wait.ts";
import type { Clock, Outcome, Remote } from "../../src/engine/ports.ts";

type Answer =
  | { readonly state: string; readonly stdout?: string; readonly losses?: number }
  | { readonly lost: string; readonly sent?: boolean };

/** A node that gives one answer per question, the last one for ever, and a clock that only sleeps move. */
function play(
  answers: readonly Answer[],
  options: Partial<JobWait> = {},
): { readonly end: Promise<JobEnd>; readonly told: string[]; readonly sleeps: number[] } {
  const told: string[] = [];
  const sleeps: number[] = [];
  let nowMs = 0;
  let asked = 0;
  let current: Answer = { state: "absent" };
  const clock: Clock = {
    now: () => nowMs,
    monotonic: () => nowMs,
    sleep: (ms) => {
      sleeps.push(ms);
      nowMs += ms;
      return Promise.resolve();
    },
  };
  const lost = (answer: { readonly lost: string; readonly sent?: boolean }): Outcome => ({
    kind: "lost",
    code: answer.lost,
    reason: `${answer.lost}!`,
    sent: answer.sent ?? false,
  });
  const remote: Remote = {
    run: () => {
      current = answers[Math.min(asked++, answers.length - 1)] ?? { state: "absent" };
      if ("lost" in current) return Promise.resolve(lost(current));
      return Promise.resolve({
        kind: "exited",
        code: 0,
        stdout: `${current.state}\n${String(Buffer.byteLength(current.stdout ?? ""))}\n0\n`,
        stderr: "",
      });
    },
    stream: async (_, command, onChunk) => {
      if ("lost" in current) throw new Error("read without an answer");
      const [offset = 0, bytes = 0] = command.argv.slice(-2).map(Number);
      if (current.stdout === "BROKEN") return lost({ lost: "connection-lost", sent: true });
      await onChunk(Buffer.from(current.stdout ?? "").subarray(offset, offset + bytes));
      return { kind: "exited", code: 0, stdout: "", stderr: "" };
    },
    losses: () => ("lost" in current ? 0 : (current.losses ?? 0)),
    http: () => Promise.reject(new Error("not here")),
    tcp: () => Promise.reject(new Error("not here")),
    close: () => Promise.resolve(),
  };
  const wait: JobWait = {
    clock,
    remote,
    target: "m1",
    place: { folder: "/var/tmp/pawl-jobs/r", sudo: true, timeoutMs: 1_000 },
    ...options,
  };
  const end = waitForJob(wait, {
    onOutput: (stream, text) => void told.push(`${stream}:${text}`),
    onReattach: ({ forMs, reason }) => void told.push(`back after ${String(forMs)}: ${reason}`),
  });
  return { end, told, sleeps };
}

describe("waiting for a detached job", () => {
  it("ends with the exit code, having told every byte of output once and no character in halves", async () => {
    const { end, told, sleeps } = play([
      { state: "running 7", stdout: "a" },
      { state: "running 7", stdout: "a" },
      { state: "running 7", stdout: "aé" },
      { state: "exited 4", stdout: "aéz" },
    ]);
    expect(await end).toEqual({ kind: "ended", code: 4 });
    expect(told).toEqual(["stdout:a", "stdout:é", "stdout:z"]);
    expect(sleeps).toEqual([5_000, 5_000, 5_000]);
  });

  it("keeps asking while the node is silent, more and more rarely, and tells once that it is back", async () => {
    const silent: Answer = { lost: "refused" };
    const { end, told, sleeps } = play([
      { state: "running 7" },
      silent,
      silent,
      silent,
      { state: "running 7" },
      { state: "exited 0" },
    ]);
    expect(await end).toEqual({ kind: "ended", code: 0 });
    expect(told).toEqual(["back after 35000: refused!"]);
    expect(sleeps).toEqual([5_000, 5_000, 10_000, 20_000, 5_000]);
  });

  it("tells of a connection that broke between two questions", async () => {
    const { end, told } = play([{ state: "running 7" }, { state: "running 7", losses: 1 }, { state: "exited 0", losses: 1 }]);
    expect(await end).toEqual({ kind: "ended", code: 0 });
    expect(told).toEqual(["back after 0: the connection broke between two questions"]);
  });

  it("does not take the node's silence for the job's end: after the deadline it is unreachable", async () => {
    const { end, sleeps } = play([{ state: "running 7" }, { lost: "unreachable" }], { unreachableMs: 120_000 });
    expect(await end).toMatchObject({ kind: "unreachable", code: "unreachable" });
    expect(Math.max(...sleeps)).toBe(60_000);
    expect(sleeps.slice(1).reduce((sum, ms) => sum + ms, 0)).toBeGreaterThanOrEqual(120_000);
  });

  it("gives up at once on a changed host key, which no asking mends", async () => {
    const { end, sleeps } = play([{ state: "running 7" }, { lost: "host-key-changed" }]);
    expect(await end).toMatchObject({ kind: "unreachable", forMs: 0, code: "host-key-changed" });
    expect(sleeps).toEqual([5_000]);
  });

  it("does not call a job ended whose last output could not be read, and reads it later", async () => {
    const { end, told } = play([
      { state: "exited 0", stdout: "BROKEN" },
      { state: "exited 0", stdout: "last words" },
    ]);
    expect(await end).toEqual({ kind: "ended", code: 0 });
    expect(told).toEqual(["stdout:last words", "back after 5000: connection-lost!"]);
  });

  it.each([
    ["absent", "absent"],
    ["killed TERM", "killed"],
    ["lost gone", "gone"],
    ["lost rebooted", "rebooted"],
    ["exited ", "no-exit-code"],
  ])("says of a job that is %j that it is gone, never how it ended", async (state, why) => {
    expect(await play([{ state: "running 7" }, { state }]).end).toEqual({ kind: "gone", why });
  });

  it("lets a job be starting for a moment, not for ever", async () => {
    expect(await play([{ state: "starting" }, { state: "running 1" }, { state: "exited 0" }]).end).toEqual({
      kind: "ended",
      code: 0,
    });
    expect(await play([{ state: "starting" }]).end).toEqual({ kind: "gone", why: "starting" });
  });

  it("says that a job is overdue while it still runs", async () => {
    expect(await play([{ state: "running 7" }], { runMs: 12_000 }).end).toEqual({ kind: "overdue", afterMs: 15_000 });
  });
});
