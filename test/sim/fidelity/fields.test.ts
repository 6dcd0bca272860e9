import { readdirSync } from "node:fs";
import { basename, join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { releaseOf } from "../../../src/sim/model/releases.ts";
import { differences, shapeOf, type Shape } from "../model/shape.ts";
import { ask, lab, type Lab } from "../model/support.ts";
import { EXHIBITOR, explanation, MARATHON, MESOS, type Explained } from "./explained.ts";
import { namesRead } from "./names.ts";
import { captureReads, checkReads, recordedUpgrade, type Read } from "./reads.ts";
import { published, publishedShape, publishedText, RECORDED, recordedShape } from "./real.ts";
import { REFERENCES } from "./references.ts";

const VERSIONS = ["1.9.9", "1.10.8", "1.11.3", "1.12.5", "1.13.9"] as const;
const PORTS: Readonly<Record<string, number>> = {
  ...{ "mesos-master": 5050, marathon: 8080, exhibitor: 8181 },
  ...{ diagnostics: 1050, metronome: 9000 },
};

/** What the steady model of a release answers to a read, asked where the real one was asked. */
async function modelled(one: Lab, read: Read): Promise<Shape> {
  const [service = "", method = "GET", target = "/", type] = read.split(" ");
  const leader = service === "mesos-master" ? "m3" : "m1";
  const body = type === undefined ? "" : JSON.stringify({ type });
  const said = await ask(one.cluster, one.at(leader), PORTS[service] ?? 0, target, { method, body });
  if (said.kind !== "answered" || said.status !== 200)
    throw new Error(`${read}: the model answers ${said.kind === "answered" ? said.status : said.kind}`);
  return shapeOf(said.body.toString());
}

/** The names along a difference's path. */
function namesOf(difference: string): readonly string[] {
  const path = difference.replace(/^(missing|extra|type) \./, "").replace(/^(.*?): .* here$/, "$1");
  // Names of metrics have dots and slashes of their own nowhere; lists are marked by brackets.
  return path.split(/(?:\[\])?\./).map((name) => name.replace(/(\[\])+$/, ""));
}

/** Whether pawl takes this very field out of the answer: it asks for every name along the way. */
function isRead(read: Read, difference: string): boolean {
  const names = namesRead(read);
  return namesOf(difference).every((name) => names.has(name));
}

/** Differences nobody explained, and explained ones that hide a field pawl reads. */
function faults(
  list: readonly Explained[],
  read: Read,
  version: string,
  found: readonly string[],
  used: Set<Explained>,
): readonly string[] {
  return found.flatMap((difference) => {
    const why = explanation(list, read, difference, releaseOf(version).minor);
    if (why === null) return [`${version} ${read}: ${difference}`];
    used.add(why);
    if (why.unread !== undefined || !isRead(read, difference)) return [];
    const name = namesOf(difference).at(-1) ?? "";
    const seen =
      why.seenIn !== undefined && published() && publishedText(why.seenIn).replaceAll("\\/", "/").includes(`"${name}"`);
    const fine = difference.startsWith("extra") ? seen : why.without !== undefined;
    return fine ? [] : [`${version} ${read}: ${difference}, and pawl reads it`];
  });
}

/** Differences to the steady cluster, and to whatever an answer of any moment may have; what is there at other moments only may be absent. */
function mesosDifferences(read: Read, model: Shape): readonly string[] {
  const [, , path = "", type] = read.split(" ");
  const steady = differences(recordedShape("master", path, type, "steady/"), model).filter((one) => one.startsWith("missing"));
  const ever = differences(recordedShape("master", path, type), model).filter((one) => !one.startsWith("missing"));
  return [...steady, ...ever];
}

/** Java prints a number as it is: 128 and 128.0 are one type to whoever reads Marathon. */
function plainNumbers(shape: Shape): Shape {
  if (typeof shape === "string") return shape === "integer" || shape === "double" ? "number" : shape;
  if (Array.isArray(shape)) return shape.map((one) => plainNumbers(one as Shape)) as unknown as Shape;
  return Object.fromEntries(Object.entries(shape).map(([key, value]) => [key, plainNumbers(value)]));
}

describe("everything pawl reads of DC/OS", () => {
  let reads: ReadonlySet<Read>;
  beforeAll(async () => {
    const { run, recorded } = await recordedUpgrade();
    expect(run.result.state.exit).toBe(0);
    const all = [
      ...recorded.http.keys(),
      ...recorded.words,
      ...recorded.commands.keys(),
      ...[...checkReads().values()].flat(),
      ...captureReads(),
    ];
    // A redirect of Mesos leads to the same route under /master.
    reads = new Set(all.map((one) => one.replace("mesos-master GET /master/", "mesos-master GET /")));
  });

  it("has a capture or a cited source, and no source is for something nobody reads", () => {
    const known = (read: Read): boolean => REFERENCES.some((one) => one.read.test(read));
    expect([...reads].filter((read) => !known(read))).toEqual([]);
    expect(REFERENCES.filter((one) => ![...reads].some((read) => one.read.test(read))).map((one) => one.read.source)).toEqual([]);
  });

  it("names tests that there are", () => {
    const files = new Set(
      readdirSync(join(import.meta.dirname, "../.."), { recursive: true, encoding: "utf8" }).map((file) => basename(file)),
    );
    const named = REFERENCES.flatMap(({ source }) => source.match(/[\w-]+\.test\.ts/g) ?? []);
    expect(named.length).toBeGreaterThan(15);
    expect(named.filter((file) => !files.has(file))).toEqual([]);
  });

  it("is known by the names of its fields: the lists of names are not empty", () => {
    expect([...namesRead("mesos-master GET /metrics/snapshot")]).toEqual(
      expect.arrayContaining([
        "registrar/log/recovered",
        "registrar/log/ensemble_size",
        "master/elected",
        "master/tasks_lost",
        "overlay/log/recovered",
      ]),
    );
    expect([...namesRead("mesos-master GET /slaves")]).toEqual(
      expect.arrayContaining(["slaves", "recovered_slaves", "hostname", "active", "version", "id"]),
    );
    expect([...namesRead("marathon GET /v2/apps")]).toEqual(expect.arrayContaining(["apps", "instances", "constraints", "id"]));
    expect([...namesRead("zookeeper mntr")]).toEqual(
      expect.arrayContaining(["zk_server_state", "zk_synced_followers", "zk_outstanding_requests"]),
    );
  });

  it("has the recorded fields and types in the model's Mesos of every release", async () => {
    const used = new Set<Explained>();
    const found: string[] = [];
    for (const version of VERSIONS) {
      const one = lab({ version });
      const kept = (read: Read): boolean => REFERENCES.some((it) => it.kept === true && it.read.test(read));
      for (const read of [...reads].filter((it) => it.startsWith("mesos-master ") && !it.endsWith("/redirect") && !kept(it))) {
        found.push(...faults(MESOS, read, version, mesosDifferences(read, await modelled(one, read)), used));
      }
    }
    expect(found).toEqual([]);
    expect(MESOS.filter((one) => !used.has(one)).map((one) => one.what.source)).toEqual([]);
  });

  it("has the published fields and types in the model's Exhibitor", async () => {
    if (!published()) return;
    const used = new Set<Explained>();
    const found: string[] = [];
    for (const version of VERSIONS)
      for (const [read, file] of [
        ["exhibitor GET /exhibitor/v1/cluster/status", "exhibitor/cluster-status-3-serving.json"],
        ["exhibitor GET /exhibitor/v1/config/get-state", "exhibitor/config-get-state-1.5.5.json"],
      ] as const)
        found.push(
          ...faults(EXHIBITOR, read, version, differences(publishedShape([file]), await modelled(lab({ version }), read)), used),
        );
    expect(found).toEqual([]);
    expect(EXHIBITOR.filter((one) => !used.has(one)).map((one) => one.what.source)).toEqual([]);
  });

  it("has the published fields and types in the model's diagnostics and Metronome", async () => {
    if (!published()) return;
    for (const version of VERSIONS)
      for (const [read, file, extra] of [
        // The capture's own slip: a colon in the name of the role.
        ["diagnostics GET /system/health/v1/nodes", "dcos/health-nodes.json", ["missing .nodes[].role:", "extra .nodes[].role"]],
        ["diagnostics GET /system/health/v1/units", "dcos/health-units.json", ["extra .units[].description"]],
        ["metronome GET /info", "dcos/metronome-info.json", []],
      ] as const) {
        const found = differences(publishedShape([file]), await modelled(lab({ version }), read));
        expect([version, read, found.filter((one) => !extra.some((known) => one.startsWith(known)))]).toEqual([
          version,
          read,
          [],
        ]);
      }
  });

  it.each(REFERENCES.filter((one) => one.marathon !== undefined).map((one) => [one.read.source, one.marathon ?? []] as const))(
    "has the published fields and types in the model's Marathon: %s",
    async (source, files) => {
      if (!published()) return;
      const read = [...reads].find((it) => new RegExp(source).test(it)) ?? "";
      const real = plainNumbers(publishedShape(files));
      const used = new Set<Explained>();
      for (const version of VERSIONS) {
        const all = differences(real, plainNumbers(await modelled(lab({ version }), read)));
        // What only older or newer Marathons print is nobody's loss unless pawl reads it.
        const told = all.filter((it) => !it.startsWith("missing") || isRead(read, it));
        expect(faults(MARATHON, read, version, told, used)).toEqual([]);
      }
    },
  );

  it("comes with the recorded status, headers and text", async () => {
    const one = lab({ version: "1.13.9" });
    const steady = RECORDED.filter((it) => it.moment.startsWith("steady/") && it.node.startsWith("m"));
    expect(steady.length).toBeGreaterThan(50);
    for (const capture of steady.filter((it) => it.call?.type !== "GET_STATE")) {
      const where = one.at(capture.node === "m1" ? "m3" : "m2");
      const said = await ask(one.cluster, where, 5050, capture.path, {
        method: capture.method,
        ...(capture.call === undefined ? {} : { body: JSON.stringify(capture.call) }),
      });
      if (said.kind !== "answered") throw new Error(`${capture.path}: ${said.kind}`);
      const real = new Map(
        (capture.head ?? "")
          .split("\r\n")
          .slice(1)
          .map((line) => [line.slice(0, line.indexOf(":")), line.slice(line.indexOf(":") + 2)]),
      );
      const asked = `${capture.node} ${capture.method} ${capture.path} ${capture.call?.type ?? ""}`;
      const header = (name: string): string | undefined => real.get(name)?.replaceAll("127.0.21.1", one.at("m3"));
      expect([asked, said.status, said.headers["Content-Type"], said.headers["Location"], said.headers["Allow"]]).toEqual([
        asked,
        capture.status,
        header("Content-Type"),
        header("Location"),
        header("Allow"),
      ]);
      if (capture.status !== 200 || capture.body === "") expect([asked, said.body.toString()]).toEqual([asked, capture.body]);
    }
  });
});
