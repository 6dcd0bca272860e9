import { runCommandLine } from "../../../src/sim/shell/command-line.ts";
import type { SimClock, SimNode } from "../../../src/sim/ports.ts";

export interface Ran {
  readonly code: number | null;
  readonly signal: string | null;
  readonly out: string;
  readonly err: string;
  readonly bytes: Buffer;
}

/** Runs one line and collects what came. */
export async function run(
  node: SimNode,
  clock: SimClock,
  line: string,
  options: { stdin?: Buffer | string; user?: string; signal?: AbortSignal } = {},
): Promise<Ran> {
  const out: Buffer[] = [];
  const err: Buffer[] = [];
  const ended = await runCommandLine(node, line, {
    stdin: Buffer.from(options.stdin ?? ""),
    out: (chunk) => void out.push(chunk),
    err: (chunk) => void err.push(chunk),
    user: options.user ?? "root",
    clock,
    ...(options.signal === undefined ? {} : { signal: options.signal }),
  });
  const bytes = Buffer.concat(out);
  return {
    code: "code" in ended ? ended.code : null,
    signal: "signal" in ended ? ended.signal : null,
    out: bytes.toString(),
    err: Buffer.concat(err).toString(),
    bytes,
  };
}
