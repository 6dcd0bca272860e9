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

describeReal("Trust between pawl and real SSH servers", ["openssh-server", "openssh-client"], () => {
  let fleet: Fleet;
  let n1: RealNode;
  const remotes: WiredRemote[] = [];

  beforeAll(async () => {
    fleet = await startFleet(2);
    [n1] = fleet.nodes as [RealNode, RealNode];
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
      const exchanged = knownLines()
        .map((line, index, all) => `${line.split(" ")[0] ?? ""} ${(all[1 - index] ?? "").split(" ").slice(1).join(" ")}\n`)
        .join("");
      const outcome = await sh(withKnown(exchanged), "true");
      expect(outcome).toMatchObject({ kind: "lost", code: "host-key-changed", sent: false });
      expect(outcome.kind === "lost" && outcome.reason.match(/SHA256:/g)).toHaveLength(2);
      expect(outcome.kind === "lost" && outcome.reason).toMatch(/known-[^:]*:1 /);
    });

    it("that is revoked is refused", async () => {
      const [first = ""] = knownLines();
      expect(await sh(withKnown(`${first}\n@revoked ${first}\n`), "true")).toMatchObject({
        kind: "lost",
        code: "host-key-revoked",
        sent: false,
      });
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
      expect(() => open({ ssh: { identityFile: join(fleet.folder, "nowhere") } })).toThrow(
        expect.objectContaining({ code: "identity-missing", exit: "invalid-document" }),
      );
      expect(() => open({ ssh: { identityFile: fleet.knownHosts } })).toThrow(
        expect.objectContaining({ code: "identity-unusable" }),
      );
    });

    it("with an encrypted key needs ssh-agent, which the refusal names", async () => {
      const identityFile = makeKey(join(fleet.folder, "locked"), { passphrase: "open sesame" });
      expect(() => open({ ssh: { identityFile } })).toThrow(
        expect.objectContaining({
          code: "identity-encrypted",
          details: expect.objectContaining({ next: expect.stringContaining("ssh-add") }),
        }),
      );
    });

    it("works through a real ssh-agent that holds the encrypted key", async () => {
      const folder = join(fleet.folder, "agent");
      mkdirSync(folder);
      const identityFile = makeKey(join(folder, "locked"), { passphrase: "open sesame" });
      writeFileSync(join(folder, "ask"), "#!/bin/sh\necho open sesame\n", { mode: 0o700 });
      writeFileSync(`${fleet.identityFile}.pub`, readFileSync(`${identityFile}.pub`, "utf8"), { flag: "a" });
      const socket = join(folder, "socket");
      const agent = await startProgram(["ssh-agent", "-D", "-a", socket], { cwd: folder });
      await eventually(
        () => existsSync(socket),
        () => agent.log(),
      );
      const added = await startProgram(["setsid", "-w", "ssh-add", identityFile], {
        cwd: folder,
        env: { SSH_AUTH_SOCK: socket, SSH_ASKPASS: join(folder, "ask"), SSH_ASKPASS_REQUIRE: "force", DISPLAY: ":none" },
      });
      const remote = open({ ssh: { identityFile }, env: { SSH_AUTH_SOCK: socket } });
      try {
        await eventually(
          async () => (await sh(remote, "echo in")).kind === "exited",
          () => `the agent did not open the door: ${added.log()}`,
        );
      } finally {
        await added.stop();
        await agent.stop();
      }
    });

    it("follows ~/.ssh/config of the home folder", async () => {
      const home = join(fleet.folder, "home");
      mkdirSync(join(home, ".ssh"), { recursive: true });
      writeFileSync(
        join(home, ".ssh/config"),
        `Host somewhere\n HostName ${n1.address}\n Port ${String(n1.port)}\n User ${fleet.user}\n IdentityFile ${fleet.identityFile}\n UserKnownHostsFile ${fleet.knownHosts}\n`,
      );
      const nodes = [{ name: "n1", address: "somewhere", role: "r", critical: false, ssh: {} }];
      expect(await sh(open({ home, inventory: { ...fleet.inventory(), ssh: {}, nodes } }), "echo $PAWL_NODE")).toMatchObject({
        kind: "exited",
        stdout: "n1\n",
      });
    });
  });
});
