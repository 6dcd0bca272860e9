import { appendFileSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import type { RunEventBody } from "../domain/events.ts";
import type { AcceptedHostKey } from "../transport/host-trust.ts";
import type { Io } from "./io.ts";
import { stateDir } from "./places.ts";

/** Host keys this process accepted because the operator asked for that. */
export interface AcceptedKeys {
  /** Told by the transport, once the key is in known_hosts. */
  accept(key: AcceptedHostKey): void;
  /** All of them so far, in their order. */
  all(): readonly AcceptedHostKey[];
  /** Those no run has on record yet, as events; they count as recorded from now on. */
  unrecorded(): readonly HostKeyEvent[];
  /**
   * Hands over what `unrecorded` gives, and until the returned function is called every later key, which is then not printed here:
   * whoever shows the run says it.
   */
  attach(record: (event: HostKeyEvent) => void): () => void;
}

type HostKeyEvent = Extract<RunEventBody, { type: "host-key.accepted" }>;

/**
 * Says every accepted key on standard error and keeps it in `accepted-host-keys.jsonl` of the state folder, whatever command asked
 * for it: a check and an unlock have no journal. A run adds it to its own.
 */
export function createAcceptedKeys(io: Io, inventory: string): AcceptedKeys {
  const keys: AcceptedHostKey[] = [];
  let recorded = 0;
  let record: ((event: HostKeyEvent) => void) | null = null;
  const unrecorded = (): readonly HostKeyEvent[] => {
    const events = keys.slice(recorded).map(eventOf);
    recorded = keys.length;
    return events;
  };
  return {
    accept(key) {
      keys.push(key);
      keep(io, inventory, key);
      if (record === null) {
        io.err(`Accepted the host key of ${key.target} (${key.address}): ${key.type} ${key.fingerprint}, written to ${key.file}`);
        return;
      }
      recorded = keys.length;
      record(eventOf(key));
    },
    all: () => keys,
    unrecorded,
    attach(to) {
      record = to;
      for (const event of unrecorded()) to(event);
      return () => {
        record = null;
      };
    },
  };
}

function eventOf(key: AcceptedHostKey): HostKeyEvent {
  const { target, address, type, fingerprint, file } = key;
  return { type: "host-key.accepted", machine: target, address, keyType: type, fingerprint, file };
}

/** One line an append: several processes may write it. Trust that cannot be written down is said to be so. */
function keep(io: Io, inventory: string, key: AcceptedHostKey): void {
  const folder = stateDir(io.env);
  const path = join(folder, "accepted-host-keys.jsonl");
  const { target, address, type, fingerprint, file } = key;
  const line = {
    time: new Date(io.now()).toISOString(),
    actor: io.actor,
    inventory,
    machine: target,
    address,
    keyType: type,
    fingerprint,
    file,
  };
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    appendFileSync(path, `${JSON.stringify(line)}\n`, { mode: 0o600 });
  } catch (error) {
    io.err(
      `The accepted host key of ${target} could not be noted in ${path}: ${error instanceof Error ? error.message : String(error)}`,
    );
  }
}
