import { PawlError } from "../domain/errors.ts";
import { createFrames } from "./frames.ts";
import { createReader, JuteError } from "./jute.ts";
import { connectRequest, MULTI, OPERATIONS, requestHeader } from "./records.ts";

const READS: ReadonlySet<number> = new Set([
  ...Object.values(OPERATIONS)
    .filter((operation) => !operation.writes)
    .map((operation) => operation.code),
  MULTI.multiRead,
]);

/**
 * Reads along what a client sends on one connection, and throws PawlError (`refused`, `not-allowed`) before a request leaves that
 * could change something, or that is none pawl knows (design rule 11). A second opinion: it knows nothing of the client.
 */
export function inspectReads(): (chunk: Buffer) => void {
  const frames = createFrames();
  let greeted = false;
  return (chunk) => {
    try {
      for (const bytes of frames.push(Buffer.from(chunk))) {
        const from = createReader(bytes);
        if (!greeted) connectRequest.read(from);
        else requireRead(requestHeader.read(from).type);
        greeted = true;
      }
    } catch (error) {
      if (error instanceof JuteError) throw notAllowed(`bytes that are no ZooKeeper request (${error.message})`);
      throw error;
    }
  };
}

function requireRead(type: number): void {
  if (READS.has(type)) return;
  const name = Object.entries(OPERATIONS).find(([, operation]) => operation.code === type)?.[0] ?? `operation ${String(type)}`;
  throw notAllowed(`the ZooKeeper request ${name}`);
}

function notAllowed(what: string): PawlError {
  return new PawlError("refused", "not-allowed", `pawl was about to send ${what}, which does not only read. Nothing was sent.`, {
    expected: "a request that only reads",
    observed: what,
    next: "report this: the ZooKeeper reader sends what its guard does not allow",
  });
}
