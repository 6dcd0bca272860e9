import { existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import type { RunEvent } from "../../src/domain/events.ts";
import { createAcceptedKeys } from "../../src/cli/accepted-keys.ts";
import { createNotes } from "../../src/engine/notes.ts";
import { capturedIo } from "../cli/captured-io.ts";
import { Desk } from "../e2e/pawl.ts";
import { describeReal } from "../real/requires.ts";
import { startFleet } from "../real/sshd.ts";

const RUNBOOK = resolve(import.meta.dirname, "fixture/rights.yaml");
type Accepted = Extract<RunEvent, { type: "host-key.accepted" }>;
const acceptedOf = (events: readonly RunEvent[]): readonly Accepted[] =>
  events.filter((event) => event.type === "host-key.accepted");
const FINGERPRINT = /^SHA256:[A-Za-z0-9+/]{43}$/;

let desk: Desk;
afterEach(() => desk.clear());

const noted = (): readonly { readonly machine: string; readonly file: string; readonly actor: string }[] =>
  readFileSync(desk.path("state/accepted-host-keys.jsonl"), "utf8")
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as { machine: string; file: string; actor: string });
const newest = (cluster: string): string =>
  desk.path("backups", cluster, readdirSync(desk.path("backups", cluster)).toSorted().at(-1) ?? "");

describe("a host key that is accepted because somebody asked for that", () => {
  it(
    "is on record of snapshot, preflight and upgrade, and noted for check and unlock, which have no record",
    { timeout: 240_000 },
    async () => {
      desk = await Desk.create();
      const lab = await desk.lab("--time-scale", "1", "--masters", "3", "--private", "1", "--public", "0");
      // Without its proof the lab is a cluster like any other.
      const plain = readFileSync(lab.inventory, "utf8").replace(/^lab:.*\n(?: .*\n)*/m, "");
      expect(plain).toMatch(/known-hosts: /);
      writeFileSync(desk.path("plain.yaml"), plain.replace(/known-hosts: [^,}\n]+/, `known-hosts: ${desk.path("known_hosts")}`));
      const name = /^metadata:\s*(?:\{ *)?name: *"?([\w-]+)/m.exec(plain)?.[1] ?? plain;
      const commands: readonly (readonly [string, readonly string[], readonly number[]])[] = [
        ["snapshot", ["snapshot"], [0]],
        ["preflight", ["preflight", "--to", "1.9.9"], [0, 1]],
        ["upgrade", ["upgrade", "--to", "1.9.9"], [8, 1]],
        ["check", ["check", "disk-space"], [0, 1]],
        ["unlock", ["unlock", "--reason", "nobody is there"], [0]],
      ];
      let before = 0;
      for (const [what, args, exits] of commands) {
        rmSync(desk.path("known_hosts"), { force: true });
        const runs = existsSync(desk.path("backups", name)) ? readdirSync(desk.path("backups", name)).length : 0;
        const { code, out, err } = await desk.pawl(...args, "-i", "plain.yaml", "--accept-new-host-keys");
        expect(exits, `${what}: ${out}${err}`).toContain(code);
        const told = [...err.matchAll(/^Accepted the host key of (\S+) \((\S+)\): ssh-\S+ (SHA256:\S+), written to (.*)$/gm)];
        expect(told.length, `${what}: ${err}`).toBeGreaterThan(0);
        const fresh = noted().slice(before);
        before += fresh.length;
        expect(fresh.map((one) => one.machine)).toEqual(told.map((one) => one[1]));
        for (const { file, actor } of fresh)
          expect([file, actor]).toEqual([desk.path("known_hosts"), expect.stringContaining("@")]);
        const recorded = existsSync(desk.path("backups", name)) && readdirSync(desk.path("backups", name)).length > runs;
        expect(recorded, `${what}: ${out}${err}`).toBe(
          // The lab's clock stands still while nobody sleeps: an upgrade may be refused for that, and then leaves no record.
          what === "upgrade" ? code === 8 : what !== "check" && what !== "unlock",
        );
        if (!recorded) continue;
        const events = acceptedOf(await desk.journal(newest(name)));
        expect(events.map((event) => [event.machine, event.address, event.fingerprint, event.file])).toEqual(
          told.map((one) => one.slice(1)),
        );
        expect(readFileSync(join(newest(name), "report.md"), "utf8")).toContain(events[0]?.fingerprint);
        expect((await desk.pawl("verify", newest(name))).code).toBe(0);
      }
      expect(statSync(desk.path("state/accepted-host-keys.jsonl")).mode & 0o777).toBe(0o600);
      await lab.stop();
    },
  );

  it("while a run ends, which takes nothing any more, is said, and on record of the run after it", async () => {
    desk = await Desk.create();
    const io = { ...capturedIo(desk.folder), env: { PAWL_STATE_DIR: desk.path("state") } };
    const keys = createAcceptedKeys(io, "hosts.yaml");
    const written: string[] = [];
    const notes = createNotes(async (event) => void written.push(event.type));
    const detach = keys.attach((event) => notes.take(event));
    const key = { target: "n1", address: "127.0.0.1:22", type: "ssh-ed25519", fingerprint: "SHA256:x", file: "known_hosts" };
    notes.open();
    keys.accept(key);
    await notes.close();
    expect([written, io.stderr]).toEqual([["host-key.accepted"], []]);
    keys.accept({ ...key, target: "n2" });
    detach();
    expect(io.stderr.join("\n")).toContain("Accepted the host key of n2");
    expect(keys.unrecorded().map((event) => event.machine)).toEqual(["n2"]);
    expect(written).toHaveLength(1);
  });

  it("cannot be noted where the state folder is not to be written, which is said", async () => {
    desk = await Desk.create();
    writeFileSync(desk.path("file"), "");
    const io = { ...capturedIo(desk.folder), env: { PAWL_STATE_DIR: desk.path("file/state") } };
    const keys = createAcceptedKeys(io, "hosts.yaml");
    const key = { target: "n1", address: "127.0.0.1:22", type: "ssh-ed25519", fingerprint: "SHA256:x", file: "known_hosts" };
    keys.accept(key);
    expect(io.stderr.join("\n")).toMatch(/could not be noted in .*accepted-host-keys.jsonl: ENOTDIR/);
    expect(keys.all()).toEqual([key]);
  });
});

describeReal("a host key that is accepted in a run that is taken up again", ["openssh-server", "openssh-client"], () => {
  it("is journaled by its engine and shown among its events; what was accepted before stays where it is", async () => {
    desk = await Desk.create();
    const fleet = await startFleet(2);
    const nodes = fleet.nodes.map(
      (node) => `  - { name: ${node.name}, address: ${node.address}, role: machine, ssh: { port: ${node.port} } }`,
    );
    writeFileSync(
      desk.path("hosts.yaml"),
      `apiVersion: pawl/v1\nkind: Inventory\nmetadata: { name: machines }\nplatform: hosts\n` +
        `ssh: { user: ${fleet.user}, identity-file: ${fleet.identityFile}, known-hosts: known_hosts }\nnodes:\n${nodes.join("\n")}\n`,
    );
    try {
      const first = await desk.pawl("run", RUNBOOK, "-i", "hosts.yaml", "--accept-new-host-keys");
      expect([first.code, first.err]).toEqual([8, expect.stringContaining("Accepted the host key of n2")]);
      const before = acceptedOf(await desk.journal(newest("machines")));
      expect(before.map((event) => event.machine).toSorted()).toEqual(["n1", "n2"]);
      for (const event of before) expect(event.fingerprint).toMatch(FINGERPRINT);

      rmSync(desk.path("known_hosts"));
      const again = await desk.pawl("resume", "latest", "--yes", "--accept-new-host-keys");
      expect([again.code, again.err]).toEqual([0, expect.not.stringContaining("Accepted")]);
      expect(again.out.match(/ssh +host key of n[12] \(127\.\S+\) accepted: ssh-ed25519 SHA256:\S+, written to/g)).toHaveLength(
        2,
      );
      const events = await desk.journal(newest("machines"));
      expect(acceptedOf(events)).toHaveLength(4);
      expect(acceptedOf(events).slice(0, 2)).toEqual(before);
      expect(events.at(-1)?.type).toBe("run.completed");
      expect(noted()).toHaveLength(4);
      expect((await desk.pawl("verify", newest("machines"))).code).toBe(0);
    } finally {
      await fleet.stop();
    }
  });
});
