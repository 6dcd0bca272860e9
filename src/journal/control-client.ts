import { createConnection } from "node:net";
import type { Verb } from "../domain/events.ts";
import { controlPath } from "./control-path.ts";

/** What a command in another terminal asks of a running engine. */
export interface ControlMessage extends Verb {
  /** Seq of the question this answers; null where it answers none. */
  readonly answers: number | null;
  readonly actor: string;
}

export type ControlAnswer =
  | { readonly kind: "answered"; readonly ok: boolean; readonly text: string }
  /** Nobody listens: the run has no engine, the command may take the lock and act itself. */
  | { readonly kind: "no-engine" }
  /** Somebody listens and did not answer: whether the verb took effect is in the journal. */
  | { readonly kind: "no-answer"; readonly reason: string };

/** Sends one verb to the engine of a run and waits for its answer, at most `timeoutMs` (wall clock, default 10 s). Never throws. */
export async function sendControl(
  where: { readonly stateDir: string; readonly runFolder: string },
  message: ControlMessage,
  timeoutMs = 10_000,
): Promise<ControlAnswer> {
  return sendLine(controlPath(where.stateDir, where.runFolder), `${JSON.stringify(message)}\n`, timeoutMs);
}

/** Sends a line to a socket and reads one line back. */
export async function sendLine(path: string, line: string, timeoutMs: number): Promise<ControlAnswer> {
  return new Promise((done) => {
    let text = "";
    const socket = createConnection(path);
    const end = (answer: ControlAnswer): void => {
      clearTimeout(timer);
      socket.destroy();
      done(answer);
    };
    const timer = setTimeout(() => end({ kind: "no-answer", reason: `no answer within ${timeoutMs} ms` }), timeoutMs);
    socket.setEncoding("utf8");
    socket.on("connect", () => socket.write(line));
    socket.on("error", (error: NodeJS.ErrnoException) => {
      const nobody = error.code === "ENOENT" || error.code === "ECONNREFUSED" || error.code === "ENOTSOCK";
      end(nobody ? { kind: "no-engine" } : { kind: "no-answer", reason: error.message });
    });
    socket.on("data", (chunk) => {
      text += chunk.toString();
      const at = text.indexOf("\n");
      if (at >= 0) end(readAnswer(text.slice(0, at)));
    });
    socket.on("close", () => end({ kind: "no-answer", reason: "the engine ended before it answered" }));
  });
}

function readAnswer(line: string): ControlAnswer {
  try {
    const parsed = JSON.parse(line) as { readonly ok?: unknown; readonly text?: unknown } | null;
    if (typeof parsed?.ok === "boolean" && typeof parsed.text === "string")
      return { kind: "answered", ok: parsed.ok, text: parsed.text };
  } catch {
    // Said below.
  }
  return { kind: "no-answer", reason: "the answer is not one of pawl's" };
}
