import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { Readable } from "node:stream";
import { extract } from "tar-stream";
import { afterAll, beforeAll, expect, it } from "vitest";
import { jobFolder, pollJob, removeJob, startJob } from "../../src/action/remote-job.ts";
import { waitForJob } from "../../src/action/remote-job-wait.ts";
import { createClock } from "../../src/transport/clock.ts";
import { createRemote, type WiredRemote } from "../../src/transport/remote.ts";
import { eventually } from "../real/process.ts";
import { describeReal } from "../real/requires.ts";
import { startFleet, type Fleet } from "../real/sshd.ts";
import { startEnsemble, type Ensemble } from "../real/zookeeper.ts";

describeReal("three real sshd with a real ZooKeeper ensemble", ["openssh-server", "openssh-client", "zookeeper", "sudo"], () => {
  let fleet: Fleet;
  let ensemble: Ensemble;
  let remote: WiredRemote;

  beforeAll(async () => {
    fleet = await startFleet(3);
    ensemble = await startEnsemble(fleet.nodes.map((node) => node.address));
    remote = createRemote({ inventory: fleet.inventory({ sudo: true }), env: {}, home: fleet.folder });
  }, 120_000);
  afterAll(async () => {
    await remote.close();
    await ensemble.stop();
    await fleet.stop();
  });

  const word = async (index: number, text: string): Promise<string> => {
    const server = ensemble.servers[index];
    const answer = await remote.tcp(server?.host ?? "", server?.clientPort ?? 0, text, 5_000);
    return answer.kind === "answered" ? answer.body.toString() : answer.code;
  };

  it("answers the four-letter words: all serve, exactly one leads, and the leader counts its followers", async () => {
    const answers = await Promise.all(
      [0, 1, 2].map(async (index) => ({ ruok: await word(index, "ruok"), mntr: await word(index, "mntr") })),
    );
    expect(answers.map(({ ruok }) => ruok)).toEqual(["imok", "imok", "imok"]);
    const leaders = answers.filter(({ mntr }) => /^zk_server_state\tleader$/m.test(mntr));
    expect(leaders).toHaveLength(1);
    expect(leaders[0]?.mntr).toMatch(/^zk_synced_followers\t2(\.0)?$/m);
    expect(await word(0, "cons")).toContain("not in the whitelist");
  });

  it("streams a tar of a data folder whose listing and bytes are those on the node", async () => {
    const [server] = ensemble.servers;
    if (server === undefined) throw new Error("no server");
    const hash = createHash("sha256");
    const chunks: Buffer[] = [];
    // The node hashes what it sends, on its standard error: both ends saw the same bytes or the backup is none.
    const text = 'cd "$1" || exit 2; tar -cf - . | tee "$2" ; sha256sum <"$2" >&2; rm -f "$2"';
    const outcome = await remote.stream(
      "n1",
      { argv: ["sh", "-c", text, "backup", server.folder, join(fleet.folder, "copy.tar")], sudo: true, timeoutMs: 30_000 },
      (chunk) => {
        hash.update(chunk);
        chunks.push(chunk);
      },
    );
    expect(outcome).toMatchObject({ kind: "exited", code: 0 });
    expect(outcome.kind === "exited" && outcome.stderr.split(" ")[0]).toBe(hash.digest("hex"));

    const listed: string[] = [];
    const found = new Map<string, Buffer>();
    const unpack = extract();
    Readable.from(chunks).pipe(unpack);
    for await (const entry of unpack) {
      listed.push(entry.header.name);
      const parts: Buffer[] = [];
      for await (const part of entry as AsyncIterable<Buffer>) parts.push(part);
      found.set(entry.header.name, Buffer.concat(parts));
    }
    const onNode = await remote.run("n1", {
      argv: ["sh", "-c", 'cd "$1" && find . -type f', "list", server.folder],
      sudo: true,
      timeoutMs: 10_000,
    });
    expect(listed.filter((name) => !name.endsWith("/")).sort()).toEqual(
      (onNode.kind === "exited" ? onNode.stdout : "").trim().split("\n").sort(),
    );
    expect(found.get("./myid")?.toString()).toBe("1\n");
    const snapshots = readdirSync(join(server.folder, "version-2")).filter((name) => name.startsWith("snapshot"));
    expect(snapshots.length).toBeGreaterThan(0);
    for (const name of snapshots)
      expect(found.get(`./version-2/${name}`)).toEqual(readFileSync(join(server.folder, "version-2", name)));
  });

  it("runs a detached job as root that outlives killed connections, and its wait takes up again each time", async () => {
    const [, node] = fleet.nodes;
    if (node === undefined) throw new Error("no node");
    const place = {
      folder: jobFolder("run-1", "masters/n2/upgrade", { sudo: true, base: join(fleet.folder, "jobs") }),
      sudo: true,
      timeoutMs: 5_000,
    };
    const command = 'for i in 1 2 3 4 5 6; do echo "line $i"; echo "warning $i" >&2; sleep 0.5; done; exit 9\n';
    expect(await startJob(remote, "n2", { ...place, command })).toMatchObject({ state: { kind: "running" } });

    const output = { stdout: "", stderr: "" };
    const back: number[] = [];
    const before = node.wire.made();
    const waiting = waitForJob(
      { clock: createClock(), remote, target: "n2", place, pollMs: 100, unreachableMs: 60_000 },
      {
        onOutput: (stream, text) => void (output[stream] += text),
        onReattach: ({ forMs }) => void back.push(forMs),
      },
    );
    await eventually(
      () => output.stdout.includes("line 2"),
      () => output.stdout,
    );
    node.wire.cut();
    await eventually(
      () => output.stdout.includes("line 4"),
      () => output.stdout,
    );
    await node.wire.mode("refuse");
    await new Promise((resolve) => setTimeout(resolve, 500));
    await node.wire.mode("carry");

    expect(await waiting).toEqual({ kind: "ended", code: 9 });
    expect(output.stdout).toBe("line 1\nline 2\nline 3\nline 4\nline 5\nline 6\n");
    expect(output.stderr).toBe("warning 1\nwarning 2\nwarning 3\nwarning 4\nwarning 5\nwarning 6\n");
    expect(back).toHaveLength(2);
    expect(node.wire.made() - before).toBe(2);
    expect(await removeJob(remote, "n2", place)).toMatchObject({ state: { kind: "absent" } });
  });

  it("tells another process, which knows only the folder, how a job ended", async () => {
    const place = {
      folder: jobFolder("run-2", "n3/long", { sudo: true, base: join(fleet.folder, "jobs") }),
      sudo: true,
      timeoutMs: 5_000,
    };
    const first = createRemote({ inventory: fleet.inventory({ sudo: true }), env: {}, home: fleet.folder });
    await startJob(first, "n3", { ...place, command: "sleep 0.7; exit 5" });
    await first.close();
    expect(await pollJob(remote, "n3", place)).toMatchObject({ state: { kind: "running" } });
    expect(await waitForJob({ clock: createClock(), remote, target: "n3", place, pollMs: 50 })).toEqual({
      kind: "ended",
      code: 5,
    });
  });

  it("sees a server that stopped, by its silence and by the leader's count", async () => {
    const modes = await Promise.all([0, 1, 2].map((index) => word(index, "srvr")));
    const follower = modes.findIndex((text) => text.includes("Mode: follower"));
    const leader = modes.findIndex((text) => text.includes("Mode: leader"));
    await ensemble.servers[follower]?.stop();
    expect(await word(follower, "ruok")).toBe("refused");
    await eventually(
      async () => /^zk_synced_followers\t1(\.0)?$/m.test(await word(leader, "mntr")),
      () => "the leader did not notice",
    );
    await ensemble.servers[follower]?.start();
    await eventually(
      async () => /^zk_synced_followers\t2(\.0)?$/m.test(await word(leader, "mntr")),
      () => "the follower did not come back",
    );
  });

  it("refuses a node whose host key changed under the run, and goes on with the others", async () => {
    const [node] = fleet.nodes;
    await node?.changeHostKey();
    const outcome = await remote.run("n1", { argv: ["touch", join(fleet.folder, "touched")], timeoutMs: 10_000 });
    expect(outcome).toMatchObject({ kind: "lost", code: "host-key-changed", sent: false });
    expect(outcome.kind === "lost" && outcome.reason).toContain(fleet.knownHosts);
    expect(readdirSync(fleet.folder)).not.toContain("touched");
    expect(await remote.run("n2", { argv: ["true"], timeoutMs: 10_000 })).toMatchObject({ kind: "exited", code: 0 });
  });
});
