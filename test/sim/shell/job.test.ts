import { describe, expect, it } from "vitest";
import { killJob, pollJob, readJobOutput, removeJob, startJob, type JobAnswer } from "../../../src/action/remote-job.ts";
import { createFakeClock } from "../../../src/sim/clock.ts";
import { createSimRemote } from "../../../src/sim/remote.ts";
import { toyCluster } from "../toy-cluster.ts";
import { run } from "./toy-run.ts";

function setUp(folder = "/var/tmp/pawl-jobs/r1+m1+upgrade") {
  const cluster = toyCluster("127.77.0", ["m1"], createFakeClock(Date.UTC(2026, 10, 21)));
  const node = cluster.nodes[0]!;
  const remote = createSimRemote(cluster);
  const place = { folder, sudo: true, timeoutMs: 20_000 };
  const start = (command: string): Promise<JobAnswer> => startJob(remote, "m1", { ...place, command });
  const poll = (): Promise<JobAnswer> => pollJob(remote, "m1", place);
  const state = async (answer: Promise<JobAnswer>): Promise<string> => {
    const found = await answer;
    if (found.kind !== "state") return `${found.code}: ${found.reason}`;
    const detail =
      "code" in found.state
        ? ` ${found.state.code}`
        : "why" in found.state
          ? ` ${found.state.why}`
          : "signal" in found.state
            ? ` ${found.state.signal}`
            : "";
    return `${found.state.kind}${detail}`;
  };
  const output = async (stream: "stdout" | "stderr", offset = 0, bytes = 1e6): Promise<string> => {
    const read = await readJobOutput(remote, "m1", place, { stream, offset, bytes });
    return read.kind === "read" ? read.bytes.toString() : `${read.code}: ${read.reason}`;
  };
  return { cluster, node, remote, place, start, poll, state, output };
}

describe("a detached job in the simulated node", () => {
  it("is absent before it is started", async () => {
    const { poll, state } = setUp();
    expect(await state(poll())).toBe("absent");
  });

  it("runs, shows its output while it runs, and leaves its exit code", async () => {
    const { cluster, start, poll, state, output } = setUp();
    expect(await state(start("echo one; sleep 10; echo two >&2; sleep 10; echo three; exit 7"))).toBe("running");
    expect(await output("stdout")).toBe("one\n");
    await cluster.clock.sleep(12_000);
    expect(await state(poll())).toBe("running");
    expect(await output("stderr")).toBe("two\n");
    await cluster.clock.sleep(12_000);
    expect(await state(poll())).toBe("exited 7");
    expect(await output("stdout")).toBe("one\nthree\n");
    expect(await output("stdout", 4, 3)).toBe("thr");
  });

  it("tells how many bytes of output there are", async () => {
    const { cluster, start, poll } = setUp();
    await start("printf 12345; printf 123 >&2; exit 0");
    await cluster.clock.sleep(1000);
    expect(await poll()).toMatchObject({ stdoutBytes: 5, stderrBytes: 3 });
  });

  it("runs once, however often and however at once it is started", async () => {
    const { cluster, node, start, state } = setUp();
    const six = await Promise.all(Array.from({ length: 6 }, () => state(start("echo ran >>/root/runs; sleep 30"))));
    expect(new Set(six)).toEqual(new Set(["running"]));
    expect(await state(start("echo ran >>/root/runs"))).toBe("running");
    await cluster.clock.sleep(31_000);
    expect(await state(start("echo ran >>/root/runs"))).toBe("exited 0");
    expect(await node.fs.readFile("/root/runs")).toBe("ran\n");
  });

  it("goes on when the connection of its starter is cut", async () => {
    const { cluster, start, poll, state, output } = setUp();
    await start("sleep 20; echo done");
    cluster.drop("m1");
    await cluster.clock.sleep(21_000);
    expect(await state(poll())).toBe("exited 0");
    expect(await output("stdout")).toBe("done\n");
  });

  it("is killed as a group, with everything it started", async () => {
    const { cluster, node, remote, place, start, poll, state } = setUp();
    node.programs.set("worker", async (io) => {
      await io.sleep(50_000);
      await node.fs.writeFile("/root/worked", io.signal.aborted ? "aborted" : "finished");
      return 0;
    });
    await start("worker; echo after >/root/after");
    expect(await state(killJob(remote, "m1", place, "TERM"))).toBe("killed TERM");
    await cluster.clock.sleep(60_000);
    expect(await state(poll())).toBe("killed TERM");
    expect(await node.fs.readFile("/root/worked")).toBe("aborted");
    expect(await node.fs.exists("/root/after")).toBe(false);
  });

  it("is lost and gone when its wrapper is killed alone", async () => {
    const { node, cluster, start, poll, state } = setUp();
    const answer = await start("sleep 100");
    const pid = answer.kind === "state" && answer.state.kind === "running" ? answer.state.pid : 0;
    expect((await run(node, cluster.clock, `kill -9 ${pid}`)).code).toBe(0);
    expect(await state(poll())).toBe("lost gone");
  });

  it("is lost and gone when its pid belongs to another process", async () => {
    const { node, start, poll, state } = setUp();
    const answer = await start("sleep 100");
    const pid = answer.kind === "state" && answer.state.kind === "running" ? answer.state.pid : 0;
    const file = "/var/tmp/pawl-jobs/r1+m1+upgrade/pid";
    const [, , boot = ""] = (await node.fs.readFile(file)).split(" ");
    await node.fs.writeFile(file, `${pid} 1 ${boot}`);
    expect(await state(poll())).toBe("lost gone");
  });

  it("is lost when the machine was restarted, and does nothing more", async () => {
    const { cluster, node, start, poll, state } = setUp();
    await start("sleep 100; echo late >/root/late");
    node.bootId = "another-boot";
    expect(await state(poll())).toBe("lost rebooted");
    await cluster.clock.sleep(200_000);
    expect(await node.fs.exists("/root/late")).toBe(false);
  });

  it("runs the model's program for a script file, with root's rights and the caller's umask", async () => {
    const { cluster, node, start, poll, state, output } = setUp();
    node.scripts.set("/opt/up.sh", async (io) => {
      await io.out(`as ${io.user}\n`);
      await io.sleep(60_000);
      await io.err("almost\n");
      return 9;
    });
    await node.fs.writeFile("/opt/up.sh", "#!/bin/bash\n");
    await start("echo x >/root/made; bash /opt/up.sh");
    await cluster.clock.sleep(1000);
    expect(await output("stdout")).toBe("as root\n");
    await cluster.clock.sleep(60_000);
    expect(await state(poll())).toBe("exited 9");
    expect(await output("stderr")).toBe("almost\n");
    expect((await node.fs.stat("/root/made")).mode & 0o777).toBe(0o644);
    expect((await node.fs.stat("/var/tmp/pawl-jobs/r1+m1+upgrade/stdout")).mode & 0o777).toBe(0o600);
  });

  it("is removed only when it does not run", async () => {
    const { cluster, node, remote, place, start, state } = setUp();
    await start("sleep 10");
    expect(await state(removeJob(remote, "m1", place))).toBe("running");
    await cluster.clock.sleep(11_000);
    expect(await state(removeJob(remote, "m1", place))).toBe("absent");
    expect(await node.fs.exists(place.folder)).toBe(false);
  });
});
