import { bool, buffer, int, long, nothing, record, tail, text, vector, type Codec, type Of } from "./jute.ts";

/**
 * Records of ZooKeeper's client protocol, version 0 (zookeeper.jute of releases 3.4 to 3.8), each in both directions: the client
 * writes requests and reads replies, the embedded cluster's servers do it the other way round.
 */

/** First frame of a connection; `readOnly` came with 3.4. It has no request header. */
export const connectRequest = record({
  protocolVersion: int,
  lastZxidSeen: long,
  timeoutMs: int,
  sessionId: long,
  passwd: buffer,
  readOnly: tail(bool),
});

/** `timeoutMs` 0: the session has expired. `readOnly` is there where the client sent one. */
export const connectResponse = record({
  protocolVersion: int,
  timeoutMs: int,
  sessionId: long,
  passwd: buffer,
  readOnly: tail(bool),
});

export const requestHeader = record({ xid: int, type: int });
/** `zxid` is the last one the server had seen when it answered; `err` an ERRORS code. Fields of the reply follow only at 0. */
export const replyHeader = record({ xid: int, zxid: long, err: int });

/** Request ids with a meaning of their own. */
export const XID = { notification: -1, ping: -2, auth: -4, setWatches: -8 } as const;

export const stat = record({
  /** zxid of the create. */
  czxid: long,
  /** zxid of the last change of the data. */
  mzxid: long,
  /** Epoch ms. */
  ctime: long,
  mtime: long,
  version: int,
  cversion: int,
  aversion: int,
  /** Session id of the owner; 0 for a persistent znode. */
  ephemeralOwner: long,
  dataLength: int,
  numChildren: int,
  /** zxid of the last change of the list of children. */
  pzxid: long,
});
export type Stat = Of<typeof stat>;

export const acl = record({ perms: int, scheme: text, id: text });
export type Acl = Of<typeof acl>;

export const PERMS = { read: 1, write: 2, create: 4, delete: 8, admin: 16, all: 31 } as const;
export const OPEN_ACL: readonly Acl[] = [{ perms: PERMS.all, scheme: "world", id: "anyone" }];

/** Bits of CreateRequest.flags. */
export const CREATE = { persistent: 0, ephemeral: 1, persistentSequential: 2, ephemeralSequential: 3 } as const;
/** Modes of addWatch. */
export const WATCH_MODE = { persistent: 0, persistentRecursive: 1 } as const;

const pathOnly = record({ path: text });
const statOnly = record({ stat });
const dataReply = record({ data: buffer, stat });
const childrenReply = record({ children: vector(text) });
const watched = record({ path: text, watch: bool });
const create = record({ path: text, data: buffer, acl: vector(acl), flags: int });
const remove = record({ path: text, version: int });
const setData = record({ path: text, data: buffer, version: int });

/** A notification's body: xid -1, sent by the server on its own. `type`: EVENT. */
export const watcherEvent = record({ type: int, state: int, path: text });
export type WatcherEvent = Of<typeof watcherEvent>;
export const EVENT = { none: -1, created: 1, deleted: 2, dataChanged: 3, childrenChanged: 4 } as const;

export interface Operation<Q, R> {
  readonly code: number;
  readonly request: Codec<Q>;
  readonly reply: Codec<R>;
  /** Changes something: a client for reading only refuses to send it. */
  readonly writes: boolean;
}

function reads<Q, R>(code: number, request: Codec<Q>, reply: Codec<R>): Operation<Q, R> {
  return { code, request, reply, writes: false };
}

function writes<Q, R>(code: number, request: Codec<Q>, reply: Codec<R>): Operation<Q, R> {
  return { code, request, reply, writes: true };
}

/** The requests pawl and its embedded cluster know, without those made of others (multi.ts). */
export const OPERATIONS = {
  create: writes(1, create, pathOnly),
  delete: writes(2, remove, nothing),
  exists: reads(3, watched, statOnly),
  getData: reads(4, watched, dataReply),
  setData: writes(5, setData, statOnly),
  getACL: reads(6, pathOnly, record({ acl: vector(acl), stat })),
  setACL: writes(7, record({ path: text, acl: vector(acl), version: int }), statOnly),
  getChildren: reads(8, watched, childrenReply),
  sync: reads(9, pathOnly, pathOnly),
  ping: reads(11, nothing, nothing),
  getChildren2: reads(12, watched, record({ children: vector(text), stat })),
  create2: writes(15, create, record({ path: text, stat })),
  auth: reads(100, record({ type: int, scheme: text, auth: buffer }), nothing),
  /** Its reply says 0 once more. */
  addWatch: reads(106, record({ path: text, mode: int }), record({ err: int })),
  closeSession: reads(-11, nothing, nothing),
} as const;

export type OperationName = keyof typeof OPERATIONS;
export type RequestOf<N extends OperationName> = Of<(typeof OPERATIONS)[N]["request"]>;
export type ReplyOf<N extends OperationName> = Of<(typeof OPERATIONS)[N]["reply"]>;

/** Codes of operations made of others. */
export const MULTI = { multi: 14, multiRead: 22 } as const;

/** Error codes of replies (KeeperException.Code). */
export const ERRORS = {
  ok: 0,
  systemError: -1,
  connectionLoss: -4,
  marshalling: -5,
  unimplemented: -6,
  badArguments: -8,
  noNode: -101,
  noAuth: -102,
  badVersion: -103,
  noChildrenForEphemerals: -108,
  nodeExists: -110,
  notEmpty: -111,
  sessionExpired: -112,
  invalidAcl: -114,
  authFailed: -115,
  sessionMoved: -118,
  notReadOnly: -119,
} as const;

/** The name of an error code, as people look it up. */
export function errorName(code: number): string {
  return Object.entries(ERRORS).find(([, one]) => one === code)?.[0] ?? `error ${String(code)}`;
}
