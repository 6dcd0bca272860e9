import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { InventoryNode } from "../../../../src/domain/inventory.ts";
import type { LocalRunner, Outcome } from "../../../../src/engine/ports.ts";
import { ansibleFindings, hostsOf, pingsOf, readAnsible } from "../../../../src/platform/dcos/preflight/ansible.ts";
import { facts, inventory } from "../sample.ts";

const FIXTURE = join(import.meta.dirname, "../../../fixture/ansible");
/** Recorded from ansible-core 2.14: one host that answers, one that is not there, one without Python. */
const LIST = readFileSync(join(FIXTURE, "list.json"), "utf8");
const PING = readFileSync(join(FIXTURE, "ping.txt"), "utf8");

const exited = (code: number, stdout: string, stderr = ""): Outcome => ({ kind: "exited", code, stdout, stderr });

/** Ansible on the operator's machine, as it answers to `ansible-inventory` and to `ansible`. */
function ansible(list: Outcome, ping: Outcome): { readonly local: LocalRunner; readonly ran: (readonly string[])[] } {
  const ran: (readonly string[])[] = [];
  const run = async (argv: readonly string[]): Promise<Outcome> => {
    ran.push(argv);
    return argv[0] === "ansible-inventory" ? list : ping;
  };
  return { local: { run }, ran };
}

async function found(list: Outcome, ping: Outcome, names = ["m1", "m2", "a1"], address = "127.1.2.9") {
  const { local, ran } = ansible(list, ping);
  const own = inventory(names);
  const nodes = own.nodes.map((node): InventoryNode => (node.name === "m2" ? { ...node, address } : node));
  const settings = { "ansible-inventory": "hosts.ini" };
  const read = await readAnsible(local, { ...own, nodes, settings, folder: "/inventories" });
  const base = facts(names, "1.10.8");
  return { ran, finding: ansibleFindings({ ...base, baseline: { ...base.baseline, ansible: read } }, "1.11.3")[0] };
}

describe("Ansible, where the inventory names one of its inventories", () => {
  it("is asked for every node by the name it has for it, and what it does not reach is named with the reason", async () => {
    const { ran, finding } = await found(exited(0, LIST), exited(4, PING));
    expect(ran).toEqual([
      ["ansible-inventory", "-i", "/inventories/hosts.ini", "--list"],
      ["ansible", "m1,m2.example,a1", "-i", "/inventories/hosts.ini", "-f", "25", "-m", "ping"],
    ]);
    expect(finding).toMatchObject({ verdict: "fail", severity: "waivable", nodes: ["m2", "a1"] });
    expect(finding?.observed).toMatch(/^m2: UNREACHABLE! Data could not be sent to remote host "127\.1\.2\.9"\./);
    expect(finding?.observed).toMatch(/; a1: FAILED! The module failed to execute correctly/);
  });

  it("passes where every node says SUCCESS, whatever else its inventory has", async () => {
    const { finding } = await found(exited(0, LIST), exited(4, PING), ["m1"]);
    expect(finding).toMatchObject({ verdict: "pass", observed: "1 nodes" });
  });

  it("says nothing about a node it does not know", async () => {
    const { finding } = await found(exited(0, LIST), exited(0, 'm1 | SUCCESS => {"ping": "pong"}\n'), ["m1", "m2"], "10.9.9.9");
    expect(finding).toMatchObject({ verdict: "inconclusive", observed: "m2: not in Ansible's inventory" });
  });

  it.each([
    ["that is not on this machine", { kind: "lost", reason: "no", code: "not-found", sent: false }, /no ansible on this machine/],
    ["that finds no inventory, and ends with 0 all the same", exited(0, '{"_meta": {"hostvars": {}}}'), /m1: not in Ansible's/],
    ["that breaks", exited(5, "", "ERROR! bad\nERROR! no vault password"), /exit code 5: ERROR! no vault password/],
    ["that answers with something else", exited(0, "[]"), /ansible-inventory: exit code 0/],
    ["that does not end", { kind: "timed-out", afterMs: 1, stdout: "", stderr: "" }, /did not end/],
  ] as const)("%s is never taken for a yes", async (_, list, says) => {
    const { finding } = await found(list, exited(0, ""));
    expect(finding?.verdict).toBe("inconclusive");
    expect(finding?.observed).toMatch(says);
  });

  it("is never taken for a yes where it pings and says nothing, or leaves a node out", async () => {
    expect((await found(exited(0, LIST), exited(0, ""))).finding).toMatchObject({ verdict: "inconclusive" });
    const { finding } = await found(exited(0, LIST), exited(0, 'm1 | SUCCESS => {"ping": "pong"}\n'));
    expect(finding).toMatchObject({ verdict: "inconclusive", nodes: ["m2", "a1"] });
  });

  it("is not run, and makes no finding, where none is named", async () => {
    const { local, ran } = ansible(exited(0, LIST), exited(0, PING));
    expect(await readAnsible(local, inventory(["m1"]))).toBeNull();
    expect(ran).toEqual([]);
    expect(ansibleFindings(facts(["m1"], "1.10.8"), "1.11.3")).toEqual([]);
  });

  it("knows hosts by their names and addresses, and words by their bars", () => {
    expect([...(hostsOf(LIST) ?? [])]).toEqual([
      ["a1", ["a1"]],
      ["m1", ["m1", "127.0.0.1"]],
      ["m2.example", ["m2.example", "127.1.2.9"]],
    ]);
    expect([...pingsOf(PING)].map(([host, { word }]) => [host, word])).toEqual([
      ["a1", "FAILED!"],
      ["m2.example", "UNREACHABLE!"],
      ["m1", "SUCCESS"],
    ]);
  });
});
