import { createHash, createHmac } from "node:crypto";

/** A public key as known_hosts and the wire have it. */
interface HostKey {
  /** `ssh-ed25519`, `ecdsa-sha2-nistp256`, `ssh-rsa`… */
  readonly type: string;
  readonly blob: Buffer;
}

/** One line of a known_hosts file. */
export interface KnownHostsLine {
  readonly file: string;
  readonly line: number;
  readonly revoked: boolean;
  /** The key is that of a certificate authority: it vouches for certificates, not for itself. */
  readonly authority: boolean;
  /** The host field as it stands: names, patterns, or one hashed name. */
  readonly hosts: string;
  readonly key: HostKey;
}

export type HostKeyVerdict =
  | { readonly kind: "known" }
  | { readonly kind: "unknown" }
  | { readonly kind: "changed"; readonly line: KnownHostsLine }
  | { readonly kind: "revoked"; readonly line: KnownHostsLine };

/** The lines of a known_hosts file (sshd(8), "SSH_KNOWN_HOSTS FILE FORMAT"). Comments and damaged lines are left out. */
export function parseKnownHosts(text: string, file: string): readonly KnownHostsLine[] {
  return text.split("\n").flatMap((raw, index) => {
    const words = raw.trim().split(/\s+/);
    const marker = words[0]?.startsWith("@") === true ? words.shift() : undefined;
    const [hosts, type, base64] = words;
    if (hosts === undefined || hosts.startsWith("#") || type === undefined || base64 === undefined) return [];
    if (marker !== undefined && marker !== "@revoked" && marker !== "@cert-authority") return [];
    const blob = Buffer.from(base64, "base64");
    if (keyType(blob) !== type) return [];
    const authority = marker === "@cert-authority";
    return [{ file, line: index + 1, revoked: marker === "@revoked", authority, hosts, key: { type, blob } }];
  });
}

/** The type a key blob names in its first field; empty for bytes that are no key. */
export function keyType(blob: Buffer): string {
  if (blob.length < 4) return "";
  const length = blob.readUInt32BE(0);
  return length > blob.length - 4 ? "" : blob.toString("latin1", 4, 4 + length);
}

/** The fingerprint as ssh and ssh-keygen print it. */
export function fingerprint(blob: Buffer): string {
  return `SHA256:${createHash("sha256").update(blob).digest("base64").replace(/=+$/, "")}`;
}

/** The name a host goes by in known_hosts: plain on port 22, `[host]:port` elsewhere. */
export function knownHostsName(host: string, port: number): string {
  const lower = host.toLowerCase();
  return port === 22 ? lower : `[${lower}]:${String(port)}`;
}

/**
 * The lines of a file that speak about a host, in their order, revoked ones and certificate authorities too. A key known for port 22
 * says nothing about another port: another machine may answer there. Plain names are looked up; only patterns and hashed names are
 * tried one by one, for every host they are asked about.
 */
export function linesByHost(lines: readonly KnownHostsLine[]): (name: string) => readonly KnownHostsLine[] {
  const plain = new Map<string, KnownHostsLine[]>();
  const tried: KnownHostsLine[] = [];
  for (const line of lines) {
    if (/^\|1\||[!*?]/.test(line.hosts)) tried.push(line);
    else
      for (const name of new Set(line.hosts.toLowerCase().split(","))) {
        const mine = plain.get(name);
        if (mine === undefined) plain.set(name, [line]);
        else mine.push(line);
      }
  }
  return (name) => {
    const named = plain.get(name) ?? [];
    const matched = tried.filter((line) => matchesHost(line.hosts, name));
    return matched.length === 0 ? named : [...named, ...matched].toSorted((a, b) => a.line - b.line);
  };
}

/**
 * What known_hosts says about a key that a host presents. `mine` are the lines of that host. A host of which only other keys
 * are known counts as changed, also where the type differs: it did not show the key it is known by.
 */
export function judgeHostKey(mine: readonly KnownHostsLine[], blob: Buffer): HostKeyVerdict {
  const plain = mine.filter((line) => !line.authority);
  const same = plain.filter((line) => line.key.blob.equals(blob));
  const revoked = same.find((line) => line.revoked);
  if (revoked !== undefined) return { kind: "revoked", line: revoked };
  if (same.length > 0) return { kind: "known" };
  const trusted = plain.filter((line) => !line.revoked);
  const other = trusted.find((line) => line.key.type === keyType(blob)) ?? trusted[0];
  return other === undefined ? { kind: "unknown" } : { kind: "changed", line: other };
}

function matchesHost(field: string, name: string): boolean {
  if (field.startsWith("|1|")) {
    const [, , salt = "", hash = ""] = field.split("|");
    return createHmac("sha1", Buffer.from(salt, "base64")).update(name).digest("base64") === hash;
  }
  let matched = false;
  for (const pattern of field.toLowerCase().split(",")) {
    if (pattern.startsWith("!") && matchesPattern(pattern.slice(1), name)) return false;
    matched ||= matchesPattern(pattern, name);
  }
  return matched;
}

/** Shell-like patterns of ssh: `*` and `?` only; brackets are part of names. */
export function matchesPattern(pattern: string, name: string): boolean {
  if (!/[*?]/.test(pattern)) return pattern === name;
  const source = pattern
    .replace(/[.+^${}()|[\]\\]/g, "\\$&")
    .replaceAll("*", ".*")
    .replaceAll("?", ".");
  return new RegExp(`^${source}$`).test(name);
}
