import { execFileSync, spawn } from "node:child_process";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { afterAll, afterEach, beforeAll, expect, it } from "vitest";
import { Desk, finish } from "../e2e/pawl.ts";
import { openScreen, type Screen } from "../e2e/screen.ts";
import { eventually } from "../real/process.ts";
import { describeReal } from "../real/requires.ts";
import { makeKey, startFleet, type Fleet } from "../real/sshd.ts";
import { makeSudoUsers, mayMount, MOUNTS, type SudoUsers } from "../real/sudo-users.ts";

const RUNBOOK = resolve(import.meta.dirname, "fixture/rights.yaml");
const BIN = resolve(import.meta.dirname, "../../bin/pawl.js");
const PASSPHRASE = "open-sesame-4711";
const PASSWORD = "correct horse $'\"battery";
const WRONG = "not-the-password-0815";

describeReal(
  "the questions of access in a real terminal",
  ["tmux", "openssh-server", "openssh-client", "sudo", "openssl"],
  () => {
    let users: SudoUsers;
    let fleet: Fleet;
    let locked: string;
    let desk: Desk;
    let screen: Screen | null = null;

    beforeAll(async () => {
      users = makeSudoUsers(["asked"], PASSWORD, ["asked ALL=(ALL:ALL) ALL", "Defaults:asked timestamp_timeout=0"]);
      fleet = await startFleet(3, [], { wrap: users.wrap, user: "asked" });
      locked = makeKey(join(fleet.folder, "locked"), { passphrase: PASSPHRASE });
      writeFileSync(`${fleet.identityFile}.pub`, readFileSync(`${locked}.pub`, "utf8"), { flag: "a" });
    });
    afterAll(() => fleet.stop());
    afterEach(async () => {
      screen?.close();
      screen = null;
      await desk.clear();
    });

    async function sitDown(key: string, size = { columns: 80, rows: 30 }): Promise<Screen> {
      desk = await Desk.create();
      const nodes = fleet.nodes.map(
        (node) => `  - { name: ${node.name}, address: ${node.address}, role: machine, ssh: { port: ${node.port} } }`,
      );
      writeFileSync(
        desk.path("hosts.yaml"),
        `apiVersion: pawl/v1\nkind: Inventory\nmetadata: { name: machines }\nplatform: hosts\n` +
          `ssh: { user: asked, identity-file: ${key}, known-hosts: ${fleet.knownHosts}, sudo: true }\nnodes:\n${nodes.join("\n")}\n`,
      );
      screen = openScreen(desk, size, { NO_COLOR: "1" });
      return screen;
    }
    const run = (...more: readonly string[]): readonly string[] => ["run", RUNBOOK, "-i", "hosts.yaml", "--yes", ...more];
    const connections = (): number => fleet.nodes.reduce((sum, node) => sum + node.wire.made(), 0);
    const wrongTries = (): number => users.log().filter((line) => line.includes("incorrect password attempt")).length;
    /** Files below the desk (run folder, state, known_hosts) that hold one of the texts. */
    const filesWith = (...texts: readonly string[]): readonly string[] =>
      readdirSync(desk.folder, { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile())
        .map((entry) => join(entry.parentPath, entry.name))
        .filter((file) => texts.some((text) => readFileSync(file).includes(text)));
    /** Processes of this machine, the servers' among them, that show one of the texts in their words or environment. */
    const processesWith = (...texts: readonly string[]): readonly string[] =>
      readdirSync("/proc")
        .filter((name) => /^\d+$/.test(name))
        .flatMap((pid) => [`/proc/${pid}/cmdline`, `/proc/${pid}/environ`])
        .filter((file) => {
          try {
            const bytes = readFileSync(file);
            return texts.some((text) => bytes.includes(text));
          } catch {
            return false;
          }
        });

    it(
      "are asked once for all machines, again where the answer was wrong, and the answers are nowhere to be seen",
      { timeout: 120_000 },
      async () => {
        const at = await sitDown(locked);
        const before = { connections: connections(), tries: wrongTries() };
        const seen = new Set<string>();
        let looking = true;
        const look = async (): Promise<void> => {
          while (looking) {
            for (const one of processesWith(PASSPHRASE, PASSWORD, WRONG)) seen.add(one);
            await new Promise((done) => setTimeout(done, 30));
          }
        };
        at.pawl(...run("--ask-sudo-password"));
        await at.until(/\? Passphrase of \S*locked: \(not shown\)/);
        const watching = look();
        at.type("open-barley");
        at.press("Enter");
        await at.until(/That was not the passphrase\.\n\? Passphrase of \S*locked: \(not shown\)/);
        expect(connections()).toBe(before.connections);
        at.type(PASSPHRASE);
        at.press("Enter");
        await at.until(/\? Password for sudo on the nodes: \(not shown\)/);
        expect(connections()).toBe(before.connections);
        at.type(WRONG);
        at.press("Enter");
        // One machine was asked, the two others know nothing of it.
        await at.until(
          /sudo on n1 did not take that password. It was sent to no other machine.\n\? Password for sudo on the nodes: \(not/,
        );
        expect(wrongTries() - before.tries).toBe(1);
        expect(connections() - before.connections).toBe(1);
        at.type(PASSWORD);
        at.press("Enter");
        expect(await at.ended()).toBe(0);
        looking = false;
        await watching;

        expect(wrongTries() - before.tries).toBe(1);
        expect(
          users
            .log()
            .join("\n")
            .match(/sudo\s+id -u/g),
        ).toHaveLength(3);
        expect(at.all().match(/Password for sudo/g)).toHaveLength(2);
        const [folder = ""] = readdirSync(desk.path("backups/machines"));
        const outputs = (await desk.journal(desk.path("backups/machines", folder))).filter(
          (event) => event.type === "step.moved" && event.to === "complete",
        );
        expect(outputs).toHaveLength(3);
        for (const secret of ["open-barley", PASSPHRASE, WRONG, PASSWORD]) expect(at.all()).not.toContain(secret);
        expect([...seen]).toEqual([]);
        expect(filesWith("open-barley", PASSPHRASE, WRONG, PASSWORD)).toEqual([]);
      },
    );

    it.each([
      ["Ctrl-C", "C-c"],
      ["end of file at the begun answer", "C-d"],
      ["end of file", "C-u"],
    ])("that are answered with %s end with 130 before anything is sent, and the terminal echoes again", async (_name, key) => {
      const at = await sitDown(locked);
      const before = connections();
      at.pawl(...run());
      await at.until(/\(not shown\)/);
      at.type("open-se");
      at.press(key);
      if (key === "C-u") at.press("C-d");
      expect(await at.ended()).toBe(130);
      expect(at.seen()).toMatch(/so nothing was done\.\n {2}expected[^]*\n {2}next {6}Run the same command again\./);
      at.type("stty -a | tr ' ' '\\n' | grep -xE -e '-?(echo|icanon|isig);?' | tr '\\n' ' '; echo over");
      at.press("Enter");
      await at.until(/^isig icanon echo over$/m);
      expect(at.cursorShown()).toBe(true);
      expect(connections()).toBe(before);
      expect(existsSync(desk.path("backups"))).toBe(false);
    });

    it("that are left for a signal (the terminal's window is closed, a job is ended) leave a terminal that echoes", async () => {
      const at = await sitDown(locked);
      at.type(`${process.execPath} ${BIN} ${run().join(" ")} & echo $! >pid; fg; echo "[exit $?]"`);
      at.press("Enter");
      await at.until(/\(not shown\)/);
      process.kill(Number(readFileSync(desk.path("pid"), "utf8")), "SIGTERM");
      expect(await at.ended()).toBe(130);
      at.type("stty -a | tr ' ' '\\n' | grep -xE -e '-?(echo|icanon);?' | tr '\\n' ' '; echo over");
      at.press("Enter");
      await at.until(/^icanon echo over$/m);
      expect(at.cursorShown()).toBe(true);
    });

    it(
      "are given up after three wrong passphrases (3) and after two wrong passwords on one machine (1)",
      { timeout: 60_000 },
      async () => {
        const at = await sitDown(locked);
        at.pawl(...run());
        for (let tries = 1; tries <= 3; tries++) {
          await at.until(new RegExp(`(?:Passphrase of[^]*){${String(tries)}}\\(not shown\\)`));
          at.type(`wrong-${String(tries)}`);
          at.press("Enter");
        }
        expect(await at.ended()).toBe(3);
        expect(at.seen()).toMatch(/next {6}Try again, or let ssh-agent hold the key: ssh-add/);
        screen?.close();
        await desk.clear();

        const again = await sitDown(fleet.identityFile);
        const before = { connections: connections(), tries: wrongTries() };
        again.pawl(...run("--ask-sudo-password"));
        for (let tries = 1; tries <= 2; tries++) {
          await again.until(new RegExp(`(?:Password for sudo[^]*){${String(tries)}}\\(not shown\\)`));
          again.type(WRONG);
          again.press("Enter");
        }
        expect(await again.ended()).toBe(1);
        expect(again.seen()).toMatch(/sudo did not take the password, so nothing was done\.[^]*node {6}n1/);
        expect(wrongTries() - before.tries).toBe(2);
        expect(connections() - before.connections).toBe(1);
        expect(filesWith(WRONG)).toEqual([]);
        expect(existsSync(desk.path("backups"))).toBe(false);
      },
    );

    it("are refused where there is no terminal, with the command that helps", async () => {
      await sitDown(locked);
      const before = connections();
      const key = await desk.pawl(...run());
      expect(key.code).toBe(3);
      expect(key.err).toMatch(
        /locked with a passphrase[^]*next\s+Start an agent and add the key: eval "\$\(ssh-agent\)" && ssh-add/,
      );
      writeFileSync(desk.path("hosts.yaml"), readFileSync(desk.path("hosts.yaml"), "utf8").replace(locked, fleet.identityFile));
      const sudo = await desk.pawl(...run("--ask-sudo-password"));
      expect(sudo.code).toBe(8);
      expect(sudo.err).toMatch(/no terminal[^]*PAWL_SUDO_PASSWORD_FILE=FILE/);
      expect(connections()).toBe(before);
      // What it names works: from a file, and from a pipe.
      const file = desk.path("password");
      writeFileSync(file, `${PASSWORD}\n`, { mode: 0o600 });
      expect(await desk.pawlAs({ PAWL_SUDO_PASSWORD_FILE: file }, ...run())).toMatchObject({ code: 0 });
      const piped = spawn(process.execPath, [BIN, ...run()], {
        cwd: desk.folder,
        env: { ...desk.env, PAWL_SUDO_PASSWORD_FILE: "-" },
        stdio: ["pipe", "pipe", "pipe"],
      });
      piped.stdin.end(`${PASSWORD}\n`);
      expect(await finish(piped)).toMatchObject({ code: 0 });
      execFileSync("rm", [file]);
      expect(filesWith(PASSWORD)).toEqual([]);
      await eventually(
        () => processesWith(PASSWORD).length === 0,
        () => `shown by ${processesWith(PASSWORD).join(", ")}`,
      );
    });
  },
  mayMount() ? null : MOUNTS,
);
