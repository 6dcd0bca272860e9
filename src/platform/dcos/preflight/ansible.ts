import { resolve } from "node:path";
import type { Inventory, InventoryNode } from "../../../domain/inventory.ts";
import type { Json, JsonRecord } from "../../../domain/json.ts";
import type { Facts, Finding } from "../../../domain/plan.ts";
import type { LocalRunner } from "../../../engine/ports.ts";
import { list, parseJson, record, text } from "../../../domain/json-fields.ts";
import { finding } from "../../../domain/judgement.ts";

/** The finding about Ansible. */
export const ANSIBLE = "ansible-reaches";

const LIST_MS = 60_000;
const PING_MS = 300_000;
/** Nodes Ansible asks at once; by itself it asks five. */
const AT_ONCE = 25;
/** The module comes over the connection instead of as a file on the node; nothing is coloured; no host key is taken on trust. */
const ENVIRONMENT = {
  ANSIBLE_PIPELINING: "True",
  ANSIBLE_NOCOLOR: "1",
  ANSIBLE_HOST_KEY_CHECKING: "True",
  ANSIBLE_STDOUT_CALLBACK: "minimal",
};

/** Ansible's inventory, by the inventory's own word (`settings.ansible-inventory: FILE`, relative to it); null: none is named. */
function ansibleInventory(inventory: Pick<Inventory, "settings" | "folder">): string | null {
  const file = text(inventory.settings["ansible-inventory"]);
  return file === null || file === "" ? null : resolve(inventory.folder, file);
}

/** Names that Ansible may know a host by: its own, and the address it connects to. */
function namesOf(host: string, vars: JsonRecord): readonly string[] {
  return [host, text(vars["ansible_host"]), text(vars["ansible_ssh_host"])].flatMap((name) => name ?? []);
}

/** Hosts of `ansible-inventory --list`, with the names each may be known by; null where that is no such answer. */
export function hostsOf(listing: string): ReadonlyMap<string, readonly string[]> | null {
  const value = parseJson(listing);
  if (value === undefined || !("_meta" in record(value))) return null;
  const vars = record(record(record(value)["_meta"])["hostvars"]);
  const grouped = Object.values(record(value)).flatMap((group) => list(record(group)["hosts"]).flatMap((one) => text(one) ?? []));
  return new Map([...new Set([...Object.keys(vars), ...grouped])].map((host) => [host, namesOf(host, record(vars[host]))]));
}

/** What `ansible -m ping` said of each host: the word behind the bar (`SUCCESS`, `UNREACHABLE!`, `FAILED!`), and its reason. */
export function pingsOf(output: string): ReadonlyMap<string, { readonly word: string; readonly why: string }> {
  const said = new Map<string, { readonly word: string; readonly why: string }>();
  const heads = [...output.matchAll(/^(\S+) \| ([A-Z]+!?)(?: \(rc=-?\d+\))? (?:=>|>>)/gm)];
  heads.forEach((head, index) => {
    const body = output.slice(head.index + head[0].length, heads[index + 1]?.index);
    const why = /"msg": "((?:[^"\\]|\\.)*)"/.exec(body)?.[1] ?? "";
    said.set(head[1] ?? "", {
      word: head[2] ?? "",
      why: why
        .replaceAll(/\\[nrt]/g, " ")
        .replaceAll(/\\(.)/g, "$1")
        .slice(0, 160),
    });
  });
  return said;
}

/**
 * Asks Ansible, on this machine, for every host of the named inventory (workbook, Pre-Upgrade Checklist: Ansible reachability, ansible
 * ping and automation security keys; pre-19). Null: no Ansible inventory is named. It is the operator's own program with the
 * operator's own keys: what it can reach says nothing about pawl's way, and pawl's way nothing about it.
 */
export async function readAnsible(
  local: LocalRunner | null,
  inventory: Pick<Inventory, "settings" | "folder" | "nodes">,
): Promise<Json> {
  const file = ansibleInventory(inventory);
  if (file === null) return null;
  const unread = (why: string): Json => ({ file, why, nodes: null });
  if (local === null) return unread("there is nobody to run it");
  const listed = await local.run(["ansible-inventory", "-i", file, "--list"], { timeoutMs: LIST_MS, env: ENVIRONMENT });
  if (listed.kind === "lost" && listed.code === "not-found") return unread("there is no ansible on this machine");
  if (listed.kind !== "exited") return unread(listed.kind === "lost" ? listed.reason : "ansible-inventory did not end");
  const hosts = listed.code === 0 ? hostsOf(listed.stdout) : null;
  if (hosts === null) return unread(`ansible-inventory: exit code ${listed.code}: ${lastLine(listed.stderr)}`);
  const known = inventory.nodes.map((node) => ({ node, host: hostOf(hosts, node) }));
  const asked = known.flatMap(({ host }) => host ?? []);
  if (asked.length === 0) return { file, why: null, nodes: known.map(({ node }) => ({ node: node.name, word: null, why: "" })) };
  const ping = await local.run(["ansible", asked.join(","), "-i", file, "-f", String(AT_ONCE), "-m", "ping"], {
    timeoutMs: PING_MS,
    env: ENVIRONMENT,
  });
  if (ping.kind === "lost") return unread(ping.code === "not-found" ? "there is no ansible on this machine" : ping.reason);
  const said = pingsOf(ping.stdout);
  return {
    file,
    why:
      said.size > 0
        ? null
        : ping.kind === "timed-out"
          ? "no answer in time"
          : `ansible: exit code ${ping.code}: ${lastLine(ping.stderr)}`,
    nodes: known.map(({ node, host }) => {
      const one = host === null ? undefined : said.get(host);
      return { node: node.name, word: host === null ? null : (one?.word ?? ""), why: one?.why ?? "" };
    }),
  };
}

function hostOf(hosts: ReadonlyMap<string, readonly string[]>, node: InventoryNode): string | null {
  const named = [...hosts].filter(([, names]) => names.includes(node.name) || names.includes(node.address));
  // Ansible's patterns have signs of their own; a host that cannot be named plainly is not asked.
  return named.map(([host]) => host).find((host) => /^[A-Za-z0-9_.:-]+$/.test(host)) ?? null;
}

function lastLine(output: string): string {
  return output.trim().split("\n").at(-1)?.slice(0, 200) ?? "";
}

/** Whether Ansible reaches every node, where the inventory names an Ansible inventory; nothing otherwise. Pure. */
export function ansibleFindings(facts: Facts, target: string | undefined): readonly Finding[] {
  const read = record(facts.baseline["ansible"]);
  if (target === undefined || text(read["file"]) === null) return [];
  const nodes = list(read["nodes"]).map(record);
  const name = (one: JsonRecord): string => text(one["node"]) ?? "?";
  const why = text(read["why"]);
  const untold = nodes.filter((one) => one["word"] === null || one["word"] === "");
  return [
    finding({
      id: ANSIBLE,
      title: "Ansible reaches every node",
      expected: `SUCCESS of ansible -m ping with ${text(read["file"]) ?? ""} for every node of the inventory`,
      good: `${nodes.length} nodes`,
      bad: nodes
        .filter((one) => !untold.includes(one) && one["word"] !== "SUCCESS")
        .map((one) => ({ node: name(one), text: `${name(one)}: ${text(one["word"]) ?? ""} ${text(one["why"]) ?? ""}`.trim() })),
      unknown:
        why !== null
          ? [{ node: null, text: why }]
          : nodes.length === 0
            ? [{ node: null, text: "nothing was asked" }]
            : untold.map((one) => ({
                node: name(one),
                text: `${name(one)}: ${one["word"] === null ? "not in Ansible's inventory" : "Ansible says nothing of it"}`,
              })),
      severity: "waivable",
      remedy:
        "Correct Ansible's inventory, keys or known hosts. pawl itself needs no Ansible: where nothing else of the upgrade uses it, take ansible-inventory out of the inventory's settings.",
    }),
  ];
}
