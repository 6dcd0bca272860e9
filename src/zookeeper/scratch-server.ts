import { spawn, type ChildProcessWithoutNullStreams } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { accessSync, constants, statSync } from "node:fs";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { connect, createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { ByteStream } from "../engine/ports.ts";
import type { ClientOptions } from "./client.ts";

/** Java and ZooKeeper's library on this machine. */
export interface ScratchTools {
  readonly java: string;
  /** What `java -cp` is given. */
  readonly classpath: string;
}

/** Where the operator says they are; each falls back to the usual places. */
export interface ScratchSettings {
  /** Program `java`. */
  readonly java?: string;
  /** The jar of Debian's package, or a folder of jars such as `lib` of ZooKeeper's own archive. */
  readonly library?: string;
  readonly heapMiB?: number;
  /** A server of the operator's own instead: words of a command, in which {data}, {logs} and {port} stand for what it is given. */
  readonly command?: readonly string[];
}

/** A ZooKeeper server of one's own on loopback, with nothing but what is laid into its folders; gone with everything after `stop`. */
export interface ScratchServer {
  readonly version: string;
  /** The last zxid of what it found in its folders, as `srvr` said before anybody had connected. */
  readonly loadedZxid: bigint;
  readonly port: number;
  /** Who may read and write whatever an ACL bars; nobody else can. Empty where nothing is barred. */
  readonly auth: NonNullable<ClientOptions["auth"]>;
  connect(): Promise<ByteStream>;
  /** Ends it by its pid and removes its folder. */
  stop(): Promise<void>;
}

/** Why there is none: a person can mend it. */
export class ScratchError extends Error {
  override readonly name = "ScratchError";
}

/** Makes servers; the embedded cluster brings its own. */
export interface Scratch {
  /** What it is made with, in words; or why there is none. */
  find(): { readonly kind: "found"; readonly what: string } | { readonly kind: "missing"; readonly reason: string };
  /** An own folder, 0700, to lay data into before `start`. */
  folder(): Promise<ScratchFolder>;
}

export interface ScratchFolder {
  readonly path: string;
  /** `data` has `version-2` with snapshots, `logs` with transaction logs, both below `path`; missing ones are made. Throws ScratchError. */
  start(folders: { readonly data: string; readonly logs: string }): Promise<ScratchServer>;
  /** For a folder that is not started. */
  remove(): Promise<void>;
}

/** Debian's package; its manifest names what else it needs. */
const LIBRARIES = ["/usr/share/java/zookeeper.jar", "/usr/share/zookeeper/lib", "/opt/zookeeper/lib"] as const;
const START_MS = 60_000;
const POLL_MS = 40;
const STOP_MS = 10_000;
const HEAP_MIB = 1024;
/** Znodes of this size can be restored; the default of 1 MiB is below what operators set. */
const LARGEST_REQUEST_BYTES = 64 * 1024 * 1024;

/** Runs a program until its input ends, however that comes about; then ends the program by its pid, and removes its folder. */
const KEEPER = `dir=$1; shift; exec 3<&0; "$@" </dev/null & p=$!; (cat <&3; kill $p; for i in 1 2 3 4 5; do sleep 1; kill -0 $p || exit; done; kill -9 $p) >/dev/null 2>&1 & wait $p; rc=$?; rm -rf -- "$dir"; exit $rc`;

/** Removes a folder when its input ends: what is laid out for a proof must not outlive a pawl that is killed before a server runs on it. */
const WARDEN = 'cat >/dev/null; rm -rf -- "$1"';

/** Watches over a folder from now on, beside whatever else does; `leave` ends it. */
function wardenOf(path: string): { leave(): void } {
  const child = spawn("sh", ["-c", WARDEN, "warden", path], { stdio: ["pipe", "ignore", "ignore"], detached: true });
  const { stdin } = child;
  // Without a shell the folder is still removed by whoever made it.
  child.on("error", () => undefined);
  stdin.on("error", () => undefined);
  child.unref();
  return { leave: () => void stdin.end() };
}

function readable(path: string, mode = constants.R_OK): boolean {
  try {
    accessSync(path, mode);
    return true;
  } catch {
    return false;
  }
}

/** Looks where the operator says, else where such things are. */
function findTools(
  settings: ScratchSettings,
  env: Readonly<Record<string, string | undefined>>,
): ScratchTools | { readonly missing: string } {
  const own = env["JAVA_HOME"] === undefined ? [] : [join(env["JAVA_HOME"], "bin", "java")];
  const onPath = (env["PATH"] ?? "")
    .split(delimiter)
    .filter((folder) => folder !== "")
    .map((folder) => join(folder, "java"));
  const javas = settings.java === undefined ? [...own, ...onPath] : [settings.java];
  const java = javas.find((path) => readable(path, constants.X_OK));
  if (java === undefined)
    return { missing: settings.java === undefined ? "there is no java on this machine" : `${settings.java} is no program` };
  const libraries = settings.library === undefined ? LIBRARIES : [settings.library];
  const library = libraries.find((path) => readable(path));
  if (library === undefined)
    return {
      missing:
        settings.library === undefined
          ? "there is no ZooKeeper on this machine (Debian: package zookeeper)"
          : `${settings.library} cannot be read`,
    };
  return { java, classpath: statSync(library).isDirectory() ? join(library, "*") : library };
}

/** Scratch servers by this machine's Java and ZooKeeper. */
export function createScratch(
  settings: ScratchSettings,
  env: Readonly<Record<string, string | undefined>> = process.env,
): Scratch {
  return {
    find() {
      if (settings.command !== undefined) return { kind: "found", what: settings.command.join(" ") };
      const tools = findTools(settings, env);
      return "missing" in tools
        ? { kind: "missing", reason: tools.missing }
        : { kind: "found", what: `${tools.java}, ${tools.classpath}` };
    },
    async folder() {
      const path = await mkdtemp(join(tmpdir(), "pawl-scratch-"));
      const warden = wardenOf(path);
      const remove = async (): Promise<void> => {
        await rm(path, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
        warden.leave();
      };
      return {
        path,
        remove,
        async start(folders) {
          const tools = settings.command === undefined ? findTools(settings, env) : null;
          if (tools !== null && "missing" in tools) throw new ScratchError(tools.missing);
          try {
            return await start(tools, settings, { path, remove, ...folders });
          } catch (error) {
            await remove();
            throw error;
          }
        },
      };
    },
  };
}

interface Place {
  readonly path: string;
  readonly data: string;
  readonly logs: string;
  remove(): Promise<void>;
}

async function start(tools: ScratchTools | null, settings: ScratchSettings, place: Place): Promise<ScratchServer> {
  for (const folder of [place.data, place.logs]) await mkdir(folder, { recursive: true, mode: 0o700 });
  const port = await freePort();
  const config = join(place.path, "zoo.cfg");
  const lines = [
    "tickTime=2000",
    // Sessions of the ephemeral znodes in the data live as long as they can.
    "minSessionTimeout=4000",
    "maxSessionTimeout=600000",
    `dataDir=${place.data}`,
    `dataLogDir=${place.logs}`,
    `clientPort=${String(port)}`,
    "clientPortAddress=127.0.0.1",
    "4lw.commands.whitelist=srvr,conf",
    "admin.enableServer=false",
    "maxClientCnxns=0",
    "snapCount=1000000000",
    "autopurge.purgeInterval=0",
    "",
  ];
  await writeFile(config, lines.join("\n"), { mode: 0o600 });
  const secret = `super:${randomBytes(24).toString("base64url")}`;
  const words =
    tools === null ? ownCommand(settings.command ?? [], place, port) : javaCommand(tools, settings, { config, secret });
  const child = spawn("sh", ["-c", KEEPER, "scratch", place.path, ...words], {
    cwd: place.path,
    stdio: ["pipe", "pipe", "pipe"],
    // Ctrl-C in a terminal goes to pawl's whole group, and pawl lets a proof that runs come to its end.
    detached: true,
  });
  const running = watch(child);
  const stop = async (): Promise<void> => {
    child.stdin.end();
    const patience = new AbortController();
    await Promise.race([running.ended, sleep(STOP_MS, null, { signal: patience.signal }).catch(() => null)]);
    patience.abort();
    await place.remove();
  };
  try {
    const { version, zxid } = await untilServing(port, running);
    if (tools !== null) await needOwn(port, place, running);
    const auth = tools === null ? [] : [{ scheme: "digest", secret }];
    return { version, loadedZxid: zxid, port, auth, connect: () => connectTo(port), stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

function ownCommand(words: readonly string[], place: Place, port: number): readonly string[] {
  const given: Readonly<Record<string, string>> = { data: place.data, logs: place.logs, port: String(port) };
  return words.map((one) => one.replace(/\{(data|logs|port)\}/g, (_, name: string) => given[name] ?? ""));
}

/**
 * ACLs stay in force: the server listens on loopback, where every user of this machine can reach it for as long as it runs, and what
 * an ACL hides in the cluster stays hidden here. Only a secret of this one server passes them, of which the command line has a digest.
 */
function javaCommand(
  tools: ScratchTools,
  settings: ScratchSettings,
  { config, secret }: { readonly config: string; readonly secret: string },
): readonly string[] {
  const digest = `super:${createHash("sha1").update(secret).digest("base64")}`;
  return [
    tools.java,
    `-Xmx${String(settings.heapMiB ?? HEAP_MIB)}m`,
    "-Xms32m",
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",
    "-Dzookeeper.preAllocSize=4096",
    "-Dzookeeper.forceSync=no",
    `-Dzookeeper.DigestAuthenticationProvider.superDigest=${digest}`,
    "-Dzookeeper.authProvider.1=org.apache.zookeeper.server.auth.SASLAuthenticationProvider",
    `-Djute.maxbuffer=${String(LARGEST_REQUEST_BYTES)}`,
    "-cp",
    tools.classpath,
    "org.apache.zookeeper.server.ZooKeeperServerMain",
    config,
  ];
}

interface Running {
  readonly ended: Promise<void>;
  /** How it ended; null while it runs. */
  over(): string | null;
  said(): string;
}

function watch(child: ChildProcessWithoutNullStreams): Running {
  let said = "";
  let over: string | null = null;
  const hear = (chunk: Buffer): void => void (said = `${said}${chunk.toString()}`.slice(-8_000));
  child.stdout.on("data", hear);
  child.stderr.on("data", hear);
  child.stdin.on("error", () => undefined);
  const ended = new Promise<void>((resolve) => {
    child.once("error", (error) => {
      over = error.message;
      resolve();
    });
    child.once("exit", (code, signal) => {
      over = signal ?? `exit code ${String(code)}`;
      resolve();
    });
  });
  return { ended, over: () => over, said: () => said };
}

async function untilServing(port: number, running: Running): Promise<{ readonly version: string; readonly zxid: bigint }> {
  const end = performance.now() + START_MS;
  for (;;) {
    const over = running.over();
    if (over !== null) throw new ScratchError(`the scratch server ended by itself (${over}): ${lastLines(running.said())}`);
    const answer = await word(port, "srvr");
    const zxid = /^Zxid: (0x[0-9a-f]+)/m.exec(answer)?.[1];
    if (zxid !== undefined && answer.includes("Mode: standalone"))
      return { version: /version: ([\d.]+)/.exec(answer)?.[1] ?? "unknown", zxid: BigInt(zxid) };
    if (performance.now() > end)
      throw new ScratchError(
        `the scratch server does not serve after ${String(START_MS / 1_000)} s: ${lastLines(running.said())}`,
      );
    await sleep(POLL_MS);
  }
}

/** Another server may have come to the port first: its data would be what is compared. Throws ScratchError. */
async function needOwn(port: number, place: Place, running: Running): Promise<void> {
  const said = await word(port, "conf");
  if (running.over() === null && said.includes(`dataDir=${join(place.data, "version-2")}`)) return;
  throw new ScratchError(`another server answers at port ${String(port)} of this machine; try again`);
}

function lastLines(text: string): string {
  const lines = text.split("\n").filter((line) => line.trim() !== "" && !line.startsWith("SLF4J:"));
  return lines.slice(-4).join(" | ").slice(0, 600);
}

/** What the server says to a four-letter word; empty while it does not. */
function word(port: number, text: string): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect({ host: "127.0.0.1", port });
    let heard = "";
    const end = (): void => {
      socket.destroy();
      resolve(heard);
    };
    socket.setTimeout(2_000, end);
    socket.on("data", (chunk: Buffer) => void (heard += chunk.toString()));
    socket.once("connect", () => socket.write(text));
    socket.once("end", end);
    socket.once("error", end);
  });
}

function connectTo(port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: "127.0.0.1", port, noDelay: true });
    socket.once("connect", () => resolve(socket));
    socket.once("error", (error) => reject(new ScratchError(`the scratch server does not answer: ${error.message}`)));
  });
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen({ host: "127.0.0.1", port: 0 }, () => {
      const address = server.address();
      server.close(() =>
        address === null || typeof address === "string" ? reject(new ScratchError("no free port")) : resolve(address.port),
      );
    });
  });
}
