import { readFileSync } from "node:fs";
import ssh2 from "ssh2";
import type { AnyAuthMethod, ParsedKey } from "ssh2";
import { PawlError } from "../domain/errors.ts";
import type { SshTarget } from "./target.ts";

type Identity =
  | { readonly kind: "key"; readonly key: ParsedKey }
  | { readonly kind: "missing" | "encrypted" | "public" | "unreadable"; readonly why: string };

/** What a target can log in with, in the order it is tried. */
export type Identities = (target: SshTarget) => readonly AnyAuthMethod[];

/**
 * Reads each key file once, however many targets name it, and gives the login methods per target: key files first, then the
 * agent. Throws PawlError for a named key file that cannot be used: missing, not a key, or encrypted while no agent runs (pawl
 * never asks for a passphrase: it must also run unattended). Default key files that cannot be used are passed over.
 */
export function createIdentities(): Identities {
  const read = new Map<string, Identity>();
  const identity = (path: string): Identity => {
    const known = read.get(path);
    if (known !== undefined) return known;
    const fresh = readIdentity(path);
    read.set(path, fresh);
    return fresh;
  };
  return (target) => {
    const methods: AnyAuthMethod[] = [];
    let agentNeeded = !target.identitiesOnly;
    for (const { path, wanted } of target.identityFiles) {
      const found = identity(path);
      if (found.kind === "key") methods.push({ type: "publickey", username: target.user, key: found.key });
      else if ((found.kind === "encrypted" || found.kind === "public") && target.agent !== null) agentNeeded = true;
      else if (wanted) throw unusable(target, path, found);
    }
    if (target.agent !== null && agentNeeded) methods.push({ type: "agent", username: target.user, agent: target.agent });
    return methods;
  };
}

function readIdentity(path: string): Identity {
  let bytes: Buffer;
  try {
    bytes = readFileSync(path);
  } catch (error) {
    return { kind: "missing", why: error instanceof Error ? error.message : String(error) };
  }
  const parsed = ssh2.utils.parseKey(bytes);
  if (parsed instanceof Error)
    return { kind: /encrypted/i.test(parsed.message) ? "encrypted" : "unreadable", why: parsed.message };
  // The typings promise one key; files of old formats may give several.
  const keys: readonly ParsedKey[] = [parsed].flat();
  const key = keys[0];
  if (key === undefined) return { kind: "unreadable", why: "the file holds no key" };
  return key.isPrivateKey() ? { kind: "key", key } : { kind: "public", why: "the file holds a public key" };
}

function unusable(target: SshTarget, path: string, found: Exclude<Identity, { kind: "key" }>): PawlError {
  const observed = `${path}: ${found.why}`;
  switch (found.kind) {
    case "missing":
      return new PawlError("invalid-document", "identity-missing", `The SSH key for ${target.name} cannot be read.`, {
        node: target.name,
        expected: "a readable private key file",
        observed,
        next: "Correct ssh.identity-file in the inventory (or IdentityFile in ~/.ssh/config).",
      });
    case "encrypted":
      return new PawlError(
        "invalid-document",
        "identity-encrypted",
        `The SSH key for ${target.name} is encrypted and no ssh-agent is there to use it.`,
        {
          node: target.name,
          expected: "a key that ssh-agent holds, or one without passphrase",
          observed,
          next: `Start an agent and add the key: eval "$(ssh-agent)" && ssh-add ${path}`,
        },
      );
    case "public":
    case "unreadable":
      return new PawlError(
        "invalid-document",
        "identity-unusable",
        `The SSH key for ${target.name} is not a private key pawl can use.`,
        {
          node: target.name,
          expected: "an OpenSSH or PEM private key",
          observed,
          next: "Name the private key, or add it to ssh-agent.",
        },
      );
  }
}
