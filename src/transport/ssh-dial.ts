import type { ClientChannel } from "ssh2";
import type { OpenConnection } from "./ssh-connection.ts";
import { duplexOf, type TunnelAttempt } from "./ssh-tunnel.ts";
import { attemptOnce } from "./tunnel-attempt.ts";

export interface DialOutOptions {
  /** Name of the machine that runs the command, for messages. */
  readonly through: string;
  /** The command line whose input and output are the stream. */
  readonly line: string;
  readonly timeoutMs: number;
  readonly signal: AbortSignal | undefined;
  /** Told once when the stream is gone, or did not come about. */
  readonly onClose: () => void;
}

const LONGEST_WORDS = 300;
/**
 * What the command says that found nobody behind a socket, before it takes a byte. Not a word less: what a shell has to say ("No such file")
 * beside a stream that broke in the middle would make a request that arrived one that was never sent.
 */
const NOBODY = /failed to open the raw stream connection|cannot connect to the docker daemon/i;

/**
 * A stream made of a command's input and output (`docker system dial-stdio`). A command that ends with a failure breaks the stream with
 * what it said: code `ECONNREFUSED` only where it says that nobody listens behind the socket, and so took nothing. Never throws.
 */
export function dialOut(connection: OpenConnection, options: DialOutOptions): Promise<TunnelAttempt> {
  const { through, line, timeoutMs, signal, onClose } = options;
  const reason = `${through} did not begin \`${line}\` within ${String(timeoutMs)} ms`;
  const late = { kind: "failed", code: "unreachable", reason } as const;
  return attemptOnce({ timeoutMs, signal, onClose, late }, (settle, isOver) => {
    try {
      connection.client.exec(line, (error, channel) => {
        if (error !== undefined) {
          const gone = !connection.isOpen();
          settle(
            gone
              ? { kind: "not-begun", reason: connection.why() }
              : { kind: "failed", code: "channel-refused", reason: `${through} runs no \`${line}\`: ${error.message}` },
          );
        } else if (isOver()) channel.close();
        else settle({ kind: "open", stream: streamOf(channel, connection, options) });
      });
    } catch (error) {
      settle({ kind: "not-begun", reason: error instanceof Error ? error.message : String(error) });
    }
  });
}

function streamOf(channel: ClientChannel, connection: OpenConnection, { through, line, onClose }: DialOutOptions) {
  let said = "";
  channel.stderr.on("data", (chunk: Buffer) => {
    said = `${said}${chunk.toString("utf8")}`.slice(-LONGEST_WORDS);
  });
  // The end of the output of a command that failed is no end of an answer: it waits for the exit status.
  const stream = duplexOf(channel, connection, onClose, { endsWithChannel: true });
  let heard = false;
  channel.on("data", () => {
    heard = true;
  });
  let code: number | null = null;
  channel.on("exit", (status: number | null) => {
    code = status;
  });
  channel.once("close", () => {
    if (!connection.isOpen()) return;
    if (code === 0) {
      stream.push(null);
      return;
    }
    const words = said.replace(/[\u0000-\u001f\u007f-\u009f]+/g, " ").trim();
    const why = words === "" ? `it ended with ${code === null ? "no exit status" : `exit code ${String(code)}`}` : words;
    const failure = new Error(`${through}: \`${line}\`: ${why.slice(0, LONGEST_WORDS)}`);
    stream.destroy(Object.assign(failure, !heard && NOBODY.test(words) ? { code: "ECONNREFUSED" } : {}));
  });
  return stream;
}
