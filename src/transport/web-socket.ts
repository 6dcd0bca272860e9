import { connect } from "node:net";
import type { HttpAccess, Inventory } from "../domain/inventory.ts";
import type { SocketPlace, WebProduct } from "../engine/ports.ts";
import { failureOf } from "./failure.ts";
import type { Opened } from "./web-connect.ts";

/** What sockets are found by. */
export interface SocketMap {
  readonly inventory: Pick<Inventory, "nodes" | "ports" | "http">;
  /** The product's ports by service; the inventory's own come first. */
  readonly ports: Readonly<Record<string, number>>;
  readonly web: WebProduct | null;
}

/** A service's socket: on a node, reached by its own SSH server, or on this machine. */
export type SocketWay =
  | { readonly kind: "node"; readonly node: string; readonly place: SocketPlace }
  | { readonly kind: "here"; readonly node: string; readonly path: string };

/** With security on, a service that has a socket is asked at its port: the certificates say who speaks there. */
export function socketsCount(access: HttpAccess | undefined): boolean {
  return access === undefined || access.security === "disabled";
}

/** The socket an address stands for; null where it is asked as an address. IPv6 without brackets. */
export function socketWay({ inventory, ports, web }: SocketMap, host: string, port: number): SocketWay | null {
  const access = inventory.http;
  if (web === null || !socketsCount(access)) return null;
  const node = inventory.nodes.find((one) => one.address.toLowerCase() === host.toLowerCase());
  if (node === undefined) return null;
  for (const [service, { socket }] of Object.entries(web.services)) {
    if (socket === undefined || (inventory.ports[service] ?? ports[service]) !== port) continue;
    const local = access?.localSockets;
    const here = local !== undefined && Object.hasOwn(local, node.name) ? local[node.name] : undefined;
    if (here !== undefined) return { kind: "here", node: node.name, path: here };
    return { kind: "node", node: node.name, place: { ...socket, path: access?.socket ?? socket.path } };
  }
  return null;
}

/** Connects to a socket of this machine. Never throws. */
export function connectHere(path: string, node: string, signal: AbortSignal | undefined): Promise<Opened> {
  return new Promise((resolve) => {
    const socket = connect({ path });
    const abort = (): void => void socket.destroy(new Error("no longer wanted"));
    signal?.addEventListener("abort", abort, { once: true });
    const settled = (): void => signal?.removeEventListener("abort", abort);
    socket.once("connect", () => {
      settled();
      resolve({ kind: "open", stream: socket });
    });
    socket.once("close", settled);
    if (signal?.aborted === true) abort();
    // Stays for good: an error after the connection was given away is its user's, but must not end the process.
    socket.on("error", (error) => {
      const { code, reason } = failureOf(error);
      resolve({
        kind: "failed",
        code: code === "failed" ? "refused" : code,
        reason: `${path}, which stands for ${node}: ${reason}`,
      });
    });
  });
}
