import { afterAll, describe, expect, it } from "vitest";
import { ask, captured, jq, M1, M2, M3, MASTERS, replayAt, timelineOf, withHealth } from "./material.ts";
import { recordedRemote } from "../../src/check/recorded.ts";

afterAll(() => jq.close());

const steady = captured("steady/01-leader", "steady/02-non-leader", "steady/05-operator-api");

function verdicts(answer: Awaited<ReturnType<typeof ask>>): Readonly<Record<string, string>> {
  return Object.fromEntries(answer.subjects.map((one) => [one.subject, one.why ?? one.verdict]));
}

describe("replog-recovered on recorded answers", () => {
  it("passes a healthy ensemble, and says what it asserted", async () => {
    const answer = await ask("replog-recovered", { remote: withHealth(recordedRemote(steady)), nodes: MASTERS });
    expect(answer).toMatchObject({ verdict: "pass", why: null, fatal: false, asserted: { subjects: 3, passed: 3 } });
    expect(answer.observed).toBe(
      "m1: recovered 1, elected 1, ensemble 3, redirect //127.0.21.1:5050, health 200; m2: recovered 1, elected 0, ensemble 3, redirect //127.0.21.1:5050, health 307; m3: recovered 1, elected 0, ensemble 3, redirect //127.0.21.1:5050, health 307",
    );
  });

  it("is not fooled when the inventory has one master fewer than the ensemble", async () => {
    const answer = await ask("replog-recovered", { remote: withHealth(recordedRemote(steady)), nodes: [M1, M2] });
    expect(answer.verdict).toBe("fail");
  });

  it("fails a leader that was elected with a log that has not recovered", async () => {
    const remote = withHealth(recordedRemote(captured("boot-three/01-two-of-three-empty")));
    const answer = await ask("replog-recovered", { remote, nodes: MASTERS });
    expect(verdicts(answer)).toEqual({ m1: "fail", m2: "fail", m3: "no-answer" });
    expect(answer.verdict).toBe("fail");
  });

  it("fails a leader that goes on alone once the ensemble shows it, and before that for the masters that do not answer", async () => {
    const early = await ask("replog-recovered", {
      remote: withHealth(recordedRemote(captured("quorum-lost/01-leader-alone-2s"))),
      nodes: MASTERS,
    });
    expect(early.verdict).toBe("inconclusive");
    expect(verdicts(early)).toEqual({ m1: "no-answer", m2: "pass", m3: "no-answer" });
    const late = await ask("replog-recovered", {
      remote: withHealth(recordedRemote(captured("quorum-lost/02-leader-alone-13s"))),
      nodes: MASTERS,
    });
    expect(late.verdict).toBe("fail");
    expect(late.observed).toContain("ensemble 1");
  });

  it("does not pass a master whose process has no routes yet (404)", async () => {
    const answer = await ask("replog-recovered", {
      remote: withHealth(recordedRemote(captured("quorum-lost/03-http-just-up"))),
      nodes: [M3],
    });
    expect(answer.verdict).toBe("fail");
  });

  it("fails a wiped log that is recovering without a quorum", async () => {
    const answer = await ask("replog-recovered", {
      remote: withHealth(recordedRemote(captured("quorum-lost/04-wiped-recovering-10s"))),
      nodes: MASTERS,
    });
    expect(verdicts(answer)["m3"]).toBe("fail");
  });

  it("has no answer where authentication is wanted, with no credentials and with wrong ones", async () => {
    const m4 = { ...M1, name: "m4", address: "127.0.21.4" };
    for (const moment of [
      "auth-enabled/01-no-credentials",
      "auth-enabled/02-wrong-password",
      "auth-enabled/03-basic-ok-acl-denies-endpoints",
    ]) {
      const answer = await ask("replog-recovered", { remote: recordedRemote(captured(moment)), nodes: [m4] });
      expect([answer.verdict, answer.why]).toEqual(["inconclusive", "no-answer"]);
      expect(answer.observed).toMatch(/HTTP 40[13]/);
    }
  });
});

/** Verdicts of a check at every half second of a recorded event, as `from second: verdict`, changes only. */
async function story(check: string, event: string, endSeconds: number): Promise<readonly string[]> {
  const rows = timelineOf(event);
  const said: string[] = [];
  for (let t = 1; t <= endSeconds; t += 0.5) {
    const { verdict } = await ask(check, { remote: replayAt(rows, t), nodes: MASTERS });
    if (said.at(-1)?.split(" ")[1] !== verdict) said.push(`${t} ${verdict}`);
  }
  return said;
}

describe("the gate over a whole recorded event", () => {
  it("leader killed: no pass from the kill until the third master is back and seen by all", async () => {
    expect(await story("replog-recovered", "leader-killed", 21)).toEqual(["1 pass", "2 fail", "19 inconclusive", "19.5 pass"]);
  });

  it("non-leader down and back with an empty log: no pass until it has recovered", async () => {
    const said = await story("replog-recovered", "master-down-wiped-rejoin", 20);
    expect(said[0]).toBe("1 pass");
    expect(said.at(-1)).toMatch(/^1[56].* pass$/);
    expect(said.filter((one) => one.endsWith("pass"))).toHaveLength(2);
  });

  it("quorum lost: no pass while fewer than all masters are back", async () => {
    const said = await story("replog-recovered", "quorum-lost", 29);
    expect(said[0]).toBe("1 pass");
    expect(said.at(-1)).toMatch(/^2[78].* pass$/);
    expect(said.filter((one) => one.endsWith("pass"))).toHaveLength(2);
  });

  it("ZooKeeper down: the stale leader still passes, then nobody does until one is elected again", async () => {
    const said = await story("replog-recovered", "zookeeper-all-down", 60);
    const passes = said.filter((one) => one.endsWith("pass"));
    expect(said[0]).toBe("1 pass");
    expect(passes.length).toBeLessThanOrEqual(2);
    expect(said[1]).toMatch(/^(?:[5-9]|1[0-2])/);
  });
});

describe("one-leader on recorded answers", () => {
  it("passes a steady ensemble and one whose non-leader is being upgraded", async () => {
    expect((await ask("one-leader", { remote: recordedRemote(steady), nodes: MASTERS })).verdict).toBe("pass");
    const down = await ask("one-leader", {
      remote: recordedRemote(captured("master-down-wiped-rejoin/01-master-down-2s")),
      nodes: MASTERS,
    });
    expect(down.verdict).toBe("pass");
    expect(down.observed).toContain("m3: not heard");
  });

  it("fails after the leader was killed until the next one is elected and named, and not a moment longer", async () => {
    expect(await story("one-leader", "leader-killed", 21)).toEqual(["1 pass", "2 fail", "11 pass"]);
  });

  it("fails while ZooKeeper is down and the leader has exited", async () => {
    const answer = await ask("one-leader", {
      remote: recordedRemote(captured("zookeeper-all-down/02-leader-exited")),
      nodes: MASTERS,
    });
    expect(answer.verdict).toBe("fail");
  });

  it("fails a restarted former leader that redirects to itself without being elected", async () => {
    const own = steady.map((one) => {
      if (one.path !== "/metrics/snapshot" || one.answer.kind !== "answered") return one;
      const body = one.answer.body.toString("utf8").replace(/"master\/elected":1\.0/, '"master/elected":0.0');
      return { ...one, answer: { ...one.answer, body: Buffer.from(body) } };
    });
    for (const check of ["one-leader", "replog-recovered"]) {
      const answer = await ask(check, { remote: withHealth(recordedRemote(own)), nodes: MASTERS });
      expect([answer.verdict, answer.asserted.passed]).toEqual(["fail", 0]);
    }
  });

  it("two elected masters are fatal to the gate", async () => {
    const two = steady.map((one) => {
      if (one.path !== "/metrics/snapshot" || one.node !== "m2" || one.answer.kind !== "answered") return one;
      const body = one.answer.body.toString("utf8").replace(/"master\/elected":0\.0/, '"master/elected":1.0');
      return { ...one, answer: { ...one.answer, body: Buffer.from(body) } };
    });
    const answer = await ask("replog-recovered", { remote: withHealth(recordedRemote(two)), nodes: MASTERS });
    expect([answer.verdict, answer.fatal]).toEqual(["fail", true]);
    expect((await ask("one-leader", { remote: recordedRemote(two), nodes: MASTERS })).verdict).toBe("fail");
  });
});

describe("master-upgraded", () => {
  const good = { version: "1.10.8", installProgress: false };
  const remote = recordedRemote(steady);
  const asked = {
    remote,
    nodes: MASTERS,
    node: "m2",
    nowSeconds: 1_795_191_050,
    context: { inputs: { target: "1.10.8" }, since: 1_795_190_000 },
  };

  it("passes new files and a process younger than the step, and asks only the node of the step", async () => {
    const answer = await ask("master-upgraded", { ...asked, nodeFacts: { m2: good } });
    expect(answer).toMatchObject({ verdict: "pass", asserted: { subjects: 1, passed: 1 }, subjects: [{ subject: "m2" }] });
  });

  it("fails a process older than the step, whatever the files say", async () => {
    const answer = await ask("master-upgraded", {
      ...asked,
      context: { inputs: { target: "1.10.8" }, since: 1_795_191_049 },
      nodeFacts: { m2: good },
    });
    expect(answer.verdict).toBe("fail");
  });

  it("has no subject without a step, and no answer where the facts cannot be read", async () => {
    const { remote, nodes, context, nowSeconds } = asked;
    expect(await ask("master-upgraded", { remote, nodes, context, nowSeconds, nodeFacts: { m2: good } })).toMatchObject({
      verdict: "inconclusive",
      why: "no-subject",
    });
    expect(await ask("master-upgraded", asked)).toMatchObject({ verdict: "inconclusive", why: "no-answer" });
  });

  it("cannot be judged without a target", async () => {
    const answer = await ask("master-upgraded", { ...asked, context: { inputs: {}, since: 1 }, nodeFacts: { m2: good } });
    expect(answer).toMatchObject({ verdict: "inconclusive", why: "missing-field" });
  });
});
