import { existsSync, readFileSync } from "node:fs";
import { afterAll, describe, expect, it } from "vitest";
import { recordedRemote } from "../../src/check/recorded.ts";
import type { InventoryNode } from "../../src/domain/inventory.ts";
import type { Json, JsonRecord } from "../../src/domain/json.ts";
import type { HttpAnswer, Remote } from "../../src/engine/ports.ts";
import { ask, jq, MASTERS } from "./material.ts";

afterAll(() => jq.close());

/** A remote that answers paths with given bodies; a number is a status without a body. */
function answering(bodies: Readonly<Record<string, Json>>): Remote {
  return {
    ...recordedRemote([]),
    http: (request) => {
      const path = new URL(request.url).pathname;
      const key = [`${new URL(request.url).hostname}${path}`, path].find((one) => one in bodies);
      const body = key === undefined ? 404 : (bodies[key] ?? null);
      const status = typeof body === "number" ? body : 200;
      const answer: HttpAnswer = {
        kind: "answered",
        status,
        headers: {},
        body: Buffer.from(typeof body === "number" ? "" : JSON.stringify(body)),
        url: request.url,
      };
      return Promise.resolve(answer);
    },
  };
}

describe("zookeeper-quorum on recorded replies", () => {
  const words = (replies: Readonly<Record<string, string | null>>): Remote => ({
    ...recordedRemote([]),
    tcp: (host, _port, send) => {
      const file = replies[host];
      if (file === undefined || file === null)
        return Promise.resolve({ kind: "no-answer", code: "ECONNREFUSED", reason: "refused" });
      // 3.8 answers srvr whatever its white list says; that reply was not recorded beside the refused word.
      const name = send === "srvr" ? file.replace("mntr.txt", "srvr.txt") : file;
      const recorded = existsSync(`test/fixture/zookeeper/${name}`) ? name : "3.4.10/follower1-srvr.txt";
      return Promise.resolve({ kind: "answered", body: readFileSync(`test/fixture/zookeeper/${recorded}`) });
    },
  });
  const three = (a: string | null, b: string | null, c: string | null) =>
    ask("zookeeper-quorum", { remote: words({ "127.0.21.1": a, "127.0.21.2": b, "127.0.21.3": c }), nodes: MASTERS });

  it("passes three servers of 3.4.10 with one leader", async () => {
    const answer = await three("3.4.10/follower1-mntr.txt", "3.4.10/leader-mntr.txt", "3.4.10/follower3-mntr.txt");
    expect(answer).toMatchObject({ verdict: "pass", asserted: { subjects: 3, passed: 3 } });
    expect(answer.observed).toContain("m2: state leader, outstanding 0, znodes 27, zxid 0x100000018, synced 2");
  });

  it("fails a survivor without a quorum, although it would answer imok", async () => {
    const answer = await three("3.4.10/noquorum-mntr.txt", null, null);
    expect(answer.verdict).toBe("fail");
    expect(answer.observed).toContain("not currently serving requests");
  });

  it("fails one leader too many, at once, and a standalone server among the others", async () => {
    const two = await three("3.4.10/leader-mntr.txt", "3.4.10/leader-mntr.txt", "3.4.10/follower3-mntr.txt");
    expect([two.verdict, two.fatal]).toEqual(["fail", true]);
    expect((await three("3.4.10/standalone-mntr.txt", "3.4.10/leader-mntr.txt", "3.4.10/follower3-mntr.txt")).verdict).toBe(
      "fail",
    );
  });

  it("fails where the word is not allowed or not known, and has no answer to an empty reply", async () => {
    expect((await three("3.8.0/mntr-not-whitelisted.txt", "3.4.10/leader-mntr.txt", "3.4.10/follower3-mntr.txt")).verdict).toBe(
      "fail",
    );
    const unknown = await three("3.4.10/unknown-zzzz.txt", "3.4.10/leader-mntr.txt", "3.4.10/follower3-mntr.txt");
    expect(unknown.subjects[0]).toMatchObject({ verdict: "inconclusive", why: "no-answer" });
    expect(unknown.verdict).not.toBe("pass");
  });

  it("passes a single standalone server, and three real ones of 3.8.0", async () => {
    const [m1] = MASTERS;
    const single = await ask("zookeeper-quorum", {
      remote: words({ "127.0.21.1": "3.4.10/standalone-mntr.txt" }),
      nodes: m1 === undefined ? [] : [m1],
    });
    expect(single.verdict).toBe("pass");
    const recorded = JSON.parse(readFileSync("test/fixture/mesos-real/steady/zookeeper-four-letter-words.json", "utf8")) as {
      readonly moments: readonly {
        readonly moment: string;
        readonly servers: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
      }[];
    };
    const verdicts: string[] = [];
    for (const moment of recorded.moments) {
      const servers = Object.values(moment.servers);
      const remote: Remote = {
        ...recordedRemote([]),
        tcp: (host, _port, send) => {
          const reply = servers[Number(host.at(-1)) - 1]?.[send];
          return Promise.resolve(
            typeof reply === "string"
              ? { kind: "answered", body: Buffer.from(reply) }
              : { kind: "no-answer", code: "ECONNREFUSED", reason: "refused" },
          );
        },
      };
      verdicts.push((await ask("zookeeper-quorum", { remote, nodes: MASTERS })).verdict);
    }
    expect(verdicts[0]).toBe("pass");
    expect(verdicts.slice(1)).not.toContain("pass");
  });
});

describe("exhibitor-serving", () => {
  const folder = "../shared/fixtures/dcos/exhibitor";
  const there = existsSync(folder);
  it("the published status is at hand (it may not be copied; it lies beside the checkout)", () => {
    if (process.env["CI"] === "true") expect(there).toBe(true);
  });

  it.runIf(there)("passes the published status when the inventory has those three masters", async () => {
    const status = JSON.parse(readFileSync(`${folder}/cluster-status-3-serving.json`, "utf8")) as readonly {
      readonly hostname: string;
    }[];
    const masters: readonly InventoryNode[] = status.map((one, index) => ({
      name: `m${index + 1}`,
      address: one.hostname,
      role: "master",
      critical: false,
      ssh: {},
    }));
    const answer = await ask("exhibitor-serving", {
      remote: answering({ "/exhibitor/v1/cluster/status": status }),
      nodes: masters,
    });
    expect(answer).toMatchObject({ verdict: "pass", asserted: { subjects: 3, passed: 3 } });
    const fewer = await ask("exhibitor-serving", {
      remote: answering({ "/exhibitor/v1/cluster/status": status }),
      nodes: masters.slice(0, 2),
    });
    expect(fewer.verdict).toBe("fail");
  });

  it("asks every master its own Exhibitor: one that answers 500 leaves no verdict, one that sees less fails", async () => {
    const status = MASTERS.map((one, index) => ({
      code: 3,
      description: "serving",
      hostname: one.address,
      isLeader: index === 0,
    }));
    const all = answering({ "/exhibitor/v1/cluster/status": status });
    expect((await ask("exhibitor-serving", { remote: all, nodes: MASTERS })).verdict).toBe("pass");
    const broken = answering({ "/exhibitor/v1/cluster/status": status, "127.0.21.3/exhibitor/v1/cluster/status": 500 });
    expect(await ask("exhibitor-serving", { remote: broken, nodes: MASTERS })).toMatchObject({
      verdict: "inconclusive",
      why: "no-answer",
    });
    const less = answering({
      "/exhibitor/v1/cluster/status": status,
      "127.0.21.3/exhibitor/v1/cluster/status": status.slice(0, 2),
    });
    expect(await ask("exhibitor-serving", { remote: less, nodes: MASTERS })).toMatchObject({
      verdict: "fail",
      asserted: { subjects: 3, passed: 2 },
    });
  });

  it("no rolling change passes, and a missing field is no pass", async () => {
    const of = (config: JsonRecord) =>
      ask("exhibitor-no-rolling-change", { remote: answering({ "/exhibitor/v1/config/get-state": { config } }), nodes: MASTERS });
    expect((await of({ rollInProgress: false })).verdict).toBe("pass");
    expect((await of({ rollInProgress: true })).verdict).toBe("fail");
    expect((await of({})).why).toBe("missing-field");
  });
});

describe("Marathon", () => {
  const baseline = {
    frameworkIds: { marathon: "F-0000" },
    apps: [
      { id: "/db", instances: 1, constraints: [] },
      {
        id: "/web",
        instances: 3,
        constraints: [
          ["hostname", "UNIQUE"],
          ["rack", "GROUP_BY", "2"],
        ],
      },
    ],
  };
  const good = {
    "/v2/leader": { leader: "127.0.21.1:8080" },
    "/v2/info": { version: "1.6.496", frameworkId: "F-0000" },
    "/state-summary": { frameworks: [{ id: "F-0000", name: "marathon", active: true, connected: true }] },
  };

  it("leads: the same framework, active and connected; asked of the next master where one does not answer", async () => {
    expect((await ask("marathon-leads", { remote: answering(good), nodes: MASTERS, baseline })).verdict).toBe("pass");
    const half = answering({ ...good, "127.0.21.1/v2/leader": 503, "127.0.21.2/v2/leader": 404 });
    expect((await ask("marathon-leads", { remote: half, nodes: MASTERS, baseline })).verdict).toBe("pass");
    const none = await ask("marathon-leads", { remote: answering({ ...good, "/v2/leader": 404 }), nodes: MASTERS, baseline });
    expect([none.verdict, none.why]).toEqual(["inconclusive", "no-answer"]);
  });

  it("a new framework id is fatal; a framework twice or not at all on Mesos is no pass", async () => {
    const other = await ask("marathon-leads", {
      remote: answering({ ...good, "/v2/info": { frameworkId: "F-0007" } }),
      nodes: MASTERS,
      baseline,
    });
    expect([other.verdict, other.fatal]).toEqual(["fail", true]);
    for (const frameworks of [[], [...good["/state-summary"].frameworks, ...good["/state-summary"].frameworks]]) {
      const answer = await ask("marathon-leads", {
        remote: answering({ ...good, "/state-summary": { frameworks } }),
        nodes: MASTERS,
        baseline,
      });
      expect(answer.verdict).toBe("fail");
    }
  });

  it("is quiet with no deployments and nothing overdue", async () => {
    const of = (deployments: Json, queue: Json) =>
      ask("marathon-quiet", { remote: answering({ "/v2/deployments": deployments, "/v2/queue": { queue } }), nodes: MASTERS });
    expect((await of([], [])).verdict).toBe("pass");
    expect((await of([], [{ count: 1, delay: { overdue: false, timeLeftSeconds: 4 }, app: { id: "/a" } }])).verdict).toBe("pass");
    expect((await of([{ id: "d" }], [])).verdict).toBe("fail");
    expect((await of({ message: "html" }, [])).verdict).not.toBe("pass");
  });

  it("apps are as before when only the writing of their constraints changed", async () => {
    const of = (apps: Json) => ask("apps-as-before", { remote: answering({ "/v2/apps": { apps } }), nodes: MASTERS, baseline });
    const web = {
      id: "/web",
      instances: 3,
      constraints: [
        ["rack", "group_by", "2"],
        ["hostname", "unique", ""],
      ],
      container: { type: "DOCKER" },
    };
    expect((await of([web, { id: "/db", instances: 1 }, { id: "/new", instances: 1 }])).verdict).toBe("pass");
    const lost = await of([
      { ...web, constraints: [["hostname", "UNIQUE"]] },
      { id: "/db", instances: 1 },
    ]);
    expect(lost.verdict).toBe("fail");
    expect(lost.observed).toContain("/web");
    expect((await of([web])).verdict).toBe("fail");
    expect((await of([web, { id: "/db", instances: 0 }])).verdict).toBe("fail");
  });
});
