import type { ServerChannel } from "ssh2";
import type { SimClock, SimNode } from "../ports.ts";
import { runCommandLine } from "../shell/command-line.ts";
import { loginEnv } from "../shell/login.ts";
import type { Ending } from "../shell/run.ts";
import { channelOutput, readInput } from "./channel.ts";

export interface TerminalOptions {
  readonly channel: ServerChannel;
  readonly node: SimNode;
  readonly clock: SimClock;
  readonly user: string;
  readonly env: Readonly<Record<string, string>>;
  readonly terminal: boolean;
}

/** A login shell for a person: with a terminal line by line, with echo; without one its whole input is a script. */
export async function serveTerminal(options: TerminalOptions): Promise<void> {
  if (options.terminal) await serveLines(options);
  else await serveScript(options);
}

async function serveScript({ channel, node, clock, user, env }: TerminalOptions): Promise<void> {
  const text = (await readInput(channel, null)).toString("utf8");
  const output = channelOutput(channel, false);
  output.finish(await runCommandLine(node, text, { stdin: Buffer.alloc(0), ...output, user, clock, env }));
}

async function serveLines({ channel, node, clock, user, env }: TerminalOptions): Promise<void> {
  const output = channelOutput(channel, true);
  let current: Record<string, string> = { ...loginEnv(node.name, user), ...env };
  let kill: (signal: string) => void = () => undefined;
  let last: Ending = { code: 0 };
  const keys = createKeys(channel, () => kill("INT"));
  channel.on("close", () => kill("HUP"));
  for (;;) {
    const home = current["HOME"] ?? "/root";
    const folder = (current["PWD"] ?? home).replace(home, "~");
    const line = await keys.line(`[${user}@${node.name} ${folder}]${user === "root" ? "#" : "$"} `);
    if (line === null) break;
    const exit = /^\s*(?:exit|logout)(?:\s+(\d+))?\s*$/.exec(line);
    if (exit !== null) {
      last = { code: Number(exit[1] ?? ("code" in last ? last.code : 0)) };
      break;
    }
    if (line.trim() === "") continue;
    const cwd = current["PWD"];
    last = await runCommandLine(node, line, {
      stdin: Buffer.alloc(0),
      ...output,
      user,
      clock,
      env: current,
      ...(cwd === undefined ? {} : { cwd }),
      started: (killer) => {
        kill = killer;
      },
      finished: (after) => {
        current = after;
      },
    });
    kill = () => undefined;
  }
  output.finish(last);
}

const ENTER = /[\r\n]/;

/** The little of a terminal driver that people miss first: echo, backspace, ^U, ^C, ^D, and old lines by the arrow keys. */
function createKeys(channel: ServerChannel, interrupt: () => void): { line(prompt: string): Promise<string | null> } {
  const past: string[] = [];
  let pending = "";
  let typed = "";
  let at = 0;
  let prompt = "";
  let give: ((line: string | null) => void) | null = null;
  let closed = false;

  const redraw = (text: string): void => {
    typed = text;
    channel.write(`\r\x1b[K${prompt}${typed}`);
  };
  const answer = (line: string | null): void => {
    const take = give;
    give = null;
    take?.(line);
  };
  const key = (text: string): void => {
    if (ENTER.test(text)) {
      channel.write("\r\n");
      if (typed.trim() !== "" && past.at(-1) !== typed) past.push(typed);
      const line = typed;
      typed = "";
      answer(line);
    } else if (text === "\x03") {
      channel.write("^C\r\n");
      redraw("");
    } else if (text === "\x04") {
      if (typed === "") answer(null);
    } else if (text === "\x15") redraw("");
    else if (text === "\x7f" || text === "\b") redraw(typed.slice(0, -1));
    else if (text === "\x1b[A" || text === "\x1b[B") {
      at = Math.max(0, Math.min(past.length, at + (text === "\x1b[A" ? -1 : 1)));
      redraw(past[at] ?? "");
    } else if (text >= " ") {
      typed += text;
      channel.write(text);
    }
  };
  const work = (): void => {
    while (give !== null && pending !== "") {
      const next = /^(?:\x1b\[[A-Za-z0-9;]*[A-Za-z~]|\r\n|[\s\S])/u.exec(pending)?.[0] ?? pending;
      pending = pending.slice(next.length);
      key(next);
    }
    if (closed && pending === "") answer(null);
  };
  channel.on("data", (chunk: Buffer) => {
    const text = chunk.toString("utf8");
    // While a command runs, ^C is for it.
    if (give === null && text.includes("\x03")) interrupt();
    else pending += text;
    work();
  });
  const end = (): void => {
    closed = true;
    work();
  };
  channel.on("end", end);
  channel.on("close", end);
  return {
    line: (text) =>
      new Promise((resolve) => {
        prompt = text;
        at = past.length;
        give = resolve;
        channel.write(prompt);
        work();
      }),
  };
}
