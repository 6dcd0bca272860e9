import { InMemoryFs } from "just-bash";

type Recogniser<T> = (text: string) => T | null;

/** How long a file may be and still be looked at: the script is a few KiB, tars are not. */
const MAX_LOOKED_AT_BYTES = 65_536;

function textOf(content: string | Uint8Array): string | null {
  if (content.length > MAX_LOOKED_AT_BYTES) return null;
  return typeof content === "string" ? content : Buffer.from(content).toString("utf8");
}

/**
 * The files of a simulated node. Two things more than InMemoryFs: files that are made when somebody reads them or asks their size (`live`), and
 * it remembers which files are upgrade scripts, because the shell must know without waiting who executes `bash FILE`.
 */
export class NodeFs extends InMemoryFs {
  readonly #live = new Map<string, () => string | Uint8Array>();
  readonly #scripts = new Map<string, unknown>();
  readonly #gone = new Map<string, () => void>();
  #recognise: Recogniser<unknown> = () => null;

  /** Says how scripts are recognised by their text; null: not one. */
  recogniseBy<T>(recognise: Recogniser<T>): void {
    this.#recognise = recognise;
  }

  /** Calls back whenever this very path has been removed. */
  whenGone(path: string, act: () => void): void {
    this.#gone.set(path, act);
  }

  /** A link at `path`, in the place of whatever was there. */
  linkTo(target: string, path: string): void {
    this.#note(path, null);
    // Both do their work before they give their promise back.
    void super.rm(path, { force: true });
    void this.symlink(target, path);
  }

  /** What `recogniseBy` made of the file, null where it is no script. */
  scriptAt(path: string): unknown {
    return this.#scripts.get(path) ?? null;
  }

  /** A file whose content is made anew at every read, until somebody writes it. */
  live(path: string, content: () => string | Uint8Array): void {
    super.writeFileSync(path, "");
    this.#live.set(path, content);
  }

  #refresh(path: string): void {
    const live = this.#live.get(path);
    if (live !== undefined) super.writeFileSync(path, live());
  }

  #note(path: string, content: string | Uint8Array | null): void {
    this.#live.delete(path);
    const text = content === null ? null : textOf(content);
    const script = text?.startsWith("#!") === true ? this.#recognise(text) : null;
    if (script === null) this.#scripts.delete(path);
    else this.#scripts.set(path, script);
  }

  async #noteStored(path: string): Promise<void> {
    const bytes = await super.readFileBuffer(path).catch(() => null);
    this.#note(path, bytes);
  }

  override async readFileBuffer(path: string): Promise<Uint8Array> {
    this.#refresh(path);
    return super.readFileBuffer(path);
  }

  override async stat(path: string): ReturnType<InMemoryFs["stat"]> {
    this.#refresh(path);
    return super.stat(path);
  }

  override async lstat(path: string): ReturnType<InMemoryFs["lstat"]> {
    this.#refresh(path);
    return super.lstat(path);
  }

  override writeFileSync(...args: Parameters<InMemoryFs["writeFileSync"]>): void {
    super.writeFileSync(...args);
    // Before the fields of this class exist only InMemoryFs itself writes.
    if (#live in this) this.#note(args[0], args[1]);
  }

  override async writeFile(...args: Parameters<InMemoryFs["writeFile"]>): Promise<void> {
    await super.writeFile(...args);
    if (args[1].length > MAX_LOOKED_AT_BYTES) this.#note(args[0], null);
    else await this.#noteStored(args[0]);
  }

  override async appendFile(...args: Parameters<InMemoryFs["appendFile"]>): Promise<void> {
    await super.appendFile(...args);
    if (this.#scripts.has(args[0]) || this.#live.has(args[0])) await this.#noteStored(args[0]);
  }

  override async cp(...args: Parameters<InMemoryFs["cp"]>): Promise<void> {
    await super.cp(...args);
    await this.#noteStored(args[1]);
  }

  override async mv(from: string, to: string): Promise<void> {
    await super.mv(from, to);
    this.#note(from, null);
    await this.#noteStored(to);
  }

  override async link(existing: string, path: string): Promise<void> {
    await super.link(existing, path);
    await this.#noteStored(path);
  }

  override async rm(...args: Parameters<InMemoryFs["rm"]>): Promise<void> {
    await super.rm(...args);
    for (const path of [...this.#scripts.keys(), ...this.#live.keys()]) {
      if (path === args[0] || path.startsWith(`${args[0]}/`)) this.#note(path, null);
    }
    this.#gone.get(args[0])?.();
  }
}
