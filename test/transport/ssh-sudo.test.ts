import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import type { Command, Outcome } from "../../src/engine/ports.ts";
import { createRemote, type WiredRemote } from "../../src/transport/remote.ts";
import { describeReal } from "../real/requires.ts";
import { startFleet, type Fleet } from "../real/sshd.ts";
import { makeSudoUsers, mayMount, MOUNTS, type SudoUsers } from "../real/sudo-users.ts";

const LIMIT_MS = 30_000;
const PASSWORD = "correct horse $'\"battery` 7";

describeReal(
  "sudo with a password",
  ["openssh-server", "openssh-client", "sudo"],
  () => {
    let users: SudoUsers;
    let fleet: Fleet;
    const remotes: WiredRemote[] = [];

    beforeAll(async () => {
      users = makeSudoUsers(["asked", "free", "tty", "nobody2", "mixed"], PASSWORD, [
        "asked ALL=(ALL:ALL) ALL",
        "free ALL=(ALL:ALL) NOPASSWD: ALL",
        "tty ALL=(ALL:ALL) NOPASSWD: ALL",
        "Defaults:tty requiretty",
        "mixed ALL=(ALL:ALL) ALL, NOPASSWD: /bin/sh, /usr/bin/sh",
        "Defaults:asked timestamp_timeout=0",
        "Defaults:mixed timestamp_timeout=30, timestamp_type=global",
      ]);
      fleet = await startFleet(3, [], { wrap: users.wrap, user: "asked" });
    });
    afterAll(() => fleet.stop());
    afterEach(async () => {
      for (const remote of remotes.splice(0)) await remote.close();
    });

    const open = (sudoPassword?: string, user = "asked"): WiredRemote => {
      const remote = createRemote({
        inventory: fleet.inventory({ user }),
        env: {},
        home: fleet.folder,
        etc: fleet.folder,
        ...(sudoPassword === undefined ? {} : { sudoPassword }),
      });
      remotes.push(remote);
      return remote;
    };
    const root = (remote: WiredRemote, command: Partial<Command> & Pick<Command, "argv">, node = "n1"): Promise<Outcome> =>
      remote.run(node, { timeoutMs: LIMIT_MS, sudo: true, ...command });

    it("runs commands as root, with their own words, input, exit codes and nothing of the password", async () => {
      const remote = open(PASSWORD);
      expect(await root(remote, { argv: ["id", "-u"] })).toMatchObject({ kind: "exited", code: 0, stdout: "0\n" });
      expect(await root(remote, { argv: ["cat"], stdin: "two\nlines é" })).toMatchObject({
        kind: "exited",
        stdout: "two\nlines é",
      });
      expect(await root(remote, { argv: ["cat"] })).toMatchObject({ kind: "exited", code: 0, stdout: "" });
      expect(await root(remote, { argv: ["sh", "-c", 'printf "<%s>" "$@"; exit 7', "x", "a b", "$HOME", "-n"] })).toMatchObject({
        kind: "exited",
        code: 7,
        stdout: "<a b><$HOME><-n>",
      });
      expect(await root(remote, { argv: ["wc", "-c"], stdin: "x".repeat(300_000) })).toMatchObject({ stdout: "300000\n" });
      expect(await root(remote, { argv: ["no-such-program"] })).toMatchObject({ kind: "exited", code: 127 });
      expect(await remote.run("n1", { argv: ["id", "-un"], timeoutMs: LIMIT_MS })).toMatchObject({ stdout: "asked\n" });
    });

    it("shows the password in no argument and no environment of any process", async () => {
      const argv = ["sh", "-c", "grep -aFl -f - /proc/[0-9]*/cmdline /proc/[0-9]*/environ 2>/dev/null; echo looked"];
      expect(await root(open(PASSWORD), { argv, stdin: "horse $'\"battery" })).toMatchObject({
        kind: "exited",
        stdout: "looked\n",
      });
    });

    it("carries a stream and many commands at once", async () => {
      const remote = open(PASSWORD);
      const outcomes = await Promise.all(Array.from({ length: 12 }, (_, at) => root(remote, { argv: ["echo", String(at)] })));
      expect(outcomes.map((one) => (one.kind === "exited" ? one.stdout.trim() : one))).toEqual(
        outcomes.map((_, at) => String(at)),
      );
      let bytes = 0;
      const command = { argv: ["head", "-c", "5000000", "/dev/zero"], sudo: true, timeoutMs: LIMIT_MS };
      expect(await remote.stream("n1", command, (chunk) => void (bytes += chunk.length))).toMatchObject({
        kind: "exited",
        code: 0,
      });
      expect(bytes).toBe(5_000_000);
    });

    it("that is wrong is tried once, on one node, and told once for all", async () => {
      const tries = (): number => users.log().filter((line) => line.includes("incorrect password attempt")).length;
      const before = tries();
      const remote = open("wrong");
      const outcomes = await Promise.all(["n1", "n2", "n3", "n1", "n2"].map((node) => root(remote, { argv: ["id"] }, node)));
      for (const outcome of outcomes) expect(outcome).toMatchObject({ kind: "lost", code: "sudo-password-wrong", sent: false });
      expect(await root(remote, { argv: ["id"] }, "n3")).toMatchObject({ kind: "lost", code: "sudo-password-wrong" });
      expect(tries() - before).toBe(1);
      expect(JSON.stringify(outcomes)).toContain("It was sent to no other machine");
      expect(await remote.run("n1", { argv: ["true"], timeoutMs: LIMIT_MS })).toMatchObject({ kind: "exited", code: 0 });
    });

    it("is not sent where none is needed", async () => {
      expect(await root(open("wrong", "free"), { argv: ["cat"], stdin: "own" })).toMatchObject({ kind: "exited", stdout: "own" });
    });

    it("is never tried on a jump host, which no command needs root on", async () => {
      const tries = (): number => users.log().filter((line) => line.includes("incorrect password attempt")).length;
      const before = tries();
      const inventory = fleet.inventory({ user: "free" });
      const [n1, , n3] = fleet.nodes;
      const remote = createRemote({
        inventory: {
          ...inventory,
          nodes: inventory.nodes.slice(0, 1),
          ssh: { ...inventory.ssh, jump: [`asked@${n3?.address ?? ""}:${String(n3?.port)}`] },
        },
        env: {},
        home: fleet.folder,
        etc: fleet.folder,
      });
      remotes.push(remote);
      expect(await remote.run("n1", { argv: ["true"], timeoutMs: LIMIT_MS }), n1?.address).toMatchObject({
        kind: "exited",
        code: 0,
      });
      expect(await remote.giveSudoPassword("wrong")).toBeNull();
      expect(tries() - before).toBe(0);
    });

    it("reaches no command where sudo does not take it after all (NOPASSWD for some, credentials kept)", async () => {
      const remote = open(PASSWORD, "mixed");
      for (let time = 0; time < 2; time++) {
        expect(await root(remote, { argv: ["cat"], stdin: "own\n" })).toMatchObject({ kind: "exited", stdout: "own\n" });
      }
    });

    describe("and without one", () => {
      it("a node that asks is told, with what to do", async () => {
        const outcome = await root(open(), { argv: ["id"] });
        expect(outcome).toMatchObject({ kind: "lost", code: "sudo-password-required", sent: false });
        expect(outcome.kind === "lost" && outcome.reason).toContain("--ask-sudo-password");
      });

      it("requiretty is explained", async () => {
        for (const password of [undefined, PASSWORD]) {
          const outcome = await root(open(password, "tty"), { argv: ["id"] });
          expect(outcome).toMatchObject({ kind: "lost", code: "sudo-requiretty", sent: false });
          expect(outcome.kind === "lost" && outcome.reason).toContain("Defaults:USER !requiretty");
        }
      });

      it("a user sudo does not know is told", async () => {
        expect(await root(open(PASSWORD, "nobody2"), { argv: ["id"] })).toMatchObject({
          kind: "lost",
          code: "sudo-refused",
          sent: false,
        });
      });

      it("a command that itself ends with 1 and complains stays an exit code", async () => {
        expect(
          await root(open(undefined, "free"), { argv: ["sh", "-c", "echo no password is required >&2; exit 1"] }),
        ).toMatchObject({
          kind: "exited",
          code: 1,
        });
      });
    });
  },
  mayMount() ? null : MOUNTS,
);
