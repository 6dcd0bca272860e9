import { Duplex } from "node:stream";
import type { ClientChannel } from "ssh2";
import type { Failure } from "./failure.ts";
import type { OpenConnection } from "./ssh-connection.ts";
import { attemptOnce } from "./tunnel-attempt.ts";

/** A stream to an address as the machine at the other end of a connection reaches it, or why there is none. */
export type Tunnel =
  | { readonly kind: "open"; readonly stream: Duplex }
  /** `beyond`: the machine tried, and it is the address behind it that does not answer. */
  | ({ readonly kind: "failed"; readonly beyond?: true } & Failure);

/** A tunnel, or the certainty that it may be tried again on another connection. */
export type TunnelAttempt = Tunnel | { readonly kind: "not-begun"; readonly reason: string };

/** An address, or a socket file of the machine. */
export type Destination =
  { readonly kind: "address"; readonly host: string; readonly port: number } | { readonly kind: "socket"; readonly path: string };

export interface TunnelOptions {
  /** Name of the machine that connects, for messages. */
  readonly through: string;
  readonly to: Destination;
  readonly timeoutMs: number;
  readonly signal: AbortSignal | undefined;
  /** Told once when the stream is gone, or did not come about. */
  readonly onClose: () => void;
}

/** RFC 4254, 5.1: reason codes of a refused channel. */
const PROHIBITED = 1;
const CONNECT_FAILED = 2;

/**
 * Opens a direct-tcpip channel (ssh -W), or a direct-streamlocal one, on an established connection. Codes: `forwarding-refused` (the server's policy), `refused`,
 * `unreachable`, `not-resolved` (as the machine at the far end found it), `aborted`. Never throws.
 */
export function openTunnel(connection: OpenConnection, options: TunnelOptions): Promise<TunnelAttempt> {
  const { through, to, timeoutMs, signal, onClose } = options;
  const where = whereOf(to);
  const reason = `${through} did not reach ${where} within ${String(timeoutMs)} ms`;
  const late = { kind: "failed", beyond: true, code: "unreachable", reason } as const;
  return attemptOnce({ timeoutMs, signal, onClose, late }, (settle, isOver) => {
    try {
      // A channel that was refused comes as an error, whatever the types of ssh2 promise of it.
      const opened = (error: Error | undefined, channel: ClientChannel): void => {
        if (error !== undefined) settle(refusedTunnel(error, connection, through, where));
        else if (isOver()) channel.close();
        else settle({ kind: "open", stream: duplexOf(channel, connection, onClose) });
      };
      if (to.kind === "socket") connection.client.openssh_forwardOutStreamLocal(to.path, opened);
      else connection.client.forwardOut("127.0.0.1", 0, to.host, to.port, opened);
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      // ssh2 asks only OpenSSH for sockets, and says so by throwing.
      if (connection.isOpen() && to.kind === "socket") settle({ kind: "failed", code: "forwarding-refused", reason: why });
      else settle({ kind: "not-begun", reason: why });
    }
  });
}

function whereOf(to: Destination): string {
  if (to.kind === "socket") return to.path;
  return `${to.host.includes(":") ? `[${to.host}]` : to.host}:${String(to.port)}`;
}

function refusedTunnel(error: Error, connection: OpenConnection, through: string, where: string): TunnelAttempt {
  if (!connection.isOpen()) return { kind: "not-begun", reason: connection.why() };
  const why = error.message.replace("(SSH) Channel open failure: ", "");
  const reason = "reason" in error ? error.reason : undefined;
  if (reason === CONNECT_FAILED) {
    const code = /refused/i.test(why) ? "refused" : /resol|not known|service/i.test(why) ? "not-resolved" : "unreachable";
    return { kind: "failed", beyond: true, code, reason: `${through} cannot connect to ${where}: ${why}` };
  }
  const policy =
    reason === PROHIBITED
      ? `The SSH server of ${through} forbids it: AllowTcpForwarding, DisableForwarding or PermitOpen in its sshd_config, or an option of the key in authorized_keys`
      : `The SSH server of ${through} does not do it`;
  return { kind: "failed", code: "forwarding-refused", reason: `no connection from ${through} to ${where}: ${why}. ${policy}.` };
}

/**
 * The channel as an ordinary stream. ssh2 ends a channel whose connection broke as if the peer had finished; here that is an
 * error (code ECONNRESET), so that half an answer never looks whole.
 */
export function duplexOf(
  channel: ClientChannel,
  connection: OpenConnection,
  onClose: () => void,
  /** The end of the channel's data is no end of the stream: its user ends it once the channel is closed. */
  { endsWithChannel = false }: { readonly endsWithChannel?: boolean } = {},
): Duplex {
  const broken = (): Error =>
    Object.assign(new Error(`the tunnel's connection broke: ${connection.why()}`), { code: "ECONNRESET" });
  const stream = new Duplex({
    allowHalfOpen: true,
    read: () => void channel.resume(),
    write: (chunk: Buffer, _encoding, done) => {
      if (channel.writable) channel.write(chunk, () => done());
      else done(broken());
    },
    final: (done) => {
      channel.end();
      done();
    },
    destroy: (error, done) => {
      connection.client.off("close", gone);
      channel.removeAllListeners("data");
      channel.resume();
      channel.close();
      onClose();
      done(error);
    },
  });
  // The channel itself says nothing until somebody has read all of it.
  const gone = (): void => void stream.destroy(broken());
  connection.client.once("close", gone);
  channel.pause();
  channel.on("data", (chunk: Buffer) => {
    if (!stream.push(chunk)) channel.pause();
  });
  channel.stderr.resume();
  channel.on("error", () => undefined);
  channel.once("end", () => {
    if (connection.isOpen() && !endsWithChannel) stream.push(null);
  });
  channel.once("close", () => {
    // The far side has closed both ways: nothing that is written can arrive any more.
    if (connection.isOpen() && !stream.writableFinished) stream.end();
  });
  return stream;
}
