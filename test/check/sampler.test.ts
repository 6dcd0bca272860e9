import { afterAll, describe, expect, it } from "vitest";
import { createSampler } from "../../src/check/sampler.ts";
import type { Json } from "../../src/domain/json.ts";
import type { Monitor, Sample } from "../../src/domain/monitor.ts";
import type { Clock, HttpAnswer, Remote, SampleRequest } from "../../src/engine/ports.ts";
import { jq, METRIC, NODES } from "./rig.ts";

afterAll(() => jq.close());

const monitor = (more: Partial<Monitor> = {}): Monitor => ({
  name: "load",
  title: "load",
  source: "test",
  scope: { kind: "role", roles: ["boss"] },
  reading: METRIC,
  keep: "{ load: .load, leads: .leads }",
  intervalMs: 1_000,
  phases: [],
  plots: [],
  ...more,
});

const clock: Clock = { now: () => 5_000, monotonic: () => 5_000, sleep: () => new Promise((resolve) => setTimeout(resolve, 5)) };

/** Answers by address; a function may take its time. */
function sampler(answers: Readonly<Record<string, Json | (() => Promise<HttpAnswer>)>>) {
  const sent: string[] = [];
  const nowhere = (): never => {
    throw new Error("not asked here");
  };
  const remote: Remote = {
    run: nowhere,
    stream: nowhere,
    tcp: nowhere,
    close: async () => undefined,
    http: async ({ url }) => {
      sent.push(url);
      const answer = answers[new URL(url).hostname];
      if (typeof answer === "function") return answer();
      if (answer === undefined) return { kind: "no-answer", code: "refused", reason: "nobody listens" };
      return { kind: "answered", status: 200, headers: {}, body: Buffer.from(JSON.stringify(answer)), url };
    },
  };
  const inventory = {
    name: "toy",
    platform: "toy",
    folder: "/",
    ssh: {},
    ports: {},
    nodes: NODES,
    scripts: {},
    hooks: {},
    siteSteps: [],
    settings: {},
  };
  const platform = { ports: { api: 80 }, nodeFacts: async () => null };
  const one = createSampler({ remote, inventory, platform, clock, jq });
  return {
    sent,
    async read(requests: readonly Partial<SampleRequest>[], heard: Sample[] = []): Promise<readonly (Sample | undefined)[]> {
      const whole = requests.map((request): SampleRequest => ({
        monitor: monitor(),
        subject: "n1",
        node: "n1",
        before: null,
        context: {},
        ...request,
      }));
      const withBefore = whole.map((request) => ({ ...request, context: { ...request.context, before: request.before } }));
      await one.sample(withBefore, new AbortController().signal, (index, sample) => void (heard[index] = sample));
      return heard;
    },
  };
}

describe("one reading of a source", () => {
  it("is kept as numbers and short texts; true is 1, what is not there is left out", async () => {
    const [sample] = await sampler({ "10.0.0.1": { load: 2, leads: true, odd: null } }).read([
      { monitor: monitor({ keep: '{ load, leads, odd, who: "n1" }' }) },
    ]);
    expect(sample).toEqual({ kind: "kept", atMs: 5_000, kept: { load: 2, leads: 1, who: "n1" }, notice: null });
  });

  it("that does not come, or that nothing can be made of, is a gap with its reason", async () => {
    const cases: readonly (readonly [Partial<Monitor>, Json | undefined, RegExp])[] = [
      [{}, undefined, /refused: nobody listens/],
      [{}, "text", /keep: Cannot index string/],
      [{ keep: "empty" }, {}, /0 results/],
      [{ keep: "1, 2" }, {}, /2 results/],
      [{ keep: "[1]" }, {}, /flat object/],
      [{ keep: "{ a: { b: 1 } }" }, {}, /neither a number nor a text/],
      [{ keep: '{ "1st": 1 }' }, {}, /cannot be a column/],
      [{ keep: "{ gap: 1 }" }, {}, /cannot be a column/],
      [{ keep: "{ a: null }" }, {}, /finds nothing/],
      [{ keep: "{ a: infinite }" }, {}, /./],
      [{ keep: "this is no filter" }, {}, /keep: /],
    ];
    for (const [more, answer, reason] of cases) {
      const [sample] = await sampler(answer === undefined ? {} : { "10.0.0.1": answer }).read([{ monitor: monitor(more) }]);
      if (more.keep === "{ a: infinite }")
        expect(sample?.kind === "gap" || Object.values(sample?.kept ?? {}).every(Number.isFinite)).toBe(true);
      else expect(sample, JSON.stringify(more)).toMatchObject({ kind: "gap", reason: expect.stringMatching(reason) as string });
    }
  });

  it("asks one address once, however many monitors read it", async () => {
    const rig = sampler({ "10.0.0.1": { load: 2, leads: 0 } });
    await rig.read([{}, { monitor: monitor({ name: "other", keep: "{ load }" }) }]);
    expect(rig.sent).toHaveLength(1);
  });

  it("does not wait for another one that hangs", async () => {
    let release = (): void => undefined;
    const hanging = new Promise<HttpAnswer>((resolve) => {
      release = () => resolve({ kind: "no-answer", code: "timeout", reason: "too late" });
    });
    const heard: Sample[] = [];
    let meanwhile: Sample | undefined;
    const rig = sampler({ "10.0.0.1": () => hanging, "10.0.0.2": { load: 1, leads: 1 } });
    const both = rig.read(
      [
        { subject: "n1", node: "n1" },
        { subject: "n2", node: "n2" },
      ],
      heard,
    );
    setTimeout(() => {
      meanwhile = heard[1];
      release();
    }, 200);
    await both;
    expect(meanwhile).toMatchObject({ kind: "kept", kept: { load: 1 } });
    expect(heard[0]).toMatchObject({ kind: "gap" });
  });

  it("of a cluster asks the nodes of its role in turn", async () => {
    const rig = sampler({ "10.0.0.2": { load: 9, leads: 1 } });
    const scope = { kind: "cluster", roles: ["boss"] } as const;
    expect(await rig.read([{ monitor: monitor({ scope }), subject: "cluster", node: null }])).toMatchObject([
      { kind: "kept", kept: { load: 9 } },
    ]);
    expect(rig.sent.map((url) => new URL(url).hostname)).toEqual(["10.0.0.1", "10.0.0.2"]);
  });
});

describe("a notice", () => {
  const notice = 'if .now.leads != .before.leads then "\\($subject): \\(.before.leads) to \\(.now.leads)" else null end';

  it("compares this reading with the one before, in the form in which both are kept", async () => {
    const rig = sampler({ "10.0.0.1": { load: 1, leads: true } });
    const read = async (before: SampleRequest["before"]) => (await rig.read([{ monitor: monitor({ notice }), before }]))[0];
    expect(await read(null)).toMatchObject({ kind: "kept", notice: null });
    expect(await read({ leads: 1 })).toMatchObject({ kind: "kept", notice: null });
    expect(await read({ leads: 0 })).toMatchObject({ kind: "kept", notice: "n1: 0 to 1" });
  });

  it("that fails costs no reading", async () => {
    const [sample] = await sampler({ "10.0.0.1": { load: 1, leads: 1 } }).read([
      { monitor: monitor({ notice: '.now.load + "x"' }), before: { load: 1 } },
    ]);
    expect(sample).toMatchObject({ kind: "kept", kept: { load: 1 }, notice: null });
  });
});
