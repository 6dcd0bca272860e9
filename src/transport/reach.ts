import { connect as connectSocket } from "node:net";
import type { Duplex } from "node:stream";
import { failureOf, type Failure } from "./failure.ts";
import type { SshTarget } from "./target.ts";

/** A stream to an SSH server, or why there is none. */
export type Reached = { readonly kind: "open"; readonly stream: Duplex } | ({ readonly kind: "failed" } & Failure);

/** An address for people: `host:port`, IPv6 in brackets, and what it is reached through. */
export function whereOf(target: SshTarget): string {
  return `${hostPort(target)}${target.via === null ? "" : ` through ${target.via.name}`}`;
}

/** `host:port`, IPv6 in brackets. */
export function hostPort({ host, port }: Pick<SshTarget, "host" | "port">): string {
  return `${host.includes(":") ? `[${host}]` : host}:${String(port)}`;
}

/** Connects directly. Codes: `refused`, `not-resolved`, `unreachable`, `closed` (nobody wants it any more). */
export function reachDirectly(target: SshTarget, timeoutMs: number, signal: AbortSignal): Promise<Reached> {
  const where = whereOf(target);
  return new Promise((resolve) => {
    const fail = (failure: Failure): void => {
      clearTimeout(timer);
      signal.removeEventListener("abort", abort);
      resolve({ kind: "failed", ...failure });
    };
    const abort = (): void => {
      socket.destroy();
      fail({ code: "closed", reason: "pawl has closed its connections" });
    };
    signal.addEventListener("abort", abort, { once: true });
    // noDelay: with Nagle's algorithm every connect waits 40 ms for a delayed acknowledgement.
    const socket = connectSocket({ host: target.host, port: target.port, noDelay: true });
    const timer = setTimeout(() => {
      socket.destroy();
      fail({ code: "unreachable", reason: `${where} did not accept a connection within ${String(timeoutMs)} ms` });
    }, timeoutMs);
    socket.once("connect", () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", abort);
      resolve({ kind: "open", stream: socket });
    });
    // Stays for good: an error while the socket waits for its turn to shake hands must not end the process.
    socket.on("error", (error) => {
      const { code, reason } = failureOf(error);
      fail({ code: code === "refused" || code === "not-resolved" ? code : "unreachable", reason: `${where}: ${reason}` });
    });
  });
}
