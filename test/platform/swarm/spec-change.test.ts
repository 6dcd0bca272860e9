import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Json, JsonRecord } from "../../../src/domain/json.ts";
import { record } from "../../../src/domain/json-fields.ts";
import { readChange } from "../../../src/platform/swarm/service/change-inputs.ts";
import { changeSpec, NO_CHANGE } from "../../../src/platform/swarm/service/spec-change.ts";
import {
  differenceLines,
  replacesTasks,
  settingLines,
  settingWarnings,
} from "../../../src/platform/swarm/service/spec-difference.ts";
import { essenceOf, templatePrint } from "../../../src/platform/swarm/service/spec-essence.ts";
import { deployStack } from "../../../src/platform/swarm/service/deploy-stack.ts";
import { inventoryOf, recorded } from "./recorded.ts";

const CAPTURED = [
  "created",
  "updating",
  "completed",
  "paused",
  "rollback-started",
  "rollback-completed",
  "auto-rollback-completed",
];
const specOf = (name: string): JsonRecord => record(record(recorded(`service-${name}`))["Spec"]);
const without = (spec: JsonRecord, path: readonly string[]): JsonRecord => {
  const [key = "", ...rest] = path;
  const { [key]: found, ...others } = spec;
  return rest.length === 0 || found === undefined ? others : { ...others, [key]: without(record(found), rest) };
};

describe("the change of a service's spec", () => {
  it("leaves everything as it is where nothing is asked for, in every captured spec", () => {
    for (const name of CAPTURED)
      expect(changeSpec(specOf(name), NO_CHANGE), name).toEqual({
        ...specOf(name),
        TaskTemplate: { ...record(specOf(name)["TaskTemplate"]) },
      });
  });

  it("touches what is asked for and nothing else, whatever else the spec holds", () => {
    const extra = fc.dictionary(
      fc.constantFrom("Labels", "Networks", "EndpointSpec", "Later"),
      fc.jsonValue() as fc.Arbitrary<Json>,
    );
    fc.assert(
      fc.property(fc.constantFrom(...CAPTURED), extra, fc.stringMatching(/^[a-z]{1,8}:[0-9]$/), (name, more, image) => {
        const spec = { ...specOf(name), ...more };
        const after = changeSpec(spec, { ...NO_CHANGE, image, update: { Parallelism: 3 } });
        const untouched = (one: JsonRecord): JsonRecord =>
          without(without(one, ["TaskTemplate", "ContainerSpec", "Image"]), ["UpdateConfig", "Parallelism"]);
        expect(untouched(after)).toEqual(untouched(spec));
        expect(differenceLines(after, changeSpec(after, { ...NO_CHANGE, image, update: { Parallelism: 3 } }))).toEqual([]);
      }),
      { seed: 5, numRuns: 200 },
    );
  });

  it("sets variables where they stand, adds new ones behind them, and removes those that are named", () => {
    const spec = { TaskTemplate: { ContainerSpec: { Image: "a", Env: ["A=1", "B=2", "PLAIN"] } } };
    const change = readChange({ env: "B=3,C=x,y,D=", "env-remove": "A" });
    expect(record(record(changeSpec(spec, change)["TaskTemplate"])["ContainerSpec"])["Env"]).toEqual([
      "B=3",
      "PLAIN",
      "C=x,y",
      "D=",
    ]);
  });

  it("a pace that was never said meant one task at a time: setting another field does not make it all at once", () => {
    const after = changeSpec({ TaskTemplate: {} }, readChange({ "update-delay": "10s" }));
    expect(after["UpdateConfig"]).toEqual({ Parallelism: 1, Delay: 10_000_000_000 });
  });

  it("names every wrong input at once, and refuses secrets that would stand in the plan", () => {
    const wrong = {
      image: "UPPER CASE",
      env: "DB_PASSWORD=x",
      "update-max-failure-ratio": "20",
      "update-delay": "soon",
      "rollback-failure-action": "rollback",
    };
    expect(() => readChange(wrong)).toThrow(
      /image: "UPPER CASE"[\s\S]*env: DB_PASSWORD sounds like a secret[\s\S]*update-delay: "soon"[\s\S]*update-max-failure-ratio: "20"[\s\S]*rollback-failure-action: "rollback" is none of pause, continue/,
    );
  });
});

describe("a stack's settings", () => {
  it("a slip is refused when the plan is made: it must not mean the opposite", () => {
    const shows = (given: JsonRecord): readonly string[] =>
      deployStack.shows({ with: { stack: "shop", ...given }, node: null }, inventoryOf([]));
    expect(shows({ prune: "true", "resolve-image": "" })[0]).toBe(
      "docker stack deploy --resolve-image changed --prune -c - shop < the file",
    );
    expect(() => shows({ prune: "yes" })).toThrow(/prune: "yes" is none of false, true/);
    expect(() => shows({ "resolve-image": "no" })).toThrow(/resolve-image: "no"/);
  });
});

describe("what a person is shown of a change", () => {
  it("image, variables and settings in words; whatever else differs by its path", () => {
    const before = specOf("completed");
    const after = changeSpec(
      before,
      readChange({ image: "pawl/ping:1.2", env: "B=2", "update-parallelism": "0", replicas: "6" }),
    );
    expect(differenceLines(before, after)).toEqual([
      "image: pawl/ping:1.1 → pawl/ping:1.2",
      "env B: (none) → B=2",
      "update settings: parallelism 2, delay 3s, on failure pause, monitor 4s, max failure ratio 0, order stop-first → parallelism all at once, delay 3s, on failure pause, monitor 4s, max failure ratio 0, order stop-first",
      "Mode.Replicated.Replicas: 4 → 6",
    ]);
    expect(replacesTasks(before, after)).toBe(true);
    expect(replacesTasks(before, changeSpec(before, readChange({ replicas: "6" })))).toBe(false);
  });

  it("never the value of a variable that sounds like a secret", () => {
    const spec = (value: string): JsonRecord => ({
      TaskTemplate: { ContainerSpec: { Image: "a", Env: [`DB_PASSWORD=${value}`] } },
    });
    expect(differenceLines(spec("tiger"), spec("lion"))).toEqual(["env DB_PASSWORD: another value (not shown)"]);
  });

  it("both groups of settings always, as they take effect where the service says nothing", () => {
    expect(settingLines({ TaskTemplate: {} })).toEqual([
      "update settings: parallelism 1, delay 0s, on failure pause, monitor 5s, max failure ratio 0, order stop-first",
      "rollback settings: parallelism 1, delay 0s, on failure pause, monitor 5s, max failure ratio 0, order stop-first",
    ]);
  });

  it("a threshold that is set for the way back only is warned about: it does not decide about an update", () => {
    const spec = changeSpec({ TaskTemplate: {} }, readChange({ "rollback-max-failure-ratio": "0.2", "rollback-monitor": "20s" }));
    expect(settingWarnings(spec)[0]).toMatch(
      /^rollback-max-failure-ratio, rollback-monitor is set and update-max-failure-ratio, update-monitor is not/,
    );
    const both = readChange({
      "update-max-failure-ratio": "0.2",
      "update-failure-action": "rollback",
      "rollback-max-failure-ratio": "0.2",
    });
    expect(settingWarnings(changeSpec({ TaskTemplate: {} }, both))).toEqual([]);
    expect(settingWarnings(changeSpec({ TaskTemplate: {} }, readChange({ "update-failure-action": "continue" })))[0]).toContain(
      "completed",
    );
  });

  it("what the API leaves out of its answers is no difference; an empty global mode, no replicas and all at once are", () => {
    expect(
      essenceOf({ Labels: {}, Delay: 0, Env: [], Init: false, Mode: { Global: {} }, UpdateConfig: { Parallelism: 0 } }),
    ).toEqual({
      ...{ Init: false, Mode: { Global: {} }, UpdateConfig: { Parallelism: 0 } },
    });
    expect(templatePrint({ Runtime: "container", ForceUpdate: 0, Placement: {} })).toBe(templatePrint({}));
    expect(templatePrint({ ForceUpdate: 1 })).not.toBe(templatePrint({}));
  });
});
