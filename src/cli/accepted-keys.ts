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
   * Hands over what `unrecorded` gives, and until the returned function is called every later key. One that is taken (`record` says
   * true) is not printed here: whoever shows the run says it. A run that ends takes none.
   */
  attach(record: (event: HostKeyEvent) => boolean): () => void;
}

type HostKeyEvent = Extract<RunEventBody, { type: "host-key.accepted" }>;

/**
 * Says every accepted key on standard error and keeps it in `accepted-host-keys.jsonl` of the state folder, whatever command asked
 * for it: a check and an unlock have no journal. A run adds it to its own.
 */
export function createAcceptedKeys(io: Io, inventory: string): AcceptedKeys {
  const keys: { readonly key: AcceptedHostKey; recorded: boolean }[] = [];
  let record: ((event: HostKeyEvent) => boolean) | null = null;
  const open = (): typeof keys => keys.filter((one) => !one.recorded);
  return {
    accept(key) {
      const one = { key, recorded: false };
      keys.push(one);
      keep(io, inventory, key);
      one.recorded = record?.(eventOf(key)) ?? false;
      if (!one.recorded)
        io.err(`Accepted the host key of ${key.target} (${key.address}): ${key.type} ${key.fingerprint}, written to ${key.file}`);
    },
    all: () => keys.map((one) => one.key),
    unrecorded() {
      const events: HostKeyEvent[] = [];
      for (const one of open()) {
        one.recorded = true;
        events.push(eventOf(one.key));
      }
      return events;
    },
    attach(to) {
      record = to;
      for (const one of open()) one.recorded = to(eventOf(one.key));
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
