const BLOCK = 512;

/** What the blocks of a tar say, counted without trusting a library's opinion of what may be missing. */
export interface TarBlocks {
  readonly bytes: number;
  /** Header blocks, those of long names and extended attributes included. */
  readonly headers: number;
  /** Zero blocks where a header would stand. A finished archive has at least two; zeros inside a file's content do not count. */
  readonly endBlocks: number;
  /** The stream ended inside an entry's content or inside a block. */
  readonly cutInside: boolean;
  /** Something that is not zero stands behind the end. */
  readonly trailing: boolean;
}

/** Counts blocks as they pass by: feed every chunk in order, then ask. Memory is one block. */
export function countTarBlocks(): { update(chunk: Buffer): void; result(): TarBlocks } {
  let bytes = 0;
  let headers = 0;
  let endBlocks = 0;
  let contentLeft = 0;
  let trailing = false;
  const block = Buffer.alloc(BLOCK);
  let filled = 0;

  const takeBlock = (): void => {
    if (block.every((byte) => byte === 0)) endBlocks += 1;
    else if (endBlocks > 0) trailing = true;
    else {
      headers += 1;
      contentLeft = Math.ceil(sizeField(block) / BLOCK) * BLOCK;
    }
  };

  return {
    update: (chunk) => {
      bytes += chunk.length;
      let at = 0;
      while (at < chunk.length) {
        if (contentLeft > 0) {
          const step = Math.min(contentLeft, chunk.length - at);
          contentLeft -= step;
          at += step;
          continue;
        }
        const step = Math.min(BLOCK - filled, chunk.length - at);
        chunk.copy(block, filled, at, at + step);
        filled += step;
        at += step;
        if (filled < BLOCK) continue;
        filled = 0;
        takeBlock();
      }
    },
    result: () => ({ bytes, headers, endBlocks, cutInside: contentLeft > 0 || filled > 0, trailing }),
  };
}

/** Content length of a header: octal text, or base 256 for files above 8 GiB (top bit of the first byte set). */
function sizeField(header: Buffer): number {
  // Links and directories may carry the size of what they point to, but no content follows them.
  if ("123456".includes(String.fromCharCode(header[156] ?? 0))) return 0;
  const field = header.subarray(124, 136);
  if (((field[0] ?? 0) & 0x80) !== 0) return field.subarray(4).reduce((sum, byte) => sum * 256 + byte, 0);
  const octal = /[0-7]+/.exec(field.toString("latin1"))?.[0] ?? "0";
  return Number.parseInt(octal, 8);
}
