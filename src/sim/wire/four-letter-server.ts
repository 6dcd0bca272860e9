import { createServer, type Server, type Socket } from "node:net";
import type { SimCluster, SimListener } from "../ports.ts";

const WORD_BYTES = 4;

async function serve(cluster: SimCluster, listener: SimListener, socket: Socket, text: string): Promise<void> {
  const answer = await cluster.tcp(listener.host, listener.port, text);
  switch (answer.kind) {
    case "answered":
      socket.end(answer.body);
      return;
    case "refused":
      socket.destroy();
      return;
    case "hang":
      return;
  }
}

/** ZooKeeper's client port as far as its four-letter words go: four bytes, an answer, the end of the stream. */
export function createFourLetterServer(cluster: SimCluster, listener: SimListener): Server {
  return createServer({ noDelay: true }, (socket) => {
    let text = "";
    socket.on("error", () => undefined);
    socket.on("data", (chunk) => {
      if (text.length >= WORD_BYTES) return;
      text += chunk.toString("latin1");
      if (text.length < WORD_BYTES) return;
      serve(cluster, listener, socket, text.slice(0, WORD_BYTES)).catch(() => socket.destroy());
    });
  });
}
