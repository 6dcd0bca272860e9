import { readFileSync } from "node:fs";
import { addKnownHost } from "./accept-host-key.ts";
import type { Failure } from "./failure.ts";
import {
  fingerprint,
  judgeHostKey,
  keyType,
  knownHostsName,
  linesByHost,
  parseKnownHosts,
  type KnownHostsLine,
} from "./known-hosts.ts";
import { hostPort, whereOf } from "./reach.ts";
import type { SshTarget } from "./target.ts";

/** A host key that was accepted because somebody asked for that. */
export interface AcceptedHostKey {
  readonly target: string;
  /** `host:port` as people write it. */
  readonly address: string;
  readonly type: string;
  /** As ssh-keygen prints it. */
  readonly fingerprint: string;
  /** Where it was written. */
  readonly file: string;
}

/** What known_hosts says about hosts, and what becomes of those it does not know. */
export interface HostTrust {
  /** Keys a host may show. */
  linesFor(target: SshTarget): readonly KnownHostsLine[];
  /** Why a presented key is not trusted; null when it is. Codes: `host-key-unknown`, `host-key-changed`, `host-key-revoked`. */
  refusal(target: SshTarget, blob: Buffer): Failure | null;
}

/**
 * Trust as the targets' known_hosts files have it; each is read once. With `accept`, the key of a host of which nothing is known is
 * written to the target's first file and told (accept-new); a key that differs from a known one is never accepted.
 */
export function createHostTrust(accept: ((accepted: AcceptedHostKey) => void) | null = null): HostTrust {
  const files = new Map<string, ReturnType<typeof linesByHost>>();
  const linesIn = (file: string, name: string): readonly KnownHostsLine[] => {
    const known = files.get(file) ?? linesByHost(parseKnownHosts(textOf(file), file));
    files.set(file, known);
    return known(name);
  };
  // Kept: a hashed line costs a digest for every host it is asked about.
  const asked = new Map<string, readonly KnownHostsLine[]>();
  const about = (target: SshTarget): readonly KnownHostsLine[] => {
    const key = JSON.stringify([nameOf(target), target.knownHostsFiles]);
    const known = asked.get(key);
    if (known !== undefined) return known;
    const fresh = target.knownHostsFiles.flatMap((file) => linesIn(file, nameOf(target)));
    asked.set(key, fresh);
    return fresh;
  };

  const learn = (target: SshTarget, blob: Buffer, told: (accepted: AcceptedHostKey) => void): string | null => {
    const file = target.knownHostsFiles[0];
    if (file === undefined) return "there is no known_hosts file to write it to";
    const type = keyType(blob);
    try {
      addKnownHost(file, `${nameOf(target)} ${type} ${blob.toString("base64")}`);
    } catch (error) {
      return `${file} cannot be written (${error instanceof Error ? error.message : String(error)})`;
    }
    files.delete(file);
    asked.clear();
    told({ target: target.name, address: whereOf(target), type, fingerprint: fingerprint(blob), file });
    return null;
  };

  return {
    linesFor: (target) => about(target).filter((line) => !line.authority),
    refusal(target, blob) {
      const mine = about(target);
      const verdict = judgeHostKey(mine, blob);
      const presented = `${target.name} (${whereOf(target)}) presents ${keyType(blob)} ${fingerprint(blob)}`;
      switch (verdict.kind) {
        case "known":
          return null;
        case "unknown": {
          const why = accept === null ? null : learn(target, blob, accept);
          if (accept !== null && why === null) return null;
          const reason = `${presented}, and no key of it is in ${target.knownHostsFiles.join(", ")}${why === null ? "" : `; ${why}`}.`;
          return { code: "host-key-unknown", reason: `${reason} ${authorityNote(mine)}${howToAdd(target)}` };
        }
        case "changed": {
          const { file, line, key } = verdict.line;
          return {
            code: "host-key-changed",
            reason: `${presented}, but ${file}:${String(line)} knows it by ${key.type} ${fingerprint(key.blob)}. Either the machine was installed anew or somebody answers in its place. Find out which. If it was installed anew: ssh-keygen -R '${nameOf(target)}' -f ${file}, then add its new key.`,
          };
        }
        case "revoked":
          return {
            code: "host-key-revoked",
            reason: `${presented}, which ${verdict.line.file}:${String(verdict.line.line)} marks as revoked. Give the machine a new host key.`,
          };
      }
    },
  };
}

/** An alias is looked up as it stands, without a port (ssh_config(5), HostKeyAlias). */
function nameOf(target: SshTarget): string {
  return target.hostKeyAlias === null ? knownHostsName(target.host, target.port) : target.hostKeyAlias.toLowerCase();
}

function authorityNote(lines: readonly KnownHostsLine[]): string {
  const authority = lines.find((line) => line.authority);
  if (authority === undefined) return "";
  return `${authority.file}:${String(authority.line)} trusts a certificate authority for it (@cert-authority), but pawl cannot check host certificates and needs the plain key. `;
}

/** The command that brings the key in; what it brings is to be compared first. */
function howToAdd(target: SshTarget): string {
  const file = target.knownHostsFiles[0] ?? "~/.ssh/known_hosts";
  const port = target.port === 22 ? "" : ` -p ${String(target.port)}`;
  const compare = "Compare the fingerprint with the one on the machine's console";
  if (target.hostKeyAlias !== null)
    return `${compare}, then add its key under the name ${target.hostKeyAlias} (HostKeyAlias) to ${file}.`;
  if (target.via !== null)
    return `${compare}, then let ssh ask and add it: ssh -J ${target.via.user}@${hostPort(target.via)}${port} -o UserKnownHostsFile=${file} ${target.user}@${target.host} true`;
  return `${compare}, then add the key: ssh-keyscan${port} ${target.host} >>${file}`;
}

/** A file that does not exist vouches for nobody. */
function textOf(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return "";
  }
}
