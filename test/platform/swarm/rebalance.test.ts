import { readdirSync } from "node:fs";
import { resolve } from "node:path";
import { describe, expect, it } from "vitest";
import type { JsonRecord } from "../../../src/domain/json.ts";
import { number, parseJson, record } from "../../../src/domain/json-fields.ts";
import { forced, rebalanceService } from "../../../src/platform/swarm/node/rebalance-service.ts";
import { nodeSteps } from "./node-step.ts";
import { good, inventoryOf, recorded, recordedRemote } from "./recorded.ts";

const INVENTORY = inventoryOf(recorded("nodes"));
const SERVICE = record(recorded("service-completed"));
const ID = "kpawwtxyjyq3z12mgv2xbvsbd";

/** A Swarm with the recorded service, whose restart ends in the given state after two looks. */
function world(end: string, before: JsonRecord = SERVICE) {
  const sent: JsonRecord[] = [];
  let looks = 0;
  const now = (): JsonRecord => {
    if (sent.length === 0) return before;
    looks += 1;
    return {
      ...before,
      Spec: sent.at(-1) ?? {},
      UpdateStatus: { State: looks > 2 ? end : "updating", StartedAt: "2026-11-20T16:00:00Z", Message: "as it went" },
    };
  };
  const { remote } = recordedRemote(INVENTORY, (_node, path, request) => {
    if (request.method === "POST") {
      sent.push(record(parseJson(request.body ?? "")));
      return good({ Warnings: null });
    }
    if (path === `/services/${ID}`) return good(now());
    return path.startsWith("/services") ? good([now()]) : path.startsWith("/tasks") ? good(recorded("tasks")) : undefined;
  });
  const steps = nodeSteps(INVENTORY, remote, { nodes: {} });
  return { steps, sent, context: (services: string) => steps.context(rebalanceService, null, { with: { services } }) };
}

describe("spreading the tasks of services anew", () => {
  it("sends the spec it has with ForceUpdate one higher, nothing else of it touched: every recorded service", () => {
    const names = readdirSync(resolve(import.meta.dirname, "../../fixture/swarm")).filter((one) =>
      /^service-(?!list|defaults)/.test(one),
    );
    expect(names.length).toBeGreaterThan(8);
    for (const name of names) {
      const spec = record(record(recorded(name.replace(".json", "")))["Spec"]);
      const template = record(spec["TaskTemplate"]);
      const after = forced(spec);
      expect(number(record(after["TaskTemplate"])["ForceUpdate"])).toBe((number(template["ForceUpdate"]) ?? 0) + 1);
      expect({ ...after, TaskTemplate: { ...record(after["TaskTemplate"]), ForceUpdate: template["ForceUpdate"] } }).toEqual({
        ...spec,
        TaskTemplate: { ...template, ForceUpdate: template["ForceUpdate"] },
      });
    }
  });

  it("is done when the restart of this time is completed, and says on how many nodes the tasks are", async () => {
    const { context, sent } = world("completed");
    expect(await rebalanceService.mayI?.(context("ping"))).toMatchObject({ kind: "yes" });
    expect(await rebalanceService.doIt(context("ping"))).toMatchObject({ kind: "done", note: "ping: 4 tasks on 3 nodes" });
    expect(sent).toHaveLength(1);
  });

  it("fails where the tasks do not come up again, with the managers' own words", async () => {
    const { context } = world("paused");
    expect(await rebalanceService.doIt(context("ping"))).toMatchObject({
      kind: "failed",
      problem: { code: "rebalance-paused", observed: "paused: as it went" },
    });
  });

  it("does nothing where no service is named; is refused for one that is not there, or whose update is not at its end", async () => {
    const { context, sent } = world("completed");
    expect(await rebalanceService.doIt(context(""))).toMatchObject({ kind: "done" });
    expect(await rebalanceService.mayI?.(context("ping, pong"))).toMatchObject({
      kind: "no",
      exit: "refused",
      problem: { code: "no-such-service" },
    });
    const paused = world("completed", record(recorded("service-paused")));
    expect(await rebalanceService.mayI?.(paused.context("ping"))).toMatchObject({
      kind: "no",
      exit: "gate-halted",
      problem: { code: "update-under-way", observed: "paused" },
    });
    expect(sent).toEqual([]);
  });
});
