const DEFAULT_BYTES = 1024 * 1024;

/** Collects a stream within a bound: its beginning and its end are kept, the middle is counted and dropped. */
export interface BoundedOutput {
  add(chunk: Buffer): void;
  /** What was kept, as UTF-8, with a line saying how much is missing where something is. */
  text(): string;
}

/** A collector of at most `maxBytes` (default 1 MiB): the first and the last half of it. */
export function boundedOutput(maxBytes: number = DEFAULT_BYTES): BoundedOutput {
  const headLimit = Math.ceil(maxBytes / 2);
  const tailLimit = maxBytes - headLimit;
  const head: Buffer[] = [];
  const tail: Buffer[] = [];
  let headBytes = 0;
  let tailBytes = 0;
  let total = 0;

  const add = (chunk: Buffer): void => {
    total += chunk.length;
    const toHead = Math.min(headLimit - headBytes, chunk.length);
    if (toHead > 0) {
      head.push(Buffer.from(chunk.subarray(0, toHead)));
      headBytes += toHead;
    }
    if (toHead === chunk.length) return;
    // Copied: a part of a network packet would keep the whole packet in memory.
    tail.push(Buffer.from(chunk.subarray(toHead)));
    tailBytes += chunk.length - toHead;
    for (let first = tail[0]; first !== undefined && tailBytes - first.length >= tailLimit; first = tail[0]) {
      tailBytes -= first.length;
      tail.shift();
    }
  };

  const text = (): string => {
    const end = Buffer.concat(tail);
    const kept = tailLimit === 0 ? Buffer.alloc(0) : end.subarray(Math.max(0, end.length - tailLimit));
    const missing = total - headBytes - kept.length;
    if (missing === 0) return Buffer.concat([...head, kept]).toString("utf8");
    return `${Buffer.concat(head).toString("utf8")}\n[${String(missing)} bytes left out]\n${kept.toString("utf8")}`;
  };

  return { add, text };
}
