import { readJson, type Json } from "../../../domain/json.ts";
import { record, text } from "../../../domain/json-fields.ts";
import type { Inventory, InventoryNode, NodeName } from "../../../domain/inventory.ts";
import type { Clock, HttpAnswer, Remote } from "../../../engine/ports.ts";
import { engineUrl, managersOf } from "../contract.ts";

/** What a manager said: JSON with the text it came from, or why there is none. `status` null: nobody answered. */
export type Said =
  | { readonly ok: true; readonly value: Json; readonly body: string; readonly node: NodeName }
  | { readonly ok: false; readonly status: number | null; readonly why: string };

/**
 * How a change went. `refused`: certainly not done. `stale`: not done, because what it was made from is no longer so. `unknown`: it may have
 * been done, so whoever asked reads before anything else.
 */
export type Written =
  | { readonly kind: "done"; readonly value: Json; readonly node: NodeName }
  | { readonly kind: "refused"; readonly status: number | null; readonly why: string }
  | { readonly kind: "stale"; readonly why: string }
  | { readonly kind: "unknown"; readonly why: string };

/** The managers of a Swarm as one: any of them answers for the whole cluster (swarm.md, "Reaching a Swarm"). */
export interface Managers {
  /** GETs JSON of the cluster; of another manager where one is away, has no leader or is none any more. */
  get(path: string): Promise<Said>;
  /** Sends a change once, to a manager that answers. It is sent to another one only where it certainly never left. */
  post(path: string, body: Json): Promise<Written>;
  /** The same with DELETE, which has no body. */
  remove(path: string): Promise<Written>;
}

export interface ManagersOptions {
  /** Not this one: it is about to be touched, or away. */
  readonly except?: NodeName;
  /** Where it is given, reads are tried again on every manager until this is over: an election takes some 9 seconds. */
  readonly patience?: { readonly clock: Pick<Clock, "monotonic" | "sleep">; readonly forMs: number };
}

/** Reads are tried so long before the answer is that nobody gives one (swarm.md, "Errors"). */
export const PATIENCE_MS = 30_000;
const PAUSE_MS = 1_000;
/** A manager that has answered before is given time; a large Swarm's tasks are a long answer. */
const READ_MS = 20_000;
/** One of which nothing is known yet is not waited for long: an election holds answers up by 2.5 s, a dead machine never says no. */
const FIRST_MS = 5_000;
const WRITE_MS = 30_000;
const LARGEST_BYTES = 128 * 1024 * 1024;

/** Failures of the way to a manager after which it is certain that nothing was sent. */
const NOT_SENT =
  /^(?:refused|not-resolved|unreachable|auth-failed|handshake-failed|forwarding-refused|host-key-.*|jump-.*|proxy-failed)$/;
/** What a manager says that has no leader, or is none: another one may answer, or this one later (swarm.md, "Errors"). */
const PASSING =
  /does not have a leader|DeadlineExceeded|Unavailable|is not a swarm manager|context deadline|transport is closing/i;
const STALE = /update out of sequence/;
/** What a manager turned down before it did anything. Any other fault of its own (a leader that fell, a broken pipe) may have come too late. */
const TURNED_DOWN =
  /code = (?:InvalidArgument|NotFound|AlreadyExists|FailedPrecondition|PermissionDenied|Unimplemented|OutOfRange)\b/;
const NOT_IMPLEMENTED = 501;

/** What a manager's error body says. */
function messageOf(body: Buffer): string {
  const written = body.toString("utf8", 0, 4_000).trim();
  const read = readJson(written);
  return (read.ok ? text(record(read.value)["message"]) : null) ?? written.slice(0, 500);
}

function isPassing(answer: HttpAnswer): boolean {
  if (answer.kind === "no-answer") return true;
  return answer.status >= 500 && PASSING.test(messageOf(answer.body));
}

function saidBy(node: InventoryNode, path: string, answer: HttpAnswer): Said {
  if (answer.kind === "no-answer") return { ok: false, status: null, why: `${node.name}: ${answer.reason}` };
  const { status } = answer;
  if (status < 200 || status > 299) return { ok: false, status, why: `${node.name}: HTTP ${status}, ${messageOf(answer.body)}` };
  const body = answer.body.toString("utf8");
  const read = readJson(body);
  return read.ok
    ? { ok: true, value: read.value, body, node: node.name }
    : { ok: false, status, why: `${node.name} ${path}: ${read.why}` };
}

/** The managers of an inventory. Asks nobody yet; whoever answered last is asked first. */
export function createManagers(remote: Remote, inventory: Inventory, options: ManagersOptions = {}): Managers {
  const { except, patience } = options;
  const managers = managersOf(inventory).filter((node) => node.name !== except);
  let preferred: NodeName | null = null;
  const inTurn = (): readonly InventoryNode[] =>
    managers.toSorted((a, b) => Number(b.name === preferred) - Number(a.name === preferred));

  const round = async (path: string): Promise<{ readonly said: Said; readonly final: boolean }> => {
    const reasons: string[] = [];
    for (const node of inTurn()) {
      const url = engineUrl(inventory, node, path);
      const timeoutMs = node.name === preferred || managers.length === 1 ? READ_MS : FIRST_MS;
      const answer = await remote.http({ method: "GET", url, timeoutMs, followRedirects: 0, maxBytes: LARGEST_BYTES });
      const said = saidBy(node, path, answer);
      if (said.ok) preferred = node.name;
      if (said.ok || !isPassing(answer)) return { said, final: true };
      reasons.push(said.why);
    }
    const why = reasons.join("; ") || `the inventory has no ${except === undefined ? "" : "other "}manager`;
    return { said: { ok: false, status: null, why }, final: managers.length === 0 };
  };

  const send = async (what: { readonly method: string; readonly body?: string }, path: string): Promise<Written> => {
    const reasons: string[] = [];
    for (const node of inTurn()) {
      const url = engineUrl(inventory, node, path);
      const answer = await remote.http({
        ...what,
        ...(what.body === undefined ? {} : { headers: { "content-type": "application/json" } }),
        ...{ url, timeoutMs: WRITE_MS, followRedirects: 0 },
      });
      if (answer.kind === "no-answer") {
        if (!NOT_SENT.test(answer.code)) return { kind: "unknown", why: `${node.name}: ${answer.reason}` };
        reasons.push(`${node.name}: ${answer.reason}`);
        continue;
      }
      const { status } = answer;
      if (status >= 200 && status <= 299) {
        preferred = node.name;
        const read = readJson(answer.body.toString("utf8"));
        return { kind: "done", value: read.ok ? read.value : null, node: node.name };
      }
      const message = messageOf(answer.body);
      if (STALE.test(message)) return { kind: "stale", why: `${node.name}: ${message}` };
      // A node that is no manager has done nothing; one without a leader may have.
      if (/is not a swarm manager/i.test(message)) {
        reasons.push(`${node.name}: ${message}`);
        continue;
      }
      const isOver = status < 500 || status === NOT_IMPLEMENTED || TURNED_DOWN.test(message);
      if (!isOver || isPassing(answer)) return { kind: "unknown", why: `${node.name}: HTTP ${status}, ${message}` };
      return { kind: "refused", status, why: `${node.name}: HTTP ${status}, ${message}` };
    }
    return { kind: "refused", status: null, why: reasons.join("; ") || "the inventory has no manager to send it to" };
  };

  return {
    async get(path) {
      const { clock, forMs } = patience ?? { clock: null, forMs: 0 };
      const end = (clock?.monotonic() ?? 0) + forMs;
      for (;;) {
        const { said, final } = await round(path);
        if (final || clock === null || clock.monotonic() + PAUSE_MS > end) return said;
        await clock.sleep(PAUSE_MS);
      }
    },
    post: (path, body) => send({ method: "POST", body: JSON.stringify(body) }, path),
    remove: (path) => send({ method: "DELETE" }, path),
  };
}
