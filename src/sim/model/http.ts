import type { SimHttpAnswer } from "../ports.ts";

/** An answer with headers and a body; the length is added. */
export function answer(
  status: number,
  contentType: string | null,
  body: string | Buffer,
  headers: Readonly<Record<string, string>> = {},
): SimHttpAnswer {
  const type = contentType === null ? {} : { "Content-Type": contentType };
  return { kind: "answered", status, headers: { ...type, "Content-Length": String(Buffer.byteLength(body)), ...headers }, body };
}

/** A JSON answer as Java services write it: no white space. */
export function jsonAnswer(value: unknown, status = 200, headers: Readonly<Record<string, string>> = {}): SimHttpAnswer {
  return answer(status, "application/json", JSON.stringify(value), headers);
}

/** 404 with a page or text. */
export function notFound(contentType: string, body: string): SimHttpAnswer {
  return answer(404, contentType, body);
}
