import type { InventoryNode } from "../../../domain/inventory.ts";
import type { Json } from "../../../domain/json.ts";
import type { Effect, StepContext, StepKind } from "../../../engine/ports.ts";
import { ConnectionError, openReader } from "../../../zookeeper/client.ts";
import { persistentByCounters, type IndexEntry } from "../../../zookeeper/dump-layout.ts";
import { countBelow, featuresOf, readTree, subtreesOf, type TreeReading } from "../../../zookeeper/read-tree.ts";
import { kindOf, openSpool } from "../../../zookeeper/tree.ts";
import { writeDump, type DumpSummary } from "../../../zookeeper/write-dump.ts";
import { mastersOf, portOf } from "../contract.ts";
import { text } from "../../../domain/json-fields.ts";
import { parseMntr, readServer, type ServerReading } from "./four-letter-words.ts";
import { readerAuth } from "./settings.ts";

/** A reading starts again from the beginning this often; it never goes on with another server. */
const ATTEMPTS = 3;
const PAUSE_MS = 5_000;
const SHOWN = 10;

function failed(
  ctx: StepContext,
  code: string,
  what: string,
  more: { readonly expected?: string; readonly observed: string; readonly next?: string },
): Effect {
  return {
    kind: "failed",
    problem: {
      code,
      text: `${ctx.step.address}: ${what}`,
      ...(more.expected === undefined ? {} : { expected: more.expected }),
      observed: more.observed,
      next: more.next ?? `Mend it, then: ${ctx.spell("retry", ctx.step.address)}`,
    },
  };
}

/** The master that is read: the one that is asked for, or the first follower; the leader has enough to do. */
async function chooseServer(
  ctx: StepContext,
): Promise<{ readonly node: InventoryNode; readonly reading: ServerReading } | string> {
  const masters = mastersOf(ctx.inventory);
  const wanted = text(ctx.step.with["from"]) ?? "follower";
  const readings = await Promise.all(masters.map((node) => readServer(ctx.remote, ctx.inventory, node)));
  const known = masters.flatMap((node, index) => {
    const reading = readings[index];
    return reading === undefined || reading.state === null ? [] : [{ node, reading }];
  });
  const states = (...names: readonly string[]): (typeof known)[number] | undefined =>
    known.find(({ reading }) => names.includes(reading.state ?? ""));
  const found =
    wanted === "follower"
      ? (states("follower") ?? states("leader", "standalone"))
      : wanted === "leader"
        ? states("leader", "standalone")
        : known.find(({ node }) => node.name === wanted);
  return (
    found ?? `no ${wanted} serves: ${readings.map((one) => `${one.node}: ${one.state ?? one.why ?? "no answer"}`).join("; ")}`
  );
}

async function readFrom(ctx: StepContext, node: InventoryNode, version: string | null): Promise<TreeReading | string> {
  const auth = readerAuth(ctx.inventory);
  let why = "";
  for (let attempt = 1; attempt <= ATTEMPTS; attempt += 1) {
    if (attempt > 1) {
      ctx.say(`${why}; reading begins anew.`);
      await ctx.clock.sleep(PAUSE_MS, ctx.stopping);
    }
    const opened = await ctx.remote.open?.(node.name, node.address, portOf(ctx.inventory, "zookeeper"));
    if (opened?.kind !== "open") {
      why = opened?.reason ?? "streams are not opened here";
      continue;
    }
    const spool = await openSpool();
    try {
      const client = await openReader(opened.stream, { auth });
      const reading = await readTree(client, { spool, features: featuresOf(version) });
      await client.close();
      return reading;
    } catch (error) {
      opened.stream.destroy();
      await spool.close();
      if (!(error instanceof ConnectionError)) throw error;
      why = error.message;
    }
  }
  return why;
}

/** What the server's own counters say, before and after, of what was read (dcos.md 8.2); null where nothing speaks against it. */
function judgeCount(read: number, counters: readonly ServerReading[]): string | null {
  const persistent = counters.flatMap((one) =>
    one.znodes === null || one.ephemerals === null ? [] : [persistentByCounters(one.znodes, one.ephemerals)],
  );
  if (persistent.length === 0) return null;
  const [least, most] = [Math.min(...persistent), Math.max(...persistent)];
  return read >= least && read <= most
    ? null
    : `${String(read)} persistent znodes were read, the server counts ${String(least)} to ${String(most)}`;
}

async function dump(ctx: StepContext): Promise<Effect> {
  const chosen = await chooseServer(ctx);
  if (typeof chosen === "string")
    return failed(ctx, "zookeeper-not-serving", "no ZooKeeper server can be read", { observed: chosen });
  const { node, reading: before } = chosen;
  const version = parseMntr(before.body).get("zk_version") ?? null;
  const readAt = new Date(ctx.clock.now()).toISOString();
  const reading = await readFrom(ctx, node, version);
  if (typeof reading === "string")
    return failed(ctx, "zookeeper-unread", `the tree of ${node.name} was not read to its end`, { observed: reading });
  try {
    const { tree } = reading;
    if (tree.unreadable.size > 0) {
      const paths = [...tree.unreadable].slice(0, SHOWN).map(([path, { what }]) => `${path} (${what})`);
      return failed(ctx, "zookeeper-hidden", `${tree.unreadable.size} znodes cannot be read`, {
        expected: "every znode, with its data and its ACL",
        observed: paths.join(", "),
        next: `Give credentials that may read them (settings.zookeeper.auth of the inventory), then: ${ctx.spell("retry", ctx.step.address)}`,
      });
    }
    const after = await readServer(ctx.remote, ctx.inventory, node);
    let persistent = 0;
    for (const { stat } of tree.nodes.values()) if (kindOf(stat) === "persistent") persistent += 1;
    const odd = judgeCount(persistent, [before, after]);
    if (odd !== null && reading.consistency.kind !== "live" && reading.consistency.changed === 0)
      return failed(ctx, "zookeeper-count", `the dump of ${node.name} is not complete`, { observed: odd });
    return await keep(ctx, { node, version, readAt, reading, odd });
  } finally {
    await reading.tree.spool.close();
  }
}

interface Read {
  readonly node: InventoryNode;
  readonly version: string | null;
  readonly readAt: string;
  readonly reading: TreeReading;
  readonly odd: string | null;
}

async function keep(ctx: StepContext, read: Read): Promise<Effect> {
  const { node, version, readAt, reading } = read;
  const sink = await ctx.artifacts.sink({
    name: `zookeeper/${node.name}.znodes.tar`,
    mediaType: "application/x-tar",
    step: ctx.step.address,
    node: node.name,
    evidenceOf: "every znode, in guano's layout, with ACLs, kinds and stats beside it",
    sealed: true,
  });
  let summary: DumpSummary;
  try {
    summary = await writeDump(reading, { node: node.name, version, readAt }, (chunk) => sink.write(chunk));
  } catch (error) {
    await sink.abandon();
    throw error;
  }
  const stored = await sink.finish();
  await ctx.recorded(stored);
  const { nodes } = reading.tree;
  const kinds = function* (): Generator<readonly [string, { readonly kind: IndexEntry["kind"] }]> {
    for (const [path, { stat }] of nodes) yield [path, { kind: kindOf(stat) }];
  };
  const subtrees = subtreesOf(nodes).map((path) => countBelow(kinds(), path));
  const notes = read.odd === null ? [] : [read.odd];
  const told = {
    title: `ZooKeeper's znodes, as ${node.name} had them`,
    node: node.name,
    version,
    readAt,
    consistency: reading.consistency,
    sha256: stored.sha256,
    bytes: stored.bytes,
    ...summary,
    subtrees,
    notes,
  };
  await ctx.recorded(
    await ctx.artifacts.put(
      {
        name: `zookeeper/${node.name}.znodes.json`,
        mediaType: "application/json",
        step: ctx.step.address,
        node: node.name,
        evidenceOf: "what the dump of the znodes holds, and of which moment it is",
      },
      `${JSON.stringify(told, null, 1)}\n`,
    ),
  );
  const { consistency } = reading;
  const output: Json = {
    node: node.name,
    sha256: stored.sha256,
    bytes: stored.bytes,
    znodes: summary.znodes,
    ephemerals: summary.ephemerals,
    indexSha256: summary.indexSha256,
    consistency: consistency.kind,
    zxid: consistency.to,
  };
  const note = [`${summary.znodes} znodes of ${node.name}, ${summary.ephemerals} ephemeral; ${consistency.text}`, ...notes].join(
    "; ",
  );
  return { kind: "done", note, output };
}

/**
 * Reads the whole znode tree of one master's own server through an SSH tunnel, and keeps it as one sealed artifact in guano's layout
 * with what guano loses beside it. `with.from`: `follower` (default), `leader`, or the name of a master (workbook, "Backup ZooKeeper
 * State": guano; dcos.md 8.2).
 */
export const zookeeperDump: StepKind = {
  name: "dcos/zookeeper-dump",
  effect: "read",
  shows: (step, inventory) => [
    `reads every znode of ${text(step.with["from"]) ?? "a follower"} through an SSH tunnel to port ${String(portOf(inventory, "zookeeper"))}: data, ACLs, stats; writes nothing`,
  ],
  doIt: dump,
};
