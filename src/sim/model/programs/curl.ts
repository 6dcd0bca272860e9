import path from "node:path";
import type { Program, ProgramIo, SimHttpAnswer, SimHttpRequest, Sleep } from "../../ports.ts";
import { believedLeader } from "../mesos.ts";
import { marathonLeader } from "../marathon.ts";
import type { Model, NodeState } from "../state.ts";

/** Asks a port of the cluster. */
export type Ask = (host: string, port: number, request: SimHttpRequest, sleep: Sleep) => Promise<SimHttpAnswer>;

interface Options {
  url: string;
  method: string | null;
  body: string;
  readonly headers: Record<string, string>;
  fail: boolean;
  silent: boolean;
  showError: boolean;
  follow: boolean;
  head: boolean;
  include: boolean;
  output: string | null;
  remoteName: boolean;
  writeOut: string;
  maxTimeMs: number | null;
}

const PLAIN: Readonly<Record<string, (options: Options) => void>> = {
  f: (o) => (o.fail = true),
  s: (o) => (o.silent = true),
  S: (o) => (o.showError = true),
  L: (o) => (o.follow = true),
  O: (o) => (o.remoteName = true),
  I: (o) => (o.head = true),
  i: (o) => (o.include = true),
  k: () => undefined,
  g: () => undefined,
  v: () => undefined,
  N: () => undefined,
  q: () => undefined,
  4: () => undefined,
  G: () => undefined,
};
const LONG: Readonly<Record<string, string>> = {
  fail: "f",
  silent: "s",
  "show-error": "S",
  location: "L",
  "remote-name": "O",
  head: "I",
  include: "i",
  insecure: "k",
  output: "o",
  "write-out": "w",
  header: "H",
  data: "d",
  "data-binary": "d",
  "data-raw": "d",
  request: "X",
  "max-time": "m",
  user: "u",
  "user-agent": "A",
  "connect-timeout": "c",
  retry: "r",
  cacert: "E",
  noproxy: "n",
};
const WITH_VALUE = "owHdXmuAcrEn";

function setValue(options: Options, letter: string, value: string): void {
  if (letter === "o") options.output = value;
  else if (letter === "w") options.writeOut = value;
  else if (letter === "X") options.method = value;
  else if (letter === "m") options.maxTimeMs = Number(value) * 1000;
  else if (letter === "d") {
    options.body += options.body === "" ? value : `&${value}`;
    options.method ??= "POST";
  } else if (letter === "H") {
    const colon = value.indexOf(":");
    options.headers[value.slice(0, colon).trim().toLowerCase()] = value.slice(colon + 1).trim();
  }
}

/** Reads curl's words; text: what is wrong with them (exit code 2). */
function parse(argv: readonly string[]): Options | string {
  const options: Options = {
    url: "",
    method: null,
    body: "",
    headers: {},
    fail: false,
    silent: false,
    showError: false,
    follow: false,
    head: false,
    include: false,
    output: null,
    remoteName: false,
    writeOut: "",
    maxTimeMs: null,
  };
  for (let index = 1; index < argv.length; index += 1) {
    const word = argv[index] ?? "";
    if (!word.startsWith("-") || word === "-") {
      options.url = word;
      continue;
    }
    const long = word.startsWith("--") ? word.slice(2).split("=") : null;
    const letters = long === null ? Array.from(word.slice(1)) : [LONG[long[0] ?? ""] ?? "?"];
    while (letters.length > 0) {
      const letter = letters.shift() ?? "";
      if (WITH_VALUE.includes(letter)) {
        const value =
          long?.[1] ?? (long === null && letters.length > 0 ? letters.splice(0).join("") : (argv[(index += 1)] ?? ""));
        setValue(options, letter, value);
      } else if (Object.hasOwn(PLAIN, letter)) PLAIN[letter]?.(options);
      else return `curl: option ${word}: is unknown`;
    }
  }
  return options.url === "" ? "curl: no URL specified!" : options;
}

function resolveHost(model: Model, node: NodeState, host: string): string | null {
  if (host === "localhost" || host === "127.0.0.1") return node.address;
  const found = model.nodes.find((one) => one.address === host || one.name === host);
  if (found !== undefined) return found.address;
  if (host === "leader.mesos") return (believedLeader(model, model.masters[0] ?? node) ?? null)?.address ?? null;
  if (host === "marathon.mesos") return marathonLeader(model)?.address ?? null;
  if (host === "master.mesos") return model.masters[0]?.address ?? null;
  const zk = /^zk-(\d)\.zk$/.exec(host);
  return zk === null ? null : (model.masters[(Number(zk[1]) - 1) % model.masters.length]?.address ?? null);
}

function headText(said: Extract<SimHttpAnswer, { kind: "answered" }>): string {
  const lines = Object.entries(said.headers).map(([name, value]) => `${name}: ${value}\r\n`);
  return `HTTP/1.1 ${said.status} ${STATUS[said.status] ?? ""}\r\n${lines.join("")}\r\n`;
}
const STATUS: Readonly<Record<number, string>> = {
  200: "OK",
  201: "Created",
  307: "Temporary Redirect",
  400: "Bad Request",
  404: "Not Found",
  405: "Method Not Allowed",
  409: "Conflict",
  422: "Unprocessable Entity",
  500: "Internal Server Error",
  502: "Bad Gateway",
  503: "Service Unavailable",
};

async function say(io: ProgramIo, options: Options, code: number, text: string): Promise<number> {
  if (!options.silent || options.showError) await io.err(`curl: (${code}) ${text}\n`);
  return code;
}

async function finish(
  io: ProgramIo,
  node: NodeState,
  options: Options,
  url: URL,
  said: Extract<SimHttpAnswer, { kind: "answered" }>,
): Promise<number> {
  const failed = options.fail && said.status >= 400;
  const report = async (): Promise<void> => {
    const values: Readonly<Record<string, string>> = {
      http_code: String(said.status).padStart(3, "0"),
      response_code: String(said.status),
      url_effective: url.href,
      size_download: String(said.body.length),
      content_type: said.headers["Content-Type"] ?? "",
      time_total: "0.004",
      redirect_url: said.headers["Location"] ?? "",
    };
    const text = options.writeOut
      .replace(/%\{(\w+)\}/g, (_, name: string) => values[name] ?? "")
      .replaceAll("\\n", "\n")
      .replaceAll("\\t", "\t");
    if (text !== "") await io.out(text);
  };
  if (failed) {
    await report();
    return say(io, options, 22, `The requested URL returned error: ${said.status} ${STATUS[said.status] ?? ""}`.trimEnd());
  }
  const head = options.head || options.include ? headText(said) : "";
  const body = options.head ? "" : said.body;
  const target = options.remoteName ? path.posix.basename(url.pathname) : options.output;
  if (target === null || target === "-") {
    if (head !== "") await io.out(head);
    if (body.length > 0) await io.out(body);
  } else if (target !== "/dev/null") {
    const file = path.posix.resolve(io.cwd, target);
    if (node.ailments.diskFull) return say(io, options, 23, `Failed writing body (0 != ${said.body.length})`);
    if (!(await node.fs.exists(path.posix.dirname(file))))
      return say(io, options, 23, `Failed to open the file ${target}: No such file or directory`);
    await node.fs.writeFile(
      file,
      head === "" ? (typeof body === "string" ? body : new Uint8Array(body)) : `${head}${body.toString()}`,
    );
  }
  await report();
  return 0;
}

/**
 * curl of a node: asks the model's own ports and nothing else. Exit codes 0, 2 (usage), 3 (URL), 6 (unknown host), 7 (refused),
 * 22 (`-f` and an error), 23 (cannot write), 28 (time-out), 47 (redirects).
 */
export function curlProgram(model: Model, node: NodeState, ask: Ask): Program {
  return async (io) => {
    const options = parse(io.argv);
    if (typeof options === "string") {
      await io.err(`${options}\ncurl: try 'curl --help' for more information\n`);
      return 2;
    }
    let target = /^[a-z]+:\/\//i.test(options.url) ? options.url : `http://${options.url}`;
    let method = options.head ? "HEAD" : (options.method ?? "GET");
    let { body } = options;
    for (let hop = 0; hop <= 50; hop += 1) {
      if (!URL.canParse(target)) return say(io, options, 3, "URL using bad/illegal format or missing URL");
      const url = new URL(target);
      const port = url.port === "" ? (url.protocol === "https:" ? 443 : 80) : Number(url.port);
      const host = resolveHost(model, node, url.hostname);
      if (host === null) return say(io, options, 6, `Could not resolve host: ${url.hostname}`);
      if (node.ailments.bootstrapCut && host === model.bootstrap.address)
        return say(io, options, 7, `Failed to connect to ${url.hostname} port ${port}: No route to host`);
      const asked = { method, path: `${url.pathname}${url.search}`, headers: options.headers, body };
      const said = await ask(host, port, asked, (ms) => io.sleep(ms));
      if (said.kind === "refused")
        return say(io, options, 7, `Failed to connect to ${url.hostname} port ${port}: Connection refused`);
      if (said.kind === "hang") {
        await io.sleep(options.maxTimeMs ?? 300_000);
        return say(
          io,
          options,
          28,
          `Operation timed out after ${options.maxTimeMs ?? 300_000} milliseconds with 0 bytes received`,
        );
      }
      const location = said.headers["Location"];
      if (!options.follow || said.status < 300 || said.status >= 400 || location === undefined)
        return finish(io, node, options, url, said);
      target = new URL(location, url).href;
      if (said.status !== 307 && said.status !== 308) {
        method = "GET";
        body = "";
      }
    }
    return say(io, options, 47, "Maximum (50) redirects followed");
  };
}
