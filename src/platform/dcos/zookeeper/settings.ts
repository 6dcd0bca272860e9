import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { PawlError } from "../../../domain/errors.ts";
import type { Inventory } from "../../../domain/inventory.ts";
import type { ClientOptions } from "../../../zookeeper/client.ts";
import type { ScratchSettings } from "../../../zookeeper/scratch-server.ts";
import { list, number, record, text } from "../../../domain/json-fields.ts";

/**
 * `settings: { zookeeper: { auth: { scheme: digest, file: PATH }, java: PATH, library: PATH, heap-mib: N, server: [WORD…] } }` of an
 * inventory: who reads znodes that an ACL hides, and with what backups are proven. Paths are relative to the inventory.
 */
export function scratchSettings(inventory: Pick<Inventory, "settings" | "folder">): ScratchSettings {
  const own = record(inventory.settings["zookeeper"]);
  const path = (name: string): string | null => {
    const value = text(own[name]);
    return value === null ? null : resolve(inventory.folder, value);
  };
  const [java, library, heapMiB] = [path("java"), path("library"), number(own["heap-mib"])];
  const command = list(own["server"]).flatMap((word) => text(word) ?? []);
  return {
    ...(java === null ? {} : { java }),
    ...(library === null ? {} : { library }),
    ...(heapMiB === null ? {} : { heapMiB }),
    ...(command.length === 0 ? {} : { command }),
  };
}

/** Credentials for reading, from a file that only its owner should be able to read. Throws PawlError where it cannot be read. */
export function readerAuth(inventory: Pick<Inventory, "settings" | "folder">): NonNullable<ClientOptions["auth"]> {
  const auth = record(record(inventory.settings["zookeeper"])["auth"]);
  const file = text(auth["file"]);
  if (file === null) return [];
  const path = resolve(inventory.folder, file);
  try {
    return [{ scheme: text(auth["scheme"]) ?? "digest", secret: readFileSync(path, "utf8").trim() }];
  } catch (cause) {
    throw new PawlError("step-failed", "zookeeper-auth", `the credentials for ZooKeeper cannot be read: ${path}`, {
      expected: "a file with user:password",
      next: "Correct settings.zookeeper.auth.file of the inventory.",
      cause,
    });
  }
}
