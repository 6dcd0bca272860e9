import { createServer, type AddressInfo } from "node:net";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { networkInterfaces } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, expect, it } from "vitest";
import type { Outcome } from "../../src/engine/ports.ts";
import type { SshSettings } from "../../src/domain/inventory.ts";
import type { AcceptedHostKey } from "../../src/transport/host-trust.ts";
import { PORTS, WEB } from "../../src/platform/dcos/contract.ts";
import { createRemote, type RemoteOptions, type WiredRemote } from "../../src/transport/remote.ts";
import { Desk } from "../e2e/pawl.ts";
import { describeReal } from "../real/requires.ts";
import { startFleet, type Fleet, type RealNode } from "../real/sshd.ts";
import { createAuthority, type Authority } from "./authority.ts";
import { get, Stage, told } from "./stage.ts";

const LIMIT_MS = 20_000;
const HAS_IPV6 = Object.values(networkInterfaces()).some((list) => list?.some(({ address }) => address === "::1") === true);

describeReal(
  "A cluster with IPv6 addresses (the loopback's own)",
  ["openssh-server", "openssh-client", "openssl"],
  () => {
    let fleet: Fleet;
    let n1: RealNode;
    let n2: RealNode;
    let authority: Authority;
    let stage: Stage;
    const remotes: WiredRemote[] = [];

    beforeAll(async () => {
      fleet = await startFleet(2, [], { address: () => "::1" });
      [n1, n2] = fleet.nodes as [RealNode, RealNode];
      authority = createAuthority();
      stage = new Stage();
    }, 60_000);
    afterAll(async () => {
      await stage.clear();
      await fleet.stop();
      authority.remove();
    });
    afterEach(async () => {
      for (const remote of remotes.splice(0)) await remote.close();
    });

    const open = (ssh: SshSettings = {}, more: Partial<RemoteOptions> = {}): WiredRemote => {
      const remote = createRemote({ inventory: fleet.inventory(ssh), env: {}, home: fleet.folder, etc: fleet.folder, ...more });
      remotes.push(remote);
      return remote;
    };
    const on = (remote: WiredRemote, node = "n1"): Promise<Outcome> =>
      remote.run(node, { argv: ["sh", "-c", 'printf "%s %s" "$PAWL_NODE" "$SSH_CONNECTION"'], timeoutMs: LIMIT_MS });
    const fresh = (): string => join(mkdtempSync(join(fleet.folder, "own-")), "known_hosts");

    it("is reached by SSH, directly and through a jump host, with its keys known as OpenSSH writes them", async () => {
      expect(readFileSync(fleet.knownHosts, "utf8")).toMatch(/^\[::1\]:\d+ ssh-ed25519 /);
      expect(await on(open())).toMatchObject({ kind: "exited", stdout: expect.stringMatching(/^n1 ::1 \d+ ::1 \d+$/) });
      const before = n2.wire.made();
      const jumping = open({ jump: [`${fleet.user}@[::1]:${String(n2.port)}`] });
      expect(await on(jumping)).toMatchObject({ kind: "exited", stdout: expect.stringMatching(/^n1 /) });
      expect(n2.wire.made() - before).toBe(1);
    });

    it("has the key of an unknown address accepted on request, in a form ssh-keygen finds", async () => {
      const file = fresh();
      const accepted: AcceptedHostKey[] = [];
      expect(await on(open({ knownHosts: file }, { accept: (key) => accepted.push(key) }))).toMatchObject({ kind: "exited" });
      expect(accepted).toMatchObject([{ target: "n1", address: `[::1]:${String(n1.port)}`, file }]);
      execFileSync("ssh-keygen", ["-F", `[::1]:${String(n1.port)}`, "-f", file]);
    });

    it("is told with commands that work: ssh-keyscan, and ssh through the jump host", async () => {
      const file = fresh();
      writeFileSync(file, "");
      const outcome = await on(open({ knownHosts: file }));
      expect(outcome).toMatchObject({ kind: "lost", code: "host-key-unknown" });
      expect(outcome.kind === "lost" && outcome.reason).toContain(`ssh-keyscan -p ${String(n1.port)} ::1 >>${file}`);
      writeFileSync(file, readFileSync(fleet.knownHosts, "utf8").split("\n")[1] ?? "");
      const behind = await on(open({ knownHosts: file, jump: [`${fleet.user}@[::1]:${String(n2.port)}`] }));
      expect(behind.kind === "lost" && behind.reason).toContain(
        `ssh -J ${fleet.user}@[::1]:${String(n2.port)} -p ${String(n1.port)} `,
      );
    });

    it("is the same address however it is written", async () => {
      const inventory = fleet.inventory();
      const [first] = inventory.nodes;
      const long = { ...inventory, nodes: first === undefined ? [] : [{ ...first, address: "0:0:0:0:0:0:0:1" }] };
      expect(await on(open({}, { inventory: long }))).toMatchObject({ kind: "exited" });
    });

    it("answers over HTTP and HTTPS, directly and through SSH, where its certificate names the address", async () => {
      const plain = await stage.serve("::1", null, (_request, response) => void response.end("plain"));
      const good = await stage.serve("::1", authority.leaf(["::1"]), (_request, response) => void response.end("good"));
      const other = await stage.serve("::1", authority.leaf(["::2"]), (_request, response) => void response.end("other"));
      for (const through of [{ kind: "direct" }, { kind: "ssh", by: null }] as const) {
        const ask = async (port: number, strict: boolean): Promise<string> => {
          const http = {
            through,
            security: strict ? "strict" : "disabled",
            ...(strict ? { caFile: authority.caFile } : {}),
          } as const;
          const inventory = { ...fleet.inventory(), http, ports: { "mesos-master": port } };
          const remote = open({}, { inventory, ports: { ...PORTS, "mesos-master": port }, web: WEB });
          return told(await remote.http(get(`http://[::1]:${String(port)}/`)));
        };
        expect(await ask(plain.port, false), through.kind).toBe("200 plain");
        expect(await ask(good.port, true), through.kind).toBe("200 good");
        expect(await ask(other.port, true), through.kind).toMatch(/certificate/i);
      }
    });

    it(
      "is run on by a whole command: facts, a check over HTTP and a four-letter word, and a step",
      { timeout: 60_000 },
      async () => {
        const desk = await Desk.create();
        const web = await stage.serve("::1", null, (_request, response) => {
          response.setHeader("content-type", "application/json");
          response.end('{"ok":true}');
        });
        const words = createServer((socket) => socket.once("data", () => socket.end("imok")));
        await new Promise<void>((done) => words.listen(0, "::1", done));
        try {
          // Two spellings of one address; the reader knows the host by either.
          const nodes = fleet.nodes.map(
            (node, at) =>
              `  - { name: ${node.name}, address: "${at === 0 ? "::1" : "0:0::1"}", role: machine, ssh: { port: ${node.port} } }`,
          );
          writeFileSync(
            desk.path("hosts.yaml"),
            `apiVersion: pawl/v1\nkind: Inventory\nmetadata: { name: six }\nplatform: hosts\n` +
              `ssh: { user: ${fleet.user}, identity-file: ${fleet.identityFile}, known-hosts: ${fleet.knownHosts} }\n` +
              `ports: { web: ${web.port}, words: ${(words.address() as AddressInfo).port} }\nnodes:\n${nodes.join("\n")}\n`,
          );
          writeFileSync(
            desk.path("check.yaml"),
            `apiVersion: pawl/v1
kind: Check
metadata: { name: six-answers, title: "It answers", why: "a test", source: "a test" }
platform: hosts
severity: mandatory
each: { role: machine }
read:
  web: { http: "http://{address}:{port.web}/", as: json }
  word: { four-letter: ruok, port: words, as: text }
pass: '.web.ok == true and .word == "imok"'
show: '.'
gate: { passes: 1, span: 0s, interval: 1s, deadline: 5s }
remedy: "None."
refuses:
  - { name: "no", subjects: { n1: { web: { ok: false }, word: "imok" } } }
accepts:
  - { name: "yes", subjects: { n1: { web: { ok: true }, word: "imok" } } }
`,
          );
          const checked = await desk.pawl("check", "six-answers", "-i", "hosts.yaml", "--checks", "check.yaml");
          expect(checked, checked.err).toMatchObject({ code: 0, out: expect.stringContaining("2 of 2 subjects passed") });
          const ran = await desk.pawl("run", join(import.meta.dirname, "fixture/rights.yaml"), "-i", "hosts.yaml", "--yes");
          expect([ran.code, ran.out]).toEqual([0, expect.stringContaining("work")]);
        } finally {
          await new Promise((done) => words.close(done));
          await desk.clear();
        }
      },
    );
  },
  HAS_IPV6 ? null : "the address ::1",
);
