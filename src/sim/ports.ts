import type { InMemoryFs } from "just-bash";
import type { ByteStream, Clock } from "../engine/ports.ts";

/** What a modelled program gets: words, input, where output goes, and the signal that kills it. */
export interface ProgramIo {
  readonly argv: readonly string[];
  readonly stdin: Buffer;
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  readonly user: string;
  out(text: string | Buffer): Promise<void>;
  err(text: string | Buffer): Promise<void>;
  readonly signal: AbortSignal;
  /** Programs sleep in no other way; it returns at once when the program is killed. */
  readonly sleep: Sleep;
}

/** Waits that long in the cluster's time, in ms. */
export type Sleep = (ms: number) => Promise<void>;

/** A program of the node model. Resolves with the exit code. */
export type Program = (io: ProgramIo) => Promise<number>;

/** One machine: files, processes it can run, and whether it answers. The shell and the wire only know this. */
export interface SimNode {
  readonly name: string;
  readonly address: string;
  /** Changes at a reboot. */
  readonly bootId: string;
  /** The node's whole file system, kept current by the model. */
  readonly fs: InMemoryFs;
  /** Product programs by name or absolute path (systemctl, curl, mesos-master, dcos-diagnostics…). */
  readonly programs: ReadonlyMap<string, Program>;
  /** The program behind a script file (`bash FILE`), where the model and not the shell executes it (the upgrade script). */
  scriptProgram(path: string): Program | null;
  /** False: SSH connections are refused. */
  readonly online: boolean;
  /** Called by the wire for each command line, shell, SFTP session and forwarded connection a client asks for. */
  commandAsked?(line: string): void;
  /** Called by the shell for each process start and end, so that the model can show /proc and react to faults. */
  processStarted?(pid: number, argv: readonly string[]): void;
  processEnded?(pid: number): void;
}

export interface SimHttpRequest {
  readonly method: string;
  /** Path and query. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

export type SimHttpAnswer =
  | {
      readonly kind: "answered";
      readonly status: number;
      readonly headers: Readonly<Record<string, string>>;
      readonly body: string | Buffer;
    }
  | { readonly kind: "refused" }
  | { readonly kind: "hang" };

export type SimTcpAnswer =
  { readonly kind: "answered"; readonly body: string } | { readonly kind: "refused" } | { readonly kind: "hang" };

/** A port something of the model listens on. */
export interface SimListener {
  readonly host: string;
  readonly port: number;
  /** `stream`: whatever `serve` makes of a connection. */
  readonly protocol: "http" | "stream";
}

/** Simulated time: moves only while somebody sleeps on it. */
export interface SimClock extends Clock {
  /** Calls back at that simulated time (ms), before sleepers due at the same time wake. Returns a cancel function. */
  at(ms: number, act: () => void): () => void;
}

/** The model of a cluster behind both doors (design section 8). */
export interface SimCluster {
  readonly id: string;
  readonly clock: SimClock;
  readonly nodes: readonly SimNode[];
  /** The bootstrap machine is a node too. */
  readonly bootstrap: SimNode;
  readonly listeners: readonly SimListener[];
  /** `sleep` is how whoever asks waits in the cluster's time, where a port takes its time; without it the clock's own. */
  http(host: string, port: number, request: SimHttpRequest, sleep?: Sleep): Promise<SimHttpAnswer>;
  tcp(host: string, port: number, text: string): Promise<SimTcpAnswer>;
  /** Speaks for the service behind a port on a connection somebody made to it. False: nothing there that would. */
  serve?(host: string, port: number, stream: ByteStream): boolean;
  /** Registered by the wire: cut all SSH connections of the node now (fault `ssh-drop`). */
  onDrop(cut: (node: string) => void): void;
  /** What is wrong with SSH of a node: connections are accepted and never answered, or another host key is shown. */
  sshAilment?(node: string): "fine" | "hang" | "hostkey-changed";
  /** Restarts a machine: its processes are gone, its boot id is another. False where there is none of that name. */
  reboot?(node: string): boolean;
  /** Ids of its apps with data of their own on an agent: somebody must have backed that up before an upgrade. */
  appsWithData?(): readonly string[];
  /** What an inventory of it says in its `settings`. */
  settings?(): Readonly<Record<string, unknown>>;
  /** Repairs every fault (`pawl lab heal`). */
  heal(): void;
}
