import { bool, buffer, int, JuteError, record, text, vector, type Codec, type Of } from "./jute.ts";
import { ERRORS, OPERATIONS, stat, type RequestOf } from "./records.ts";

/** Before every part; `done` ends the list. */
const partHeader = record({ type: int, done: bool, err: int });
const dataResult = record({ data: buffer, stat });
const childrenResult = record({ children: vector(text) });
const errorResult = record({ err: int });

const END = { type: -1, done: true, err: -1 } as const;
const ERROR_TYPE = -1;

/** One read of a bulk read (operation 22, from 3.6). */
export type BulkRead =
  | { readonly op: "getData"; readonly request: RequestOf<"getData"> }
  | { readonly op: "getChildren"; readonly request: RequestOf<"getChildren"> };

export type BulkAnswer =
  | ({ readonly op: "getData" } & Of<typeof dataResult>)
  | ({ readonly op: "getChildren" } & Of<typeof childrenResult>)
  /** An ERRORS code: of this read only, the others have theirs. */
  | { readonly op: "error"; readonly err: number };

function list<T>(item: {
  read(type: number): Codec<T>;
  write(value: T): { readonly type: number; readonly err: number; readonly codec: Codec<T> };
}): Codec<readonly T[]> {
  return {
    read(from) {
      const found: T[] = [];
      for (;;) {
        const header = partHeader.read(from);
        if (header.done) return found;
        found.push(item.read(header.type).read(from));
      }
    },
    write(to, value) {
      for (const one of value) {
        const { type, err, codec } = item.write(one);
        partHeader.write(to, { type, done: false, err });
        codec.write(to, one);
      }
      partHeader.write(to, END);
    },
  };
}

function mapped<A, B>(codec: Codec<A>, there: (value: A) => B, back: (value: B) => A): Codec<B> {
  return { read: (from) => there(codec.read(from)), write: (to, value) => codec.write(to, back(value)) };
}

/** Which part has this code. Throws JuteError for one that a bulk read cannot have. */
function readPart(type: number): Codec<BulkRead> {
  const { getData, getChildren } = OPERATIONS;
  if (type === getData.code)
    return mapped(
      getData.request,
      (request): BulkRead => ({ op: "getData", request }),
      (one) => one.request,
    );
  if (type === getChildren.code)
    return mapped(
      getChildren.request,
      (request): BulkRead => ({ op: "getChildren", request }),
      (one) => one.request,
    );
  throw new JuteError(`a bulk read cannot hold operation ${String(type)}`);
}

export const bulkRequest: Codec<readonly BulkRead[]> = list<BulkRead>({
  read: readPart,
  write: (one) => ({ type: OPERATIONS[one.op].code, err: -1, codec: readPart(OPERATIONS[one.op].code) }),
});

const dataAnswer = answerCodec("getData", dataResult);
const childrenAnswer = answerCodec("getChildren", childrenResult);
const errorAnswer = answerCodec("error", errorResult);

function answerCodec<T extends object>(op: BulkAnswer["op"], codec: Codec<T>): Codec<BulkAnswer> {
  return {
    read: (from) => ({ op, ...codec.read(from) }) as unknown as BulkAnswer,
    write: (to, value) => codec.write(to, value as unknown as T),
  };
}

function answerPart(type: number): Codec<BulkAnswer> {
  if (type === OPERATIONS.getData.code) return dataAnswer;
  if (type === OPERATIONS.getChildren.code) return childrenAnswer;
  if (type === ERROR_TYPE) return errorAnswer;
  throw new JuteError(`a bulk answer cannot hold operation ${String(type)}`);
}

export const bulkReply: Codec<readonly BulkAnswer[]> = list<BulkAnswer>({
  read: answerPart,
  write: (one) => {
    const type = one.op === "error" ? ERROR_TYPE : OPERATIONS[one.op].code;
    return { type, err: one.op === "error" ? one.err : ERRORS.ok, codec: answerPart(type) };
  },
});
