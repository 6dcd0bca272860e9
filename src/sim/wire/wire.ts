import type { LabKey } from "../lab-keys.ts";
import type { SimCluster, SimListener } from "../ports.ts";
import { createServer, type Server } from "node:net";
import { createHttpServer } from "./http-server.ts";
import { openServers } from "./open-servers.ts";
import { createNodeSsh, type NodeSsh } from "./ssh-server.ts";

export interface WireOptions {
  readonly cluster: SimCluster;
  /** The SSH port of every node. */
  readonly sshPort: number;
  /** A node's host key; `other`: of the machine that answers in its place (fault `hostkey-changed`). */
  hostKey(node: string, other: boolean): LabKey;
  readonly userKey: LabKey;
}

/** A cluster on the wire. */
export interface Wire {
  /** Ends every server and connection. */
  close(): Promise<void>;
}

/**
 * Opens the wire door of a cluster: an SSH server per node at its own address, a server per listener of the
 * model. Connections are cut when the model drops them. Rejects with Node's error when an address cannot be had; nothing is
 * left open then.
 */
export async function openWire(options: WireOptions): Promise<Wire> {
  const { cluster, sshPort } = options;
  const { default: ssh2 } = await import("ssh2");
  const open = openServers();
  const machines = [...cluster.nodes, cluster.bootstrap];
  const sshByName = new Map<string, NodeSsh>();
  const services = new Set(cluster.listeners.map(({ host, port }) => `${host}:${port}`));
  for (const node of machines) services.add(`${node.address}:${sshPort}`);

  try {
    const ssh = machines.map((node) => {
      const served = createNodeSsh({
        ssh2,
        node,
        clock: cluster.clock,
        hostKey: (other) => options.hostKey(node.name, other),
        ailment: () => cluster.sshAilment?.(node.name) ?? "fine",
        userKey: options.userKey.blob,
        forward: (host, port) => {
          const named = machines.find((other) => other.name === host)?.address ?? host;
          const real = ["localhost", "127.0.0.1", "::1"].includes(named) ? node.address : named;
          return services.has(`${real}:${port}`) ? { host: real, port } : null;
        },
      });
      sshByName.set(node.name, served);
      return open.listen(served.server, node.address, sshPort);
    });
    const ports = cluster.listeners.map((listener) => {
      const server = listener.protocol === "http" ? createHttpServer(cluster, listener) : createStreamServer(cluster, listener);
      return open.listen(server, listener.host, listener.port);
    });
    const all = await Promise.allSettled([...ssh, ...ports]);
    const failed = all.find((one) => one.status === "rejected");
    if (failed !== undefined) throw failed.reason;
  } catch (error) {
    await open.close();
    throw error;
  }
  cluster.onDrop((name) => sshByName.get(name)?.cut());
  return { close: () => open.close() };
}

/** A port on which the model speaks for itself. */
function createStreamServer(cluster: SimCluster, { host, port }: SimListener): Server {
  return createServer({ noDelay: true }, (socket) => {
    socket.on("error", () => undefined);
    if (cluster.serve?.(host, port, socket) !== true) socket.destroy();
  });
}
