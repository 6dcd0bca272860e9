import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import { takeCapture } from "../../../src/action/take-capture.ts";
import { createMasker } from "../../../src/artifact/mask.ts";
import type { Facts } from "../../../src/domain/plan.ts";
import type { HttpAnswer, Remote } from "../../../src/engine/ports.ts";
import { captures } from "../../../src/platform/swarm/capture/captures.ts";
import type { Json, JsonRecord } from "../../../src/domain/json.ts";
import type { UpgradeBetween } from "../../../src/domain/difference.ts";
import { withoutContent } from "../../../src/platform/swarm/capture/configs.ts";
import { explainSnapshots } from "../../../src/platform/swarm/capture/explain-snapshots.ts";
import { summarise } from "../../../src/platform/swarm/capture/summary.ts";
import { infoOf, inventoryOf, recorded } from "./recorded.ts";

interface Scene {
  readonly nodes?: Json;
  readonly services?: Json;
  readonly tasks?: Json;
  readonly configs?: Json;
}

function summary({ nodes = recorded("nodes"), services, tasks, configs = [] }: Scene = {}): JsonRecord {
  const inventory = inventoryOf(nodes);
  const bytes = (value: Json): Buffer => Buffer.from(JSON.stringify(value));
  const captured = new Map<string, Buffer>([
    ["swarm/nodes.json", bytes(nodes)],
    ["swarm/services.json", bytes(services ?? recorded("service-list"))],
    ["swarm/tasks.json", bytes(tasks ?? recorded("tasks"))],
    ["swarm/configs.json", bytes(configs)],
    ...inventory.nodes.map(({ name }) => [`engines/${name}/info.json`, bytes(infoOf(nodes, name))] as const),
  ]);
  return { v: 1, platform: "swarm", cluster: "c", summary: summarise(captured, inventory.nodes), missing: [] };
}

const explained = (before: JsonRecord, after: JsonRecord, upgrades: readonly UpgradeBetween[] = []): readonly string[] =>
  explainSnapshots(before, after, upgrades).map(({ path, class: kind, rule }) =>
    `${path.join("/")} ${kind} ${rule ?? ""}`.trim(),
  );

const upgrade = (upgraded: readonly string[], more: Partial<UpgradeBetween> = {}): UpgradeBetween => ({
  ...{ run: "r", target: "26.1.5", upgraded, setAside: [], troubles: [], changed: [] },
  ...more,
});

describe("what is kept of configs and secrets", () => {
  it("is their names and a digest: no content, however it is written", () => {
    const content = Buffer.from("password=tiger").toString("base64");
    const kept = withoutContent(
      Buffer.from(
        JSON.stringify([
          { ID: "c1", Spec: { Name: "shop_c1", Labels: {}, Data: content } },
          { ID: "s1", Spec: { Name: "s" } },
        ]),
      ),
    );
    const text = kept.ok ? kept.bytes.toString() : "";
    expect(text).not.toContain(content);
    expect(text).not.toContain("tiger");
    expect(JSON.parse(text)).toMatchObject([{ Spec: { Name: "shop_c1" } }, { SecretDigest: null }]);
    expect(withoutContent(Buffer.from("{}"))).toMatchObject({ ok: false });
  });

  it("is nothing that a guess can be tried on: the digest is kept under the cluster's own key, in the summary too", () => {
    const configs = [{ ID: "c1", Spec: { Name: "c", Data: Buffer.from("password=tiger").toString("base64") } }];
    const kept = withoutContent(Buffer.from(JSON.stringify(configs)));
    const bytes = kept.ok ? kept.bytes : Buffer.alloc(0);
    const summed = JSON.stringify(summarise(new Map([["swarm/configs.json", bytes]])));
    const guess = createHash("sha256").update("password=tiger").digest("hex").slice(0, 12);
    const evidence = (key: number): readonly string[] => {
      const masker = createMasker({ key: Buffer.alloc(32, key), secrets: [] });
      return [masker.text(bytes.toString()), masker.text(summed)];
    };
    for (const text of evidence(1)) {
      expect(text).toMatch(/masked:[0-9a-f]{12}/);
      expect(text).not.toContain(guess);
    }
    expect(evidence(1)).toEqual(evidence(1));
    expect(evidence(1)).not.toEqual(evidence(2));
  });
});

describe("a capture of what every Swarm has", () => {
  it("is none where the answer is no list, so that two snapshots are not equal for want of one", async () => {
    const nodes = recorded("nodes");
    const inventory = inventoryOf(nodes);
    const facts = { baseline: {} } as unknown as Facts;
    for (const body of ["{}", '{"message":"maintenance"}', "[cut off]", '[{"ID":'])
      for (const item of captures(inventory, facts).filter(({ name }) => name.startsWith("swarm/"))) {
        const http = async (): Promise<HttpAnswer> =>
          Promise.resolve({ kind: "answered", status: 200, headers: {}, body: Buffer.from(body), url: "http://x/" });
        const taken = await takeCapture({ http } as unknown as Remote, item);
        expect(`${item.name} ${body}: ${String(taken.ok)}`).toBe(`${item.name} ${body}: false`);
      }
  });
});

describe("two snapshots of a Swarm", () => {
  it("of a quiet one are equal, though every index and time stamp has moved", () => {
    const moved = JSON.parse(
      JSON.stringify(recorded("service-list"))
        .replaceAll('"Index":21', '"Index":99')
        .replaceAll("2026-11-20T15:27", "2026-11-20T19:27"),
    ) as Json;
    expect(explained(summary(), summary({ services: moved }))).toEqual([]);
  });

  it("name every node, service, place of a task and stack", () => {
    const { summary: all } = summary();
    expect(all).toMatchObject({
      leader: "node1",
      nodes: { node1: { role: "manager", state: "ready" }, node3: { role: "worker" } },
      services: { ping: { image: "pawl/ping:1.0", replicas: 4, serving: 4, update: { parallelism: 2, monitorMs: 4_000 } } },
      tasks: { "ping.1": { service: "ping", state: "running" } },
      engines: { node2: { engineVersion: "20.10.24+dfsg1", swarmState: "active" } },
    });
  });

  const upgraded = (name: string): Json =>
    (recorded("nodes") as readonly JsonRecord[]).map((node) => {
      const description = node["Description"] as JsonRecord;
      return description["Hostname"] === name
        ? { ...node, Description: { ...description, Engine: { EngineVersion: "26.1.5+dfsg1" } } }
        : node;
    });

  it("differ by a new engine as an upgrade explains it, and unexplained on a node that was not upgraded", () => {
    const after = summary({ nodes: upgraded("node2") });
    expect(explained(summary(), after, [upgrade(["node2"])])).toEqual([
      "engines/node2/engineVersion expected engine-says-so",
      "nodes/node2/engineVersion expected engine-upgraded",
    ]);
    expect(explained(summary(), after, [upgrade(["node3"])])).toEqual([
      "engines/node2/engineVersion unexplained",
      "nodes/node2/engineVersion unexplained",
    ]);
    expect(explained(summary(), after)).toHaveLength(2);
  });

  it("differ by tasks that were replaced, which is the Swarm's own choice as long as the service is whole", () => {
    const tasks = (recorded("tasks") as readonly JsonRecord[]).map((task, index) =>
      index === 0 ? { ...task, ID: "other" } : task,
    );
    expect(explained(summary(), summary({ tasks }))).toEqual(["tasks/ping.1/id tolerated task-replaced"]);
    const fewer = (recorded("tasks") as readonly JsonRecord[]).slice(1);
    const short = explained(summary(), summary({ tasks: fewer }));
    expect(short).toContain("services/ping/serving unexplained");
    expect(short.filter((one) => one.startsWith("tasks/") && !one.endsWith("unexplained"))).toEqual([]);
  });

  it("differ by what a run says it changed, and by nothing else of that kind", () => {
    const services = (recorded("service-list") as readonly JsonRecord[]).map((one) => {
      const spec = one["Spec"] as JsonRecord;
      const template = spec["TaskTemplate"] as JsonRecord;
      return {
        ...one,
        Spec: {
          ...spec,
          TaskTemplate: { ...template, ContainerSpec: { ...(template["ContainerSpec"] as JsonRecord), Image: "pawl/ping:1.1" } },
        },
      };
    });
    const changed = upgrade([], { changed: [{ kind: "swarm/update-service", output: { service: "ping" } }] });
    expect(explained(summary(), summary({ services }), [changed])).toEqual(["services/ping/image expected changed-by-pawl"]);
    expect(explained(summary(), summary({ services }))).toEqual(["services/ping/image unexplained"]);
  });
});
