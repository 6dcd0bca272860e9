import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, it } from "vitest";
import { FIXTURE, SHARED, get, json, lab, type Lab } from "./support.ts";
import { differences, shapeOf } from "./shape.ts";

function recorded(version: string, name: string): string {
  return readFileSync(path.join(FIXTURE, "zookeeper", version, name), "utf8");
}

async function word(one: Lab, node: string, text: string): Promise<string> {
  const said = await one.cluster.tcp(one.at(node), 2181, text);
  return said.kind === "answered" ? said.body : said.kind;
}

/** Numbers, addresses and sessions out, so that what is left is the form. */
function form(text: string): string {
  return text
    .replace(/0x[0-9a-f]+/g, "0xN")
    .replace(/\/\d+\.\d+\.\d+\.\d+:\d+/g, "/IP:PORT")
    .replace(/(?<=[\t =:/(,])-?\d+(?=[\n/),\[])/g, "N")
    .replace(/\[\d+\]\(.*?\)/g, "[N](…)");
}

/** One client line is enough to compare: the recorded servers had another number of clients. */
function oneClient(text: string): string {
  return text.replace(/( \/IP:PORT\[N\]\(…\)\n)+/, "$1");
}

describe("the model's four-letter words beside recorded ones", () => {
  it.each([
    ["3.4.8", "1.9.9"],
    ["3.4.10", "1.10.8"],
  ])("has the form of ZooKeeper %s on the leader", async (zookeeper, version) => {
    const one = lab({ version });
    for (const name of ["mntr", "srvr", "stat", "conf", "isro"]) {
      expect(oneClient(form(await word(one, "m1", name))), name).toBe(oneClient(form(recorded(zookeeper, `leader-${name}.txt`))));
    }
    expect(await word(one, "m1", "ruok")).toBe("imok");
    expect(await word(one, "m1", "zzzz")).toBe("");
  });

  it("has the form of a follower and of a standalone server", async () => {
    const one = lab({ version: "1.10.8" });
    for (const name of ["mntr", "srvr", "stat", "conf"])
      expect(oneClient(form(await word(one, "m2", name))), name).toBe(
        oneClient(form(recorded("3.4.10", `follower1-${name}.txt`))),
      );
    const single = lab({ masters: 1 });
    for (const name of ["mntr", "srvr", "conf"])
      expect(form(await word(single, "m1", name)), name).toBe(form(recorded("3.4.10", `standalone-${name}.txt`)));
  });

  it("says what a server without quorum says, and `imok` all the same", async () => {
    const one = lab({ faults: ["zk-quorum-lost@m1:start"] });
    for (const name of ["mntr", "srvr", "stat", "conf", "isro"])
      expect(await word(one, "m2", name), name).toBe(recorded("3.4.10", `noquorum-${name}.txt`));
    expect(await word(one, "m2", "ruok")).toBe("imok");
  });

  it("agrees over all servers on epoch, znodes and ephemerals, and adds up", async () => {
    const one = lab({ masters: 5 });
    const values = async (node: string): Promise<Map<string, string>> =>
      new Map((await word(one, node, "mntr")).split("\n").map((line) => line.split("\t") as [string, string]));
    const all = await Promise.all(["m1", "m2", "m3", "m4", "m5"].map(values));
    expect(new Set(all.map((it) => it.get("zk_znode_count"))).size).toBe(1);
    const states = all.map((it) => it.get("zk_server_state"));
    expect(states.filter((it) => it === "leader")).toHaveLength(1);
    const leader = all.find((it) => it.get("zk_server_state") === "leader")!;
    expect([leader.get("zk_followers"), leader.get("zk_synced_followers")]).toEqual(["4", "4"]);
  });

  it("gains the keys of 3.4.14 with the release that ships it", async () => {
    expect(await word(lab({ version: "1.13.0" }), "m1", "mntr")).toMatch(
      /zk_fsync_threshold_exceed_count\t0\n(.*\n)*zk_min_proposal_size\t\d+\n/,
    );
    expect(await word(lab({ version: "1.12.0" }), "m1", "mntr")).not.toContain("fsync");
  });
});

describe("the model's Exhibitor", () => {
  it("has the fields of a published cluster/status and config/get-state", async () => {
    if (!existsSync(SHARED)) {
      expect(process.env["CI"] === "true" ? "the published captures beside the repository are missing" : "").toBe("");
      return;
    }
    const one = lab();
    const published = (name: string): string => readFileSync(path.join(SHARED, "exhibitor", name), "utf8");
    const status = (await get(one.cluster, one.at("m2"), 8181, "/exhibitor/v1/cluster/status")).body;
    expect(differences(shapeOf(published("cluster-status-3-serving.json")), shapeOf(status))).toEqual([]);
    const config = (await get(one.cluster, one.at("m2"), 8181, "/exhibitor/v1/config/get-state")).body;
    const known = /backupExtra\.directory|zooCfgExtra\.(maxClientCnxns|autopurge)/;
    expect(
      differences(shapeOf(published("config-get-state-1.5.5.json")), shapeOf(config)).filter((it) => !known.test(it)),
    ).toEqual([]);
  });

  it("answers status, state, list and four-letter words in the forms of the documentation", async () => {
    const one = lab();
    const at = (path: string): Promise<Record<string, unknown>> => json(one.cluster, one.at("m1"), 8181, `/exhibitor/v1/${path}`);
    expect(await at("cluster/list")).toEqual({ servers: ["m1", "m2", "m3"].map((it) => one.at(it)), port: 2181 });
    expect(await at("cluster/state")).toEqual({
      switches: { restarts: true, cleanup: true, backups: true },
      state: 3,
      description: "serving",
      isLeader: true,
    });
    expect((await at(`cluster/state/${one.at("m2")}`))["success"]).toBe(true);
    expect(await at("cluster/4ltr/ruok")).toBe("imok");
    expect(await at("cluster/4ltr/nope")).toBe("* unknown *");
    expect((await at("explorer/node-data?key=/cluster-id"))["str"]).toBe(one.cluster.id);
    expect(await at("explorer/node-data?key=/marathon/state/migration-in-progress")).toEqual({
      bytes: "",
      str: "",
      stat: "* not found * ",
    });
  });
});
