import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import type { Inventory, SshSettings } from "../../src/domain/inventory.ts";
import type { Outcome } from "../../src/engine/ports.ts";
import { createRemote, type WiredRemote } from "../../src/transport/remote.ts";
import { eventually } from "../real/process.ts";
import { describeReal } from "../real/requires.ts";
import { startFleet, type Fleet, type RealNode } from "../real/sshd.ts";

const LIMIT_MS = 20_000;

describeReal("SSH against real servers", ["openssh-server", "openssh-client"], () => {
  let fleet: Fleet;
  let n1: RealNode;
  let n2: RealNode;
  const remotes: WiredRemote[] = [];

  beforeAll(async () => {
    fleet = await startFleet(2);
    [n1, n2] = fleet.nodes as [RealNode, RealNode];
  });
  afterAll(() => fleet.stop());
  afterEach(async () => {
    for (const remote of remotes.splice(0)) await remote.close();
  });

  function open(
    options: {
      readonly ssh?: SshSettings;
      readonly inventory?: Inventory;
      readonly env?: Record<string, string>;
      readonly home?: string;
      readonly connectTimeoutMs?: number;
    } = {},
  ): WiredRemote {
    const remote = createRemote({
      inventory: options.inventory ?? fleet.inventory(options.ssh),
      env: options.env ?? {},
      home: options.home ?? fleet.folder,
      ...(options.connectTimeoutMs === undefined ? {} : { connectTimeoutMs: options.connectTimeoutMs }),
    });
    remotes.push(remote);
    return remote;
  }
  const sh = (remote: WiredRemote, text: string, timeoutMs = LIMIT_MS): Promise<Outcome> =>
    remote.run("n1", { argv: ["sh", "-c", text], timeoutMs });

  describe("a connection", () => {
    it("is made once and carries every command", async () => {
      const remote = open();
      const before = n1.wire.made();
      for (let index = 0; index < 12; index++) {
        expect(await sh(remote, `echo ${String(index)}`)).toMatchObject({ kind: "exited", stdout: `${String(index)}\n` });
      }
      expect(n1.wire.made() - before).toBe(1);
    });

    it("carries many commands at once, beyond the sessions a server allows", async () => {
      const remote = open();
      const outcomes = await Promise.all(
        Array.from({ length: 30 }, (_, index) => sh(remote, `sleep 0.05; echo ${String(index)}`)),
      );
      expect(outcomes.map((one) => (one.kind === "exited" ? one.stdout.trim() : one.kind))).toEqual(
        outcomes.map((_, index) => String(index)),
      );
    });

    it("that broke while idle is made again for the next command, and counted", async () => {
      const remote = open();
      await sh(remote, "true");
      n1.wire.cut();
      await eventually(
        () => remote.losses?.("n1") === 1,
        () => "the loss was not noticed",
      );
      expect(await sh(remote, "echo back")).toMatchObject({ kind: "exited", stdout: "back\n" });
      expect(remote.losses?.("n1")).toBe(1);
    });

    it("that breaks under a command leaves its outcome unknown, and the next command gets a new one", async () => {
      const remote = open();
      const mark = join(n1.folder, "begun");
      const running = sh(remote, `: >${mark}; sleep 5`);
      await eventually(
        () => existsSync(mark),
        () => "the command did not begin",
      );
      n1.wire.cut();
      expect(await running).toMatchObject({ kind: "lost", code: "connection-lost", sent: true });
      expect(await sh(remote, "exit 4")).toMatchObject({ kind: "exited", code: 4 });
    });

    it("closed by pawl carries no further command, and is no loss", async () => {
      const remote = open();
      await sh(remote, "true");
      await remote.close();
      expect(await sh(remote, "true")).toMatchObject({ kind: "lost", code: "closed", sent: false });
      expect(remote.losses?.("n1")).toBe(0);
      await eventually(
        () => n1.wire.open() === 0,
        () => "the connection is still open",
      );
    });
  });

  describe("a host that is not reached", () => {
    afterEach(() => n2.wire.mode("carry"));

    it("refuses, without the command having been sent", async () => {
      await n2.wire.mode("refuse");
      expect(await open().run("n2", { argv: ["true"], timeoutMs: LIMIT_MS })).toMatchObject({
        kind: "lost",
        code: "refused",
        sent: false,
      });
    });

    it("is unreachable when it accepts the connection and then says nothing", async () => {
      await n2.wire.mode("silence");
      expect(await open({ connectTimeoutMs: 300 }).run("n2", { argv: ["true"], timeoutMs: LIMIT_MS })).toMatchObject({
        kind: "lost",
        code: "unreachable",
        sent: false,
      });
    });

    it("costs a command no more than its own time", async () => {
      await n2.wire.mode("silence");
      expect(await open({ connectTimeoutMs: 600_000 }).run("n2", { argv: ["true"], timeoutMs: 200 })).toMatchObject({
        kind: "lost",
        code: "unreachable",
        sent: false,
      });
    });

    it("is not resolved when nobody has its name", async () => {
      const inventory = fleet.inventory();
      const remote = open({
        inventory: {
          ...inventory,
          nodes: [{ name: "n1", address: "no-such-host.invalid", role: "r", critical: false, ssh: {} }],
        },
      });
      expect(await sh(remote, "true")).toMatchObject({ kind: "lost", code: "not-resolved", sent: false });
    });

    it("is tried afresh by the next command once it is back", async () => {
      const remote = open();
      await n2.wire.mode("refuse");
      await remote.run("n2", { argv: ["true"], timeoutMs: LIMIT_MS });
      await n2.wire.mode("carry");
      expect(await remote.run("n2", { argv: ["true"], timeoutMs: LIMIT_MS })).toMatchObject({ kind: "exited", code: 0 });
    });
  });

  describe("a command", () => {
    it("that takes too long is timed out with what it wrote", async () => {
      expect(await sh(open(), "echo begun; sleep 5", 400)).toMatchObject({ kind: "timed-out", afterMs: 400, stdout: "begun\n" });
    });

    it("is run although earlier ones that were given up still count as sessions at the server", async () => {
      const other = await startFleet(1, ["MaxSessions 3"]);
      const remote = open({ inventory: other.inventory() });
      const hung = await Promise.all(Array.from({ length: 3 }, () => sh(remote, "trap '' TERM; echo; sleep 8", 1_500)));
      expect(hung.map((one) => one.kind)).toEqual(["timed-out", "timed-out", "timed-out"]);
      expect(await sh(remote, "echo on")).toMatchObject({ kind: "exited", stdout: "on\n" });
      await remote.close();
      await other.stop();
    });

    it("that is no longer wanted is given up", async () => {
      const remote = open();
      const wanted = new AbortController();
      const mark = join(n1.folder, "wanted");
      const running = remote.run("n1", { argv: ["sh", "-c", `: >${mark}; sleep 9`], timeoutMs: LIMIT_MS }, wanted.signal);
      await eventually(
        () => existsSync(mark),
        () => "the command did not begin",
      );
      wanted.abort();
      expect(await running).toMatchObject({ kind: "lost", code: "aborted", sent: true });
      expect(await remote.run("n1", { argv: ["true"], timeoutMs: LIMIT_MS }, wanted.signal)).toMatchObject({
        kind: "lost",
        code: "aborted",
        sent: false,
      });
    });

    it("waits for its turn where the server allows fewer sessions than pawl opens", async () => {
      const other = await startFleet(1, ["MaxSessions 2"]);
      const remote = open({ inventory: other.inventory() });
      const outcomes = await Promise.all(Array.from({ length: 8 }, () => sh(remote, "sleep 0.1")));
      expect(outcomes.map((one) => one.kind)).toEqual(outcomes.map(() => "exited"));
      await remote.close();
      await other.stop();
    });

    it("that a server refuses to run was not begun", async () => {
      const other = await startFleet(1, ["MaxSessions 0"]);
      const remote = open({ inventory: other.inventory() });
      expect(await sh(remote, "true")).toMatchObject({ kind: "lost", code: "channel-refused", sent: false });
      await remote.close();
      await other.stop();
    });

    it("for a machine the inventory does not have is an error", async () => {
      await expect(open().run("n9", { argv: ["true"], timeoutMs: 1 })).rejects.toMatchObject({ code: "unknown-target" });
    });
  });

  describe("a stream", () => {
    const ENDLESS = `i=0; while [ $i -lt 200 ]; do head -c 1048576 /dev/zero || exit; i=$((i+1)); echo $i >progress; done`;
    const progress = (): number => Number(readFileSync(join(n1.folder, "progress"), "utf8"));

    it("is held back while its reader is busy, and loses nothing", async () => {
      const remote = open();
      const hash = createHash("sha256");
      let bytes = 0;
      let release: (() => void) | null = null;
      const held = new Promise<void>((resolve) => (release = resolve));
      const streamed = remote.stream("n1", { argv: ["sh", "-c", `cd ${n1.folder}; ${ENDLESS}`], timeoutMs: 60_000 }, (chunk) => {
        hash.update(chunk);
        bytes += chunk.length;
        return held;
      });
      let last = -1;
      // Standing still means: no progress over ten looks.
      for (let still = 0; still < 10;) {
        await new Promise((resolve) => setTimeout(resolve, 50));
        const now = existsSync(join(n1.folder, "progress")) ? progress() : -1;
        still = now >= 0 && now === last ? still + 1 : 0;
        last = now;
      }
      expect(progress()).toBeLessThan(100);
      (release as (() => void) | null)?.();
      expect(await streamed).toMatchObject({ kind: "exited", code: 0, stdout: "" });
      expect(bytes).toBe(200 * 1024 * 1024);
      expect(hash.digest("hex")).toBe(
        createHash("sha256")
          .update(Buffer.alloc(200 * 1024 * 1024))
          .digest("hex"),
      );
    });

    it("ends with the error of a reader that fails, at once or later", async () => {
      const remote = open();
      const command = { argv: ["sh", "-c", `cd ${n1.folder}; ${ENDLESS}`], timeoutMs: LIMIT_MS };
      await expect(
        remote.stream("n1", command, () => {
          throw new Error("disk full");
        }),
      ).rejects.toThrow("disk full");
      await expect(remote.stream("n1", command, () => Promise.reject(new Error("disk full later")))).rejects.toThrow(
        "disk full later",
      );
      expect(await sh(remote, "true")).toMatchObject({ kind: "exited" });
    });

    it("that is cut is lost, after its reader got what had come", async () => {
      const remote = open();
      let text = "";
      const outcome = await remote.stream("n1", { argv: ["sh", "-c", "echo some; sleep 9"], timeoutMs: LIMIT_MS }, (chunk) => {
        text += chunk.toString();
        n1.wire.cut();
      });
      expect(outcome).toMatchObject({ kind: "lost", code: "connection-lost", sent: true });
      expect(text).toBe("some\n");
    });
  });
});
