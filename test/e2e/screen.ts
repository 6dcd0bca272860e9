import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { resolve } from "node:path";
import { eventually } from "../real/process.ts";
import type { Desk } from "./pawl.ts";

const BIN = resolve(import.meta.dirname, "../../bin/pawl.js");

/** A real terminal of a fixed size with a shell in it, kept by a tmux server of its own. */
export interface Screen {
  /** Types a pawl command line and Enter; the exit code is shown as `[exit N]` when it has ended. */
  pawl(...args: readonly string[]): void;
  /** Presses keys by tmux's names: `Enter`, `Down`, `C-c`. */
  press(...keys: readonly string[]): void;
  /** Types text as it is. */
  type(text: string): void;
  /** What is on the screen now, without what has scrolled away. */
  seen(): string;
  /** The same with its colours. */
  coloured(): string;
  /** Everything since the terminal was opened. */
  all(): string;
  /** Waits until the screen (with what has scrolled away, where `all`) matches; fails with the screen. */
  until(pattern: RegExp, options?: { readonly all?: boolean; readonly timeoutMs?: number }): Promise<string>;
  /** Waits until the command has ended; its exit code. */
  ended(timeoutMs?: number): Promise<number>;
  /** Whether the cursor is visible, as a prompt that ended must leave it. */
  cursorShown(): boolean;
  close(): void;
}

export interface ScreenSize {
  readonly columns: number;
  readonly rows: number;
}

const quoted = (word: string): string => `'${word.replaceAll("'", `'\\''`)}'`;

/** Opens a terminal in the desk's folder. `env` adds to the desk's environment. */
export function openScreen(desk: Desk, size: ScreenSize, env: Readonly<Record<string, string>> = {}): Screen {
  const socket = `pawl-${process.pid}-${randomBytes(4).toString("hex")}`;
  const { COLUMNS: _columns, TMUX: _tmux, ...base } = desk.env;
  const tmux = (...args: readonly string[]): string =>
    execFileSync("tmux", ["-L", socket, "-f", "/dev/null", "-u", ...args], {
      encoding: "utf8",
      env: { ...base, LANG: "C.UTF-8", LC_ALL: "C.UTF-8", PS1: "$ ", ENV: "", ...env },
      cwd: desk.folder,
      stdio: ["ignore", "pipe", "pipe"],
    });
  tmux("new-session", "-d", "-s", "main", "-x", String(size.columns), "-y", String(size.rows), "sh");
  tmux("set-option", "-g", "history-limit", "20000");
  let ends = 0;
  const all = (): string => tmux("capture-pane", "-p", "-J", "-S", "-", "-t", "main");
  const seen = (): string => tmux("capture-pane", "-p", "-t", "main");
  const press = (...keys: readonly string[]): void => void tmux("send-keys", "-t", "main", ...keys);
  const type = (text: string): void => void tmux("send-keys", "-t", "main", "-l", text);
  const until: Screen["until"] = async (pattern, options = {}) => {
    let text = "";
    const look = options.all === true ? all : seen;
    await eventually(
      () => pattern.test((text = look())),
      () => `${String(pattern)} is not on the screen:\n${look()}`,
      options.timeoutMs ?? 60_000,
    );
    return text;
  };
  return {
    pawl(...args) {
      type(`${[process.execPath, BIN, ...args].map(quoted).join(" ")}; echo "[exit $?]"`);
      press("Enter");
    },
    press,
    type,
    seen,
    coloured: () => tmux("capture-pane", "-p", "-e", "-t", "main"),
    all,
    until,
    async ended(timeoutMs) {
      ends += 1;
      // The command line itself holds `[exit $?]`, never a number.
      const text = await until(new RegExp(`(?:\\[exit \\d+\\][^]*){${ends}}`), {
        all: true,
        ...(timeoutMs === undefined ? {} : { timeoutMs }),
      });
      return Number([...text.matchAll(/\[exit (\d+)\]/g)].at(ends - 1)?.[1]);
    },
    cursorShown: () => tmux("display-message", "-p", "-t", "main", "#{cursor_flag}").trim() === "1",
    close: () => void tmux("kill-server"),
  };
}
