import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Inventory } from "../../src/domain/inventory.ts";
import { jumpOf } from "../../src/transport/jump.ts";
import { parseSshConfig, readSshConfig, sshOptionsFor } from "../../src/transport/ssh-config.ts";
import { sshTargets, type SshTarget } from "../../src/transport/target.ts";

function inventory(parts: Partial<Inventory>): Inventory {
  return {
    name: "t",
    platform: "toy",
    folder: "/etc/pawl",
    ssh: {},
    ports: {},
    scripts: {},
    hooks: {},
    siteSteps: [],
    settings: {},
    nodes: [{ name: "m1", address: "10.0.0.11", role: "r", critical: false, ssh: {} }],
    ...parts,
  };
}

function target(parts: Partial<Inventory>, config = "", env: Record<string, string> = {}, name = "m1"): SshTarget {
  const found = sshTargets(inventory(parts), parseSshConfig(config), { env: { USER: "me", ...env }, home: "/home/me" }).get(name);
  if (found === undefined) throw new Error(`no target ${name}`);
  return found;
}

describe("~/.ssh/config", () => {
  it("takes the first value of a keyword and adds up identity files", () => {
    const config = parseSshConfig(
      "Host 10.*\n  User core\n  IdentityFile ~/.ssh/a\nHost *\n  User root\n  Port 2222\n  IdentityFile ~/.ssh/b\n",
    );
    expect(sshOptionsFor(config, "10.0.0.11")).toMatchObject({
      user: "core",
      port: 2222,
      identityFiles: ["~/.ssh/a", "~/.ssh/b"],
    });
    expect(sshOptionsFor(config, "m1")).toMatchObject({ user: "root", identityFiles: ["~/.ssh/b"] });
  });

  it("reads keywords in any case, with =, quotes, comments and indentation", () => {
    const config = parseSshConfig('# about m1\n  HOST m1 m2\n\tuser=core\n  IdentityFile "/keys/my key"\n');
    expect(sshOptionsFor(config, "m2")).toMatchObject({ user: "core", identityFiles: ["/keys/my key"] });
  });

  it("leaves a negated host out of a section", () => {
    const config = parseSshConfig("Host !m9 m*\n User core\n");
    expect(sshOptionsFor(config, "m1").user).toBe("core");
    expect(sshOptionsFor(config, "m9").user).toBeUndefined();
  });

  it("follows Match with all, final, host, originalhost, user, localuser, and their opposites", () => {
    const config = parseSshConfig(
      "Match host m1 user core\n Port 1\nMatch originalhost m1,m2 localuser me\n Port 2\nMatch !host m3 !user you\n Port 3\nMatch canonical\n Port 4\nMatch final all\n User last\n Port 5\n",
    );
    expect(sshOptionsFor(config, "m1", "me")).toMatchObject({ port: 2, user: "last" });
    expect(sshOptionsFor(config, "m1", "core")).toMatchObject({ port: 1 });
    expect(sshOptionsFor(config, "m4", "me")).toMatchObject({ port: 3 });
    expect(sshOptionsFor(config, "m3", "me")).toMatchObject({ port: 5 });
  });

  it("asks Match host for the name that HostName gave, and Host for the one that was typed", () => {
    const config = parseSshConfig(
      "Host short\n HostName long.example.org\nMatch host *.example.org\n Port 7\nHost *.example.org\n Port 8\n",
    );
    expect(sshOptionsFor(config, "short").port).toBe(7);
  });

  it("refuses where a condition that only OpenSSH can judge would have a say, and only there", () => {
    const config = parseSshConfig(
      'Host *\n Port 5\nMatch exec "true"\n User wrong\n Port 6\n ForwardAgent yes\nMatch all\n User right\n',
    );
    expect(() => sshOptionsFor(config, "m1")).toThrow(
      expect.objectContaining({ code: "ssh-config-match", exit: "invalid-document" }),
    );
    expect(sshOptionsFor(config, "m1", "", new Set(["user"]))).toMatchObject({ port: 5 });
    const harmless = parseSshConfig('Match host m2 exec "true"\n User wrong\nMatch exec "true"\n ForwardAgent yes\n');
    expect(sshOptionsFor(harmless, "m1").user).toBeUndefined();
    expect(target({ ssh: { user: "core" } }, 'Match exec "true"\n User wrong\n').user).toBe("core");
  });

  it("takes whichever of ProxyJump and ProxyCommand comes first", () => {
    expect(target({}, "ProxyCommand nc %h %p\nProxyJump b\n")).toMatchObject({ via: null, proxyCommand: "nc 10.0.0.11 22" });
    expect(target({}, "Host * !b\n ProxyJump b\n ProxyCommand nc %h %p\n")).toMatchObject({
      proxyCommand: null,
      via: { host: "b" },
    });
    expect(target({}, "ProxyCommand none\nProxyJump b\n")).toMatchObject({ via: null, proxyCommand: null });
  });
});

describe("included files", () => {
  let home: string;
  beforeAll(() => {
    home = mkdtempSync(join(tmpdir(), "pawl-ssh-"));
    mkdirSync(join(home, ".ssh/config.d"), { recursive: true });
    writeFileSync(join(home, ".ssh/config"), "Include config.d/*.conf\nHost *\n User last\n");
    writeFileSync(join(home, ".ssh/config.d/a.conf"), "Host m1\n User first\nInclude ~/.ssh/config\n");
    writeFileSync(join(home, ".ssh/config.d/b.txt"), "Host *\n Port 1\n");
  });
  afterAll(() => rmSync(home, { recursive: true, force: true }));

  it("are read in place, by pattern, and an endless circle of them ends", () => {
    const config = readSshConfig(join(home, ".ssh/config"), home);
    expect(sshOptionsFor(config, "m1")).toMatchObject({ user: "first" });
    expect(sshOptionsFor(config, "m2")).toMatchObject({ user: "last" });
    expect(sshOptionsFor(config, "m1").port).toBeUndefined();
  });

  it("and files that do not exist are empty", () => {
    expect(sshOptionsFor(readSshConfig(join(home, "nowhere"), home), "m1")).toEqual({ identityFiles: [], identitiesOnly: false });
  });
});

describe("how a node is reached", () => {
  it("falls back from node to inventory to ~/.ssh/config to defaults", () => {
    const config = "Host 10.0.0.11\n User fromconfig\n Port 2200\n HostName 192.168.0.1\n";
    expect(target({}, "")).toMatchObject({ host: "10.0.0.11", port: 22, user: "me" });
    expect(target({}, config)).toMatchObject({ host: "192.168.0.1", port: 2200, user: "fromconfig" });
    expect(target({ ssh: { user: "core", port: 23 } }, config)).toMatchObject({ user: "core", port: 23 });
    const nodes = [{ name: "m1", address: "10.0.0.11", role: "r", critical: false, ssh: { port: 24 } }];
    expect(target({ ssh: { user: "core", port: 23 }, nodes }, config)).toMatchObject({ user: "core", port: 24 });
  });

  it("offers the usual keys only where nobody named one", () => {
    expect(target({}).identityFiles).toContainEqual({ path: "/home/me/.ssh/id_ed25519", wanted: false });
    expect(target({ ssh: { identityFile: "keys/id" } }).identityFiles).toEqual([{ path: "/etc/pawl/keys/id", wanted: true }]);
    expect(target({ ssh: { identityFile: "~/.ssh/id" } }).identityFiles).toEqual([{ path: "/home/me/.ssh/id", wanted: true }]);
    expect(target({}, "IdentityFile %d/.ssh/%r@%h\n").identityFiles).toEqual([
      { path: "/home/me/.ssh/me@10.0.0.11", wanted: true },
    ]);
  });

  it("trusts only the known_hosts file the inventory names, where it names one", () => {
    expect(target({ ssh: { knownHosts: "known" } }).knownHostsFiles).toEqual(["/etc/pawl/known"]);
    expect(target({}).knownHostsFiles).toContain("/home/me/.ssh/known_hosts");
  });

  it("asks the agent of the environment, another one, or none", () => {
    const env = { SSH_AUTH_SOCK: "/run/agent" };
    expect(target({}, "", env).agent).toBe("/run/agent");
    expect(target({}, "IdentityAgent ~/mine\n", env).agent).toBe("/home/me/mine");
    expect(target({}, "IdentityAgent none\n", env).agent).toBeNull();
    expect(target({}).agent).toBeNull();
  });

  it("uses sudo by default exactly when the user is not root", () => {
    expect(target({}).sudo).toBe(true);
    expect(target({ ssh: { user: "root" } }).sudo).toBe(false);
    expect(target({ ssh: { user: "root", sudo: true } }).sudo).toBe(true);
    expect(target({ ssh: { user: "core", sudo: false } }).sudo).toBe(false);
  });

  it("reaches the bootstrap machine under the name bootstrap", () => {
    expect(
      target(
        { bootstrap: { address: "10.0.0.5", ssh: { user: "boot" }, url: "http://10.0.0.5", installers: {} } },
        "",
        {},
        "bootstrap",
      ),
    ).toMatchObject({ host: "10.0.0.5", user: "boot" });
  });

  it("fills in what OpenSSH's tokens and variables stand for", () => {
    const env = { KEYS: "/keys" };
    expect(target({}, "IdentityFile ${KEYS}/%r@%h:%p-%n-%u-%%\n", env).identityFiles).toEqual([
      { path: "/keys/me@10.0.0.11:22-10.0.0.11-me-%", wanted: true },
    ]);
    expect(target({}, "UserKnownHostsFile ~/.ssh/known/%k\nHostKeyAlias master\n").knownHostsFiles).toEqual([
      "/home/me/.ssh/known/master",
      "/etc/ssh/ssh_known_hosts",
    ]);
  });

  it("reaches IPv6 addresses, with brackets or without", () => {
    expect(target({}, "HostName [fd00::1]\nPort 2222\n")).toMatchObject({ host: "fd00::1", port: 2222 });
    const nodes = [{ name: "m1", address: "fd00::7", role: "r", critical: false, ssh: { port: 24 } }];
    expect(target({ nodes }, "Host fd00::*\n User six\n")).toMatchObject({ host: "fd00::7", port: 24, user: "six" });
  });
});

describe("jump hosts", () => {
  it("are written as ssh writes them", () => {
    expect(jumpOf("bastion")).toEqual({ host: "bastion" });
    expect(jumpOf("me@bastion.example.org:2222")).toEqual({ host: "bastion.example.org", user: "me", port: 2222 });
    expect(jumpOf("ssh://me@[fd00::1]:22")).toEqual({ host: "fd00::1", user: "me", port: 22 });
    expect(jumpOf("me@fd00::1")).toEqual({ host: "fd00::1", user: "me" });
    for (const bad of ["", "-oProxyCommand=x", "a b", "a;b", "a:0", "a:99999", "$(x)", "@", "a/b"])
      expect(jumpOf(bad)).toBeNull();
  });

  it("of the inventory are reached as its nodes are, those of ~/.ssh/config as OpenSSH would", () => {
    const ssh = { user: "core", identityFile: "/keys/core", knownHosts: "/known" };
    expect(target({ ssh: { ...ssh, jump: ["bastion:2222"] } }).via).toMatchObject({
      host: "bastion",
      port: 2222,
      user: "core",
      identityFiles: [{ path: "/keys/core", wanted: true }],
      knownHostsFiles: ["/known", "/home/me/.ssh/known_hosts", "/home/me/.ssh/known_hosts2", "/etc/ssh/ssh_known_hosts"],
    });
    expect(target({ ssh: { ...ssh, jump: ["bastion"] } }, "Host bastion\n User ops\n HostName 192.0.2.1\n").via).toMatchObject({
      host: "192.0.2.1",
      user: "ops",
    });
    const { via } = target({ ssh }, "Host 10.*\n ProxyJump bastion\n");
    expect(via).toMatchObject({ user: "me", knownHostsFiles: expect.arrayContaining(["/known"]) });
    expect(via?.identityFiles.every((one) => !one.wanted)).toBe(true);
  });

  it("chain up to where the machine itself stands in the chain", () => {
    const bootstrap = { address: "10.0.0.5", ssh: {}, url: "http://10.0.0.5", installers: {} };
    const parts = { bootstrap, ssh: { jump: ["edge", "bootstrap"] } };
    expect(target(parts)).toMatchObject({ via: { name: "bootstrap", host: "10.0.0.5", via: { host: "edge", via: null } } });
    expect(target(parts, "", {}, "bootstrap")).toMatchObject({ via: { host: "edge", via: null } });
  });

  it("are left out by none, in the inventory and in ~/.ssh/config", () => {
    expect(target({ ssh: { jump: [] } }, "ProxyJump bastion\n").via).toBeNull();
    expect(target({}, "Host 10.*\n ProxyJump none\nHost *\n ProxyJump bastion\n").via).toBeNull();
  });

  it("that lead to themselves are refused", () => {
    expect(() => target({}, "Host *\n ProxyJump bastion\n")).toThrow(expect.objectContaining({ code: "jump-loop" }));
    expect(target({}, "Host * !bastion\n ProxyJump bastion\n").via).toMatchObject({ host: "bastion", via: null });
  });
});
