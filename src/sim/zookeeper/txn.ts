import {
  bool,
  buffer,
  createReader,
  encode,
  ended,
  int,
  JuteError,
  long,
  record,
  text,
  vector,
  type Codec,
} from "../../zookeeper/jute.ts";
import { acl, type Acl } from "../../zookeeper/records.ts";

interface Header {
  /** Who asked for it. */
  readonly session: bigint;
  readonly cxid: number;
  readonly zxid: bigint;
  readonly timeMs: number;
}

/** What a transaction does. */
export type Change =
  | {
      readonly type: "create";
      readonly path: string;
      readonly data: Buffer | null;
      readonly acl: readonly Acl[];
      readonly ephemeral: boolean;
      /** The parent's count of creates with this one. */
      readonly parentCreates: number;
    }
  | { readonly type: "delete"; readonly path: string }
  | { readonly type: "setData"; readonly path: string; readonly data: Buffer | null; readonly version: number }
  | { readonly type: "setACL"; readonly path: string; readonly acl: readonly Acl[]; readonly version: number }
  | { readonly type: "createSession"; readonly timeoutMs: number }
  /** Ends the session and deletes its ephemeral znodes. */
  | { readonly type: "closeSession" };

/** One transaction of the ensemble's log. */
export type Txn = Header & Change;

/** zookeeper.jute of 3.4: TxnHeader, and the record that follows it for each type (ZooDefs.OpCode). */
const header = record({ clientId: long, cxid: int, zxid: long, time: long, type: int });
const createTxn = record({ path: text, data: buffer, acl: vector(acl), ephemeral: bool, parentCversion: int });
const deleteTxn = record({ path: text });
const setDataTxn = record({ path: text, data: buffer, version: int });
const setAclTxn = record({ path: text, acl: vector(acl), version: int });
const createSessionTxn = record({ timeOut: int });

function body(txn: Txn): { readonly code: number; readonly bytes: Buffer } {
  const of = <T>(code: number, codec: Codec<T>, value: T): { code: number; bytes: Buffer } => ({
    code,
    bytes: encode(codec, value),
  });
  switch (txn.type) {
    case "create":
      return of(1, createTxn, { ...txn, parentCversion: txn.parentCreates });
    case "delete":
      return of(2, deleteTxn, txn);
    case "setData":
      return of(5, setDataTxn, txn);
    case "setACL":
      return of(7, setAclTxn, txn);
    case "createSession":
      return of(-10, createSessionTxn, { timeOut: txn.timeoutMs });
    case "closeSession":
      return { code: -11, bytes: Buffer.alloc(0) };
  }
}

/** A transaction as it stands in a log, without its frame (Util.marshallTxnEntry of 3.4). */
export function encodeTxn(txn: Txn): Buffer {
  const { code, bytes } = body(txn);
  const head = { clientId: txn.session, cxid: txn.cxid, zxid: txn.zxid, time: BigInt(txn.timeMs), type: code };
  return Buffer.concat([encode(header, head), bytes]);
}

/** A transaction of a log. Throws JuteError for bytes that are none, and for types no server of this cluster writes. */
export function decodeTxn(bytes: Buffer): Txn {
  const from = createReader(bytes);
  const head = header.read(from);
  const by = { session: head.clientId, cxid: head.cxid, zxid: head.zxid, timeMs: Number(head.time) };
  const change = decodeChange(head.type, from);
  ended(from);
  return { ...by, ...change };
}

function decodeChange(type: number, from: ReturnType<typeof createReader>): Change {
  switch (type) {
    case 1: {
      const { parentCversion, ...made } = createTxn.read(from);
      return { type: "create", ...made, parentCreates: parentCversion };
    }
    case 2:
      return { type: "delete", ...deleteTxn.read(from) };
    case 5:
      return { type: "setData", ...setDataTxn.read(from) };
    case 7:
      return { type: "setACL", ...setAclTxn.read(from) };
    case -10:
      return { type: "createSession", timeoutMs: createSessionTxn.read(from).timeOut };
    case -11:
      return { type: "closeSession" };
    default:
      throw new JuteError(`a transaction of type ${type}`);
  }
}
