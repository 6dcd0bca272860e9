import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { createLabSleeps, type LabSleeps } from "./lab-sleeps.ts";
import type { SimCluster } from "./ports.ts";

export interface ControlOptions {
  readonly cluster: SimCluster;
  readonly timeScale: number;
  /** The nonce signed with the node's host key. */
  proof(node: string, nonce: string): Buffer;
  publicKey(node: string): Buffer;
  stop(): Promise<void>;
}

const LARGEST_BODY_BYTES = 64 * 1024;
/** A nonce is what a client made up, never a message that means something elsewhere. */
const NONCE = /^[0-9a-f]{32,128}$/;

interface Reply {
  readonly status: number;
  readonly body: unknown;
}

async function bodyOf(request: IncomingMessage): Promise<Readonly<Record<string, unknown>>> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > LARGEST_BODY_BYTES) return {};
    chunks.push(chunk);
  }
  try {
    const value: unknown = JSON.parse(Buffer.concat(chunks).toString("utf8"));
    return typeof value === "object" && value !== null ? (value as Readonly<Record<string, unknown>>) : {};
  } catch {
    return {};
  }
}

/** Time stands still until the client goes away; it is told once that holds. */
function holdTime(sleeps: LabSleeps, response: ServerResponse, now: number): void {
  const release = sleeps.hold();
  response.on("close", release);
  response.writeHead(200, { "content-type": "application/json", connection: "close" });
  response.write(`${JSON.stringify({ now })}\n`);
}

async function reply(
  options: ControlOptions,
  sleeps: LabSleeps,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<Reply | null> {
  const { cluster } = options;
  const { clock } = cluster;
  const body = await bodyOf(request);
  switch (`${request.method ?? "GET"} ${request.url ?? "/"}`) {
    case "GET /":
      return { status: 200, body: { lab: cluster.id, timeScale: options.timeScale, now: clock.now() } };
    case "GET /now":
      return { status: 200, body: { now: clock.now() } };
    case "POST /sleep": {
      const { ms } = body;
      if (typeof ms !== "number" || !Number.isFinite(ms) || ms < 0)
        return { status: 400, body: { error: "ms: a number of milliseconds" } };
      const gone = new AbortController();
      response.on("close", () => gone.abort());
      await sleeps.sleep(ms, gone.signal);
      return { status: 200, body: { now: clock.now() } };
    }
    case "POST /hold":
      holdTime(sleeps, response, clock.now());
      return null;
    case "POST /prove": {
      const { nonce } = body;
      if (typeof nonce !== "string" || !NONCE.test(nonce)) return { status: 400, body: { error: "nonce: 32 to 128 hex digits" } };
      const proofs = [...cluster.nodes, cluster.bootstrap].map((node) => {
        const signature = options.proof(node.name, nonce).toString("base64");
        return [node.name, { publicKey: options.publicKey(node.name).toString("base64"), signature }] as const;
      });
      const signatures = Object.fromEntries(proofs.map(([name, { signature }]) => [name, signature]));
      return { status: 200, body: { nodes: Object.fromEntries(proofs), signatures } };
    }
    case "POST /heal":
      cluster.heal();
      return { status: 200, body: { healed: true } };
    case "POST /reboot": {
      const { node } = body;
      const done = typeof node === "string" && cluster.reboot?.(node) === true;
      return done ? { status: 200, body: { rebooted: node } } : { status: 400, body: { error: "node: a machine of this lab" } };
    }
    case "GET /state":
      return {
        status: 200,
        body: "inspect" in cluster && typeof cluster.inspect === "function" ? (cluster.inspect as () => unknown)() : {},
      };
    case "POST /shutdown":
      response.on("close", () => void options.stop());
      return { status: 200, body: { stopping: true } };
    default:
      return { status: 404, body: { error: "GET / /now /state, POST /sleep /hold /prove /heal /reboot /shutdown" } };
  }
}

/**
 * The control address of a lab: simulated time for engines in other processes, and the proof that the nodes are this lab's.
 * `GET /`, `GET /now`, `POST /sleep {ms}` (a client that goes away takes its sleep back), `POST /hold`
 * (no sleep moves time until that client goes away), `POST /prove {nonce}`, `POST /heal`,
 * `POST /reboot {node}`, `GET /state`, `POST /shutdown`; JSON everywhere, times in epoch ms of the lab.
 */
export function createControlServer(options: ControlOptions): Server {
  const sleeps = createLabSleeps(options.cluster.clock);
  const server = createServer({ noDelay: true, keepAlive: true, keepAliveTimeout: 120_000 }, (request, response) => {
    reply(options, sleeps, request, response)
      .then((said) => {
        if (said === null || response.destroyed) return;
        const { status, body } = said;
        response.writeHead(status, {
          "content-type": "application/json",
          connection: request.url === "/shutdown" ? "close" : "keep-alive",
        });
        response.end(`${JSON.stringify(body)}\n`);
      })
      .catch(() => request.socket.destroy());
  });
  // A sleep may last as long as it likes.
  server.requestTimeout = 0;
  server.on("clientError", (_error, socket) => socket.destroy());
  return server;
}
