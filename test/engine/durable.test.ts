import { describe, expect, it } from "vitest";
import type { ClusterLock, Journal } from "../../src/engine/ports.ts";
import { toyKinds } from "../toy/platform.ts";
import { toyRun } from "../toy/toy.ts";

/** A journal on a slow disk, and the moves that were handed to it and are not on disk yet. */
function slowDisk(): { readonly through: (own: Journal) => Journal; readonly pending: string[] } {
  const pending: string[] = [];
  let turn: Promise<unknown> = Promise.resolve();
  const through = (own: Journal): Journal => ({
    ...own,
    get events() {
      return own.events;
    },
    append: (body, actor) => {
      const mark = body.type === "step.moved" ? `${body.step} ${body.to}` : body.type;
      pending.push(mark);
      const done = turn.then(async () => {
        for (let wait = 0; wait < 5; wait++) await new Promise((resolve) => setImmediate(resolve));
        const event = await own.append(body, actor);
        pending.splice(pending.indexOf(mark), 1);
        return event;
      });
      turn = done.catch(() => undefined);
      return done;
    },
  });
  return { through, pending };
}

describe("what is on disk", () => {
  it("is everything about a node before the next thing is done to it, also the end of its last step", async () => {
    const disk = slowDisk();
    const seen: string[] = [];
    const toy = toyRun({
      bosses: 3,
      workers: 3,
      journal: disk.through,
      kinds: (world, clock) =>
        toyKinds(world, clock).map((kind) => ({
          ...kind,
          doIt: (ctx) => {
            const own = disk.pending.filter((mark) => ctx.step.node !== null && mark.includes(`/${ctx.step.node}/`));
            expect(own, `before ${ctx.step.address}`).toEqual([]);
            seen.push(ctx.step.address);
            return kind.doIt(ctx);
          },
        })),
    });
    expect((await toy.run()).exit).toBe("ok");
    expect(seen.length).toBeGreaterThanOrEqual(6);
  });

  it("is every step's end before the lock is given back, and the cluster is left only after that", async () => {
    const disk = slowDisk();
    const told: string[] = [];
    const lock: ClusterLock = {
      take: () => Promise.resolve({ kind: "taken", nodes: [], holder: "anna" }),
      check: () => Promise.resolve({ kind: "ours" }),
      release: () => {
        told.push(`released, waiting: ${disk.pending.join(", ")}`);
        return Promise.resolve([]);
      },
    };
    const toy = toyRun({ bosses: 1, workers: 1, journal: disk.through, lock, leave: () => told.push("left") });
    expect((await toy.run()).exit).toBe("ok");
    expect(told).toEqual(["released, waiting: ", "left"]);
    expect(disk.pending).toEqual([]);
  });
});
