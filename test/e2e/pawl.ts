import { spawn, type ChildProcess } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";
import type { RunEvent } from "../../src/domain/events.ts";

const BIN = resolve(import.meta.dirname, "../../bin/pawl.js");

export interface Finished {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

export interface ResultLine {
  readonly type: "result";
  readonly exit: number;
  readonly name: string;
  readonly run: string | null;
  readonly runs: readonly string[];
}

/** A working folder of a user of pawl: own state, own backups. Everything in it is the test's. */
export class Desk {
  readonly folder: string;
  readonly #children = new Set<ChildProcess>();

  constructor(folder: string) {
    this.folder = folder;
  }

  static async create(): Promise<Desk> {
    return new Desk(await mkdtemp(join(tmpdir(), "pawl-e2e-")));
  }

  path(...parts: string[]): string {
    return join(this.folder, ...parts);
  }

  get env(): NodeJS.ProcessEnv {
    const { NO_COLOR: _none, ...env } = process.env;
    return { ...env, PAWL_STATE_DIR: this.path("state"), HOME: this.folder, COLUMNS: "100" };
  }

  /** Starts pawl without a terminal. */
  start(args: readonly string[], env: NodeJS.ProcessEnv = {}): ChildProcess {
    const child = spawn(process.execPath, [BIN, ...args], {
      cwd: this.folder,
      env: { ...this.env, ...env },
      stdio: ["ignore", "pipe", "pipe"],
    });
    this.#children.add(child);
    child.on("exit", () => this.#children.delete(child));
    return child;
  }

  async pawl(...args: readonly string[]): Promise<Finished> {
    const child = this.start(args);
    return finish(child);
  }

  /** The same with other environment variables. */
  async pawlAs(env: NodeJS.ProcessEnv, ...args: readonly string[]): Promise<Finished> {
    return finish(this.start(args, env));
  }

  /** `--json` of running work: the events, every line, and the last one, which is the result. */
  async json(...args: readonly string[]): Promise<{
    readonly code: number | null;
    readonly value: ResultLine;
    readonly events: readonly RunEvent[];
    readonly lines: readonly unknown[];
    readonly err: string;
  }> {
    const { code, out, err } = await this.pawl(...args, "--json");
    const lines = out
      .split("\n")
      .filter((line) => line !== "")
      .map((line) => JSON.parse(line) as RunEvent | ResultLine);
    const value = lines.at(-1);
    if (value?.type !== "result") throw new Error(`pawl ${args.join(" ")} ended without a result (exit ${code}): ${err}`);
    return { code, value, events: lines.filter((line): line is RunEvent => "seq" in line), lines, err };
  }

  /** `--json` of a command that gives one document. */
  async document(
    ...args: readonly string[]
  ): Promise<{ readonly code: number | null; readonly value: unknown; readonly err: string }> {
    const { code, out, err } = await this.pawl(...args, "--json");
    if (out === "") throw new Error(`pawl ${args.join(" ")} printed nothing (exit ${code}): ${err}`);
    return { code, value: JSON.parse(out), err };
  }

  /** Runs until an event satisfies the predicate, then kills with SIGKILL; the exit code where it ended by itself before. */
  async killAt(
    args: readonly string[],
    predicate: (event: RunEvent) => boolean,
  ): Promise<{ readonly killed: boolean; readonly code: number | null; readonly err: string }> {
    const child = this.start([...args, "--json"]);
    let killed = false;
    if (child.stdout === null) throw new Error("no stdout");
    createInterface({ input: child.stdout }).on("line", (line) => {
      if (killed || !line.includes('"seq"')) return;
      if (!predicate(JSON.parse(line) as RunEvent)) return;
      killed = true;
      child.kill("SIGKILL");
    });
    const err: Buffer[] = [];
    child.stderr?.on("data", (chunk: Buffer) => err.push(chunk));
    const code = await new Promise<number | null>((done) => child.on("close", (exit) => done(exit)));
    return { killed, code, err: Buffer.concat(err).toString() };
  }

  /** A lab in a process of its own; resolves when it is up. */
  async lab(...args: readonly string[]): Promise<{
    readonly inventory: string;
    readonly control: string;
    readonly sshConfig: string;
    readonly state: () => Promise<LabState>;
    readonly heal: () => Promise<void>;
    /** The node's machine loses its power and starts again. */
    readonly reboot: (node: string) => Promise<void>;
    readonly stop: () => Promise<void>;
  }> {
    const child = this.start([
      "lab",
      "up",
      "--folder",
      this.path("lab"),
      "--inventory-out",
      this.path("lab.yaml"),
      "--time-scale",
      "3000",
      "--json",
      ...args,
    ]);
    const up = await new Promise<{ inventory: string; control: string; sshConfig: string }>((done, fail) => {
      let text = "";
      child.stdout?.on("data", (chunk: Buffer) => {
        text += chunk.toString();
        if (text.includes("\n"))
          done(JSON.parse(text.split("\n")[0] ?? "") as { inventory: string; control: string; sshConfig: string });
      });
      let err = "";
      child.stderr?.on("data", (chunk: Buffer) => (err += chunk.toString()));
      child.on("exit", (code) => fail(new Error(`the lab ended with ${code}: ${err}`)));
    });
    const ask = async (path: string, method: string, body?: unknown): Promise<unknown> =>
      (await fetch(`${up.control}${path}`, { method, ...(body === undefined ? {} : { body: JSON.stringify(body) }) })).json();
    return {
      ...up,
      state: async () => (await ask("/state", "GET")) as LabState,
      async reboot(node) {
        await ask("/reboot", "POST", { node });
      },
      async heal() {
        await ask("/heal", "POST");
      },
      stop: async () => {
        child.kill("SIGTERM");
        await finish(child);
      },
    };
  }

  async journal(run: string): Promise<readonly RunEvent[]> {
    return (await readFile(join(run, "journal.jsonl"), "utf8"))
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as RunEvent);
  }

  /** Stops what still runs (by its own handle) and removes the folder. */
  async clear(): Promise<void> {
    for (const child of this.#children) {
      child.kill("SIGKILL");
      await finish(child);
    }
    if (process.env["PAWL_KEEP"] === undefined) await rm(this.folder, { recursive: true, force: true });
  }
}

export type LabState = Readonly<
  Record<
    string,
    {
      readonly version: string;
      readonly scriptRuns: readonly { readonly target: string; readonly from: string; readonly endedMs: number | null }[];
    }
  >
>;

export async function finish(child: ChildProcess): Promise<Finished> {
  if (child.exitCode !== null || child.signalCode !== null) return { code: child.exitCode, out: "", err: "" };
  const out: Buffer[] = [];
  const err: Buffer[] = [];
  child.stdout?.on("data", (chunk: Buffer) => out.push(chunk));
  child.stderr?.on("data", (chunk: Buffer) => err.push(chunk));
  const code = await new Promise<number | null>((done) => child.on("close", (exit) => done(exit)));
  return { code, out: Buffer.concat(out).toString(), err: Buffer.concat(err).toString() };
}

/** Steps of a node that began an effect, from a journal. */
export function begun(events: readonly RunEvent[]): readonly string[] {
  return events.flatMap((event) => (event.type === "step.moved" && event.to === "starting" ? [event.step] : []));
}
