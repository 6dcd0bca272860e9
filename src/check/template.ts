import type { Inventory, InventoryNode } from "../domain/inventory.ts";
import type { Json, JsonRecord } from "../domain/json.ts";

/** What the placeholders of a reading are filled from. */
export interface Filling {
  readonly inventory: Inventory;
  /** The platform's ports by service name; the inventory's own come first. */
  readonly ports: Readonly<Record<string, number>>;
  /** The node that is asked; null where the reading is of no node. */
  readonly node: InventoryNode | null;
  /** Name of the subject that is judged. */
  readonly subject: string;
  readonly context: JsonRecord;
}

/** A filled text, or the first placeholder that has no value. */
export type Filled =
  { readonly kind: "filled"; readonly text: string } | { readonly kind: "unknown"; readonly placeholder: string };

/** Names the roles in `{address@ROLE}`: such a reading is asked of those nodes in turn, whatever the check's own scope. */
const ASKED_ROLE = /\{address@([A-Za-z0-9_|-]+)\}/;

/** The roles a reading is asked of instead of its subject (`{address@master}`, `{address@agent|agent_public}`), or null. */
export function askedRoles(text: string): readonly string[] | null {
  return ASKED_ROLE.exec(text)?.[1]?.split("|") ?? null;
}

/**
 * Fills `{url}` (of a source that was found), `{address}`, `{address@ROLE}`, `{port.SERVICE}`, `{subject}`, `{node}`, `{since}` (whole epoch seconds),
 * `{bootstrap}` and names of the context's inputs such as `{target}`. In a `url` IPv6 addresses get brackets and inputs are
 * escaped; a `word` of a command takes values as they are (the transport quotes). Braces around anything that is not a bare
 * name (JSON bodies) are text.
 */
export function fill(text: string, filling: Filling, place: "url" | "word" = "word"): Filled {
  const unknown: string[] = [];
  const filled = text.replace(/\{([A-Za-z][A-Za-z0-9_.@|-]*)\}/g, (whole, name: string) => {
    const value = valueOf(name, filling, place);
    if (value === null) unknown.push(whole);
    return value ?? "";
  });
  const [placeholder] = unknown;
  return placeholder === undefined ? { kind: "filled", text: filled } : { kind: "unknown", placeholder };
}

function valueOf(name: string, { inventory, ports, node, subject, context }: Filling, place: "url" | "word"): string | null {
  if (name === "address" || name.startsWith("address@"))
    return node === null ? null : place === "url" ? bracketed(node.address) : node.address;
  if (name === "node") return node?.name ?? null;
  if (name === "subject") return subject;
  if (name === "url") {
    const url = context["url"];
    return typeof url === "string" ? url.replace(/\/+$/, "") : null;
  }
  if (name === "bootstrap") return inventory.bootstrap?.url.replace(/\/+$/, "") ?? null;
  if (name === "since") {
    const since = context["since"];
    return typeof since === "number" ? String(Math.floor(since)) : null;
  }
  if (name.startsWith("port.")) {
    const service = name.slice("port.".length);
    const port = inventory.ports[service] ?? ports[service];
    return port === undefined ? null : String(port);
  }
  const value = record(context["inputs"])[name];
  if (typeof value !== "string") return null;
  return place === "url" ? encodeURIComponent(value) : value;
}

/** An IPv6 address needs brackets in a URL. */
function bracketed(address: string): string {
  return address.includes(":") && !address.startsWith("[") ? `[${address}]` : address;
}

function record(value: Json | undefined): JsonRecord {
  return value !== null && typeof value === "object" && !Array.isArray(value) ? (value as JsonRecord) : {};
}
