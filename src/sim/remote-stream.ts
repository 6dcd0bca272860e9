import { duplexPair } from "node:stream";
import type { StreamAnswer } from "../engine/ports.ts";
import type { SimCluster, SimNode } from "./ports.ts";
import type { Busy } from "./shell/machine.ts";

/** A stream that is wanted: from which node, to where, and what ends the node's connections. */
interface Wanted {
  readonly cluster: SimCluster;
  readonly node: SimNode;
  readonly busy: Busy;
  readonly host: string;
  readonly port: number;
  readonly open: Set<() => void>;
}

function none(code: string, reason: string): StreamAnswer {
  return { kind: "no-answer", code, reason };
}

/**
 * A stream to a service of the cluster as a node reaches it, as SSH forwards one. It breaks with ECONNRESET when the node's connection
 * does; simulated time stands still until it is closed.
 */
export function openStream({ cluster, node, busy, host, port, open }: Wanted): StreamAnswer {
  if (!node.online) return none("refused", `${node.address} refused the connection`);
  const ailment = cluster.sshAilment?.(node.name) ?? "fine";
  if (ailment === "hang") return none("timed-out", `${node.name} does not answer`);
  if (ailment === "hostkey-changed") return none("host-key-changed", `${node.name} shows another host key`);
  const [stream, far] = duplexPair();
  const real = ["localhost", "127.0.0.1", "::1"].includes(host) ? node.address : host;
  if (cluster.serve?.(real, port, far) !== true) {
    stream.destroy();
    far.destroy();
    return none("refused", `${node.name} cannot connect to ${host}:${port}`);
  }
  const broken = (): void => {
    const why = `the connection to ${node.name} was closed by the node`;
    stream.destroy(Object.assign(new Error(why), { code: "ECONNRESET" }));
  };
  open.add(broken);
  const closed = new Promise<void>((resolve) => {
    stream.once("close", () => {
      open.delete(broken);
      far.destroy();
      resolve();
    });
  });
  far.once("close", () => void stream.destroy());
  void busy(() => closed);
  return { kind: "open", stream };
}
