import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, beforeEach, expect, it } from "vitest";
import { askTcp } from "../../src/transport/tcp.ts";
import { eventually } from "../real/process.ts";
import { describeReal } from "../real/requires.ts";
import { startFleet, type Fleet } from "../real/sshd.ts";
import { startEnsemble, type Ensemble } from "../real/zookeeper.ts";
import { begun, Desk, finish } from "./pawl.ts";

const RUNBOOK = resolve(import.meta.dirname, "fixture/ensemble.yaml");
const CHECKS = resolve(import.meta.dirname, "fixture/checks");
const NAMES = ["n1", "n2", "n3"];

interface Artifact {
  readonly name: string;
  readonly sha256: string;
  readonly sealed: boolean;
}

/** What a data folder holds that a restore needs, and how tar lists it. */
interface Entries {
  readonly proven: number;
  readonly files: readonly { readonly name: string; readonly sha256: string }[];
}

describeReal(
  "pawl run against three real sshd that carry a real ZooKeeper ensemble",
  ["openssh-server", "openssh-client", "zookeeper", "sudo"],
  () => {
    let fleet: Fleet;
    let ensemble: Ensemble;
    let desk: Desk;
    let marks: string;

    beforeAll(async () => {
      desk = await Desk.create();
      fleet = await startFleet(3);
      ensemble = await startEnsemble(
        fleet.nodes.map((node) => node.address),
        { names: NAMES, samePort: true },
      );
      for (const name of ["/lights", "/lights/kitchen", "/doors"]) ensemble.client("create", name, `state of ${name}`);
      await moveLeadership();
      writeFileSync(desk.path("hosts.yaml"), inventoryText());
    }, 180_000);
    beforeEach(() => {
      marks = join(fleet.folder, "marks");
      rmSync(marks, { recursive: true, force: true });
      mkdirSync(marks);
    });
    afterAll(async () => {
      await ensemble.stop();
      await fleet.stop();
      await desk.clear();
    }, 60_000);

    function inventoryText(): string {
      const { nodes, user, identityFile, knownHosts } = fleet;
      return [
        "apiVersion: pawl/v1",
        "kind: Inventory",
        "metadata: { name: ensemble }",
        "platform: hosts",
        `ssh: { user: ${user}, identity-file: ${identityFile}, known-hosts: ${knownHosts}, sudo: true }`,
        `ports: { zookeeper: ${ensemble.servers[0]?.clientPort ?? 0} }`,
        "settings: { leaders: { ensemble: zookeeper } }",
        "nodes:",
        ...nodes.map(
          (node) => `  - { name: ${node.name}, address: ${node.address}, role: ensemble, ssh: { port: ${node.port} } }`,
        ),
        "",
      ].join("\n");
    }

    const modes = async (): Promise<readonly string[]> => {
      const answers = await Promise.all(ensemble.servers.map((server) => askTcp(server.host, server.clientPort, "srvr", 1_000)));
      return answers.map((answer) =>
        answer.kind === "answered" ? (/^Mode: (\w+)/m.exec(answer.body.toString())?.[1] ?? "none") : answer.code,
      );
    };
    const inStep = (): Promise<void> =>
      eventually(
        async () => (await modes()).toSorted().join(" ") === "follower follower leader",
        () => "the ensemble is not one",
        55_000,
      );
    const leader = async (): Promise<string> => NAMES[(await modes()).indexOf("leader")] ?? "nobody";

    /** The server with the highest number leads at first, and is last in the inventory: then another must lead to show that the order follows. */
    /** Makes sure that the last node does not lead, so that "the leader last" is another order than the listed one. */
    async function moveLeadership(): Promise<void> {
      const last = ensemble.servers[NAMES.length - 1];
      if ((await leader()) !== NAMES.at(-1)) return;
      await last?.stop();
      await eventually(
        async () => (await modes()).includes("leader"),
        () => "nobody leads",
        55_000,
      );
      await last?.start();
      await inStep();
    }

    const runArgs = (seconds: number, ...more: readonly string[]): readonly string[] => [
      "run",
      RUNBOOK,
      "-i",
      "hosts.yaml",
      "--checks",
      CHECKS,
      "--yes",
      "--set",
      `data=${ensemble.folder}`,
      "--set",
      `marks=${marks}`,
      "--set",
      `seconds=${seconds}`,
      ...more,
    ];
    /** What the long work left behind on each machine. */
    const traces = (): readonly string[] =>
      NAMES.map((name) => (existsSync(join(marks, name)) ? readFileSync(join(marks, name), "utf8") : ""));
    const ONCE = NAMES.map(() => "begun\nended\n");
    const newestRun = (): string =>
      desk.path("backups/ensemble", readdirSync(desk.path("backups/ensemble")).toSorted().at(-1) ?? "");
    const runs = (): number =>
      existsSync(desk.path("backups/ensemble")) ? readdirSync(desk.path("backups/ensemble")).length : 0;
    const artifact = (run: string, name: string): Artifact => {
      const { artifacts } = JSON.parse(readFileSync(join(run, "manifest.json"), "utf8")) as {
        readonly artifacts: readonly Artifact[];
      };
      const found = artifacts.find((one) => one.name === name);
      if (found === undefined) throw new Error(`no artifact ${name}: ${artifacts.map((one) => one.name).join(", ")}`);
      return found;
    };
    const bytesOf = (run: string, name: string): Buffer => readFileSync(join(run, "artifacts", artifact(run, name).sha256));
    const digest = (bytes: Buffer): string => createHash("sha256").update(bytes).digest("hex");

    async function holds(run: string): Promise<void> {
      const verified = await desk.pawl("verify", run);
      expect(verified.code, verified.out + verified.err).toBe(0);
      expect(execFileSync("sha256sum", ["-c", "--quiet", "SHA256SUMS"], { cwd: run, encoding: "utf8" })).toBe("");
    }

    it("collects, archives with the leader last, works and checks; the record holds", { timeout: 120_000 }, async () => {
      const last = await leader();
      expect(last).not.toBe("n3");
      const { code, value, events } = await desk.json(...runArgs(1));
      expect({ code, name: value.name }).toEqual({ code: 0, name: "ok" });
      const run = value.run ?? "";

      expect(NAMES.map((name) => bytesOf(run, `collect/${name}/words/stdout`).toString())).toEqual(
        NAMES.map((name) => `it's ${name}|$HOME; true\n`),
      );
      expect(NAMES.map((name) => bytesOf(run, `collect/${name}/myid${join(ensemble.folder, name, "myid")}`).toString())).toEqual([
        "1\n",
        "2\n",
        "3\n",
      ]);

      const archived = begun(events).filter((step) => step.startsWith("backup/"));
      expect(archived).toHaveLength(3);
      expect(archived.at(-1)).toBe(`backup/${last}/tar`);
      for (const [index, name] of NAMES.entries()) {
        const tar = artifact(run, `backup/${name}/tar.tar`);
        expect(tar.sealed).toBe(true);
        expect(digest(bytesOf(run, tar.name))).toBe(tar.sha256);
        // Another program reads it, and finds what is in the folder.
        const unpacked = desk.path("restored", name);
        mkdirSync(unpacked, { recursive: true });
        execFileSync("tar", ["-xf", join(run, "artifacts", tar.sha256), "-C", unpacked]);
        const data = join(unpacked, ensemble.folder, name);
        expect(readFileSync(join(data, "myid"), "utf8")).toBe(`${index + 1}\n`);
        const entries = JSON.parse(bytesOf(run, `backup/${name}/tar.entries.json`).toString()) as Entries;
        expect(entries.proven).toBeGreaterThan(2);
        const restored = readdirSync(data, { recursive: true, withFileTypes: true })
          .filter((entry) => entry.isFile())
          .map((entry) => join(entry.parentPath, entry.name));
        expect(entries.files.map((file) => join(unpacked, file.name)).toSorted()).toEqual(restored.toSorted());
        for (const file of entries.files) expect(digest(readFileSync(join(unpacked, file.name))), file.name).toBe(file.sha256);
        expect(
          restored.some((file) => readFileSync(file).includes("state of /lights/kitchen")),
          `the znodes are in the copy of ${name}`,
        ).toBe(true);
      }
      expect(traces()).toEqual(ONCE);
      expect(events.filter((event) => event.type === "gate.passed").map((event) => event.asserted)).toEqual(
        Array.from({ length: 4 }, () => ({ subjects: 3, passed: 3 })),
      );
      await holds(run);
    });

    it(
      "finishes after kill -9 in the middle of a job and after a cut connection; every job has run once",
      { timeout: 180_000 },
      async () => {
        const child = desk.start(runArgs(4, "--json"));
        const [first = ""] = (await eventuallyTraced(1)).filter((name) => name !== "");
        child.kill("SIGKILL");
        await finish(child);
        const run = newestRun();
        expect(begun(await desk.journal(run)).at(-1)).toBe(`work/${first}/job`);

        const resumed = desk.start(["resume", "latest", "--yes", "--json"]);
        const ended = finish(resumed);
        const second = (await eventuallyTraced(2)).find((name) => name !== "" && name !== first) ?? "";
        fleet.nodes.find((node) => node.name === second)?.wire.cut();
        const { code, err } = await ended;
        expect(code, err).toBe(0);

        expect(traces()).toEqual(ONCE);
        const events = await desk.journal(run);
        expect(events.filter((event) => event.type === "run.opened")).toHaveLength(2);
        expect(events.filter((event) => event.type === "step.reattached").map((event) => event.step)).toEqual([
          `work/${second}/job`,
        ]);
        const beats = Array.from({ length: 16 }, (_, index) => `beat ${index + 1}\n`).join("");
        for (const name of NAMES) expect(bytesOf(run, `work/${name}/job/stdout`).toString(), `all output of ${name}`).toBe(beats);
        await holds(run);
      },
    );

    /** Waits until the work has begun on so many machines; their names, empty for the others. */
    async function eventuallyTraced(count: number): Promise<readonly string[]> {
      await eventually(
        () => traces().filter((text) => text !== "").length >= count,
        () => `begun: ${traces().join("|")}`,
      );
      return traces().map((text, index) => (text === "" ? "" : (NAMES[index] ?? "")));
    }

    it(
      "halts at the gate while a server is down, although the others say imok, and goes on after retry",
      { timeout: 180_000 },
      async () => {
        const before = await desk.json(...runArgs(0, "--stop-after", "work"));
        expect(before.code, JSON.stringify(before.value)).toBe(0);
        const run = before.value.run ?? "";
        const down = (await modes()).indexOf("follower");
        await ensemble.servers[down]?.stop();

        const halted = await desk.json("resume", run, "--yes");
        expect({ code: halted.code, name: halted.value.name }).toEqual({ code: 5, name: "gate-halted" });
        const refused = halted.events.find((event) => event.type === "gate.refused");
        expect(refused).toMatchObject({ step: "after/settled", check: "ensemble-in-step" });
        const others = await Promise.all(
          ensemble.servers
            .filter((_, index) => index !== down)
            .map((server) => askTcp(server.host, server.clientPort, "ruok", 1_000)),
        );
        expect(others.map((answer) => answer.kind === "answered" && answer.body.toString())).toEqual(["imok", "imok"]);
        const status = await desk.pawl("status", run);
        expect(status.out).toContain("after/settled");

        // The refused gate is not measured again by itself: a person says so.
        await ensemble.servers[down]?.start();
        await inStep();
        const again = await desk.pawl("resume", run, "--yes");
        expect(again.code).toBe(5);
        expect(again.err).toMatch(/When it is mended: pawl retry \S+ after\/settled\nResume with: pawl resume/);
        const retried = await desk.pawl("retry", run, "after/settled", "--reason", "the server is back");
        expect(retried.code, retried.err).toBe(0);
        const resumed = await desk.json("resume", run, "--yes");
        expect(resumed.code, JSON.stringify(resumed.value)).toBe(0);
        const decided = (await desk.journal(run)).find((event) => event.type === "operator.decided" && event.choice === "retry");
        expect(decided).toMatchObject({ reason: "the server is back", target: "after/settled" });
        expect(decided?.actor).toMatch(/^[^@]+@.+/);
        expect(traces()).toEqual(ONCE);
        await holds(run);
      },
    );

    it("sends nothing to a machine whose host key changed, and makes no run", { timeout: 60_000 }, async () => {
      const count = runs();
      await fleet.nodes[0]?.changeHostKey();
      const { code, out, err } = await desk.pawl(...runArgs(0));
      expect(code).toBe(1);
      expect(out + err).toMatch(/n1/);
      expect(out + err).toMatch(/host key/i);
      expect(runs()).toBe(count);
      expect(traces()).toEqual(["", "", ""]);
    });
  },
);
