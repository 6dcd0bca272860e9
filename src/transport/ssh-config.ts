import { readdirSync, readFileSync } from "node:fs";
import { basename, dirname, isAbsolute, join } from "node:path";
import { PawlError } from "../domain/errors.ts";
import { matchesPattern } from "./known-hosts.ts";

/** What ~/.ssh/config and /etc/ssh/ssh_config say about one host. Unset: the files say nothing. */
export interface SshOptions {
  readonly hostName?: string;
  readonly user?: string;
  readonly port?: number;
  readonly identityFiles: readonly string[];
  readonly identitiesOnly: boolean;
  /** A socket path, `SSH_AUTH_SOCK`, or `none`. */
  readonly identityAgent?: string;
  readonly userKnownHostsFiles?: readonly string[];
  readonly globalKnownHostsFiles?: readonly string[];
  readonly hostKeyAlias?: string;
  /** Machines to go through, first to last, as written; empty for `none`. */
  readonly proxyJump?: readonly string[];
  /** A shell line of the user's own; its `none` is left out. */
  readonly proxyCommand?: string;
}

/** Whom a host is asked for: what Match and Host look at. */
interface Asked {
  /** As the inventory has it. */
  readonly original: string;
  /** After HostName. */
  readonly host: string;
  readonly user: string;
  readonly localUser: string;
}

/** Whether a section is about somebody; `cannot-tell` where only OpenSSH could say. */
type Applies = "yes" | "no" | "cannot-tell";

/** A section of the file: whom it is about, and its options in order. */
interface Section {
  readonly applies: (asked: Asked) => Applies;
  readonly title: string;
  readonly options: (readonly [keyword: string, value: string])[];
}

export type SshConfig = readonly Section[];

const DEEPEST_INCLUDE = 16;

/** What pawl reads; everything else in the files is of no concern to it. */
const KEYWORDS: readonly string[] = [
  "hostname",
  "user",
  "port",
  "identityfile",
  "identitiesonly",
  "identityagent",
  "userknownhostsfile",
  "globalknownhostsfile",
  "hostkeyalias",
  "proxyjump",
  "proxycommand",
];

/** The user's configuration, then the machine's: the first value wins (ssh_config(5)). */
export function readSshConfigs(home: string, etc: string): SshConfig {
  return [
    ...readSshConfig(join(home, ".ssh/config"), home, join(home, ".ssh")),
    ...readSshConfig(join(etc, "ssh_config"), home, etc),
  ];
}

/**
 * Reads an OpenSSH client configuration with its Includes (relative ones start in `folder`, `*` and `?` in the last part).
 * A file that does not exist is an empty one. `Match` understands all, final, canonical, host, originalhost, user and localuser;
 * whether a section with exec and the like applies cannot be told without running it, which pawl does not.
 */
export function readSshConfig(file: string, home: string, folder = join(home, ".ssh"), depth = 0): SshConfig {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch {
    return [];
  }
  return parseSshConfig(text, (pattern) =>
    depth >= DEEPEST_INCLUDE
      ? []
      : included(expand(pattern, home), folder).flatMap((path) => readSshConfig(path, home, folder, depth + 1)),
  );
}

/** The sections of a configuration text; `include` gives the sections an Include brings. */
export function parseSshConfig(text: string, include: (pattern: string) => SshConfig = () => []): SshConfig {
  const sections: Section[] = [{ applies: () => "yes", title: "", options: [] }];
  for (const raw of text.split("\n")) {
    const found = /^\s*([A-Za-z]+)(?:\s*=\s*|\s+)(.*?)\s*$/.exec(raw);
    if (found === null) continue;
    const keyword = (found[1] ?? "").toLowerCase();
    const value = found[2] ?? "";
    const title = raw.trim();
    const current = sections.at(-1);
    if (keyword === "host") sections.push({ applies: hostCondition(splitWords(value)), title, options: [] });
    else if (keyword === "match") sections.push({ applies: matchCondition(splitWords(value)), title, options: [] });
    else if (keyword === "include" && current !== undefined) {
      // An Include inside a section holds for that section only.
      for (const pattern of splitWords(value)) {
        for (const part of include(pattern))
          sections.push({
            applies: (asked) => both(current.applies(asked), part.applies(asked)),
            title: part.title === "" ? current.title : part.title,
            options: part.options,
          });
      }
      sections.push({ applies: current.applies, title: current.title, options: [] });
    } else current?.options.push([keyword, value]);
  }
  return sections;
}

/**
 * The options for a host as the user would type it; the first value found wins, identity files add up (ssh_config(5)). `decided`
 * are keywords somebody else has the say over. Throws PawlError where a section that only OpenSSH can judge would have a say.
 */
export function sshOptionsFor(
  config: SshConfig,
  host: string,
  localUser = "",
  decided: ReadonlySet<string> = new Set(),
): SshOptions {
  const first = new Map<string, string>();
  const identityFiles: string[] = [];
  for (const section of config) {
    const user = splitWords(first.get("user") ?? "")[0] ?? localUser;
    const name = splitWords(first.get("hostname") ?? "")[0] ?? host;
    const applies = section.applies({ original: host, host: name.replaceAll("%h", host), user, localUser });
    if (applies === "no") continue;
    for (const [keyword, value] of section.options) {
      if (!KEYWORDS.includes(keyword)) continue;
      const open = keyword === "identityfile" || !first.has(keyword);
      if (applies === "cannot-tell" && open && !decided.has(keyword)) throw cannotTell(host, section.title, keyword);
      if (applies === "cannot-tell") continue;
      if (keyword === "identityfile") identityFiles.push(...splitWords(value).slice(0, 1));
      else if (open) first.set(keyword, value);
      // Whichever of the two comes first has the say.
      if (keyword === "proxyjump" && !first.has("proxycommand")) first.set("proxycommand", "none");
      if (keyword === "proxycommand" && !first.has("proxyjump")) first.set("proxyjump", "");
    }
  }
  const word = (keyword: string): string | undefined => splitWords(first.get(keyword) ?? "")[0];
  const words = (keyword: string): readonly string[] | undefined =>
    first.has(keyword) ? splitWords(first.get(keyword) ?? "") : undefined;
  const port = Number(word("port"));
  const jump = first.get("proxyjump");
  const command = first.get("proxycommand");
  const set = <K extends string, V>(key: K, value: V | undefined): { [P in K]?: V } =>
    value === undefined ? {} : ({ [key]: value } as { [P in K]?: V });
  return {
    identityFiles,
    identitiesOnly: word("identitiesonly")?.toLowerCase() === "yes",
    ...set("hostName", word("hostname")?.replaceAll("%h", host).replaceAll("%%", "%")),
    ...set("user", word("user")),
    ...set("port", Number.isInteger(port) && port > 0 ? port : undefined),
    ...set("identityAgent", word("identityagent")),
    ...set("userKnownHostsFiles", words("userknownhostsfile")),
    ...set("globalKnownHostsFiles", words("globalknownhostsfile")),
    ...set("hostKeyAlias", word("hostkeyalias")),
    ...set("proxyJump", jump === undefined || jump === "" ? undefined : jumpList(jump)),
    ...set("proxyCommand", command === undefined || command.toLowerCase() === "none" ? undefined : command),
  };
}

/** The machines of a jump value (`a,b`); none for `none`. */
function jumpList(value: string): readonly string[] {
  const hops = value
    .split(",")
    .map((one) => one.trim())
    .filter((one) => one !== "");
  return hops.length === 1 && hops[0]?.toLowerCase() === "none" ? [] : hops;
}

function cannotTell(host: string, section: string, keyword: string): PawlError {
  return new PawlError(
    "invalid-document",
    "ssh-config-match",
    `How ${host} is reached depends on a condition that only OpenSSH can judge.`,
    {
      expected: "Host sections, or Match with all, final, host, originalhost, user or localuser",
      observed: `\`${section}\` sets ${keyword}`,
      next: "Say it in the inventory (ssh: user, port, identity-file, known-hosts, jump), or write the section with Host.",
    },
  );
}

/** `~` and `~/…` in a path mean the home folder. */
export function expand(path: string, home: string): string {
  return path === "~" || path.startsWith("~/") ? join(home, path.slice(1)) : path;
}

function splitWords(text: string): readonly string[] {
  return [...text.matchAll(/"([^"]*)"|(\S+)/g)].map((found) => found[1] ?? found[2] ?? "");
}

function both(one: Applies, other: Applies): Applies {
  if (one === "no" || other === "no") return "no";
  return one === "yes" && other === "yes" ? "yes" : "cannot-tell";
}

function anyMatches(patterns: readonly string[], name: string): boolean {
  if (patterns.some((pattern) => pattern.startsWith("!") && matchesPattern(pattern.slice(1), name))) return false;
  return patterns.some((pattern) => matchesPattern(pattern, name));
}

function hostCondition(patterns: readonly string[]): (asked: Asked) => Applies {
  return ({ original }) => (anyMatches(patterns, original) ? "yes" : "no");
}

/** Match criteria are joined by and; `!` turns one around. Words behind one that cannot be told are not read. */
function matchCondition(words: readonly string[]): (asked: Asked) => Applies {
  return (asked) => {
    let applies: Applies = "yes";
    for (let at = 0; at < words.length; at++) {
      const [, not = "", criterion = "", given] = /^(!?)([a-z]+)(?:=(.*))?$/i.exec(words[at] ?? "") ?? [];
      const value = (): readonly string[] => (given ?? words[++at] ?? "").split(",");
      const turned = (is: boolean): Applies => (is === (not === "") ? "yes" : "no");
      switch (criterion.toLowerCase()) {
        case "all":
        case "final":
          applies = both(applies, turned(true));
          break;
        case "canonical":
          // Names are not made canonical here.
          applies = both(applies, turned(false));
          break;
        case "host":
          applies = both(applies, turned(anyMatches(value(), asked.host)));
          break;
        case "originalhost":
          applies = both(applies, turned(anyMatches(value(), asked.original)));
          break;
        case "user":
          applies = both(applies, turned(anyMatches(value(), asked.user)));
          break;
        case "localuser":
          applies = both(applies, turned(anyMatches(value(), asked.localUser)));
          break;
        default:
          return both(applies, "cannot-tell");
      }
    }
    return applies;
  };
}

function included(pattern: string, folder: string): readonly string[] {
  const path = isAbsolute(pattern) ? pattern : join(folder, pattern);
  if (!/[*?]/.test(path)) return [path];
  try {
    const names = readdirSync(dirname(path)).filter((name) => !name.startsWith(".") && matchesPattern(basename(path), name));
    return names.sort().map((name) => join(dirname(path), name));
  } catch {
    return [];
  }
}
