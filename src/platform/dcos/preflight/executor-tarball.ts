import type { Inventory } from "../../../domain/inventory.ts";
import type { Json } from "../../../domain/json.ts";
import type { Facts, Finding } from "../../../domain/plan.ts";
import type { Remote } from "../../../engine/ports.ts";
import { agentsOf } from "../contract.ts";
import { list, number, record, text } from "../../../domain/json-fields.ts";
import { finding } from "../../../domain/judgement.ts";
import { HEAD_MS, headArgv } from "./head-request.ts";

/** The finding about the executor tarball. */
export const TARBALL = "executor-tarball-available";

/** An archive on a web server, and nothing that looks like one of the cluster's own APIs: some of them act on a HEAD. */
const ARCHIVE =
  /(?!.*\/(?:exhibitor|v1|v2|api|machine|teardown)\/)https?:\/\/[A-Za-z0-9[][A-Za-z0-9.:[\]-]*(?:\/[A-Za-z0-9_][A-Za-z0-9_.~+%-]*)+\.(?:tgz|tar|tar\.(?:gz|xz|bz2)|zip)/;

/** The command an agent asks for the archive with; for the allow-list. */
export const TARBALL_ARGV = headArgv(ARCHIVE);

/**
 * Asks for the archive that the inventory names (`settings.executor-tarball: URL`), from the first agent of each role: agents fetch
 * it, this machine does not. Null: none is named.
 */
export async function readTarball(reader: Remote, inventory: Inventory): Promise<Json> {
  const url = text(inventory.settings["executor-tarball"]);
  if (url === null) return null;
  if (!new RegExp(`^(?:${ARCHIVE.source})$`).test(url))
    return { url, answers: [{ node: null, status: null, why: "settings.executor-tarball is not the address of an archive" }] };
  const agents = agentsOf(inventory);
  const first = agents.filter((node, index) => agents.findIndex((one) => one.role === node.role) === index);
  const argv = TARBALL_ARGV.map((word) => (typeof word === "string" ? word : url));
  const answers = await Promise.all(
    first.map(async (node) => {
      const outcome = await reader.run(node.name, { argv, timeoutMs: HEAD_MS });
      if (outcome.kind !== "exited")
        return { node: node.name, status: null, why: outcome.kind === "lost" ? outcome.reason : "no answer in time" };
      const status = Number(/(\d{3})\s*$/.exec(outcome.stdout)?.[1] ?? "0");
      return outcome.code === 0 && status > 0
        ? { node: node.name, status, why: null }
        : { node: node.name, status: null, why: `curl ended with ${outcome.code}` };
    }),
  );
  return { url, answers };
}

/**
 * Whether the archive of Mesos' executor is where agents fetch it (workbook, Pre-Upgrade Checklist: executor workaround tarball in the
 * management server); nothing where the inventory names none. Pure.
 */
export function tarballFindings(facts: Facts, target: string | undefined): readonly Finding[] {
  const read = record(facts.baseline["executorTarball"]);
  const url = text(read["url"]);
  if (target === undefined || url === null) return [];
  const answers = list(read["answers"]).map(record);
  const from = (one: (typeof answers)[number]): string => (text(one["node"]) === null ? "" : `from ${text(one["node"]) ?? ""}: `);
  const line = (one: (typeof answers)[number], words: string) => ({ node: text(one["node"]), text: `${from(one)}${words}` });
  const gone = answers.filter((one) => one["status"] === 404 || one["status"] === 410);
  const untold = answers.filter((one) => !gone.includes(one) && one["status"] !== 200);
  return [
    finding({
      id: TARBALL,
      title: "The executor tarball is where agents fetch it",
      expected: `HTTP 200 for ${url}, asked by HEAD from an agent of each role`,
      good: `200 from ${answers.map((one) => text(one["node"]) ?? "").join(", ")}`,
      bad: gone.map((one) => line(one, `HTTP ${number(one["status"]) ?? 0}`)),
      unknown:
        answers.length === 0
          ? [{ node: null, text: "there is no agent to ask from" }]
          : untold.map((one) => line(one, text(one["why"]) ?? `HTTP ${number(one["status"]) ?? "?"}`)),
      severity: "waivable",
      remedy: "Put the archive where settings.executor-tarball of the inventory says, or take that line out where none is used.",
    }),
  ];
}
