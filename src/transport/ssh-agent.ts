import ssh2 from "ssh2";
import type { IdentityCallback, ParsedKey, PublicKeyEntry, SignCallback, SigningRequestOptions } from "ssh2";

const ANSWER_MS = 5_000;

/** Keys the agent behind a socket holds, as public blobs; none where nobody answers there in 5 s. Never throws. */
export function keysOfAgent(socket: string): Promise<readonly Buffer[]> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => resolve([]), ANSWER_MS);
    new ssh2.OpenSSHAgent(socket).getIdentities((_error, keys) => {
      clearTimeout(timer);
      resolve((keys ?? []).flatMap((key) => keysIn(key).map((one) => one.getPublicSSH())));
    });
  });
}

/** Keys of types ssh2 does not know are left out. */
function keysIn(entry: PublicKeyEntry | ParsedKey): readonly ParsedKey[] {
  const parsed = ssh2.utils.parseKey(
    "pubKey" in entry
      ? typeof entry.pubKey === "object" && "pubKey" in entry.pubKey
        ? entry.pubKey.pubKey
        : entry.pubKey
      : entry,
  );
  return parsed instanceof Error ? [] : [parsed].flat();
}

/** Which keys of an agent are offered to a host, and in what order. */
export interface AgentChoice {
  /** Public halves of the key files that were named: offered first. */
  readonly first: readonly Buffer[];
  /** Nothing but those (IdentitiesOnly). */
  readonly only: boolean;
  /** Public halves of keys that were offered without the agent already. */
  readonly not: readonly Buffer[];
}

/**
 * An agent that offers its keys as OpenSSH does: the named ones first, because a server ends the login after a few keys it does not
 * know (MaxAuthTries, 6).
 */
export class ChoosyAgent extends ssh2.BaseAgent<ParsedKey> {
  readonly #agent: ssh2.OpenSSHAgent;
  readonly #choice: AgentChoice;

  constructor(socket: string, choice: AgentChoice) {
    super();
    this.#agent = new ssh2.OpenSSHAgent(socket);
    this.#choice = choice;
  }

  override getIdentities(done: IdentityCallback<ParsedKey>): void {
    this.#agent.getIdentities((error, keys) => {
      if (error !== undefined && error !== null) {
        done(error);
        return;
      }
      const { first, only, not } = this.#choice;
      const among = (key: ParsedKey, blobs: readonly Buffer[]): boolean => blobs.some((blob) => blob.equals(key.getPublicSSH()));
      const held = (keys ?? []).flatMap(keysIn);
      const left = held.filter((key) => !among(key, not));
      const named = left.filter((key) => among(key, first));
      done(null, only ? named : [...named, ...left.filter((key) => !named.includes(key))]);
    });
  }

  override sign(key: ParsedKey, data: Buffer, options: SigningRequestOptions | SignCallback, done?: SignCallback): void {
    if (typeof options === "function") this.#agent.sign(key, data, options);
    else this.#agent.sign(key, data, options, done);
  }
}
