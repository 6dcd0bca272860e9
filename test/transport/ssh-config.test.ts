import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Inventory } from "../../src/domain/inventory.ts";
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

  it("follows Match all and Match host, and leaves out sections whose condition only OpenSSH can tell", () => {
    const config = parseSshConfig('Match exec "true"\n User wrong\nMatch host m1\n Port 77\nMatch all\n User right\n');
    expect(sshOptionsFor(config, "m1")).toMatchObject({ user: "right", port: 77 });
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

  it("refuses a node behind a proxy with the reason, before anything is sent", () => {
    expect(() => target({}, "Host 10.*\n ProxyJump jump.example.org\n")).toThrow(/proxy/);
    expect(target({}, "Host 10.*\n ProxyJump none\n").host).toBe("10.0.0.11");
  });
});
