import { describe, expect, it } from "vitest";
import type { Json, JsonRecord } from "../../../src/domain/json.ts";
import { record } from "../../../src/domain/json-fields.ts";
import type { Facts } from "../../../src/domain/plan.ts";
import type { Effect, HttpRequest, StepContext } from "../../../src/engine/ports.ts";
import { ALLOW } from "../../../src/platform/swarm/allow.ts";
import { previewService } from "../../../src/platform/swarm/service/preview-service.ts";
import { updateService } from "../../../src/platform/swarm/service/update-service.ts";
import { settle, testSteps, type TestSteps } from "../dcos/step.ts";
import { good, inventoryOf, NO_LEADER, recorded, recordedRemote, standingClock, type EngineAnswer } from "./recorded.ts";
import { timeline, type Moment } from "./timelines.ts";

const STALE: EngineAnswer = { status: 500, body: { message: "rpc error: code = Unknown desc = update out of sequence" } };
const PREVIEW = "all/swarm/preview-service";

/** How the managers take a change: each entry is for one POST, the last for all that follow. */
type Taking = "taken" | "stale" | "lost-and-taken" | "lost";

interface Stage {
  readonly steps: TestSteps;
  readonly posted: JsonRecord[];
  readonly clock: ReturnType<typeof standingClock>;
  /** When the change was taken, ms of the clock. */
  readonly takenAt: () => number;
  /** The preview, done and on record. */
  preview(): Promise<Effect>;
  context(attempts?: number): StepContext;
}

/** A manager that plays a recorded timeline from the moment it takes a change to `image`, or so much later. */
function stage(name: string, image: string, takings: readonly Taking[] = ["taken"], laterMs = 0): Stage {
  const moments = timeline(name);
  const [first] = moments;
  if (first === undefined) throw new Error(`nothing recorded in ${name}`);
  const clock = standingClock();
  const posted: JsonRecord[] = [];
  let taken: number | null = null;
  const now = (): Moment => {
    if (taken === null) return first;
    const seconds = (clock.now() - taken - laterMs) / 1_000;
    return moments.findLast((one) => one.t <= seconds) ?? first;
  };
  const service = (): Json => {
    const shown = record(now().service);
    const sent = posted.at(-1);
    const own = record(record(record(shown["Spec"])["TaskTemplate"])["ContainerSpec"])["Image"] === image;
    return taken !== null && own && sent !== undefined ? { ...shown, Spec: sent } : shown;
  };
  const post = (request: HttpRequest): EngineAnswer => {
    const how = takings[Math.min(posted.length, takings.length - 1)] ?? "taken";
    posted.push(JSON.parse(request.body ?? "{}") as JsonRecord);
    if (how === "stale") return STALE;
    if (how !== "lost") taken ??= clock.now();
    return how === "taken" ? good({ Warnings: null }) : { lost: "reset" };
  };
  const nodes = recorded("nodes-three-managers");
  const { remote } = recordedRemote(inventoryOf(nodes), (node, path, request) => {
    if (node === "node1") return NO_LEADER;
    if (request.method === "POST") return post(request);
    if (path.startsWith("/services?")) return good([service()]);
    if (path.startsWith("/services/")) return good(service());
    if (path.startsWith("/tasks?")) return good(now().tasks);
    return path === "/nodes" ? good(nodes) : undefined;
  });
  const facts = { clusterId: "c", nodes: {}, baseline: {} } as unknown as Facts;
  const inventory = inventoryOf(nodes);
  const lab = { remote, inventory, clock } as unknown as Parameters<typeof testSteps>[0];
  const steps = testSteps(lab, facts, "", ALLOW);
  return {
    steps,
    posted,
    clock,
    takenAt: () => taken ?? 0,
    async preview() {
      const effect = await previewService.doIt(
        steps.context(previewService, null, { with: { for: "update", service: "ping", image } }),
      );
      if (effect.kind === "done") settle(steps, PREVIEW, effect.output ?? null);
      return effect;
    },
    context: (attempts = 1) => steps.context(updateService, null, { attempts, with: { service: "ping" } }),
  };
}

function problemOf(effect: Effect): { readonly code: string; readonly observed?: string; readonly next?: string } {
  if (effect.kind !== "failed" && effect.kind !== "unknown") throw new Error(`the step is ${effect.kind}`);
  return effect.problem;
}

describe("an update of a service, against recorded managers", () => {
  it("sends the whole spec with the change and nothing else, past a manager without leader, and ends with this update", async () => {
    const one = stage("rolling-update", "pawl/ping:1.1");
    expect((await one.preview()).kind).toBe("done");
    expect(await updateService.mayI?.(one.context())).toEqual({ kind: "yes" });
    const effect = await updateService.doIt(one.context());
    expect(effect).toMatchObject({ kind: "done", output: { service: "ping", image: "pawl/ping:1.1" } });
    const before = record(record(timeline("rolling-update")[0]?.service)["Spec"]);
    const template = record(before["TaskTemplate"]);
    const container = { ...record(template["ContainerSpec"]), Image: "pawl/ping:1.1" };
    expect(one.posted).toEqual([{ ...before, TaskTemplate: { ...template, ContainerSpec: container } }]);
  });

  it("a pause is a failed step less than a second of the cluster's time after it, with the way back spelled out", async () => {
    const pausedAt = timeline("pause").find((moment) => JSON.stringify(moment.service).includes('"paused"'))?.t ?? 0;
    for (const laterMs of [100, 300, 500, 700, 900, 1_100]) {
      const late = stage("pause", "pawl/ping:bugged", ["taken"], laterMs);
      await late.preview();
      expect((await updateService.doIt(late.context())).kind).toBe("failed");
      expect(late.clock.now() - late.takenAt() - laterMs - pausedAt * 1_000, `${laterMs} ms later`).toBeLessThan(1_000);
    }
    const one = stage("pause", "pawl/ping:bugged");
    await one.preview();
    const problem = problemOf(await updateService.doIt(one.context()));
    expect(problem.code).toBe("update-paused");
    expect(problem.observed).toContain("early termination of task");
    expect(problem.next).toContain(
      "pawl run swarm-service-rollback.yaml -i lab.yaml --set service=ping --set run=20261120T150000Z-upgrade",
    );
    expect(
      [...one.steps.kept.values()].filter(({ meta }) => meta.name.endsWith("/spec-before")).map(({ meta }) => meta.sealed),
    ).toEqual([true]);
  });

  it("a rollback by the managers is told when it begins, and fails the step when it has ended", async () => {
    const one = stage("auto-rollback", "pawl/ping:bugged");
    await one.preview();
    const problem = problemOf(await updateService.doIt(one.context()));
    expect(problem.code).toBe("update-rolled-back");
    expect(one.steps.notices.join("\n")).toContain("THE MANAGERS ROLL IT BACK");
  });

  it("a version that is stale is read again and the change made anew, a few times", async () => {
    const one = stage("rolling-update", "pawl/ping:1.1", ["stale", "stale", "taken"]);
    await one.preview();
    expect((await updateService.doIt(one.context())).kind).toBe("done");
    expect(one.posted).toHaveLength(3);
  });

  it("an answer that was lost is looked for, and nothing is sent a second time", async () => {
    const one = stage("rolling-update", "pawl/ping:1.1", ["lost-and-taken"]);
    await one.preview();
    expect((await updateService.doIt(one.context())).kind).toBe("done");
    expect(one.posted).toHaveLength(1);
  });

  it("after a crash the spec says whether it was sent: then it is only watched, else it has not begun", async () => {
    const sent = stage("rolling-update", "pawl/ping:1.1");
    await sent.preview();
    expect(await updateService.probe?.(sent.context())).toEqual({ kind: "not-begun" });
    await updateService.doIt(sent.context());
    expect(await updateService.probe?.(sent.context())).toMatchObject({ kind: "running" });
    expect((await updateService.doIt(sent.context())).kind).toBe("done");
    expect(sent.posted).toHaveLength(1);
  });

  it("a crash after which the managers have rolled it back sends nothing either: the failure is told", async () => {
    const one = stage("auto-rollback", "pawl/ping:bugged");
    await one.preview();
    await updateService.doIt(one.context());
    expect(await updateService.probe?.(one.context())).toMatchObject({ kind: "running" });
    expect(problemOf(await updateService.doIt(one.context())).code).toBe("update-rolled-back");
    expect(one.posted).toHaveLength(1);
  });

  it("a retry of a paused update sends the same spec once more", async () => {
    const one = stage("pause", "pawl/ping:bugged");
    await one.preview();
    await updateService.doIt(one.context());
    expect(problemOf(await updateService.doIt(one.context())).code).toBe("update-paused");
    expect(one.posted).toHaveLength(1);
    await updateService.doIt(one.context(2));
    expect(one.posted).toHaveLength(2);
    expect(one.posted[1]).toEqual(one.posted[0]);
  });

  it("an approval counts for what was shown: taken up again, a preview that shows something else asks nobody and sends nothing", async () => {
    const one = stage("rolling-update", "pawl/ping:1.1");
    const given = { for: "update", service: "ping" };
    const ask = (image: string): Promise<Effect> =>
      previewService.doIt(one.steps.context(previewService, null, { with: { ...given, image } }));
    expect((await ask("pawl/ping:1.1")).kind).toBe("done");
    expect((await ask("pawl/ping:1.1")).kind).toBe("done");
    expect(problemOf(await ask("pawl/ping:1.2")).code).toBe("preview-changed");
  });

  it("what is there already is not sent", async () => {
    const one = stage("rolling-update", "pawl/ping:1.0");
    const effect = await one.preview();
    expect(effect).toMatchObject({ kind: "done", note: expect.stringContaining("nothing to send") as string });
    expect((await updateService.doIt(one.context())).kind).toBe("done");
    expect(one.posted).toEqual([]);
  });
});
