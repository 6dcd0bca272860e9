import { spawn } from "node:child_process";
import { join } from "node:path";
import type { LockParts } from "../../src/action/cluster-lock.ts";
import { BREAK, FREE, LOOK, TAKE } from "../../src/action/cluster-lock-text.ts";
import type { Outcome, Remote } from "../../src/engine/ports.ts";

const never = (): never => {
  throw new RangeError("the lock only runs commands");
};

/** A remote that runs commands by a function; the lock needs nothing else. */
export function running(run: (node: string, argv: readonly string[]) => Promise<Outcome>): Remote {
  return {
    run: (node, command) => run(node, command.argv),
    stream: never,
    http: never,
    tcp: never,
    close: () => Promise.resolve(),
  };
}

/** What a run knows of the lock, filled in: `run` is its name, `id` what only it has. */
export function partsOf(remote: Remote, nodes: readonly string[], id: string, over: Partial<LockParts> = {}): LockParts {
  return {
    remote,
    nodes,
    path: "/pawl/lock",
    identity: null,
    run: "run-1",
    id,
    folder: "/runs/run-1",
    actor: "anna@desk",
    host: "desk",
    process: null,
    clock: { now: () => 0 },
    ...over,
  };
}

/** Managers that are folders of this machine, their commands run by its own sh. `broken`: functions that stand in for commands, by manager. */
export function shellManagers(folder: string, broken: Readonly<Record<string, string>> = {}): Remote {
  return running(async (node, argv) => {
    const [, , script = "", name = "", path = "", ...args] = argv;
    const text = `${broken[node] ?? ""}\n${script}`;
    const own = args.map((word) => (word === "/identity" ? join(folder, node, "identity") : word));
    const child = spawn("sh", ["-c", text, name, join(folder, node, path), ...own], { stdio: ["ignore", "pipe", "pipe"] });
    let [stdout, stderr] = ["", ""];
    child.stdout.on("data", (chunk: Buffer) => (stdout += chunk.toString("utf8")));
    child.stderr.on("data", (chunk: Buffer) => (stderr += chunk.toString("utf8")));
    const code = await new Promise<number>((resolve) => child.on("close", (status) => resolve(status ?? -1)));
    return { kind: "exited", code, stdout, stderr };
  });
}

/** What becomes of one command in the model: it is carried out; it never arrives; it is carried out and its answer is lost. */
export type Fate = "done" | "never-sent" | "answer-lost";

/** Managers as a model: what each lock command does, at one moment, without a shell. Faithful to the texts by a test that runs both. */
export class ModelManagers {
  readonly holders = new Map<string, string>();

  carryOut(node: string, argv: readonly string[]): Outcome {
    const [, , script, , , ...args] = argv;
    const line = this.holders.get(node);
    const said = (stdout: string): Outcome => ({ kind: "exited", code: 0, stdout, stderr: "" });
    const isOf = (id: string): boolean => line?.includes(`"id":"${id}"`) === true;
    switch (script ?? "") {
      case TAKE: {
        const [text = "", id = ""] = args;
        if (line === undefined) this.holders.set(node, text);
        return line === undefined || isOf(id) ? said("ours\n") : said(`held\n${line}\n`);
      }
      case LOOK:
        return said(line === undefined ? "absent\n" : `present\n0\n${line}\n`);
      case FREE: {
        const [id = ""] = args;
        if (line === undefined) return said("absent\n");
        if (!isOf(id)) return said("foreign\n");
        this.holders.delete(node);
        return said("freed\n");
      }
      case BREAK: {
        if (line === undefined) return said("absent\n");
        if (line !== args[0]) return said("changed\n");
        this.holders.delete(node);
        return said("freed\n");
      }
      default:
        throw new RangeError("no command of the lock");
    }
  }
}
