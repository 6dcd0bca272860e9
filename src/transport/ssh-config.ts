import { readdirSync, readFileSync } from "node:fs";
import { basename, dirname, isAbsolute, join } from "node:path";
import { matchesPattern } from "./known-hosts.ts";

/** What ~/.ssh/config says about one host. Unset: the file says nothing. */
export interface SshOptions {
  readonly hostName?: string;
  readonly user?: string;
  readonly port?: number;
  readonly identityFiles: readonly string[];
  readonly identitiesOnly: boolean;
  /** A socket path, `SSH_AUTH_SOCK`, or `none`. */
  readonly identityAgent?: string;
  readonly userKnownHostsFiles?: readonly string[];
  readonly hostKeyAlias?: string;
  /** The keyword and value of a proxy that would be needed. */
  readonly proxy?: string;
}

/** A section of the file: whom it is about, and its options in order. */
interface Section {
  readonly applies: (host: string) => boolean;
  readonly options: (readonly [keyword: string, value: string])[];
}

export type SshConfig = readonly Section[];

const DEEPEST_INCLUDE = 16;

/**
 * Reads an OpenSSH client configuration with its Includes (relative ones start in `folder`, `*` and `?` in the last part).
 * A file that does not exist is an empty one. `Match` sections are followed for `all`, `host` and `originalhost`; others are
 * left out, because their conditions (exec, tagged…) cannot be told without OpenSSH.
 */
export function readSshConfig(file: string, home: string, depth = 0): SshConfig {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch {
    return [];
  }
  return parseSshConfig(text, (pattern) =>
    depth >= DEEPEST_INCLUDE
      ? []
      : included(expand(pattern, home), join(home, ".ssh")).flatMap((path) => readSshConfig(path, home, depth + 1)),
  );
}

/** The sections of a configuration text; `include` gives the sections an Include brings. */
export function parseSshConfig(text: string, include: (pattern: string) => SshConfig = () => []): SshConfig {
  const sections: Section[] = [{ applies: () => true, options: [] }];
  for (const raw of text.split("\n")) {
    const found = /^\s*([A-Za-z]+)(?:\s*=\s*|\s+)(.*?)\s*$/.exec(raw);
    if (found === null) continue;
    const keyword = (found[1] ?? "").toLowerCase();
    const value = found[2] ?? "";
    const current = sections.at(-1);
    if (keyword === "host") sections.push({ applies: hostCondition(splitWords(value)), options: [] });
    else if (keyword === "match") sections.push({ applies: matchCondition(splitWords(value)), options: [] });
    else if (keyword === "include" && current !== undefined) {
      // An Include inside a section holds for that section only.
      for (const pattern of splitWords(value)) {
        for (const part of include(pattern))
          sections.push({ applies: (host) => current.applies(host) && part.applies(host), options: part.options });
      }
      sections.push({ applies: current.applies, options: [] });
    } else current?.options.push([keyword, value]);
  }
  return sections;
}

/** The options for a host as the user would type it; the first value found wins, identity files add up (ssh_config(5)). */
export function sshOptionsFor(config: SshConfig, host: string): SshOptions {
  const first = new Map<string, string>();
  const identityFiles: string[] = [];
  for (const [keyword, value] of config.filter((section) => section.applies(host)).flatMap((section) => section.options)) {
    if (keyword === "identityfile") identityFiles.push(...splitWords(value).slice(0, 1));
    else if (!first.has(keyword)) first.set(keyword, value);
  }
  const word = (keyword: string): string | undefined => splitWords(first.get(keyword) ?? "")[0];
  const port = Number(word("port"));
  const proxy = ["proxyjump", "proxycommand"].find((keyword) => first.has(keyword) && word(keyword)?.toLowerCase() !== "none");
  const set = <K extends string, V>(key: K, value: V | undefined): { [P in K]?: V } =>
    value === undefined ? {} : ({ [key]: value } as { [P in K]?: V });
  return {
    identityFiles,
    identitiesOnly: word("identitiesonly")?.toLowerCase() === "yes",
    ...set("hostName", word("hostname")?.replaceAll("%h", host).replaceAll("%%", "%")),
    ...set("user", word("user")),
    ...set("port", Number.isInteger(port) && port > 0 ? port : undefined),
    ...set("identityAgent", word("identityagent")),
    ...set(
      "userKnownHostsFiles",
      first.has("userknownhostsfile") ? splitWords(first.get("userknownhostsfile") ?? "") : undefined,
    ),
    ...set("hostKeyAlias", word("hostkeyalias")),
    ...set(
      "proxy",
      proxy === undefined ? undefined : `${proxy === "proxyjump" ? "ProxyJump" : "ProxyCommand"} ${first.get(proxy) ?? ""}`,
    ),
  };
}

/** `~` and `~/…` in a path mean the home folder. */
export function expand(path: string, home: string): string {
  return path === "~" || path.startsWith("~/") ? join(home, path.slice(1)) : path;
}

function splitWords(text: string): readonly string[] {
  return [...text.matchAll(/"([^"]*)"|(\S+)/g)].map((found) => found[1] ?? found[2] ?? "");
}

function hostCondition(patterns: readonly string[]): (host: string) => boolean {
  return (host) => {
    if (patterns.some((pattern) => pattern.startsWith("!") && matchesPattern(pattern.slice(1), host))) return false;
    return patterns.some((pattern) => matchesPattern(pattern, host));
  };
}

function matchCondition(words: readonly string[]): (host: string) => boolean {
  const [criterion, value] = words.map((word) => word.toLowerCase());
  if (criterion === "all" && words.length === 1) return () => true;
  if ((criterion === "host" || criterion === "originalhost") && value !== undefined && words.length === 2)
    return hostCondition(value.split(","));
  return () => false;
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
