import type { Duplex } from "node:stream";
import ssh2 from "ssh2";
import type { Algorithms, AnyAuthMethod, Client, ServerHostKeyAlgorithm } from "ssh2";
import type { Failure } from "./failure.ts";
import type { HostTrust } from "./host-trust.ts";
import type { KnownHostsLine } from "./known-hosts.ts";
import { PROXY_ENDED } from "./proxy-command.ts";
import type { Reached } from "./reach.ts";
import { whereOf } from "./reach.ts";
import type { SshTarget } from "./target.ts";

/** An established, verified connection. */
export interface OpenConnection {
  readonly client: Client;
  /** False from the moment the connection is known to be gone. */
  isOpen(): boolean;
  /** Why it went, once it did. */
  why(): string;
  /** Ends it in order, or by force after a moment. */
  close(): Promise<void>;
}

export type Dialled = { readonly kind: "open"; readonly connection: OpenConnection } | ({ readonly kind: "failed" } & Failure);

export interface DialOptions {
  readonly target: SshTarget;
  readonly trust: HostTrust;
  readonly methods: readonly AnyAuthMethod[];
  readonly timeoutMs: number;
  /** Makes the stream to the target's SSH server: a socket, a tunnel through a jump host, a program. */
  readonly reach: (target: SshTarget, timeoutMs: number, signal: AbortSignal) => Promise<Reached>;
  /** Bounds how many handshakes run at once; the TCP connection is made outside of it, so that dead hosts hold nobody up. */
  readonly handshake: <T>(work: () => Promise<T>) => Promise<T>;
  readonly onClose: () => void;
  /** Aborts when nobody wants the connection any more. */
  readonly signal: AbortSignal;
}

const KEEPALIVE_MS = 10_000;
const KEEPALIVES_UNANSWERED = 3;
const FAREWELL_MS = 1_000;
const LONGEST_WORDS = 300;

/** In order of preference; `ssh-rsa` keys sign with SHA-2 only. */
const HOST_KEY_ALGORITHMS: readonly ServerHostKeyAlgorithm[] = [
  "ssh-ed25519",
  "ecdsa-sha2-nistp256",
  "ecdsa-sha2-nistp384",
  "ecdsa-sha2-nistp521",
  "rsa-sha2-512",
  "rsa-sha2-256",
];

/** Measured as fastest among what sshd of the last ten years speak; nothing with SHA-1. */
function algorithmsFor(known: readonly KnownHostsLine[]): Algorithms {
  const types = new Set(known.filter((line) => !line.revoked).map((line) => line.key.type));
  const isKnown = (algorithm: string): boolean => types.has(algorithm.startsWith("rsa-") ? "ssh-rsa" : algorithm);
  return {
    kex: ["curve25519-sha256", "curve25519-sha256@libssh.org", "ecdh-sha2-nistp256", "diffie-hellman-group14-sha256"],
    cipher: ["aes128-gcm@openssh.com", "aes256-gcm@openssh.com", "chacha20-poly1305@openssh.com", "aes128-ctr"],
    hmac: ["hmac-sha2-256-etm@openssh.com", "hmac-sha2-512-etm@openssh.com"],
    compress: ["none"],
    // A host with several keys must be asked for the one that is known.
    serverHostKey: [...HOST_KEY_ALGORITHMS.filter(isKnown), ...HOST_KEY_ALGORITHMS.filter((one) => !isKnown(one))],
  };
}

/**
 * Connects, checks the host key, logs in. Never throws. Codes: `refused`, `unreachable`, `not-resolved`, `host-key-unknown`,
 * `host-key-changed`, `host-key-revoked`, `auth-failed`, `handshake-failed`, `proxy-failed`, `forwarding-refused`, and `jump-…` where
 * the way to the machine failed. A host key is compared with known_hosts and learned only where somebody asked for that: whoever
 * answers in the place of a node would be trusted with root commands.
 */
export async function dial(options: DialOptions): Promise<Dialled> {
  const { target, methods } = options;
  if (methods.length === 0) {
    return {
      kind: "failed",
      code: "auth-failed",
      reason: `no key to log in to ${target.name} with: none of ${target.identityFiles.map((one) => one.path).join(", ")} exists and no ssh-agent runs`,
    };
  }
  const reached = await options.reach(target, options.timeoutMs, options.signal);
  if (reached.kind === "failed") return reached;
  const socket = reached.stream;
  const end = (): void => void socket.destroy();
  options.signal.addEventListener("abort", end, { once: true });
  return options.handshake(() => shakeHands(socket, options)).finally(() => options.signal.removeEventListener("abort", end));
}

function shakeHands(socket: Duplex, options: DialOptions): Promise<Dialled> {
  const { target, trust } = options;
  const where = whereOf(target);
  if (socket.destroyed)
    return Promise.resolve({
      kind: "failed",
      code: "handshake-failed",
      reason: `${target.name} (${where}) closed the connection before the handshake`,
    });
  const client = new ssh2.Client();
  // Every tunnel listens to its end.
  client.setMaxListeners(0);
  let denied: Failure | null = null;
  let agentTrouble: string | null = null;
  let ready = false;
  let open = true;
  let why = "the connection was closed by the node";
  return new Promise((resolve) => {
    const fail = (failure: Failure): void => {
      socket.destroy();
      resolve({ kind: "failed", ...failure });
    };
    client.on("ready", () => {
      ready = true;
      resolve({
        kind: "open",
        connection: { client, isOpen: () => open && !socket.destroyed, why: () => why, close: () => farewell(client, socket) },
      });
    });
    client.on("error", (error: Error & { readonly level?: string }) => {
      // One key less: the next one is tried.
      if (error.level === "agent" && !ready) {
        agentTrouble = error.message;
        return;
      }
      why = denied?.reason ?? told(error, target);
      if (!ready) fail(denied ?? handshakeFailure(error, options.target, agentTrouble));
      // ssh2 only ends its own half; a peer that keeps the other one open would hold every command.
      else socket.destroy();
    });
    socket.once("finish", () => {
      const timer = setTimeout(() => socket.destroy(), FAREWELL_MS);
      socket.once("close", () => clearTimeout(timer));
    });
    client.on("close", () => {
      open = false;
      if (ready) options.onClose();
      else
        fail(
          denied ?? { code: "handshake-failed", reason: `${target.name} (${where}) closed the connection during the handshake` },
        );
    });
    client.connect({
      sock: socket,
      username: target.user,
      authHandler: [...options.methods],
      algorithms: algorithmsFor(trust.linesFor(target)),
      keepaliveInterval: KEEPALIVE_MS,
      keepaliveCountMax: KEEPALIVES_UNANSWERED,
      readyTimeout: options.timeoutMs,
      hostVerifier: (blob: Buffer): boolean => {
        denied = trust.refusal(target, blob);
        return denied === null;
      },
    });
  });
}

/** Why a connection broke, with the jump host named that took it along. */
function told(error: Error & { readonly level?: string }, { name, via }: SshTarget): string {
  const said = printable(error.message);
  return via === null || error.level !== "client-socket" ? said : `jump host ${via.name} of ${name}: ${said}`;
}

function handshakeFailure(error: Error & { readonly level?: string }, target: SshTarget, agentTrouble: string | null): Failure {
  const who = `${target.user}@${whereOf(target)}`;
  const offered = `${target.identityFiles.map((one) => one.path).join(", ")}${target.agent === null ? "" : ", ssh-agent"}`;
  switch (error.level) {
    case "client-authentication": {
      const agent = agentTrouble === null ? "" : `; ssh-agent (${target.agent ?? ""}): ${agentTrouble}`;
      return { code: "auth-failed", reason: `${who} accepted none of the keys offered (${offered})${agent}` };
    }
    case "client-timeout":
      return { code: "unreachable", reason: `${who} accepted the connection but did not finish the handshake in time` };
    case "client-socket":
      if ("code" in error && error.code === PROXY_ENDED) return { code: "proxy-failed", reason: error.message };
      return { code: "handshake-failed", reason: `${who}: ${told(error, target)}` };
    case undefined:
    default: {
      const said = printable(error.message);
      if (/too many authentication failures/i.test(said))
        return {
          code: "auth-failed",
          reason: `${who} ended the login after too many keys it does not know (MaxAuthTries; offered: ${offered}). Name the right one (ssh.identity-file), and IdentitiesOnly yes in ~/.ssh/config where ssh-agent holds many`,
        };
      return { code: "handshake-failed", reason: `${who}: ${said}` };
    }
  }
}

/** What a stranger sent, fit for a terminal. */
function printable(text: string): string {
  return text.replace(/[\u0000-\u001f\u007f-\u009f]+/g, " ").slice(0, LONGEST_WORDS);
}

function farewell(client: Client, socket: Duplex): Promise<void> {
  if (socket.destroyed) return Promise.resolve();
  return new Promise((resolve) => {
    const timer = setTimeout(() => socket.destroy(), FAREWELL_MS);
    socket.once("close", () => {
      clearTimeout(timer);
      resolve();
    });
    client.end();
  });
}
