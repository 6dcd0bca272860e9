import { chmod, lstat, mkdir, rm } from "node:fs/promises";
import { createServer, type Server, type Socket } from "node:net";
import { dirname } from "node:path";
import { PawlError } from "../domain/errors.ts";
import type { Verb } from "../domain/events.ts";
import type { Control, ControlRequest } from "../engine/ports.ts";
import { sendLine } from "./control-client.ts";
import { controlPath } from "./control-path.ts";

/** A request is a short line; whoever sends more is not one of ours. */
const LONGEST_REQUEST = 64 * 1024;
const IDLE_MS = 30_000;

const VERBS: Readonly<Record<Verb["verb"], true>> = {
  pause: true,
  resume: true,
  approve: true,
  stop: true,
  retry: true,
  "set-aside": true,
  "force-complete": true,
  skip: true,
};

/**
 * The engine's ear for other terminals: a unix socket only this user can open, one JSON request a line, one JSON answer a
 * line. The caller holds the run's lock, so a socket file without listener is left over and removed.
 */
export function createControlSocket(where: {
  readonly stateDir: string;
  readonly runFolder: string;
}): Control & { readonly path: string } {
  const path = controlPath(where.stateDir, where.runFolder);
  const sockets = new Set<Socket>();
  let server: Server | null = null;
  return {
    path,
    listen: async (handler) => {
      await ownFolder(dirname(path));
      await removeLeftOver(path);
      const listening = createServer((socket) => {
        sockets.add(socket);
        socket.on("close", () => sockets.delete(socket));
        serve(socket, handler);
      });
      await new Promise<void>((done, failed) => {
        listening.once("error", failed);
        listening.listen(path, done);
      });
      await chmod(path, 0o600);
      // It must not keep a finished process alive.
      listening.unref();
      server = listening;
    },
    close: async () => {
      const open = server;
      server = null;
      if (open === null) return;
      const closed = new Promise<void>((done) => void open.close(() => done()));
      // Answers on their way are let out; whoever holds the line longer is cut off.
      for (const socket of sockets) socket.end();
      const cut = setTimeout(() => {
        for (const socket of sockets) socket.destroy();
      }, 1_000);
      await closed;
      clearTimeout(cut);
      await rm(path, { force: true });
    },
  };
}

async function ownFolder(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const found = await lstat(folder);
  if (found.isDirectory() && (found.mode & 0o022) === 0 && (process.getuid === undefined || found.uid === process.getuid()))
    return;
  throw new PawlError("said-no", "open-state-folder", `others can write where the control socket belongs: ${folder}`, {
    expected: "a folder of this user, mode 0700",
    next: `chmod 700 ${folder}`,
  });
}

async function removeLeftOver(path: string): Promise<void> {
  const answer = await sendLine(path, "\n", 1_000);
  if (answer.kind !== "no-engine") {
    throw new PawlError("locked", "engine-listening", "another engine listens for this run already", {
      evidence: [path],
      next: "pawl status",
    });
  }
  await rm(path, { force: true });
}

function serve(socket: Socket, handler: (request: ControlRequest) => void): void {
  let text = "";
  const answer = (reply: { readonly ok: boolean; readonly text: string }): void => {
    if (socket.writable) socket.write(`${JSON.stringify(reply)}\n`);
  };
  socket.setEncoding("utf8");
  socket.setTimeout(IDLE_MS, () => socket.end());
  // The other terminal may vanish at any time; that is no news for the run.
  socket.on("error", () => socket.destroy());
  socket.on("data", (chunk) => {
    text += chunk.toString();
    if (text.length > LONGEST_REQUEST) {
      answer({ ok: false, text: "the request is too long" });
      socket.destroySoon();
      return;
    }
    for (let end = text.indexOf("\n"); end >= 0; end = text.indexOf("\n")) {
      const line = text.slice(0, end);
      text = text.slice(end + 1);
      if (line.trim() === "") {
        answer({ ok: true, text: "listening" });
        continue;
      }
      const request = readRequest(line);
      if (typeof request === "string") {
        answer({ ok: false, text: request });
        continue;
      }
      let answered = false;
      handler({
        ...request,
        reply: (reply) => {
          if (answered) return;
          answered = true;
          answer(reply);
        },
      });
    }
  });
}

/** The request of a line, or in words why it is none. */
function readRequest(line: string): Omit<ControlRequest, "reply"> | string {
  let parsed: unknown;
  try {
    parsed = JSON.parse(line);
  } catch {
    return "the request is not JSON";
  }
  if (parsed === null || typeof parsed !== "object") return "the request is not an object";
  const { verb, target = null, reason = null, answers = null, actor } = parsed as Readonly<Record<string, unknown>>;
  if (typeof verb !== "string" || !Object.hasOwn(VERBS, verb))
    return `there is no verb ${JSON.stringify(verb ?? null)}; verbs are ${Object.keys(VERBS).join(", ")}`;
  if (typeof actor !== "string" || actor === "") return "the request does not say who asks (actor)";
  if (target !== null && typeof target !== "string") return "target is not text";
  if (reason !== null && typeof reason !== "string") return "reason is not text";
  if (answers !== null && !Number.isInteger(answers)) return "answers is not the number of a question";
  return { verb: { verb: verb as Verb["verb"], target, reason }, actor, answers: answers as number | null };
}
