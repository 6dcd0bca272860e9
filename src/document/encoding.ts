import { isUtf8 } from "node:buffer";
import { LIMITS, TOO_LARGE, type Source } from "./source.ts";

/** Bytes of a file as text. A byte order mark is dropped; whatever is not UTF-8 is told with the place of its first wrong byte. */
export function decode(file: string, bytes: Buffer): Source {
  const wrong = (message: string, line = 1, column = 1): Source => ({ file, text: "", unreadable: { line, column, message } });
  if (bytes.length > LIMITS.bytes) return wrong(TOO_LARGE);
  const mark = bytes.subarray(0, 2).toString("hex");
  if (mark === "fffe" || mark === "feff") return wrong("the file is UTF-16: save it as UTF-8");
  if (isUtf8(bytes)) return { file, text: bytes.toString("utf8").replace(/^\uFEFF/, "") };
  const good = soundLength(bytes);
  const before = bytes.subarray(0, good).toString("utf8");
  const line = before.split("\n").length;
  return wrong("the file is not UTF-8 from here on: save it as UTF-8", line, before.length - before.lastIndexOf("\n"));
}

/** How many bytes at the beginning are UTF-8, cut at the character that is not. */
function soundLength(bytes: Buffer): number {
  let low = 0;
  let high = bytes.length;
  // A beginning is sound if it is UTF-8 once up to three bytes of an unfinished character are taken off.
  const sound = (length: number): boolean => [0, 1, 2, 3].some((cut) => cut <= length && isUtf8(bytes.subarray(0, length - cut)));
  while (low + 1 < high) {
    const middle = Math.floor((low + high) / 2);
    if (sound(middle)) low = middle;
    else high = middle;
  }
  while (low > 0 && !isUtf8(bytes.subarray(0, low))) low -= 1;
  return low;
}
