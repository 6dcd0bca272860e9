import { open } from "node:fs/promises";

export interface JournalLine {
  /** Bytes of the line without its newline. */
  readonly bytes: Buffer;
  /** Counted from 1. */
  readonly number: number;
  /** Offset of the byte behind the line (and its newline). */
  readonly end: number;
  /** False for a last line without newline: its writer was interrupted. */
  readonly complete: boolean;
}

/**
 * The lines of a file as byte ranges, in groups as they are read, so that 100,000 lines need neither 100,000 promises nor
 * the whole file in memory. `onChunk` sees all bytes in order. Throws what opening and reading throw.
 */
export async function* readLines(
  path: string,
  onChunk: (chunk: Buffer) => void = () => undefined,
): AsyncGenerator<readonly JournalLine[]> {
  const handle = await open(path, "r");
  try {
    let rest: Buffer = Buffer.alloc(0);
    let number = 0;
    let offset = 0;
    for await (const chunk of handle.createReadStream({ autoClose: false, highWaterMark: 1 << 20 }) as AsyncIterable<Buffer>) {
      onChunk(chunk);
      const data = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
      const lines: JournalLine[] = [];
      let from = 0;
      for (let at = data.indexOf(10, from); at >= 0; at = data.indexOf(10, from)) {
        number += 1;
        offset += at + 1 - from;
        lines.push({ bytes: data.subarray(from, at), number, end: offset, complete: true });
        from = at + 1;
      }
      rest = data.subarray(from);
      if (lines.length > 0) yield lines;
    }
    if (rest.length > 0) yield [{ bytes: rest, number: number + 1, end: offset + rest.length, complete: false }];
  } finally {
    await handle.close();
  }
}
