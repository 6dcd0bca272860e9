import { mkdirSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import type { SshSettings } from "../../src/domain/inventory.ts";
import type { Outcome } from "../../src/engine/ports.ts";
import { createRemote, type WiredRemote } from "../../src/transport/remote.ts";
import { eventually } from "../real/process.ts";
import { describeReal } from "../real/requires.ts";
import { startFleet, type Fleet, type RealNode } from "../real/sshd.ts";

const LIMIT_MS = 20_000;

describeReal("Nodes behind a jump host", ["openssh-server", "openssh-client"], () => {
  let fleet: Fleet;
  let bastion: RealNode;
  let second: RealNode;
  let n3: RealNode;
  let n4: RealNode;
  const remotes: WiredRemote[] = [];

  beforeAll(async () => {
    // The first is a bastion that runs nothing and forwards to SSH servers; it allows one session, so that a second would be seen.
    fleet = await startFleet(4, (number) =>
      number === 1 ? ["ForceCommand /bin/false", "MaxSessions 0", "X11Forwarding no"] : [],
    );
    [bastion, second, n3, n4] = fleet.nodes as [RealNode, RealNode, RealNode, RealNode];
  });
  afterAll(() => fleet.stop());
  afterEach(async () => {
    for (const remote of remotes.splice(0)) await remote.close();
    await bastion.wire.mode("carry");
  });

  const spec = (node: RealNode): string => `${fleet.user}@${node.address}:${String(node.port)}`;
  const open = (
    ssh: SshSettings,
    options: { readonly home?: string; readonly from?: Fleet; readonly connectTimeoutMs?: number; readonly bare?: boolean } = {},
  ): WiredRemote => {
    const from = options.from ?? fleet;
    const inventory = from.inventory(ssh);
    const remote = createRemote({
      inventory: options.bare === true ? { ...inventory, ssh } : inventory,
      env: { USER: fleet.user },
      home: options.home ?? fleet.folder,
      etc: fleet.folder,
      ...(options.connectTimeoutMs === undefined ? {} : { connectTimeoutMs: options.connectTimeoutMs }),
    });
    remotes.push(remote);
    return remote;
  };
  const on = (remote: WiredRemote, node: string, text = "echo $PAWL_NODE", timeoutMs = LIMIT_MS): Promise<Outcome> =>
    remote.run(node, { argv: ["sh", "-c", text], timeoutMs });

  it("share one connection to it, which runs nothing there", async () => {
    const before = bastion.wire.made();
    const remote = open({ jump: [spec(bastion)] });
    const outcomes = await Promise.all(["n2", "n3", "n4"].map((name) => on(remote, name)));
    expect(outcomes.map((one) => (one.kind === "exited" ? one.stdout : one))).toEqual(["n2\n", "n3\n", "n4\n"]);
    expect(bastion.wire.made() - before).toBe(1);
    expect(await on(remote, "n3", 'printf %s "$SSH_CONNECTION"')).toMatchObject({ kind: "exited", code: 0 });
  });

  it("may name it as a machine of the inventory, which itself is reached directly", async () => {
    const before = second.wire.made();
    const remote = open({ jump: ["n2"] });
    expect(await on(remote, "n2")).toMatchObject({ stdout: "n2\n" });
    expect(await on(remote, "n3")).toMatchObject({ stdout: "n3\n" });
    expect(second.wire.made() - before).toBe(1);
  });

  it("do not share a connection that was verified under other settings: files, alias or key", async () => {
    const home = mkdtempSync(join(fleet.folder, "home-"));
    mkdirSync(join(home, ".ssh"));
    const [bastionLine = "", ...others] = readFileSync(fleet.knownHosts, "utf8").trim().split("\n");
    const key = bastionLine.split(" ").slice(1).join(" ");
    writeFileSync(join(home, "without"), `${others.join("\n")}\n`);
    writeFileSync(join(home, "aliased"), `${others.join("\n")}\nthe-door ${key}\n`);
    const login = ` User ${fleet.user}\n IdentityFile ${fleet.identityFile}\n`;
    const where = ` HostName ${bastion.address}\n Port ${String(bastion.port)}\n`;
    writeFileSync(
      join(home, ".ssh/config"),
      `Host one\n${where} UserKnownHostsFile ${fleet.knownHosts}\n` +
        `Host two\n${where} UserKnownHostsFile ${join(home, "without")}\n` +
        `Host three\n${where} UserKnownHostsFile ${join(home, "aliased")}\n HostKeyAlias the-door\n` +
        `Host ${second.address}\n ProxyJump one\nHost ${n3.address}\n ProxyJump two\nHost ${n4.address}\n ProxyJump three\n` +
        `Host *\n${login} UserKnownHostsFile ${fleet.knownHosts}\n`,
    );
    for (const order of [
      ["n2", "n3", "n4"],
      ["n4", "n3", "n2"],
    ]) {
      const remote = open({}, { home, bare: true });
      const outcomes = new Map<string, Outcome>();
      for (const name of order) outcomes.set(name, await on(remote, name));
      expect(outcomes.get("n2"), String(order)).toMatchObject({ stdout: "n2\n" });
      expect(outcomes.get("n3"), String(order)).toMatchObject({ kind: "lost", code: "host-key-unknown", sent: false });
      expect(outcomes.get("n4"), String(order)).toMatchObject({ stdout: "n4\n" });
    }
    const remote = open({}, { home, bare: true });
    const before = bastion.wire.made();
    await Promise.all([on(remote, "n2"), on(remote, "n4")]);
    expect(bastion.wire.made() - before).toBe(2);
  });

  it("are reached through a chain, each link through the one before", async () => {
    const remote = open({ jump: [spec(bastion), spec(second)] });
    const before = [bastion.wire.made(), second.wire.made()];
    expect(await on(remote, "n3")).toMatchObject({ stdout: "n3\n" });
    expect(await on(remote, "n4")).toMatchObject({ stdout: "n4\n" });
    expect([bastion.wire.made() - (before[0] ?? 0), second.wire.made() - (before[1] ?? 0)]).toEqual([1, 1]);
    bastion.wire.cut();
    expect(await on(remote, "n4", "echo again")).toMatchObject({ kind: "exited", stdout: "again\n" });
  });

  it("carry a long stream unchanged through it", async () => {
    const remote = open({ jump: [spec(bastion)] });
    let bytes = 0;
    const outcome = await remote.stream("n3", { argv: ["head", "-c", "40000000", "/dev/zero"], timeoutMs: LIMIT_MS }, (chunk) => {
      bytes += chunk.length;
    });
    expect(outcome).toMatchObject({ kind: "exited", code: 0 });
    expect(bytes).toBe(40_000_000);
  });

  it("follow ProxyJump of ~/.ssh/config, by pattern and in a chain, and none", async () => {
    const home = mkdtempSync(join(fleet.folder, "home-"));
    mkdirSync(join(home, ".ssh"));
    writeFileSync(
      join(home, ".ssh/config"),
      `Host first\n HostName ${bastion.address}\n Port ${String(bastion.port)}\nHost second\n HostName ${second.address}\n Port ${String(second.port)}\n` +
        `Host ${n3.address}\n ProxyJump first,second\nHost ${n4.address}\n ProxyJump none\nHost *\n User ${fleet.user}\n IdentityFile ${fleet.identityFile}\n UserKnownHostsFile ${fleet.knownHosts}\nHost 127.*\n ProxyJump first\n`,
    );
    const remote = open({}, { home, bare: true });
    const before = [bastion.wire.made(), second.wire.made()];
    expect(await on(remote, "n3")).toMatchObject({ stdout: "n3\n" });
    expect([bastion.wire.made() - (before[0] ?? 0), second.wire.made() - (before[1] ?? 0)]).toEqual([1, 1]);
    await bastion.wire.mode("refuse");
    expect(await on(remote, "n4")).toMatchObject({ stdout: "n4\n" });
    expect(await on(remote, "n2")).toMatchObject({ kind: "lost", code: "jump-refused" });
  });

  describe("when it is lost", () => {
    it("lose their commands with the jump host named, and are reached again once it is back", async () => {
      const remote = open({ jump: [spec(bastion)] });
      const mark = join(n3.folder, `begun-${String(Date.now())}`);
      const running = on(remote, "n3", `: >${mark}; sleep 5`);
      await eventually(
        async () => (await on(remote, "n4", `test -e ${mark}`)).kind === "exited",
        () => "the command did not begin",
      );
      await eventually(
        async () => {
          const looked = await on(remote, "n4", `test -e ${mark}`);
          return looked.kind === "exited" && looked.code === 0;
        },
        () => "the command did not begin",
      );
      await bastion.wire.mode("refuse");
      const lost = await running;
      expect(lost).toMatchObject({ kind: "lost", code: "connection-lost", sent: true });
      expect(lost.kind === "lost" && lost.reason).toContain(`jump host ${spec(bastion)}`);
      const unsent = await on(remote, "n3");
      expect(unsent).toMatchObject({ kind: "lost", code: "jump-refused", sent: false });
      expect(unsent.kind === "lost" && unsent.reason).toContain(`jump host ${spec(bastion)} of n3 is not reached`);
      await bastion.wire.mode("carry");
      expect(await on(remote, "n3")).toMatchObject({ kind: "exited", stdout: "n3\n" });
    });

    it("are not waited for longer than a connection may take where it says nothing", async () => {
      await bastion.wire.mode("silence");
      expect(await on(open({ jump: [spec(bastion)] }, { connectTimeoutMs: 300 }), "n3")).toMatchObject({
        kind: "lost",
        code: "jump-unreachable",
        sent: false,
      });
    });
  });

  it("are not reached through one whose key is unknown, changed, or taken over", async () => {
    const lines = readFileSync(fleet.knownHosts, "utf8").trim().split("\n");
    const knownHosts = join(fleet.folder, "without-bastion");
    writeFileSync(knownHosts, `${lines.slice(1).join("\n")}\n`);
    const unknown = await on(open({ knownHosts, jump: [spec(bastion)] }), "n3");
    expect(unknown).toMatchObject({ kind: "lost", code: "host-key-unknown", sent: false });
    expect(unknown.kind === "lost" && unknown.reason).toContain(`jump host ${spec(bastion)}`);
    const exchanged = join(fleet.folder, "exchanged-bastion");
    const name = lines[0]?.split(" ")[0] ?? "";
    writeFileSync(exchanged, `${name} ${(lines[1] ?? "").split(" ").slice(1).join(" ")}\n${lines.slice(1).join("\n")}\n`);
    expect(await on(open({ knownHosts: exchanged, jump: [spec(bastion)] }), "n3")).toMatchObject({ code: "host-key-changed" });
  });

  it("are themselves refused where their own key is not the known one, jump host or not", async () => {
    const lines = readFileSync(fleet.knownHosts, "utf8").trim().split("\n");
    const knownHosts = join(fleet.folder, "only-bastion");
    writeFileSync(knownHosts, `${lines[0] ?? ""}\n`);
    const outcome = await on(open({ knownHosts, jump: [spec(bastion)] }), "n3");
    expect(outcome).toMatchObject({ kind: "lost", code: "host-key-unknown", sent: false });
    expect(outcome.kind === "lost" && outcome.reason).toContain("n3 (");
  });

  it("that the jump host cannot reach are told by its account, not as its own failure", async () => {
    const remote = open({ jump: [spec(bastion)] });
    await n3.wire.mode("refuse");
    try {
      expect(await on(remote, "n3")).toMatchObject({ kind: "lost", code: "refused", sent: false });
      expect(await on(remote, "n4")).toMatchObject({ kind: "exited" });
    } finally {
      await n3.wire.mode("carry");
    }
  });

  it("are refused before anything is tried where jump hosts lead in a circle", () => {
    const inventory = fleet.inventory();
    const nodes = inventory.nodes.map((node) =>
      node.name === "n1"
        ? { ...node, ssh: { ...node.ssh, jump: ["n2"] } }
        : node.name === "n2"
          ? { ...node, ssh: { ...node.ssh, jump: ["n1"] } }
          : node,
    );
    expect(() => createRemote({ inventory: { ...inventory, nodes }, env: {}, home: fleet.folder })).toThrow(
      expect.objectContaining({ code: "jump-loop", exit: "invalid-document" }),
    );
  });

  it.each(["AllowTcpForwarding no", "DisableForwarding yes", "PermitOpen 127.0.0.1:1"])(
    "are told what to change where the bastion has %s",
    async (option) => {
      const other = await startFleet(2, (number) => (number === 1 ? [option] : []));
      const [closed] = other.nodes;
      if (closed === undefined) throw new Error("no bastion");
      const remote = open({ jump: ["n1"] }, { from: other });
      try {
        const outcome = await on(remote, "n2");
        expect(outcome).toMatchObject({ kind: "lost", code: "forwarding-refused", sent: false });
        expect(outcome.kind === "lost" && outcome.reason).toMatch(/n1 to 127\.[\d.]+:\d+.*AllowTcpForwarding/);
        expect(await on(remote, "n1")).toMatchObject({ kind: "exited", stdout: "n1\n" });
      } finally {
        await remote.close();
        await other.stop();
      }
    },
  );

  describe("by a ProxyCommand", () => {
    const withCommand = (command: string): WiredRemote => {
      const home = mkdtempSync(join(fleet.folder, "home-"));
      mkdirSync(join(home, ".ssh"));
      writeFileSync(join(home, ".ssh/config"), `Host ${n3.address}\n ProxyCommand ${command}\n`);
      return open({}, { home });
    };
    const ssh = (): string =>
      `ssh -F none -i ${fleet.identityFile} -o UserKnownHostsFile=${fleet.knownHosts} -p ${String(bastion.port)} -W [%h]:%p ${fleet.user}@${bastion.address}`;

    it("of the user's own run commands through it, and end it with the connection", async () => {
      const remote = withCommand(ssh());
      expect(await on(remote, "n3")).toMatchObject({ kind: "exited", stdout: "n3\n" });
      expect(bastion.wire.open()).toBe(1);
      await remote.close();
      await eventually(
        () => bastion.wire.open() === 0,
        () => "the ProxyCommand still runs",
      );
    });

    it("that fails are told what it said", async () => {
      const outcome = await on(withCommand("sh -c 'echo no way through >&2; exit 3'"), "n3");
      expect(outcome).toMatchObject({ kind: "lost", code: "proxy-failed", sent: false });
      expect(outcome.kind === "lost" && outcome.reason).toContain("no way through");
    });

    it("that says nothing are given up in time", async () => {
      const home = mkdtempSync(join(fleet.folder, "home-"));
      mkdirSync(join(home, ".ssh"));
      writeFileSync(join(home, ".ssh/config"), `Host ${n3.address}\n ProxyCommand sleep 60\n`);
      expect(await on(open({}, { home, connectTimeoutMs: 300 }), "n3")).toMatchObject({ kind: "lost", code: "unreachable" });
    });
  });
});
