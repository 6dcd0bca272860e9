import { describe, expect, it } from "vitest";
import type { Inventory } from "../../../src/domain/inventory.ts";
import type { JsonRecord } from "../../../src/domain/json.ts";
import { architectureSvg } from "../../../src/platform/dcos/capture/architecture.ts";
import { architectureOf } from "../../../src/platform/dcos/capture/architecture-of.ts";
import { componentMatrix } from "../../../src/platform/dcos/capture/component-matrix.ts";
import { publishedComponents } from "../../../src/platform/dcos/capture/component-table.ts";
import { placedAgents, rackOfAttributes } from "../../../src/platform/dcos/capture/placement.ts";
import { worksheets } from "../../../src/platform/dcos/capture/worksheets.ts";
import { findRelease, RELEASE_VERSIONS } from "../../../src/sim/model/releases.ts";

interface Size {
  readonly masters: number;
  readonly privates: number;
  readonly publics: number;
  readonly racks: number;
}

/** The summary of a cluster of any size; every tenth private agent holds a task that must stay there. */
function cluster(size: Size, name = "production"): { readonly summary: JsonRecord; readonly inventory: Inventory } {
  const nodes: Record<string, JsonRecord> = {};
  const agents: Record<string, JsonRecord> = {};
  const tasks: Record<string, JsonRecord> = {};
  const mesos: Record<string, string> = {};
  const listed: Inventory["nodes"][number][] = [];
  for (let i = 1; i <= size.masters; i += 1) {
    nodes[`m${i}`] = { version: "1.10.8", role: "master", os: "CoreOS 1745", kernel: "4.14", docker: "17.12.1-ce" };
    mesos[`m${i}`] = "1.4.2";
    listed.push({ name: `m${i}`, address: `10.0.0.${i}`, role: "master", critical: false, ssh: {} });
  }
  for (const [letter, role, count] of [
    ["a", "agent", size.privates],
    ["p", "agent_public", size.publics],
  ] as const) {
    for (let i = 1; i <= count; i += 1) {
      const node = `${letter}${i}`;
      nodes[node] = { version: "1.10.8", role, os: "CoreOS 1745", kernel: "4.14", docker: "17.12.1-ce", containers: 2 };
      agents[`S${node}`] = {
        hostname: `10.1.${Math.floor(i / 250)}.${i % 250}`,
        node,
        role,
        active: true,
        attributes: { rack: `r${(i % size.racks) + 1}` },
      };
      tasks[`free.${node}`] = { app: "/free", agent: `S${node}` };
      if (letter === "a" && i % 10 === 1) tasks[`pinned.${node}`] = { app: "/data/archive", agent: `S${node}` };
    }
  }
  const summary: JsonRecord = {
    nodes,
    agents,
    tasks,
    apps: {
      "/free": { instances: 9, constraints: [] },
      "/data/archive": { instances: 1, constraints: [["hostname", "LIKE", "10.1.0.1"]] },
    },
    services: {},
    leaders: { mesos: ["m1"], zookeeper: ["m1"], marathon: "10.0.0.1:8080" },
    maintenance: { draining: [], down: ["10.1.0.9"] },
    components: { mesos, zookeeper: { m1: "3.4.10" }, marathon: "1.5.11" },
    znodes: 190,
  };
  const inventory: Inventory = {
    name,
    platform: "dcos",
    folder: ".",
    ssh: {},
    ports: {},
    scripts: {},
    hooks: {},
    siteSteps: [],
    settings: {},
    nodes: listed,
    bootstrap: { address: "10.0.0.99", ssh: {}, url: "http://10.0.0.99:8080", installers: {} },
  };
  return { summary, inventory };
}

const rows = (document: JsonRecord, name: string): readonly JsonRecord[] => document[name] as readonly JsonRecord[];

describe("the workbook's worksheets", () => {
  const { summary } = cluster({ masters: 3, privates: 12, publics: 2, racks: 3 });
  const filled = worksheets(summary, "production", "1.11.3");

  it("count nodes by rack, name what is pinned there, and add up", () => {
    expect(rows(filled, "privateAgents")).toEqual([
      { rackNumber: "r1", numberOfNodes: 4, nodes: "a3, a6, a9, a12", tasks: 4, pinnedOrUniqueTasks: "none" },
      {
        rackNumber: "r2",
        numberOfNodes: 4,
        nodes: "a1, a4, a7, a10",
        tasks: 5,
        pinnedOrUniqueTasks: "/data/archive (hostname LIKE 10.1.0.1)",
      },
      {
        rackNumber: "r3",
        numberOfNodes: 4,
        nodes: "a2, a5, a8, a11",
        tasks: 5,
        pinnedOrUniqueTasks: "/data/archive (hostname LIKE 10.1.0.1)",
      },
      { rackNumber: "Total", numberOfNodes: 12, nodes: "", tasks: 14, pinnedOrUniqueTasks: "" },
    ]);
    expect(rows(filled, "publicAgents").at(-1)).toMatchObject({ rackNumber: "Total", numberOfNodes: 2 });
    expect(rows(filled, "pinnedAndConstrainedApps")).toEqual([
      { app: "/data/archive", tiedBy: "hostname LIKE 10.1.0.1", instances: 1, runsOn: "a1, a11" },
    ]);
  });

  it("put the gathered versions beside those of the target, and never propose another operating system or Docker", () => {
    const of = (activity: string): JsonRecord | undefined =>
      rows(filled, "gatheringData").find((row) => row["activity"] === activity);
    expect(of("Version of DC/OS")).toMatchObject({ currentResult: "1.10.8", targetVersion: "1.11.3" });
    expect(of("Version of Marathon")).toMatchObject({ currentResult: "1.5.11", targetVersion: "1.6.496-b83ae55eb" });
    expect(of("Version of Docker")).toMatchObject({
      currentResult: "17.12.1-ce",
      targetVersion: "as it is: never changed together with DC/OS",
    });
    expect(rows(worksheets(summary, "production", null), "gatheringData").every((row) => row["targetVersion"] === "")).toBe(true);
    expect(rows(filled, "clusterState")).toContainEqual({ activity: "Machines in maintenance", result: "10.1.0.9" });
  });

  it("say where nobody knows a rack, instead of making one up", () => {
    const agents = Object.fromEntries(
      Object.entries(summary["agents"] as JsonRecord).map(([id, agent]) => [id, { ...(agent as JsonRecord), attributes: {} }]),
    );
    const unknown = worksheets({ ...summary, agents }, "production", null);
    expect(unknown["note"]).toContain("Where the agents stand is not known");
    expect(rows(unknown, "privateAgents")[0]).toMatchObject({ rackNumber: "not known", numberOfNodes: 12 });
  });

  it.each([
    [{ rack: "7" }, "7"],
    [{ RackID: "a" }, "a"],
    [{ "rack-number": 12 }, "12"],
    [{ dc_rack: "x" }, "x"],
    [{ zone: "eu-1a" }, "eu-1a"],
    [{ zone: "eu-1a", rack: "r3" }, "r3"],
    [{ tracker: "" }, null],
    [{ public_ip: "true" }, null],
  ])("an agent with the attributes %j stands in rack %s", (attributes, rack) => {
    expect(rackOfAttributes(attributes as JsonRecord)).toBe(rack);
  });

  it("the inventory's rack comes before an attribute's", () => {
    const nodes = {
      ...(summary["nodes"] as JsonRecord),
      a1: { ...((summary["nodes"] as JsonRecord)["a1"] as JsonRecord), rack: "by hand" },
    };
    expect(placedAgents({ ...summary, nodes }).find((one) => one.name === "a1")?.rack).toBe("by hand");
  });
});

describe("the diagram of the cluster", () => {
  const draw = (size: Size, name?: string): string => {
    const { summary, inventory } = cluster(size, name);
    return architectureSvg(architectureOf(summary, inventory));
  };

  it("names every node of a small cluster and marks who leads", () => {
    const svg = draw({ masters: 3, privates: 5, publics: 2, racks: 2 });
    for (const name of [
      "m1",
      "m2",
      "m3",
      "a1",
      "a5",
      "p2",
      "5 private agents in 2 racks",
      "rack r2",
      "3 nodes, 4 tasks",
      "Bootstrap machine",
      "3 masters: Mesos, Marathon",
    ])
      expect(svg).toContain(`>${name}`);
    expect(svg.match(/class="leadt"/g)).toHaveLength(3);
    expect(svg.includes("…") ? "a label is cut" : "every label has its room").toBe("every label has its room");
    expect(svg).toContain("prefers-color-scheme:dark");
  });

  it("stays a page for 500 agents: one square each, in their racks, and every one still has its name", () => {
    const svg = draw({ masters: 5, privates: 500, publics: 20, racks: 20 });
    expect(svg.match(/<title>a\d+, /g)).toHaveLength(500);
    expect(Number(/ height="(\d+)" role/.exec(svg)?.[1])).toBeLessThan(1_600);
    expect(svg.length).toBeLessThan(200_000);
  });

  it("lets no name become markup, and runs nothing", () => {
    const svg = draw({ masters: 1, privates: 1, publics: 0, racks: 1 }, `</svg><script>alert(1)</script>&"'\u0000`);
    expect(svg).toContain("&lt;/svg&gt;&lt;script&gt;");
    expect(svg).not.toMatch(/<script|<foreignObject|\son\w+=|href=|url\(/i);
    expect(svg.match(/<svg/g)).toHaveLength(1);
    expect(svg).not.toContain("\u0000");
  });

  it("draws a cluster of which nothing was captured but its masters", () => {
    const { inventory } = cluster({ masters: 3, privates: 0, publics: 0, racks: 1 });
    const svg = architectureSvg(
      architectureOf({ nodes: {}, agents: null, apps: null, tasks: null, services: {}, leaders: {}, components: {} }, inventory),
    );
    expect(svg).toContain("3 masters");
    expect(svg).toContain("Marathon not captured");
  });
});

describe("the matrix of components", () => {
  it("lists what the embedded releases report, release by release", () => {
    for (const version of RELEASE_VERSIONS) {
      const release = findRelease(version);
      const published = new Map(publishedComponents(version).map((one) => [one.component, one.versions]));
      expect([version, published.get("mesos"), published.get("marathon"), published.get("zookeeper")]).toEqual([
        version,
        expect.arrayContaining([release?.mesos]),
        [release?.marathon],
        [release?.zookeeper],
      ]);
    }
    expect(publishedComponents("9.9.9")).toEqual([]);
  });

  it("tells as published from not, from several at once, and what the workbook says otherwise", () => {
    const upgrade = { run: "r", target: "1.11.3", upgraded: [], setAside: [], troubles: [], changed: [] };
    const before = {
      components: { mesos: { m1: "1.4.2", m2: "1.4.2" }, zookeeper: { m1: "3.4.10" }, marathon: "1.5.11" },
      agents: {},
    };
    const after = {
      components: { mesos: { m1: "1.5.2", m2: "1.5.2" }, zookeeper: { m1: "3.4.8" }, marathon: "1.6.496-b83ae55eb" },
      agents: { S0: { version: "1.5.2" }, S1: { version: "1.4.2" } },
    };
    const matrix = componentMatrix(upgrade, before, after);
    const shown = (row: JsonRecord, name: string): string => (typeof row[name] === "string" ? row[name] : "?");
    const verdicts = rows(matrix, "rows").map(
      (row) =>
        `${shown(row, "component")} ${shown(row, "on")}: ${shown(row, "before")} > ${shown(row, "after")}, ${shown(row, "verdict")}`,
    );
    expect(verdicts).toEqual([
      "Mesos masters: 1.4.2 > 1.5.2, as published",
      "Mesos agents:  > 1.4.2 (1), 1.5.2 (1), several versions",
      "Marathon masters: 1.5.11 > 1.6.496-b83ae55eb, as published",
      "Metronome masters:  > , not captured",
      "Cosmos masters:  > , not captured",
      "ZooKeeper masters: 3.4.10 > 3.4.8, not as published",
    ]);
    expect(componentMatrix({ ...upgrade, target: "1.9.0" }, before, after)["rows"]).toContainEqual(
      expect.objectContaining({ component: "Mesos", workbook: "1.2.1" }),
    );
    expect(componentMatrix({ ...upgrade, target: "1.99.0" }, before, after)).toMatchObject({
      rows: [],
      note: expect.stringContaining("does not list"),
    });
  });
});
