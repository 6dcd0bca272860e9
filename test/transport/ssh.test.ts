import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import type { Inventory, SshSettings } from "../../src/domain/inventory.ts";
import type { Outcome } from "../../src/engine/ports.ts";
import { createRemote, type WiredRemote } from "../../src/transport/remote.ts";
import { eventually, startProgram } from "../real/process.ts";
import { describeReal } from "../real/requires.ts";
import { makeKey, startFleet, type Fleet, type RealNode } from "../real/sshd.ts";

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

  function open(options: { readonly ssh?: SshSettings; readonly inventory?: Inventory; readonly env?: Record<string, string>; readonly home?: string; readonly connectTimeoutMs?: number } = {}): WiredRemote {
    const remote = createRemote({
      inventory: options.inventory ?? fleet.inventory(options.ssh), env: options.env ?? {}, home: options.home ?? fleet.folder,
      ...(options.connectTimeoutMs === undefined ? {} : { connectTimeoutMs: options.connectTimeoutMs }),
    });
    remotes.push(remote);
    return remote;
  }
  const sh = (remote: WiredRemote, text: string, timeoutMs = LIMIT_MS): Promise<Outcome> => remote.run("n1", { argv: ["sh", "-c", text], timeoutMs });

  describe("a connection", () => {
    it("is made once and carries every command, also many at once beyond the sessions a server allows", async () => {
      const remote = open();
      const before = n1.wire.made();
      const outcomes = await Promise.all(Array.from({ length: 30 }, (_, index) => sh(remote, `sleep 0.05; echo ${String(index)}`)));
      expect(outcomes.map((one) => (one.kind === "exited" ? one.stdout.trim() : one.kind))).toEqual(outcomes.map((_, index) => String(index)));
      expect(n1.wire.made() - before).toBe(1);
    });

    it("that broke while idle is made again for the next command, and counted", async () => {
      const remote = open();
      await sh(remote, "true");
      n1.wire.cut();
      await eventually(() => remote.losses?.("n1") === 1, () => "the loss was not noticed");
      expect(await sh(remote, "echo back")).toMatchObject({ kind: "exited", stdout: "back\n" });
      expect(remote.losses?.("n1")).toBe(1);
    });

    it("that breaks under a command leaves its outcome unknown, and the next command gets a new one", async () => {
      const remote = open();
      const mark = join(n1.folder, "begun");
      const running = sh(remote, `: >${mark}; sleep 5`);
      await eventually(() => existsSync(mark), () => "the command did not begin");
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
      await eventually(() => n1.wire.open() === 0, () => "the connection is still open");
    });
  });

  describe("a host that is not reached", () => {
    afterEach(() => n2.wire.mode("carry"));

    it("refuses, without the command having been sent", async () => {
      await n2.wire.mode("refuse");
      expect(await open().run("n2", { argv: ["true"], timeoutMs: LIMIT_MS })).toMatchObject({ kind: "lost", code: "refused", sent: false });
    });

    it("is unreachable when it accepts the connection and then says nothing", async () => {
      await n2.wire.mode("silence");
      expect(await open({ connectTimeoutMs: 300 }).run("n2", { argv: ["true"], timeoutMs: LIMIT_MS })).toMatchObject({ kind: "lost", code: "unreachable", sent: false });
    });

    it("costs a command no more than its own time", async () => {
      await n2.wire.mode("silence");
      expect(await open({ connectTimeoutMs: 600_000 }).run("n2", { argv: ["true"], timeoutMs: 200 })).toMatchObject({ kind: "lost", code: "unreachable", sent: false });
    });

    it("is not resolved when nobody has its name", async () => {
      const inventory = fleet.inventory();
      const remote = open({ inventory: { ...inventory, nodes: [{ name: "n1", address: "no-such-host.invalid", role: "r", critical: false, ssh: {} }] } });
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

  describe("a host key", () => {
    const knownLines = (): string[] => readFileSync(fleet.knownHosts, "utf8").trim().split("\n");
    const withKnown = (text: string): WiredRemote => {
      const knownHosts = join(fleet.folder, `known-${String(Math.random())}`);
      writeFileSync(knownHosts, text);
      return open({ ssh: { knownHosts } });
    };

    it("that is unknown is refused with its fingerprint and the file, and nothing is learned from it", async () => {
      const knownHosts = join(fleet.folder, "empty");
      writeFileSync(knownHosts, "");
      const remote = open({ ssh: { knownHosts } });
      const outcome = await sh(remote, `: >${join(n1.folder, "ran-unknown")}`);
      expect(outcome).toMatchObject({ kind: "lost", code: "host-key-unknown", sent: false });
      expect(outcome.kind === "lost" && outcome.reason).toMatch(/ssh-ed25519 SHA256:[A-Za-z0-9+/]{43}.*empty/);
      expect(existsSync(join(n1.folder, "ran-unknown"))).toBe(false);
      expect(readFileSync(knownHosts, "utf8")).toBe("");
      expect(await sh(remote, "true")).toMatchObject({ code: "host-key-unknown" });
    });

    it("that differs from the known one is refused with both fingerprints and the line", async () => {
      const exchanged = knownLines().map((line, index, all) => `${line.split(" ")[0] ?? ""} ${(all[1 - index] ?? "").split(" ").slice(1).join(" ")}\n`).join("");
      const outcome = await sh(withKnown(exchanged), "true");
      expect(outcome).toMatchObject({ kind: "lost", code: "host-key-changed", sent: false });
      expect(outcome.kind === "lost" && outcome.reason.match(/SHA256:/g)).toHaveLength(2);
      expect(outcome.kind === "lost" && outcome.reason).toMatch(/known-[^:]*:1 /);
    });

    it("that is revoked is refused", async () => {
      const [first = ""] = knownLines();
      expect(await sh(withKnown(`${first}\n@revoked ${first}\n`), "true")).toMatchObject({ kind: "lost", code: "host-key-revoked", sent: false });
    });

    it("changed under a run is refused at the next connection", async () => {
      const other = await startFleet(1);
      const remote = open({ inventory: other.inventory() });
      expect(await sh(remote, "true")).toMatchObject({ kind: "exited" });
      await other.nodes[0]?.changeHostKey();
      expect(await sh(remote, "true")).toMatchObject({ kind: "lost", code: "host-key-changed", sent: false });
      await remote.close();
      await other.stop();
    });

    it("of the known type is asked for where a host has several", async () => {
      const folder = join(fleet.folder, "rsa");
      mkdirSync(folder);
      const rsa = makeKey(join(folder, "key"), { type: "rsa" });
      const other = await startFleet(1, [`HostKey ${rsa}`]);
      const knownHosts = join(folder, "known");
      const node = other.nodes[0];
      writeFileSync(knownHosts, `[${node?.address ?? ""}]:${String(node?.port)} ${readFileSync(`${rsa}.pub`, "utf8")}`);
      const remote = open({ inventory: other.inventory({ knownHosts }) });
      expect(await sh(remote, "true")).toMatchObject({ kind: "exited", code: 0 });
      expect(remote.hostKeyOf("n1")).toMatch(/^ssh-rsa /);
      await remote.close();
      await other.stop();
    });

    it("is told for a target as known_hosts has it", () => {
      expect(open().hostKeyOf("n1")).toBe(knownLines()[0]?.split(" ").slice(1).join(" "));
      expect(open().hostKeyOf("nobody")).toBeNull();
    });
  });

  describe("logging in", () => {
    it("fails with a key the server does not know", async () => {
      const identityFile = makeKey(join(fleet.folder, "stranger"));
      expect(await sh(open({ ssh: { identityFile } }), "true")).toMatchObject({ kind: "lost", code: "auth-failed", sent: false });
    });

    it("fails without any key, naming where one was looked for", async () => {
      const ssh = { user: fleet.user, knownHosts: fleet.knownHosts };
      const outcome = await sh(open({ inventory: { ...fleet.inventory(), ssh } }), "true");
      expect(outcome).toMatchObject({ kind: "lost", code: "auth-failed", sent: false });
      expect(outcome.kind === "lost" && outcome.reason).toContain(".ssh/id_ed25519");
    });

    it("is refused before anything is tried when a named key file is missing or is no key", () => {
      expect(() => open({ ssh: { identityFile: join(fleet.folder, "nowhere") } })).toThrow(expect.objectContaining({ code: "identity-missing", exit: "invalid-document" }));
      expect(() => open({ ssh: { identityFile: fleet.knownHosts } })).toThrow(expect.objectContaining({ code: "identity-unusable" }));
    });

    it("with an encrypted key needs ssh-agent, which the refusal names", async () => {
      const identityFile = makeKey(join(fleet.folder, "locked"), { passphrase: "open sesame" });
      expect(() => open({ ssh: { identityFile } })).toThrow(expect.objectContaining({ code: "identity-encrypted", details: expect.objectContaining({ next: expect.stringContaining("ssh-add") }) }));
    });

    it("works through a real ssh-agent that holds the encrypted key", async () => {
      const folder = join(fleet.folder, "agent");
      mkdirSync(folder);
      const identityFile = makeKey(join(folder, "locked"), { passphrase: "open sesame" });
      writeFileSync(join(folder, "ask"), "#!/bin/sh\necho open sesame\n", { mode: 0o700 });
      writeFileSync(`${fleet.identityFile}.pub`, readFileSync(`${identityFile}.pub`, "utf8"), { flag: "a" });
      const socket = join(folder, "socket");
      const agent = await startProgram(["ssh-agent", "-D", "-a", socket], { cwd: folder });
      await eventually(() => existsSync(socket), () => agent.log());
      const added = await startProgram(["setsid", "-w", "ssh-add", identityFile], { cwd: folder, env: { SSH_AUTH_SOCK: socket, SSH_ASKPASS: join(folder, "ask"), SSH_ASKPASS_REQUIRE: "force", DISPLAY: ":none" } });
      const remote = open({ ssh: { identityFile }, env: { SSH_AUTH_SOCK: socket } });
      try {
        await eventually(async () => (await sh(remote, "echo in")).kind === "exited", () => `the agent did not open the door: ${added.log()}`);
      } finally {
        await added.stop();
        await agent.stop();
      }
    });

    it("follows ~/.ssh/config of the home folder", async () => {
      const home = join(fleet.folder, "home");
      mkdirSync(join(home, ".ssh"), { recursive: true });
      writeFileSync(join(home, ".ssh/config"), `Host somewhere\n HostName ${n1.address}\n Port ${String(n1.port)}\n User ${fleet.user}\n IdentityFile ${fleet.identityFile}\n UserKnownHostsFile ${fleet.knownHosts}\n`);
      const nodes = [{ name: "n1", address: "somewhere", role: "r", critical: false, ssh: {} }];
      expect(await sh(open({ home, inventory: { ...fleet.inventory(), ssh: {}, nodes } }), "echo $PAWL_NODE")).toMatchObject({ kind: "exited", stdout: "n1\n" });
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
      await eventually(() => existsSync(mark), () => "the command did not begin");
      wanted.abort();
      expect(await running).toMatchObject({ kind: "lost", code: "aborted", sent: true });
      expect(await remote.run("n1", { argv: ["true"], timeoutMs: LIMIT_MS }, wanted.signal)).toMatchObject({ kind: "lost", code: "aborted", sent: false });
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
      for (let still = 0; still < 10; ) {
        await new Promise((resolve) => setTimeout(resolve, 50));
        const now = existsSync(join(n1.folder, "progress")) ? progress() : -1;
        still = now >= 0 && now === last ? still + 1 : 0;
        last = now;
      }
      expect(progress()).toBeLessThan(100);
      (release as (() => void) | null)?.();
      expect(await streamed).toMatchObject({ kind: "exited", code: 0, stdout: "" });
      expect(bytes).toBe(200 * 1024 * 1024);
      expect(hash.digest("hex")).toBe(createHash("sha256").update(Buffer.alloc(200 * 1024 * 1024)).digest("hex"));
    });

    it("ends with the error of a reader that fails, at once or later", async () => {
      const remote = open();
      const command = { argv: ["sh", "-c", `cd ${n1.folder}; ${ENDLESS}`], timeoutMs: LIMIT_MS };
      await expect(remote.stream("n1", command, () => { throw new Error("disk full"); })).rejects.toThrow("disk full");
      await expect(remote.stream("n1", command, () => Promise.reject(new Error("disk full later")))).rejects.toThrow("disk full later");
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
