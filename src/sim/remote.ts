import type { Command, HttpAnswer, HttpRequest, Outcome, Remote, TcpAnswer } from "../engine/ports.ts";
import type { SimCluster, SimHttpAnswer, SimNode } from "./ports.ts";
import { openStream } from "./remote-stream.ts";
import { runCommandLine } from "./shell/command-line.ts";
import { busyOf, type Busy } from "./shell/machine.ts";
import { quoteLine } from "./shell/quote.ts";
import { signalCode } from "./shell/signals.ts";

const DEFAULT_OUTPUT_BYTES = 1024 * 1024;

export interface SimRemoteOptions {
  /** The login user; commands that need root then go through `sudo -n --`. */
  readonly user?: string;
}

/** Keeps the first and the last half of what fits, as the SSH adapter does. */
function boundedText(limitBytes: number): { add(chunk: Buffer): void; text(): string } {
  const chunks: Buffer[] = [];
  return {
    add: (chunk) => void chunks.push(chunk),
    text: () => {
      const all = Buffer.concat(chunks);
      if (all.length <= limitBytes) return all.toString("utf8");
      const half = Math.floor(limitBytes / 2);
      const cut = all.length - half * 2;
      return `${all.subarray(0, half).toString("utf8")}\n[${cut} bytes left out]\n${all.subarray(all.length - half).toString("utf8")}`;
    },
  };
}

/**
 * The in-process door of an embedded cluster: the same commands in the same shell as over SSH, HTTP and TCP answered by the
 * model itself. A dropped connection (fault `ssh-drop`) ends the calls of that node with `lost`, sent, while what they started
 * goes on, as it does under sshd. A silent port (`hang`) costs its time-out in simulated time.
 */
export function createSimRemote(cluster: SimCluster, options: SimRemoteOptions = {}): Remote {
  const user = options.user ?? "core";
  const busy = busyOf(cluster.clock);
  const targets = new Map<string, SimNode>([...cluster.nodes, cluster.bootstrap].map((node) => [node.name, node]));
  targets.set("bootstrap", cluster.bootstrap);
  const cuts = new Map<string, Set<() => void>>();
  const losses = new Map<string, number>();
  let closed = false;
  cluster.onDrop((name) => {
    losses.set(name, (losses.get(name) ?? 0) + 1);
    for (const cut of [...(cuts.get(name) ?? [])]) cut();
  });

  const execute = (
    target: string,
    command: Command,
    signal: AbortSignal | undefined,
    onChunk?: (chunk: Buffer) => void | Promise<void>,
  ): Promise<Outcome> => {
    const lost = (code: string, reason: string, sent: boolean): Outcome => ({ kind: "lost", reason, code, sent });
    if (closed) return Promise.resolve(lost("closed", "connections are closed", false));
    if (signal?.aborted === true) return Promise.resolve(lost("aborted", "no longer wanted", false));
    const node = targets.get(target);
    if (node === undefined) return Promise.reject(new RangeError(`there is no simulated machine named ${target}`));
    if (!node.online) return Promise.resolve(lost("refused", `${node.address} refused the connection`, false));
    const ailment = (): string => cluster.sshAilment?.(node.name) ?? "fine";
    if (ailment() === "hostkey-changed")
      return Promise.resolve(lost("host-key-changed", `${node.name} shows another host key`, false));
    const line = `${command.sudo === true && user !== "root" ? "sudo -n -- " : ""}${quoteLine(command.argv)}`;
    const [stdout, stderr] = [
      boundedText(command.maxOutputBytes ?? DEFAULT_OUTPUT_BYTES),
      boundedText(command.maxOutputBytes ?? DEFAULT_OUTPUT_BYTES),
    ];
    return new Promise((resolve, reject) => {
      let over = false;
      let kill: (signal: string) => void = () => undefined;
      const open = cuts.get(node.name) ?? new Set();
      cuts.set(node.name, open);
      const end = (act: () => void): void => {
        if (over) return;
        over = true;
        clearTimeout(timer);
        signal?.removeEventListener("abort", abort);
        open.delete(cut);
        act();
      };
      const cut = (): void =>
        end(() => resolve(lost("connection-lost", `the connection to ${node.name} was closed by the node`, true)));
      const abort = (): void =>
        end(() => {
          resolve(lost("aborted", "given up while the command ran", true));
          kill("TERM");
        });
      const timeOut = (): void =>
        end(() => resolve({ kind: "timed-out", afterMs: command.timeoutMs, stdout: stdout.text(), stderr: stderr.text() }));
      const timer = setTimeout(() => {
        timeOut();
        kill("TERM");
      }, command.timeoutMs);
      open.add(cut);
      signal?.addEventListener("abort", abort, { once: true });
      const keep = (chunk: Buffer): void => stdout.add(chunk);
      const out = (chunk: Buffer): void | Promise<void> => (over ? undefined : (onChunk ?? keep)(chunk));
      // Holds simulated time by itself, except while the command sleeps.
      const ran = runCommandLine(node, line, {
        stdin: Buffer.from(command.stdin ?? ""),
        out,
        err: (chunk) => (over ? undefined : stderr.add(chunk)),
        user,
        clock: cluster.clock,
        started: (killer) => {
          kill = killer;
        },
      });
      ran.then(
        async (ended) => {
          // The command ended, and the node that hangs tells nobody.
          if (ailment() === "hang") {
            await cluster.clock.sleep(command.timeoutMs);
            timeOut();
            return;
          }
          const code = "code" in ended ? ended.code : signalCode(ended.signal);
          end(() => resolve({ kind: "exited", code, stdout: stdout.text(), stderr: stderr.text() }));
        },
        (error: unknown) => end(() => reject(error instanceof Error ? error : new Error(String(error)))),
      );
    });
  };

  return {
    run: (target, command, signal) => execute(target, command, signal),
    stream: (target, command, onChunk, signal) => execute(target, command, signal, onChunk),
    http: (request) => askHttp(cluster, busy, request),
    tcp: (host, port, send, timeoutMs) => askTcp(cluster, busy, { host, port, send, timeoutMs }),
    open: (target, host, port, signal) => {
      if (closed || signal?.aborted === true)
        return Promise.resolve({ kind: "no-answer", code: closed ? "closed" : "aborted", reason: "no longer wanted" });
      const node = targets.get(target);
      if (node === undefined) return Promise.reject(new RangeError(`there is no simulated machine named ${target}`));
      const open = cuts.get(node.name) ?? new Set();
      cuts.set(node.name, open);
      return Promise.resolve(openStream({ cluster, node, busy, host, port, open }));
    },
    losses: (target) => losses.get(target) ?? 0,
    close: () => {
      closed = true;
      return Promise.resolve();
    },
  };
}

async function askTcp(
  cluster: SimCluster,
  busy: Busy,
  question: { host: string; port: number; send: string; timeoutMs: number },
): Promise<TcpAnswer> {
  const { host, port, send, timeoutMs } = question;
  const answer = await busy(() => cluster.tcp(host, port, send));
  switch (answer.kind) {
    case "answered":
      return { kind: "answered", body: Buffer.from(answer.body) };
    case "refused":
      return { kind: "no-answer", code: "refused", reason: `${host}:${port} refused the connection` };
    case "hang":
      await cluster.clock.sleep(timeoutMs);
      return { kind: "no-answer", code: "timed-out", reason: `no complete answer from ${host}:${port} within ${timeoutMs} ms` };
  }
}

async function askHttp(cluster: SimCluster, busy: Busy, request: HttpRequest): Promise<HttpAnswer> {
  let url: URL;
  try {
    url = new URL(request.url);
  } catch {
    return { kind: "no-answer", code: "bad-url", reason: `${request.url} is not an http address` };
  }
  let { method, body = "" } = request;
  const headers = Object.fromEntries(Object.entries(request.headers ?? {}).map(([name, value]) => [name.toLowerCase(), value]));
  for (let hops = 0; ; hops += 1) {
    const [host, port] = [url.hostname, Number(url.port === "" ? 80 : url.port)];
    const asked = { method, path: `${url.pathname}${url.search}`, headers: { host: url.host, ...headers }, body };
    const answer: SimHttpAnswer = await busy((clock) => cluster.http(host, port, asked, (ms) => clock.sleep(ms)));
    if (answer.kind === "refused")
      return { kind: "no-answer", code: "refused", reason: `${host}:${port} refused the connection` };
    if (answer.kind === "hang") {
      await cluster.clock.sleep(request.timeoutMs);
      return {
        kind: "no-answer",
        code: "timed-out",
        reason: `no complete answer from ${url.href} within ${request.timeoutMs} ms`,
      };
    }
    const given = Object.fromEntries(Object.entries(answer.headers).map(([name, value]) => [name.toLowerCase(), value]));
    const { location } = given;
    if (location === undefined || request.followRedirects === 0 || ![301, 302, 303, 307, 308].includes(answer.status)) {
      const bytes = Buffer.from(answer.body);
      if (request.maxBytes !== undefined && bytes.length > request.maxBytes)
        return { kind: "no-answer", code: "too-large", reason: `${url.href} sent more than ${request.maxBytes} bytes` };
      return { kind: "answered", status: answer.status, headers: given, body: bytes, url: url.href };
    }
    if (hops >= request.followRedirects)
      return {
        kind: "no-answer",
        code: "redirect-loop",
        reason: `${request.url} redirects more than ${request.followRedirects} times`,
      };
    url = new URL(location, url);
    if (answer.status < 307 && method !== "HEAD") [method, body] = ["GET", ""];
  }
}
