import { execFile, execFileSync } from "node:child_process";
import { existsSync, lstatSync, mkdirSync, mkdtempSync, readFileSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import type { SshSettings } from "../../src/domain/inventory.ts";
import type { Outcome } from "../../src/engine/ports.ts";
import type { AcceptedHostKey } from "../../src/transport/host-trust.ts";
import { readPrivateKey } from "../../src/transport/private-key.ts";
import { createRemote, openRemote, type RemoteOptions, type WiredRemote } from "../../src/transport/remote.ts";
import { eventually, startProgram, type Started } from "../real/process.ts";
import { describeReal } from "../real/requires.ts";
import { makeKey, startFleet, type Fleet, type RealNode } from "../real/sshd.ts";

const LIMIT_MS = 20_000;

describeReal("Access to real SSH servers as operators have it", ["openssh-server", "openssh-client"], () => {
  let fleet: Fleet;
  let n1: RealNode;
  const remotes: WiredRemote[] = [];
  const programs: Started[] = [];

  beforeAll(async () => {
    fleet = await startFleet(2, (number) => (number === 2 ? ["MaxAuthTries 2"] : []));
    [n1] = fleet.nodes as [RealNode, RealNode];
  });
  afterAll(() => fleet.stop());
  afterEach(async () => {
    for (const remote of remotes.splice(0)) await remote.close();
    for (const program of programs.splice(0)) await program.stop();
  });

  const optionsOf = (ssh: SshSettings, more: Partial<RemoteOptions> = {}): RemoteOptions => ({
    inventory: fleet.inventory(ssh),
    env: {},
    home: fleet.folder,
    etc: fleet.folder,
    ...more,
  });
  const keep = (remote: WiredRemote): WiredRemote => {
    remotes.push(remote);
    return remote;
  };
  const on = (remote: WiredRemote, node = "n1", text = "true"): Promise<Outcome> =>
    remote.run(node, { argv: ["sh", "-c", text], timeoutMs: LIMIT_MS });
  const folder = (): string => mkdtempSync(join(fleet.folder, "own-"));
  const admit = (publicFile: string): void =>
    writeFileSync(`${fleet.identityFile}.pub`, readFileSync(publicFile, "utf8"), { flag: "a" });

  describe("a locked key", () => {
    const formats: readonly (readonly [string, (file: string) => void])[] = [
      ["ed25519 of OpenSSH", (file) => void makeKey(file, { passphrase: "open sesame" })],
      ["ecdsa of OpenSSH", (file) => void makeKey(file, { type: "ecdsa", passphrase: "open sesame" })],
      ["rsa of OpenSSH", (file) => void makeKey(file, { type: "rsa", passphrase: "open sesame" })],
      ["rsa in PEM", (file) => execFileSync("ssh-keygen", ["-q", "-t", "rsa", "-m", "PEM", "-N", "open sesame", "-f", file])],
      ["ecdsa in PEM", (file) => execFileSync("ssh-keygen", ["-q", "-t", "ecdsa", "-m", "PEM", "-N", "open sesame", "-f", file])],
      [
        "rsa in PKCS#8",
        (file) => execFileSync("ssh-keygen", ["-q", "-t", "rsa", "-m", "PKCS8", "-N", "open sesame", "-f", file]),
      ],
    ];

    it.each(formats)("%s opens the door once its passphrase is given, which is asked for once", async (_name, make) => {
      const file = join(folder(), "key");
      make(file);
      admit(`${file}.pub`);
      const asked: (readonly [string, boolean])[] = [];
      const ask = (path: string, again: boolean): Promise<string> => {
        asked.push([path, again]);
        return Promise.resolve(again ? "open sesame" : "open barley");
      };
      const remote = keep(await openRemote({ ...optionsOf({ identityFile: file }), ask }));
      expect(await on(remote)).toMatchObject({ kind: "exited", code: 0 });
      expect(asked).toEqual([
        [file, false],
        [file, true],
      ]);
    });

    it.each(["rsa", "ec", "ed25519"])("unlocked and in PKCS#8 (%s) needs none", async (type) => {
      const file = join(folder(), "key");
      const kind = type === "rsa" ? ["RSA"] : type === "ec" ? ["EC", "-pkeyopt", "ec_paramgen_curve:P-256"] : ["ed25519"];
      execFileSync("openssl", ["genpkey", "-quiet", "-algorithm", ...kind, "-out", file], { stdio: "ignore" });
      const read = readPrivateKey(readFileSync(file));
      if (read.kind !== "key") throw new Error(read.why);
      writeFileSync(`${file}.pub`, `${read.key.type} ${read.key.getPublicSSH().toString("base64")}\n`);
      expect(await on(keep(createRemote(optionsOf({ identityFile: file }))))).toMatchObject({ code: "auth-failed" });
      admit(`${file}.pub`);
      expect(await on(keep(createRemote(optionsOf({ identityFile: file }))))).toMatchObject({ kind: "exited", code: 0 });
    });

    it("is refused before anything is sent where nobody is there", async () => {
      const file = makeKey(join(folder(), "key"), { passphrase: "open sesame" });
      const made = n1.wire.made();
      await expect(openRemote({ ...optionsOf({ identityFile: file }), ask: () => Promise.resolve(null) })).rejects.toMatchObject({
        code: "identity-encrypted",
        exit: "invalid-document",
      });
      expect(n1.wire.made()).toBe(made);
    });

    it("is given up after three wrong passphrases", async () => {
      const file = makeKey(join(folder(), "key"), { passphrase: "open sesame" });
      let asked = 0;
      const ask = (): Promise<string> => Promise.resolve(`wrong ${String(asked++)}`);
      await expect(openRemote({ ...optionsOf({ identityFile: file }), ask })).rejects.toMatchObject({
        code: "identity-passphrase",
        details: { next: expect.stringContaining("ssh-add") },
      });
      expect(asked).toBe(3);
    });

    it("that ssh-agent holds is not asked about, and neither is a usual one beside a key that works", async () => {
      const home = folder();
      mkdirSync(join(home, ".ssh"));
      const locked = makeKey(join(home, ".ssh/id_ed25519"), { passphrase: "open sesame" });
      const agent = await startAgent(home, [locked], "open sesame");
      admit(`${locked}.pub`);
      const ask = (): Promise<string> => Promise.reject(new Error("asked"));
      const named = keep(await openRemote({ ...optionsOf({ identityFile: locked }, { env: agent }), ask }));
      expect(await on(named)).toMatchObject({ kind: "exited" });
      writeFileSync(join(home, ".ssh/id_rsa"), readFileSync(fleet.identityFile), { mode: 0o600 });
      const usual = optionsOf({}, { home });
      const inventory = { ...usual.inventory, ssh: { user: fleet.user, knownHosts: fleet.knownHosts } };
      expect(await on(keep(await openRemote({ ...usual, inventory, ask })))).toMatchObject({ kind: "exited" });
    });
  });

  const startAgent = async (at: string, keys: readonly string[], passphrase = ""): Promise<Record<string, string>> => {
    const socket = join(at, "agent");
    programs.push(await startProgram(["ssh-agent", "-D", "-a", socket], { cwd: at }));
    await eventually(
      () => existsSync(socket),
      () => "no agent",
    );
    writeFileSync(join(at, "ask"), `#!/bin/sh\necho '${passphrase}'\n`, { mode: 0o700 });
    const env = {
      ...process.env,
      SSH_AUTH_SOCK: socket,
      SSH_ASKPASS: join(at, "ask"),
      SSH_ASKPASS_REQUIRE: "force",
      DISPLAY: ":0",
    };
    for (const key of keys) execFileSync("ssh-add", ["-q", key], { env, stdio: "ignore" });
    return { SSH_AUTH_SOCK: socket };
  };

  describe("an ssh-agent with many keys", () => {
    it("offers the named key first, before the server has had enough", async () => {
      const at = folder();
      const strangers = ["a", "b", "c", "d"].map((name) => makeKey(join(at, name)));
      const right = makeKey(join(at, "right"));
      admit(`${right}.pub`);
      const env = await startAgent(at, [...strangers, right]);
      expect(await on(keep(createRemote(optionsOf({ identityFile: `${right}.pub` }, { env }))), "n2")).toMatchObject({
        kind: "exited",
      });
    });

    it("that has the server end the login is told, with what to do", async () => {
      const at = folder();
      const env = await startAgent(
        at,
        ["a", "b", "c", "d"].map((name) => makeKey(join(at, name))),
      );
      const options = optionsOf({}, { env, home: at });
      const inventory = { ...options.inventory, ssh: { user: fleet.user, knownHosts: fleet.knownHosts } };
      const outcome = await on(keep(createRemote({ ...options, inventory })), "n2");
      expect(outcome).toMatchObject({ kind: "lost", code: "auth-failed", sent: false });
      expect(outcome.kind === "lost" && outcome.reason).toMatch(/MaxAuthTries.*IdentitiesOnly/);
    });

    it("gives nothing but named keys where IdentitiesOnly says so", async () => {
      const at = folder();
      mkdirSync(join(at, ".ssh"));
      const [one, other] = [makeKey(join(at, "one")), makeKey(join(at, "other"))];
      admit(`${one}.pub`);
      writeFileSync(join(at, ".ssh/config"), "Host *\n IdentitiesOnly yes\n");
      const env = await startAgent(at, [one, other]);
      expect(await on(keep(createRemote(optionsOf({ identityFile: `${other}.pub` }, { env, home: at }))))).toMatchObject({
        code: "auth-failed",
      });
      expect(await on(keep(createRemote(optionsOf({ identityFile: `${one}.pub` }, { env, home: at }))))).toMatchObject({
        kind: "exited",
      });
    });

    it("that does not answer is no reason to fail where a key file opens the door", async () => {
      const at = folder();
      const env = { SSH_AUTH_SOCK: join(at, "nobody") };
      expect(await on(keep(createRemote(optionsOf({}, { env }))))).toMatchObject({ kind: "exited" });
      const stranger = makeKey(join(at, "stranger"));
      const outcome = await on(keep(createRemote(optionsOf({ identityFile: stranger }, { env }))));
      expect(outcome).toMatchObject({ kind: "lost", code: "auth-failed" });
      expect(outcome.kind === "lost" && outcome.reason).toContain("ssh-agent");
    });
  });

  describe("an unknown host key, with accept-new", () => {
    const open = (knownHosts: string, told: AcceptedHostKey[]): WiredRemote =>
      keep(createRemote(optionsOf({ knownHosts }, { accept: (key) => told.push(key) })));

    it("is written once, told with its fingerprint, and known from then on, to OpenSSH too", async () => {
      const file = join(folder(), "ssh/known_hosts");
      const told: AcceptedHostKey[] = [];
      const remote = open(file, told);
      expect(await Promise.all([on(remote), on(remote), on(remote, "n2")])).toMatchObject([
        { kind: "exited" },
        { kind: "exited" },
        { kind: "exited" },
      ]);
      expect(told.map((one) => one.target).toSorted()).toEqual(["n1", "n2"]);
      expect(told[0]).toMatchObject({ type: "ssh-ed25519", fingerprint: expect.stringMatching(/^SHA256:/), file });
      expect(readFileSync(file, "utf8").split("\n").toSorted()).toEqual(
        readFileSync(fleet.knownHosts, "utf8").split("\n").toSorted(),
      );
      expect(statSync(file).mode & 0o777).toBe(0o600);
      expect(statSync(join(file, "..")).mode & 0o777).toBe(0o700);
      n1.wire.cut();
      expect(await on(remote)).toMatchObject({ kind: "exited" });
      expect(told).toHaveLength(2);
      execFileSync("ssh-keygen", ["-F", `[${n1.address}]:${String(n1.port)}`, "-f", file]);
    });

    it("keeps what the file holds, its rights, and a link to it", async () => {
      const at = folder();
      writeFileSync(join(at, "real"), "# mine, without a line end at the end", { mode: 0o640 });
      symlinkSync("real", join(at, "link"));
      expect(await on(open(join(at, "link"), []))).toMatchObject({ kind: "exited" });
      expect(readFileSync(join(at, "real"), "utf8")).toMatch(/^# mine, without a line end at the end\n\[127\..*\n$/);
      expect(statSync(join(at, "real")).mode & 0o777).toBe(0o640);
      expect(lstatSync(join(at, "link")).isSymbolicLink()).toBe(true);
    });

    it("is refused all the same where it is another key than the known one, or revoked", async () => {
      const [first = "", second = ""] = readFileSync(fleet.knownHosts, "utf8").trim().split("\n");
      const name = first.split(" ")[0] ?? "";
      const at = folder();
      const told: AcceptedHostKey[] = [];
      const changed = `${name} ${second.split(" ").slice(1).join(" ")}\n`;
      writeFileSync(join(at, "changed"), changed);
      const outcome = await on(open(join(at, "changed"), told));
      expect(outcome).toMatchObject({ kind: "lost", code: "host-key-changed", sent: false });
      expect(outcome.kind === "lost" && outcome.reason).toContain(`ssh-keygen -R '${name}'`);
      expect(readFileSync(join(at, "changed"), "utf8")).toBe(changed);
      writeFileSync(join(at, "revoked"), `@revoked * ${first.split(" ").slice(1).join(" ")}\n`);
      expect(await on(open(join(at, "revoked"), told))).toMatchObject({ code: "host-key-revoked" });
      expect(told).toEqual([]);
    });

    it("that cannot be written is refused, and nothing is left behind", async () => {
      const at = folder();
      mkdirSync(join(at, "known_hosts"));
      const outcome = await on(open(join(at, "known_hosts"), []));
      expect(outcome).toMatchObject({ kind: "lost", code: "host-key-unknown", sent: false });
      expect(outcome.kind === "lost" && outcome.reason).toContain("cannot be written");
    });
  });

  describe("an unknown host key, without it,", () => {
    it("is refused with the command that brings it in, which does", async () => {
      const file = join(folder(), "known");
      writeFileSync(file, "");
      const outcome = await on(keep(createRemote(optionsOf({ knownHosts: file }))));
      const command = /ssh-keyscan[^;]*$/.exec(outcome.kind === "lost" ? outcome.reason : "")?.[0] ?? "false";
      expect(command).toBe(`ssh-keyscan -p ${String(n1.port)} ${n1.address} >>${file}`);
      // The way to the server leads through this process: it must not stand still.
      await promisify(execFile)("sh", ["-c", command]);
      expect(await on(keep(createRemote(optionsOf({ knownHosts: file }))))).toMatchObject({ kind: "exited" });
    });

    it("says so where known_hosts trusts a certificate authority instead", async () => {
      const file = join(folder(), "known");
      writeFileSync(file, `@cert-authority * ${readFileSync(`${fleet.identityFile}.pub`, "utf8")}`);
      const outcome = await on(keep(createRemote(optionsOf({ knownHosts: file }))));
      expect(outcome).toMatchObject({ kind: "lost", code: "host-key-unknown" });
      expect(outcome.kind === "lost" && outcome.reason).toMatch(
        /known:1 trusts a certificate authority.*cannot check host certificates/,
      );
    });
  });
});
