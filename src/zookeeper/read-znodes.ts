import type { Reply, ReadClient } from "./client.ts";
import { ConnectionError } from "./client.ts";
import type { BulkAnswer } from "./multi-read.ts";
import { ERRORS, errorName, type Acl, type Stat } from "./records.ts";
import { aclText, childOf, isBelow, isChildName, parentOf, sha256Of, type Tree } from "./tree.ts";

/** Reads in one bulk request, and how many such requests are out at once (performance.md section 5). */
const BULK_MOST = 50;
const BULK_FIRST = 10;
const BULK_OUT = 8;
/** A bulk answer larger than this makes the next ones smaller. */
const BULK_BYTES = 1024 * 1024;
/** Single requests out at once. */
const SINGLE_OUT = 256;

export interface Reading {
  readonly client: ReadClient;
  readonly tree: Tree;
  /** The server understands bulk reads (from 3.6). */
  readonly bulk: boolean;
  /** Ends it early, between two requests. */
  readonly signal?: AbortSignal | undefined;
}

/** A znode's data and stat, without its ACL yet. */
interface Seen {
  readonly path: string;
  readonly data: Buffer | null;
  readonly stat: Stat;
}

/** Runs `work` on everything in the list, also what is added meanwhile, so many at a time. The first failure ends it. */
async function drain<T>(items: T[], most: number, take: (items: T[]) => T[], work: (batch: T[]) => Promise<void>): Promise<void> {
  let running = 0;
  await new Promise<void>((resolve, reject) => {
    let failed = false;
    const next = (): void => {
      if (failed) return;
      if (items.length === 0 && running === 0) {
        resolve();
        return;
      }
      while (items.length > 0 && running < most) {
        running += 1;
        work(take(items)).then(
          () => {
            running -= 1;
            next();
          },
          (error: unknown) => {
            failed = true;
            reject(error instanceof Error ? error : new Error(String(error)));
          },
        );
      }
    };
    next();
  });
}

const one = <T>(items: T[]): T[] => items.splice(-1);

function stopped(reading: Reading): void {
  if (reading.signal?.aborted === true) throw new ConnectionError("closed", "no longer wanted");
}

/** Answers that say the znode is not there: it was deleted since its name was read. */
function isGone(err: number): boolean {
  return err === ERRORS.noNode;
}

/** What was refused is kept as such; anything but a refusal is trouble with the server. */
function note(reading: Reading, path: string, what: "data" | "children" | "acl", err: number): void {
  if (isGone(err)) return;
  if (err !== ERRORS.noAuth) throw new ConnectionError("refused", `${path}: ${errorName(err)}`);
  reading.tree.unreadable.set(path, { what, err });
}

async function keep(reading: Reading, seen: Seen, acl: readonly Acl[], acls: Map<string, string>): Promise<void> {
  const { tree } = reading;
  const text = aclText(acl);
  const shared = acls.get(text) ?? text;
  acls.set(text, shared);
  const place = seen.data === null ? null : await tree.spool.keep(seen.data);
  tree.nodes.set(seen.path, {
    stat: seen.stat,
    acl: shared,
    sha256: sha256Of(seen.data),
    data: place === null || seen.data === null ? { kind: "null" } : { kind: "kept", offset: place, length: seen.data.length },
  });
}

/**
 * Reads the given znodes and everything below them into the tree: data and stat, ACL, and children where there are any. What is gone
 * meanwhile is left out; the versions of its parent tell. Rejects with ConnectionError.
 */
export async function readBelow(reading: Reading, roots: readonly string[]): Promise<void> {
  const acls = new Map<string, string>();
  const paths = [...roots];
  const arrived = async (seen: Seen): Promise<void> => {
    const { client } = reading;
    const [acl, children] = await Promise.all([
      client.ask("getACL", { path: seen.path }),
      seen.stat.numChildren > 0 ? client.ask("getChildren2", { path: seen.path, watch: false }) : null,
    ]);
    if (!acl.ok) note(reading, seen.path, "acl", acl.err);
    else if (isHidden(acl.value.acl)) reading.tree.unreadable.set(seen.path, { what: "acl", err: ERRORS.noAuth });
    if (acl.ok) await keep(reading, seen, acl.value.acl, acls);
    else if (!isGone(acl.err)) await keep(reading, seen, [], acls);
    if (children === null) return;
    if (children.ok) for (const path of childrenOf(seen.path, children.value.children)) paths.push(path);
    else note(reading, seen.path, "children", children.err);
  };
  if (reading.bulk) await readInBulk(reading, paths, arrived);
  else
    await drain(paths, SINGLE_OUT, one, async ([path = "/"]) => {
      stopped(reading);
      const reply = await reading.client.ask("getData", { path, watch: false });
      if (reply.ok) await arrived({ path, ...reply.value });
      else note(reading, path, "data", reply.err);
    });
}

/** Paths of the children a server names. Throws ConnectionError for what no server calls a znode: it would lead out of the tree, or round and round. */
function childrenOf(path: string, names: readonly string[]): readonly string[] {
  const strange = names.find((name) => !isChildName(name));
  if (strange === undefined) return names.map((name) => childOf(path, name));
  throw new ConnectionError("not-zookeeper", `a child of ${path} named ${JSON.stringify(strange.slice(0, 80))}`);
}

/** From 3.7 on a server hides the digest of an ACL from who may not administer the znode: it writes an x in its place. */
function isHidden(acl: readonly Acl[]): boolean {
  return acl.some((entry) => entry.scheme === "digest" && entry.id.endsWith(":x"));
}

async function readInBulk(reading: Reading, paths: string[], arrived: (seen: Seen) => Promise<void>): Promise<void> {
  let size = BULK_FIRST;
  await drain(
    paths,
    BULK_OUT,
    (items) => items.splice(-size),
    async (batch) => {
      stopped(reading);
      const reply = await reading.client.bulk(batch.map((path) => ({ op: "getData", request: { path, watch: false } })));
      const answers = answersOf(reply, batch.length);
      const bytes = answers.reduce((sum, answer) => sum + (answer.op === "getData" ? (answer.data?.length ?? 0) : 0), 0);
      size = bytes > BULK_BYTES ? Math.max(Math.floor(size / 2), 1) : Math.min(size * 2, BULK_MOST);
      await Promise.all(
        answers.map(async (answer, index) => {
          const path = batch[index] ?? "/";
          if (answer.op === "getData") await arrived({ path, data: answer.data, stat: answer.stat });
          else if (answer.op === "error") note(reading, path, "data", answer.err);
        }),
      );
    },
  );
}

function answersOf(reply: Reply<readonly BulkAnswer[]>, wanted: number): readonly BulkAnswer[] {
  if (!reply.ok) throw new ConnectionError("refused", `a bulk read: ${errorName(reply.err)}`);
  if (reply.value.length !== wanted)
    throw new ConnectionError("not-zookeeper", `${String(reply.value.length)} answers to ${String(wanted)} reads`);
  return reply.value;
}

/** Asks for the stat of each path; null where it is gone. In any order; nothing is kept. Rejects with ConnectionError. */
export async function statEach(
  reading: Reading,
  paths: readonly string[],
  found: (path: string, stat: Stat | null) => void,
): Promise<void> {
  await drain([...paths], SINGLE_OUT, one, async ([path = "/"]) => {
    stopped(reading);
    const reply = await reading.client.ask("exists", { path, watch: false });
    if (reply.ok) found(path, reply.value.stat);
    else if (isGone(reply.err)) found(path, null);
    else throw new ConnectionError("refused", `${path}: ${errorName(reply.err)}`);
  });
}

/** Reads these znodes anew, with children that are new; what is gone is taken out of the tree with everything below it. */
export async function readAgain(reading: Reading, paths: readonly string[]): Promise<void> {
  const { nodes, unreadable } = reading.tree;
  const forget = (root: string): void => {
    for (const known of [...nodes.keys(), ...unreadable.keys()]) {
      if (!isBelow(known, root)) continue;
      nodes.delete(known);
      unreadable.delete(known);
    }
  };
  const known = new Map<string, Set<string>>(paths.map((path) => [path, new Set()]));
  for (const path of nodes.keys()) if (path !== "/") known.get(parentOf(path))?.add(path);
  const newcomers: string[] = [];
  await drain([...paths], SINGLE_OUT, one, async ([path = "/"]) => {
    stopped(reading);
    const { client } = reading;
    const [data, acl, listed] = await Promise.all([
      client.ask("getData", { path, watch: false }),
      client.ask("getACL", { path }),
      client.ask("getChildren2", { path, watch: false }),
    ]);
    unreadable.delete(path);
    if ([data, acl, listed].some((reply) => !reply.ok && isGone(reply.err))) {
      forget(path);
      return;
    }
    if (!data.ok) {
      note(reading, path, "data", data.err);
      return;
    }
    if (!acl.ok) note(reading, path, "acl", acl.err);
    else if (isHidden(acl.value.acl)) unreadable.set(path, { what: "acl", err: ERRORS.noAuth });
    await keep(reading, { path, ...data.value }, acl.ok ? acl.value.acl : [], new Map());
    if (!listed.ok) {
      note(reading, path, "children", listed.err);
      return;
    }
    const now = new Set(childrenOf(path, listed.value.children));
    const before = known.get(path) ?? new Set();
    for (const child of before) if (!now.has(child)) forget(child);
    for (const child of now) if (!before.has(child) && !known.has(child)) newcomers.push(child);
  });
  await readBelow(reading, newcomers);
}
