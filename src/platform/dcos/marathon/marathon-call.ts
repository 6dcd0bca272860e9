import type { Inventory, InventoryNode } from "../../../domain/inventory.ts";
import { readJson, type Json, type JsonRecord } from "../../../domain/json.ts";
import type { HttpAnswer, Remote } from "../../../engine/ports.ts";
import { mastersOf, urlOf } from "../contract.ts";
import { list, record, text } from "../../../domain/json-fields.ts";

const TIMEOUT_MS = 30_000;

/** Failures before a byte was sent; behind any other the request may have arrived. */
const NEVER_SENT: readonly string[] = ["refused", "not-resolved", "unreachable"];

/** How an app looks to Marathon. `via`: the master that answered, or passed on what the leading Marathon answered. */
export type AppLook =
  | { readonly kind: "there"; readonly app: JsonRecord; readonly via: InventoryNode }
  | { readonly kind: "absent"; readonly via: InventoryNode }
  | { readonly kind: "no-answer"; readonly why: string };

/** What became of a request that changes something. */
export type Sent =
  | { readonly kind: "accepted"; readonly deployment: string | null }
  /** Marathon read it and said no: 4xx with its own message. `deployments`: those that lock the app (409). */
  | { readonly kind: "refused"; readonly status: number; readonly message: string; readonly deployments: readonly string[] }
  /** No answer, or one of a proxy on the way: it may have been done. */
  | { readonly kind: "unclear"; readonly why: string }
  | { readonly kind: "not-sent"; readonly why: string };

function jsonOf(answer: Extract<HttpAnswer, { readonly kind: "answered" }>): Json | undefined {
  const read = readJson(answer.body.toString("utf8"));
  return read.ok ? read.value : undefined;
}

/** Marathon's own words: its message, and below it what is wrong with which field (422). */
function messageOf(value: Json | undefined): string | null {
  const said = text(record(value)["message"]);
  const details = list(record(value)["details"])
    .map(record)
    .map(
      (one) =>
        `${text(one["path"]) ?? "?"}: ${list(one["errors"])
          .map((error) => text(error) ?? "")
          .join(", ")}`,
    );
  return said === null ? null : [said, ...details].join("; ");
}

/**
 * Asks one Marathon after another for an app; all of them answer with their leader's word (dcos.md 11.1). Only Marathon's own JSON
 * says that an app is absent: a page saying 404 comes from a proxy.
 */
export async function lookAtApp(remote: Remote, inventory: Inventory, id: string): Promise<AppLook> {
  let why = "no master in the inventory";
  for (const via of mastersOf(inventory)) {
    const url = urlOf(inventory, via, "marathon", `/v2/apps${id}`);
    const answer = await remote.http({ method: "GET", url, timeoutMs: TIMEOUT_MS, followRedirects: 1 });
    if (answer.kind === "no-answer") why = `${url}: ${answer.reason}`;
    else {
      const value = jsonOf(answer);
      const app = record(record(value)["app"]);
      if (answer.status === 200 && text(app["id"]) === id) return { kind: "there", app, via };
      if (answer.status === 404 && messageOf(value) !== null) return { kind: "absent", via };
      why = `${url}: HTTP ${answer.status}${answer.status === 200 ? " without this app" : ""}`;
    }
  }
  return { kind: "no-answer", why };
}

/** Sends one request that changes something, once, to one master. Never throws for an answer. */
export async function sendMarathon(
  remote: Remote,
  inventory: Inventory,
  via: InventoryNode,
  request: { readonly method: "POST" | "PUT" | "DELETE"; readonly path: string; readonly body?: JsonRecord },
): Promise<Sent> {
  const answer = await remote.http({
    method: request.method,
    url: urlOf(inventory, via, "marathon", request.path),
    ...(request.body === undefined
      ? {}
      : { body: JSON.stringify(request.body), headers: { "content-type": "application/json" } }),
    timeoutMs: TIMEOUT_MS,
    followRedirects: 0,
    thisNodeOnly: false,
  });
  if (answer.kind === "no-answer")
    return { kind: NEVER_SENT.includes(answer.code) ? "not-sent" : "unclear", why: `${via.name}: ${answer.reason}` };
  const value = jsonOf(answer);
  if (answer.status >= 200 && answer.status < 300) {
    const deployment = text(record(value)["deploymentId"]) ?? text(record(list(record(value)["deployments"])[0])["id"]);
    return { kind: "accepted", deployment };
  }
  const message = messageOf(value);
  if (answer.status < 400 || answer.status >= 500 || message === null)
    return { kind: "unclear", why: `${via.name}: HTTP ${answer.status} without a word of Marathon's` };
  const deployments = list(record(value)["deployments"]).flatMap((one) => text(record(one)["id"]) ?? []);
  return { kind: "refused", status: answer.status, message, deployments };
}
