import type { Reply, WriteClient } from "./client.ts";
import { isRestored, type DumpedZnode } from "./read-dump.ts";
import { ERRORS, errorName, OPEN_ACL, type Acl } from "./records.ts";

/** A znode that a server refused. */
export interface Refused {
  readonly path: string;
  readonly what: string;
  readonly error: string;
}

export interface Restoring {
  /** One znode, parents before children. Does not wait for the server, except where much is under way. */
  put(znode: DumpedZnode): Promise<void>;
  /** When everything has been answered. */
  end(): Promise<{ readonly restored: number; readonly ephemerals: number; readonly refused: readonly Refused[] }>;
}

/** Requests under way before `put` waits. */
const MOST_UNDER_WAY = 512;
const FIRST_REFUSALS = 100;
/** Made by every server itself; its data is the ensemble's own. */
const OWN_OF_SERVER = "/zookeeper/config";

/**
 * Restores znodes into a server by create with their ACLs; those a new server has already get data and ACL instead. Ephemeral ones
 * are left out: they belong to sessions. `acls`: the lists of the index, by number. Rejects with ConnectionError.
 */
export function restoreInto(client: WriteClient, acls: readonly (readonly Acl[])[]): Restoring {
  const refused: Refused[] = [];
  let restored = 0;
  let ephemerals = 0;
  let underWay = 0;
  let failure: unknown = null;
  let wake: (() => void) | null = null;

  const settle = (): void => {
    underWay -= 1;
    wake?.();
  };
  const ask = (path: string, what: string, asked: Promise<Reply<unknown>>, other?: (err: number) => boolean): void => {
    underWay += 1;
    asked
      .then((reply) => {
        if (reply.ok || other?.(reply.err) === true) return;
        if (refused.length < FIRST_REFUSALS) refused.push({ path, what, error: errorName(reply.err) });
      })
      .catch((error: unknown) => void (failure ??= error))
      .finally(settle);
  };
  const room = async (most: number): Promise<void> => {
    while (underWay > most && failure === null) await new Promise<void>((resolve) => (wake = resolve));
    wake = null;
    if (failure !== null) throw failure instanceof Error ? failure : new Error("the restore failed");
  };

  return {
    async put(znode) {
      const { path, data, known } = znode;
      if (!isRestored(znode)) {
        ephemerals += 1;
        return;
      }
      if (path === OWN_OF_SERVER) return;
      const acl = known === null ? OPEN_ACL : (acls[known.acl] ?? OPEN_ACL);
      const bytes = data ?? (known === null || known.bytes === null ? null : Buffer.alloc(0));
      restored += 1;
      // The root, what a new server has, and a folder of guano's whose own data follows.
      const again = (err: number): boolean => {
        if (err !== ERRORS.nodeExists) return false;
        ask(path, "setData", client.ask("setData", { path, data: bytes, version: -1 }));
        ask(path, "setACL", client.ask("setACL", { path, acl, version: -1 }));
        return true;
      };
      if (path === "/") again(ERRORS.nodeExists);
      else ask(path, "create", client.ask("create", { path, data: bytes, acl, flags: 0 }), again);
      await room(MOST_UNDER_WAY);
    },
    async end() {
      await room(0);
      return { restored, ephemerals, refused };
    },
  };
}
