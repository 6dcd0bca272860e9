import { readFileSync } from "node:fs";
import type { AnyAuthMethod, ParsedKey } from "ssh2";
import { PawlError } from "../domain/errors.ts";
import { publicHalf, readPrivateKey, type PrivateKey } from "./private-key.ts";
import { ChoosyAgent, keysOfAgent } from "./ssh-agent.ts";
import type { SshTarget } from "./target.ts";

type Identity = (PrivateKey | { readonly kind: "missing"; readonly why: string }) & {
  /** The public half, where the file tells it. */
  readonly half: Buffer | null;
};

/** Asks a person for the passphrase of a key file; `again`: the last one was wrong. Null: nobody is there. */
export type AskPassphrase = (file: string, again: boolean) => Promise<string | null>;

/** Login methods of targets; every key file is read once. */
export interface Identities {
  /**
   * The methods in the order they are tried: key files, then the agent. Throws PawlError for a named key file that cannot be used:
   * missing, not a key, or locked and in no agent. Default key files that cannot be used are passed over.
   */
  methodsFor(target: SshTarget): readonly AnyAuthMethod[];
  /**
   * Asks for the passphrase of every locked key file that is needed and that no agent holds: of named ones, and of default ones
   * where there is nothing else to log in with. Three tries each. Throws PawlError where nobody is there to be asked.
   */
  unlock(targets: readonly SshTarget[], ask: AskPassphrase): Promise<void>;
}

const TRIES = 3;

/** Nothing is read before it is needed. */
export function createIdentities(): Identities {
  const read = new Map<string, Identity>();
  const inAgent = new Map<string, readonly Buffer[]>();
  const identity = (path: string): Identity => {
    const known = read.get(path);
    if (known !== undefined) return known;
    const fresh = readIdentity(path);
    read.set(path, fresh);
    return fresh;
  };

  const holds = (target: SshTarget, half: Buffer | null): boolean => {
    if (target.agent === null) return false;
    const held = inAgent.get(target.agent);
    // An agent nobody has asked yet may hold it, and so may one where the file does not say which key it is.
    return held === undefined || (half === null ? held.length > 0 : held.some((one) => one.equals(half)));
  };

  const unlockOne = async (path: string, target: SshTarget, ask: AskPassphrase): Promise<void> => {
    const bytes = readFileSync(path);
    for (let tries = 0; tries < TRIES; tries++) {
      const passphrase = await ask(path, tries > 0);
      if (passphrase === null) throw unusable(target, path, identity(path));
      const opened = readPrivateKey(bytes, passphrase);
      if (opened.kind === "key") {
        read.set(path, { ...opened, half: opened.key.getPublicSSH() });
        return;
      }
    }
    throw new PawlError(
      "invalid-document",
      "identity-passphrase",
      `The passphrase of the SSH key for ${target.name} was wrong.`,
      {
        node: target.name,
        expected: "the passphrase of the key file",
        observed: `${path}: ${String(TRIES)} tries`,
        next: `Try again, or let ssh-agent hold the key: ssh-add ${path}`,
      },
    );
  };

  return {
    methodsFor(target) {
      const keys: ParsedKey[] = [];
      const halves: Buffer[] = [];
      let agentNeeded = !target.identitiesOnly;
      for (const { path, wanted } of target.identityFiles) {
        const found = identity(path);
        if (found.half !== null) halves.push(found.half);
        if (found.kind === "key") keys.push(found.key);
        else if ((found.kind === "encrypted" || found.kind === "public") && holds(target, found.half)) agentNeeded = true;
        else if (wanted) throw unusable(target, path, found);
      }
      const methods: AnyAuthMethod[] = keys.map((key) => ({ type: "publickey", username: target.user, key }));
      if (target.agent === null || !agentNeeded) return methods;
      const not = keys.map((key) => key.getPublicSSH());
      const agent = new ChoosyAgent(target.agent, { first: halves, only: target.identitiesOnly, not });
      return [...methods, { type: "agent", username: target.user, agent }];
    },

    async unlock(targets, ask) {
      for (const target of targets) {
        const { agent } = target;
        if (agent !== null && !inAgent.has(agent)) inAgent.set(agent, await keysOfAgent(agent));
        const found = target.identityFiles.map((one) => ({ ...one, identity: identity(one.path) }));
        const locked = found.filter(({ identity: one }) => one.kind === "encrypted" && !holds(target, one.half));
        const other =
          found.some(({ identity: one }) => one.kind === "key" || (one.kind === "encrypted" && holds(target, one.half))) ||
          (agent !== null && (inAgent.get(agent) ?? []).length > 0);
        for (const { path, wanted } of locked) if (wanted || !other) await unlockOne(path, target, ask);
      }
    },
  };
}

function readIdentity(path: string): Identity {
  let bytes: Buffer;
  try {
    bytes = readFileSync(path);
  } catch (error) {
    return { kind: "missing", why: error instanceof Error ? error.message : String(error), half: null };
  }
  const found = readPrivateKey(bytes);
  if (found.kind === "key") return { ...found, half: found.key.getPublicSSH() };
  return { ...found, half: found.kind === "public" ? publicHalf(bytes, bytes) : publicHalf(bytes, beside(path)) };
}

function beside(path: string): Buffer | null {
  try {
    return readFileSync(`${path}.pub`);
  } catch {
    return null;
  }
}

function unusable(target: SshTarget, path: string, found: Identity): PawlError {
  const observed = `${path}: ${found.kind === "key" ? "a key" : found.why}`;
  const refuse = (code: string, text: string, expected: string, next: string): PawlError =>
    new PawlError("invalid-document", code, text, { node: target.name, expected, observed, next });
  switch (found.kind) {
    case "missing":
      return refuse(
        "identity-missing",
        `The SSH key for ${target.name} cannot be read.`,
        "a readable private key file",
        "Correct ssh.identity-file in the inventory (or IdentityFile in ~/.ssh/config).",
      );
    case "encrypted":
      return refuse(
        "identity-encrypted",
        `The SSH key for ${target.name} is locked with a passphrase, no ssh-agent holds it, and nobody is there to be asked.`,
        "a key that ssh-agent holds, a terminal to ask at, or a key without passphrase",
        `Start an agent and add the key: eval "$(ssh-agent)" && ssh-add ${path}`,
      );
    case "key":
    case "public":
    case "wrong-passphrase":
    case "unreadable":
      return refuse(
        "identity-unusable",
        `The SSH key for ${target.name} is not a private key pawl can use.`,
        "an OpenSSH, PEM or PKCS#8 private key of type ed25519, ecdsa or rsa; keys of other types (security keys) through ssh-agent",
        "Name the private key, or add it to ssh-agent.",
      );
  }
}
