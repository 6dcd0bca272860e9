import { setMaxListeners } from "node:events";
import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import type { FactTopic, ReadingSpec } from "../domain/documents.ts";
import { PawlError } from "../domain/errors.ts";
import type { Inventory, InventoryNode } from "../domain/inventory.ts";
import { canonical } from "../domain/json.ts";
import type { Json, JsonRecord } from "../domain/json.ts";
import type { Clock, Platform, Remote } from "../engine/ports.ts";
import { fromCommand, fromHttp, fromTcp, fromText, none } from "./answers.ts";
import type { Reading } from "./answers.ts";
import { askedRoles, fill } from "./template.ts";
import type { Filling } from "./template.ts";

/** Requests in flight at once: enough for 500 nodes within seconds, few enough for two cores and a small file limit. */
const IN_FLIGHT = 32;

/** What a round of readings needs from outside. */
export interface ReadingWorld {
  readonly remote: Remote;
  readonly inventory: Inventory;
  readonly platform: Pick<Platform, "ports" | "nodeFacts">;
  readonly clock: Clock;
}

/** One reading of one subject. */
interface ReadingRequest {
  readonly spec: ReadingSpec;
  readonly subject: string;
  /** Nodes to ask, in turn, until one answers; usually the one node the reading is about. Null: it is of no node. */
  readonly nodes: readonly InventoryNode[] | null;
  readonly context: JsonRecord;
}

/** One round: every distinct request (URL, command, word) is sent once, however many checks and subjects want it. */
export interface Round {
  read(request: ReadingRequest): Promise<Reading>;
}

/** Starts a round. Mesos serves two `/metrics/snapshot` a second per process, so sharing is not only a saving. */
export function startRound(world: ReadingWorld, signal?: AbortSignal): Round {
  const memo = new Map<string, Promise<Reading>>();
  const slot = limiter(IN_FLIGHT);
  // Every request in flight listens for the end of the round; Node would warn of a leak at the eleventh.
  if (signal !== undefined) setMaxListeners(0, signal);

  const once = (key: string, send: () => Promise<Reading>): Promise<Reading> => {
    const known = memo.get(key);
    if (known !== undefined) return known;
    const fresh = slot(() => (signal?.aborted === true ? Promise.resolve(none("the measuring was stopped")) : send()));
    memo.set(key, fresh);
    return fresh;
  };

  const readAt = (request: ReadingRequest, node: InventoryNode | null): Promise<Reading> => {
    const filling: Filling = {
      inventory: world.inventory,
      ports: world.platform.ports,
      node,
      subject: request.subject,
      context: request.context,
    };
    return sendReading(world, request.spec, filling, once, signal);
  };

  return {
    async read(request) {
      const roles = askedRolesOf(request.spec);
      const nodes = roles === null ? request.nodes : world.inventory.nodes.filter((node) => roles.includes(node.role));
      if (nodes === null) return readAt(request, null);
      if (nodes.length === 0)
        return request.spec.kind === "file" ? readAt(request, null) : none("the inventory has no node to ask");
      const reasons: string[] = [];
      for (const node of nodes) {
        const answer = await readAt(request, node);
        if (answer.kind === "read") return answer;
        reasons.push(nodes.length === 1 ? answer.reason : `${node.name}: ${answer.reason}`);
      }
      return none(reasons.join("; "));
    },
  };
}

function askedRolesOf(spec: ReadingSpec): readonly string[] | null {
  return spec.kind === "http" ? askedRoles(spec.url) : null;
}

type Once = (key: string, send: () => Promise<Reading>) => Promise<Reading>;

async function sendReading(
  world: ReadingWorld,
  spec: ReadingSpec,
  filling: Filling,
  once: Once,
  signal?: AbortSignal,
): Promise<Reading> {
  const { as, timeoutMs } = spec;
  const { node } = filling;
  switch (spec.kind) {
    case "http": {
      const url = fill(spec.url, filling, "url");
      const body = spec.body === undefined ? null : fill(spec.body, filling);
      if (url.kind === "unknown") return none(`nothing to put for ${url.placeholder}`);
      if (body?.kind === "unknown") return none(`nothing to put for ${body.placeholder}`);
      const { method, followRedirects, page } = spec;
      const request = { method, url: url.text, timeoutMs, followRedirects, ...(page === undefined ? {} : { page }) };
      const sent = body === null ? request : { ...request, body: body.text, headers: { "content-type": "application/json" } };
      return once(canonical(["http", method, url.text, body?.text ?? null, followRedirects, as, page ?? null]), async () =>
        fromHttp(as, await world.remote.http(sent, signal)),
      );
    }
    case "command": {
      if (node === null) return none("a command needs a node");
      const words = spec.argv.map((word) => fill(word, filling));
      const argv: string[] = [];
      for (const word of words) {
        if (word.kind === "unknown") return none(`nothing to put for ${word.placeholder}`);
        argv.push(word.text);
      }
      const command = { argv, sudo: spec.sudo, timeoutMs };
      return once(canonical(["command", node.name, argv, spec.sudo, as]), async () =>
        fromCommand(as, await world.remote.run(node.name, command, signal)),
      );
    }
    case "four-letter": {
      const port = fill(`{port.${spec.port}}`, filling);
      if (node === null || port.kind === "unknown") return none(`no port is known for ${spec.port}`);
      const { word } = spec;
      return once(canonical(["word", node.name, word, port.text, as]), async () =>
        fromTcp(as, await world.remote.tcp(node.address, Number(port.text), word, timeoutMs, signal)),
      );
    }
    case "file": {
      const path = fill(spec.path, filling);
      if (path.kind === "unknown") return none(`nothing to put for ${path.placeholder}`);
      return once(canonical(["file", path.text, as]), () => readLocal(resolve(world.inventory.folder, path.text), as));
    }
    case "step": {
      const output = filling.context["output"] ?? null;
      return output === null ? none("no step has handed anything on") : { kind: "read", value: output };
    }
    case "facts":
      return node === null
        ? none("facts are of a node")
        : once(canonical(["facts", spec.about, node.name]), () => readFacts(world, node, spec.about));
  }
}

async function readLocal(path: string, as: ReadingSpec["as"]): Promise<Reading> {
  try {
    return fromText(as, await readFile(path, "utf8"));
  } catch (error) {
    return none(error instanceof Error ? error.message : String(error));
  }
}

/**
 * The platform's facts of one node. `readBetween` (epoch seconds before and after, by pawl's clock) is added, because a
 * node's own clock can only be judged against the moment it was read, not against the start of a long round.
 */
async function readFacts(world: ReadingWorld, node: InventoryNode, about: FactTopic): Promise<Reading> {
  const before = world.clock.now() / 1000;
  try {
    const facts: Json = await world.platform.nodeFacts(world.remote, world.inventory, node, about);
    if (facts === null) return none("its facts could not be read");
    const readBetween = [before, world.clock.now() / 1000];
    // Recorded facts bring their own: they were read long ago.
    return { kind: "read", value: isRecord(facts) ? { readBetween, ...facts } : facts };
  } catch (error) {
    // A refused request is a bug of a check document, not an answer of a node.
    if (error instanceof PawlError && error.code !== "not-allowed") return none(error.details.observed ?? error.message);
    throw error;
  }
}

function isRecord(value: Json): value is JsonRecord {
  return value !== null && typeof value === "object" && !Array.isArray(value);
}

/** At most `limit` at once, first come, first served. */
function limiter(limit: number): <T>(work: () => Promise<T>) => Promise<T> {
  let running = 0;
  const waiting: (() => void)[] = [];
  return async (work) => {
    if (running >= limit) await new Promise<void>((resume) => waiting.push(resume));
    else running += 1;
    try {
      return await work();
    } finally {
      // The slot goes straight to the next in line.
      const next = waiting.shift();
      if (next === undefined) running -= 1;
      else next();
    }
  };
}
