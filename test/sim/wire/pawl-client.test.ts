import { createHash, randomBytes } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Inventory } from "../../../src/domain/inventory.ts";
import { createRemote, type WiredRemote } from "../../../src/transport/remote.ts";
import { toyLab, type ToyLab } from "./toy-lab.ts";

/** The inventory a lab writes, without the document reader. */
function inventoryOf(toy: ToyLab): Inventory {
  const { folder } = toy.lab;
  return {
    name: "lab",
    platform: "dcos",
    folder,
    ssh: { user: "core", port: 2222, identityFile: `${folder}/id_ed25519`, knownHosts: `${folder}/known_hosts`, sudo: true },
    ports: {},
    nodes: toy.cluster.nodes.map(({ name, address }) => ({ name, address, role: "agent", critical: false, ssh: {} })),
    scripts: {},
    hooks: {},
    siteSteps: [],
    settings: {},
  };
}

describe("pawl's own transport against simulated nodes", () => {
  let toy: ToyLab;
  let remote: WiredRemote;
  beforeAll(async () => {
    toy = await toyLab(Array.from({ length: 300 }, (_, index) => `n${String(index + 1)}`));
    remote = createRemote({ inventory: inventoryOf(toy), env: {}, home: toy.lab.folder });
  });
  afterAll(async () => {
    await remote.close();
    await toy.stop();
  });

  it("300 nodes answer, each for itself", async () => {
    const answers = await Promise.all(
      toy.cluster.nodes.map((node) => remote.run(node.name, { argv: ["hostname"], timeoutMs: 60_000 })),
    );
    expect(answers.map((answer) => (answer.kind === "exited" ? answer.stdout : answer.kind))).toEqual(
      toy.cluster.nodes.map((node) => `${node.name}\n`),
    );
  });

  it("every word arrives as it was, also through sudo", async () => {
    const words = ["plain", "two words", "it's", '"$HOME"', "a\nb", "*", "\\", "", "é", "-n", "`id`", "~", "a;b&c|d"];
    for (const sudo of [false, true]) {
      const answer = await remote.run("n1", { argv: ["printf", "[%s]", ...words], sudo, timeoutMs: 20_000 });
      expect(answer).toMatchObject({ kind: "exited", code: 0, stdout: words.map((word) => `[${word}]`).join("") });
    }
  });

  it("64 MiB stream out with the right digest", async () => {
    const bytes = randomBytes(64 * 1024 * 1024);
    await toy.cluster.nodes[0]!.fs.writeFile("/tmp/big", bytes);
    const hash = createHash("sha256");
    const answer = await remote.stream(
      "n1",
      { argv: ["cat", "/tmp/big"], timeoutMs: 60_000 },
      (chunk) => void hash.update(chunk),
    );
    expect(answer).toMatchObject({ kind: "exited", code: 0 });
    expect(hash.digest("hex")).toBe(createHash("sha256").update(bytes).digest("hex"));
  });

  it("a command that dies by a signal is told apart from its code", async () => {
    expect(await remote.run("n2", { argv: ["sh", "-c", "exit 143"], timeoutMs: 20_000 })).toMatchObject({
      kind: "exited",
      code: 143,
    });
    expect(await remote.run("n2", { argv: ["sh", "-c", "kill -KILL $$"], timeoutMs: 20_000 })).toMatchObject({
      kind: "exited",
      code: 137,
    });
  });

  it("a connection cut in mid-command is lost, and the next command works", async () => {
    const running = remote.run("n3", { argv: ["sleep", "100000000"], timeoutMs: 60_000 });
    await remote.run("n3", { argv: ["true"], timeoutMs: 20_000 });
    toy.cluster.drop("n3");
    expect(await running).toMatchObject({ kind: "lost", sent: true });
    expect(await remote.run("n3", { argv: ["true"], timeoutMs: 20_000 })).toMatchObject({ kind: "exited", code: 0 });
  });

  it("a node that hangs times out, one that is off was never sent anything", async () => {
    toy.cluster.ailments.set("n4", "hang");
    toy.cluster.nodes[4]!.online = false;
    const fresh = createRemote({ inventory: inventoryOf(toy), env: {}, home: toy.lab.folder, connectTimeoutMs: 300 });
    expect(await fresh.run("n4", { argv: ["true"], timeoutMs: 20_000 })).toMatchObject({ kind: "lost", sent: false });
    expect(await fresh.run("n5", { argv: ["true"], timeoutMs: 20_000 })).toMatchObject({ kind: "lost", sent: false });
    expect(await remote.run("n4", { argv: ["true"], timeoutMs: 300 })).toMatchObject({ kind: "timed-out" });
    await fresh.close();
  });

  it("four-letter words are sent, answered and closed", async () => {
    const [address = ""] = toy.cluster.nodes.map((node) => node.address);
    toy.cluster.answerTcp = (_host, _port, text) => ({ kind: "answered", body: text === "ruok" ? "imok" : `?${text}` });
    expect(await remote.tcp(address, 2181, "ruok", 5000)).toEqual({ kind: "answered", body: Buffer.from("imok") });
    toy.cluster.answerTcp = () => ({ kind: "hang" });
    expect(await remote.tcp(address, 2181, "ruok", 200)).toMatchObject({ kind: "no-answer", code: "timed-out" });
  });
});
