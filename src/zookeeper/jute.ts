/** Bytes that are no jute: cut short, a length that cannot be, or more behind the end. */
export class JuteError extends Error {
  override readonly name = "JuteError";
}

/** Reads one value after another from a frame. */
export interface JuteReader {
  readonly bytes: Buffer;
  at: number;
}

/** Collects values; the buffer grows as needed. */
export interface JuteWriter {
  bytes: Buffer;
  at: number;
}

/** One type of ZooKeeper's serialisation, in both directions. `read` throws JuteError, and copies: nothing pins the frame. */
export interface Codec<T> {
  read(from: JuteReader): T;
  write(to: JuteWriter, value: T): void;
}

/** What a codec reads and writes. */
export type Of<C> = C extends Codec<infer T> ? T : never;

const FIRST_BYTES = 256;

function need(from: JuteReader, bytes: number): number {
  const { at } = from;
  if (bytes < 0 || at + bytes > from.bytes.length)
    throw new JuteError(`${String(bytes)} bytes wanted at ${String(at)} of ${String(from.bytes.length)}`);
  from.at = at + bytes;
  return at;
}

function room(to: JuteWriter, bytes: number): number {
  const { at } = to;
  if (at + bytes > to.bytes.length) {
    const larger = Buffer.allocUnsafe(Math.max(to.bytes.length * 2, at + bytes));
    to.bytes.copy(larger, 0, 0, at);
    to.bytes = larger;
  }
  to.at = at + bytes;
  return at;
}

export const int: Codec<number> = {
  read: (from) => from.bytes.readInt32BE(need(from, 4)),
  write(to, value) {
    const at = room(to, 4);
    to.bytes.writeInt32BE(value, at);
  },
};

/** 64 bits: zxids, session ids and times are not safe as numbers. */
export const long: Codec<bigint> = {
  read: (from) => from.bytes.readBigInt64BE(need(from, 8)),
  write(to, value) {
    const at = room(to, 8);
    to.bytes.writeBigInt64BE(value, at);
  },
};

export const bool: Codec<boolean> = {
  read: (from) => from.bytes[need(from, 1)] !== 0,
  write(to, value) {
    const at = room(to, 1);
    to.bytes[at] = value ? 1 : 0;
  },
};

/** Bytes, or null (length -1): ZooKeeper tells a znode with null data from one with empty data. */
export const buffer: Codec<Buffer | null> = {
  read(from) {
    const length = int.read(from);
    if (length === -1) return null;
    const at = need(from, length);
    return Buffer.from(from.bytes.subarray(at, at + length));
  },
  write(to, value) {
    int.write(to, value === null ? -1 : value.length);
    if (value === null) return;
    const at = room(to, value.length);
    value.copy(to.bytes, at);
  },
};

/** UTF-8. A null text (length -1) reads as the empty one: no field of the protocol tells them apart. */
export const text: Codec<string> = {
  read(from) {
    const length = int.read(from);
    if (length === -1) return "";
    const at = need(from, length);
    return from.bytes.toString("utf8", at, at + length);
  },
  write(to, value) {
    const length = Buffer.byteLength(value);
    int.write(to, length);
    const at = room(to, length);
    to.bytes.write(value, at, "utf8");
  },
};

/** A list. A null list (length -1) reads as an empty one. */
export function vector<T>(item: Codec<T>): Codec<readonly T[]> {
  return {
    read(from) {
      const length = int.read(from);
      if (length < -1 || length > from.bytes.length - from.at)
        throw new JuteError(`a list of ${String(length)} items in ${String(from.bytes.length - from.at)} bytes`);
      return Array.from({ length: Math.max(length, 0) }, () => item.read(from));
    },
    write(to, value) {
      int.write(to, value.length);
      for (const one of value) item.write(to, one);
    },
  };
}

type RecordOf<S> = { readonly [K in keyof S]: Of<S[K]> };

/** Fields one after another, in the order they are written down here. */
export function record<S extends { readonly [K in keyof S]: Codec<Of<S[K]>> }>(shape: S): Codec<RecordOf<S>> {
  const fields = Object.entries(shape) as readonly (readonly [string, Codec<unknown>])[];
  return {
    read: (from) => {
      const found: Record<string, unknown> = {};
      for (const [name, codec] of fields) found[name] = codec.read(from);
      return found as RecordOf<S>;
    },
    write: (to, value) => {
      for (const [name, codec] of fields) codec.write(to, (value as Readonly<Record<string, unknown>>)[name]);
    },
  };
}

/** A last field that older peers leave out: null where nothing is left to read, nothing written for null. */
export function tail<T>(codec: Codec<T>): Codec<T | null> {
  return {
    read: (from) => (from.at < from.bytes.length ? codec.read(from) : null),
    write: (to, value) => {
      if (value !== null) codec.write(to, value);
    },
  };
}

/** No fields at all. */
export const nothing: Codec<null> = { read: () => null, write: () => undefined };

export function createReader(bytes: Buffer): JuteReader {
  return { bytes, at: 0 };
}

export function createWriter(): JuteWriter {
  return { bytes: Buffer.allocUnsafe(FIRST_BYTES), at: 0 };
}

/** What was written so far. */
export function written(writer: JuteWriter): Buffer {
  return writer.bytes.subarray(0, writer.at);
}

export function encode<T>(codec: Codec<T>, value: T): Buffer {
  const to = createWriter();
  codec.write(to, value);
  return written(to);
}

/** The whole of the bytes as one value. Throws JuteError where they are not, or not only, that. */
export function decode<T>(codec: Codec<T>, bytes: Buffer): T {
  const from = createReader(bytes);
  const value = codec.read(from);
  ended(from);
  return value;
}

/** Throws JuteError where something is left. */
export function ended(from: JuteReader): void {
  if (from.at !== from.bytes.length)
    throw new JuteError(`${String(from.bytes.length - from.at)} bytes behind the end of ${String(from.at)}`);
}
