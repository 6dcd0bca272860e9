import { createHash } from "node:crypto";
import { createReader, encode, type Codec } from "../../zookeeper/jute.ts";
import {
  CREATE,
  ERRORS,
  OPERATIONS,
  PERMS,
  type Acl,
  type OperationName,
  type ReplyOf,
  type RequestOf,
} from "../../zookeeper/records.ts";
import { commit, creation, type Author, type History } from "./history.ts";
import { parentOf, statOf, type Znode } from "./tree.ts";

/** One client as the server knows it. */
export interface Client {
  readonly author: Author;
  /** What it has proven to be, `scheme:id`. */
  readonly identities: Set<string>;
  /** Access lists are kept and bar nobody (a server with `zookeeper.skipACL=yes`). */
  readonly unbarred: boolean;
}

/** A reply: an error code of ERRORS, and the record that follows it when that is 0. */
export interface Reply {
  readonly err: number;
  readonly body: Buffer;
}

/** What 3.4 does not know is answered so, and the connection closed (UnimplementedRequestProcessor). */
export const UNKNOWN: Reply = { err: ERRORS.unimplemented, body: Buffer.alloc(0) };

/** Requests a server of 3.4 takes here; `multi` is not among them, and everything later (multiRead, addWatch) is unknown to it. */
const KNOWN: ReadonlyMap<number, OperationName> = new Map(
  (Object.keys(OPERATIONS) as OperationName[])
    .filter((name) => name !== "create2" && name !== "addWatch")
    .map((name) => [OPERATIONS[name].code, name]),
);

function refuse(err: number): Reply {
  return { err, body: Buffer.alloc(0) };
}

function may(client: Client, node: Znode, perms: number): boolean {
  const fits = ({ scheme, id }: Acl): boolean => scheme === "world" || client.identities.has(`${scheme}:${id}`);
  return client.unbarred || node.acl.some((one) => (one.perms & perms) !== 0 && fits(one));
}

function isPath(path: string): boolean {
  return path === "/" || (path.startsWith("/") && !path.endsWith("/") && !path.includes("//") && !path.includes("\0"));
}

function create(history: History, client: Client, asked: RequestOf<"create">): Reply {
  const { tree } = history;
  const sequential = asked.flags === CREATE.persistentSequential || asked.flags === CREATE.ephemeralSequential;
  const parent = tree.nodes.get(parentOf(asked.path));
  if (parent === undefined) return refuse(ERRORS.noNode);
  const path = sequential ? `${asked.path}${String(parent.creates).padStart(10, "0")}` : asked.path;
  if (!may(client, parent, PERMS.create)) return refuse(ERRORS.noAuth);
  if (tree.nodes.has(path)) return refuse(ERRORS.nodeExists);
  if (parent.owner !== 0n) return refuse(ERRORS.noChildrenForEphemerals);
  if (asked.acl.length === 0) return refuse(ERRORS.invalidAcl);
  const ephemeral = asked.flags === CREATE.ephemeral || asked.flags === CREATE.ephemeralSequential;
  commit(history, creation(tree, { path, data: asked.data, acl: asked.acl, ephemeral }), client.author);
  return reply("create", { path });
}

function reply<N extends OperationName>(name: N, value: ReplyOf<N>): Reply {
  return { err: ERRORS.ok, body: encode(OPERATIONS[name].reply as Codec<ReplyOf<N>>, value) };
}

/** The identity a password proves (DigestAuthenticationProvider). */
function digest(auth: Buffer | null): string {
  const words = auth?.toString("utf8") ?? "";
  return `digest:${words.split(":")[0] ?? ""}:${createHash("sha1").update(words).digest("base64")}`;
}

interface Node {
  readonly path: string;
  readonly version?: number;
}

/** The znode that is asked about, or why the question gets no answer. */
function find(history: History, client: Client, asked: Node, perms: number, current?: (node: Znode) => number): Znode | Reply {
  if (!isPath(asked.path)) return refuse(ERRORS.badArguments);
  const node = history.tree.nodes.get(asked.path);
  if (node === undefined) return refuse(ERRORS.noNode);
  if (perms !== 0 && !may(client, node, perms)) return refuse(ERRORS.noAuth);
  const wanted = asked.version ?? -1;
  return wanted !== -1 && current !== undefined && wanted !== current(node) ? refuse(ERRORS.badVersion) : node;
}

function isReply(found: Znode | Reply): found is Reply {
  return "err" in found;
}

function remove(history: History, client: Client, asked: RequestOf<"delete">): Reply {
  const node = find(history, client, asked, 0, (one) => one.version);
  if (isReply(node)) return node;
  const parent = history.tree.nodes.get(parentOf(asked.path));
  if (parent === undefined || !may(client, parent, PERMS.delete)) return refuse(ERRORS.noAuth);
  if (node.children.size > 0) return refuse(ERRORS.notEmpty);
  commit(history, { type: "delete", path: asked.path }, client.author);
  return reply("delete", null);
}

/**
 * Answers one request of a session as a server of 3.4 does, by its code and the bytes of its record. Null: a code that release does
 * not know. Throws JuteError for bytes that are no such record. Watches are taken and never fire.
 */
export function answerRequest(history: History, client: Client, code: number, bytes: Buffer): Reply | null {
  const name = KNOWN.get(code);
  if (name === undefined) return null;
  const read = <N extends OperationName>(of: N): RequestOf<N> =>
    (OPERATIONS[of].request as Codec<RequestOf<N>>).read(createReader(bytes));
  const { tree } = history;
  const aclOf = (node: Znode): readonly Acl[] => node.acl;
  switch (name) {
    case "ping":
    case "closeSession":
      return reply(name, null);
    case "auth":
      client.identities.add(digest(read("auth").auth));
      return reply("auth", null);
    case "sync":
      return reply("sync", { path: read("sync").path });
    case "exists": {
      const node = find(history, client, read("exists"), 0);
      return isReply(node) ? node : reply("exists", { stat: statOf(node) });
    }
    case "getData": {
      const node = find(history, client, read("getData"), PERMS.read);
      return isReply(node) ? node : reply("getData", { data: node.data, stat: statOf(node) });
    }
    case "getChildren":
    case "getChildren2": {
      const node = find(history, client, read(name), PERMS.read);
      if (isReply(node)) return node;
      const children = [...node.children];
      return name === "getChildren" ? reply(name, { children }) : reply(name, { children, stat: statOf(node) });
    }
    case "getACL": {
      const node = find(history, client, read("getACL"), 0);
      return isReply(node) ? node : reply("getACL", { acl: aclOf(node), stat: statOf(node) });
    }
    case "create": {
      const asked = read("create");
      return isPath(asked.path) ? create(history, client, asked) : refuse(ERRORS.badArguments);
    }
    case "delete":
      return remove(history, client, read("delete"));
    case "setData": {
      const asked = read("setData");
      const node = find(history, client, asked, PERMS.write, (one) => one.version);
      if (isReply(node)) return node;
      commit(history, { type: "setData", path: asked.path, data: asked.data, version: node.version + 1 }, client.author);
      return reply("setData", { stat: statOf(tree.nodes.get(asked.path) ?? node) });
    }
    case "setACL": {
      const asked = read("setACL");
      const node = find(history, client, asked, PERMS.admin, (one) => one.aversion);
      if (isReply(node)) return node;
      commit(history, { type: "setACL", path: asked.path, acl: asked.acl, version: node.aversion + 1 }, client.author);
      return reply("setACL", { stat: statOf(node) });
    }
    case "create2":
    case "addWatch":
      return null;
  }
}
