import { connect, createServer, type Server, type Socket } from "node:net";
import type * as Ssh2Module from "ssh2";
import type { AuthContext, Connection, ServerChannel, Session } from "ssh2";
import type { LabKey } from "../lab-keys.ts";
import type { SimClock, SimNode } from "../ports.ts";
import { runCommandLine } from "../shell/command-line.ts";
import { signalName } from "../shell/signals.ts";
import { channelOutput, readInput, SILENT_INPUT_MS } from "./channel.ts";
import { serveSftp } from "./sftp.ts";
import { serveTerminal } from "./terminal.ts";

type Ssh2 = Pick<typeof Ssh2Module, "Server" | "utils">;

/** What one node's SSH server is made from. */
export interface SshServerOptions {
  readonly ssh2: Ssh2;
  readonly node: SimNode;
  readonly clock: SimClock;
  /** The node's host key, or the one of the machine that answers in its place. */
  hostKey(other: boolean): LabKey;
  ailment(): "fine" | "hang" | "hostkey-changed";
  /** The one key users log in with, as it goes over the wire. */
  readonly userKey: Buffer;
  /** The real loopback address behind what a client wants forwarded; null: not a service of the cluster. */
  forward(host: string, port: number): { readonly host: string; readonly port: number } | null;
}

/** The SSH server of a node. `cut` ends every connection in mid-word, without a farewell. */
export interface NodeSsh {
  readonly server: Server;
  cut(): void;
}

/** OpenSSH of CentOS 7: clients know its quirks. */
const IDENT = "OpenSSH_7.4";
const USERS: ReadonlySet<string> = new Set(["core", "centos", "root"]);

/**
 * An SSH server that behaves as a node's sshd: public key only, commands, line shell, SFTP and forwarding to services of the
 * cluster. A lost connection leaves commands without a terminal running.
 */
export function createNodeSsh(options: SshServerOptions): NodeSsh {
  const { ssh2, node } = options;
  const sockets = new Set<Socket>();
  const made = new Map<boolean, InstanceType<Ssh2["Server"]>>();
  const sshOf = (other: boolean): InstanceType<Ssh2["Server"]> => {
    let found = made.get(other);
    if (found === undefined) {
      found = new ssh2.Server({ hostKeys: [options.hostKey(other).file], ident: IDENT }, (client) =>
        serveClient(client, options),
      );
      found.on("error", () => undefined);
      made.set(other, found);
    }
    return found;
  };
  const server = createServer({ noDelay: true }, (socket) => {
    socket.on("error", () => undefined);
    if (!node.online) {
      socket.destroy();
      return;
    }
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
    const ailment = options.ailment();
    if (ailment !== "hang") sshOf(ailment === "hostkey-changed").injectSocket(socket);
  });
  return {
    server,
    cut: () => {
      for (const socket of sockets) socket.destroy();
    },
  };
}

function authenticate(context: AuthContext, options: SshServerOptions): void {
  if (context.method !== "publickey" || !USERS.has(context.username) || !context.key.data.equals(options.userKey)) {
    context.reject(["publickey"]);
    return;
  }
  const { signature, blob } = context;
  // Without a signature the client only asks whether the key would do.
  if (signature === undefined || blob === undefined) {
    context.accept();
    return;
  }
  const key = options.ssh2.utils.parseKey(`${context.key.algo} ${context.key.data.toString("base64")}`);
  const keys = key instanceof Error ? [] : [key].flat();
  if (keys[0]?.verify(blob, signature, context.hashAlgo) === true) context.accept();
  else context.reject(["publickey"]);
}

function serveClient(client: Connection, options: SshServerOptions): void {
  let user = "core";
  client.on("error", () => undefined);
  client.on("authentication", (context) => {
    user = context.username;
    authenticate(context, options);
  });
  client.on("session", (accept) => serveSession(accept(), user, options));
  client.on("request", (_accept: unknown, reject: (() => void) | undefined) => reject?.());
  client.on("tcpip", (accept, reject, info) => {
    options.node.commandAsked?.(`(forward) ${info.destIP}:${info.destPort}`);
    const target = options.forward(info.destIP, info.destPort);
    if (target === null) {
      reject();
      return;
    }
    const socket = connect({ ...target, noDelay: true });
    socket.once("error", () => reject());
    socket.once("connect", () => {
      const channel = accept();
      const end = (): void => {
        socket.destroy();
        channel.destroy();
      };
      socket.removeAllListeners("error").on("error", end);
      channel.on("error", end);
      channel.on("close", () => socket.destroy());
      channel.pipe(socket).pipe(channel);
    });
  });
}

function serveSession(session: Session, user: string, options: SshServerOptions): void {
  const { node, clock } = options;
  const env: Record<string, string> = {};
  let terminal = false;
  let kill: (signal: string) => void = () => undefined;
  const started = (killer: (signal: string) => void): void => {
    kill = killer;
  };
  session.on("error", () => undefined);
  session.on("pty", (accept: (() => void) | undefined, _reject: unknown, info: { readonly term?: string }) => {
    terminal = true;
    env["TERM"] = info.term ?? "xterm";
    accept?.();
  });
  session.on(
    "env",
    (accept: (() => void) | undefined, _reject: unknown, info: { readonly key: string; readonly val: string }) => {
      env[info.key] = info.val;
      accept?.();
    },
  );
  session.on("window-change", (accept: (() => void) | undefined) => accept?.());
  session.on("auth-agent", (accept: (() => void) | undefined) => accept?.());
  session.on("signal", (accept: (() => void) | undefined, _reject: unknown, info: { readonly name: string }) => {
    accept?.();
    kill(signalName(info.name) ?? "TERM");
  });
  session.on("exec", (accept: () => ServerChannel, _reject: unknown, info: { readonly command: string }) => {
    const channel = accept();
    node.commandAsked?.(info.command);
    channel.on("error", () => undefined);
    const work = async (): Promise<void> => {
      const output = channelOutput(channel, terminal);
      if (/^scp .*-[a-z]*[tf]( |$)/.test(info.command)) {
        await output.err(Buffer.from("scp: the old protocol is not spoken here; leave out -O\n"));
        output.finish({ code: 1 });
        return;
      }
      if (terminal) {
        channel.on("close", () => kill("HUP"));
        channel.on("data", (chunk: Buffer) => {
          if (chunk.includes(3)) kill("INT");
        });
      }
      const stdin = terminal ? Buffer.alloc(0) : await readInput(channel, SILENT_INPUT_MS);
      // A node that hangs takes the command, and nobody hears of it again.
      if (options.ailment() === "hang") return;
      const ended = await runCommandLine(node, info.command, { stdin, ...output, user, clock, env, started });
      if (options.ailment() !== "hang") output.finish(ended);
    };
    work().catch(() => channel.destroy());
  });
  session.on("shell", (accept: () => ServerChannel) => {
    const channel = accept();
    node.commandAsked?.("(shell)");
    channel.on("error", () => undefined);
    serveTerminal({ channel, node, clock, user, env, terminal }).catch(() => channel.destroy());
  });
  session.on("sftp", (accept: Parameters<typeof serveSftp>[0]["accept"]) => {
    node.commandAsked?.("(sftp)");
    serveSftp({ accept, ssh2: options.ssh2, node, clock, user });
  });
}
