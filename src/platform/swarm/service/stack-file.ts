import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import { parseDocument } from "yaml";
import { PawlError } from "../../../domain/errors.ts";
import type { Json } from "../../../domain/json.ts";
import { record, text } from "../../../domain/json-fields.ts";

/** A compose file as it is handed to `docker stack deploy`, and what pawl reads of it. */
export interface StackFile {
  readonly body: string;
  /** Image by service, as the file names it; null where it names none. */
  readonly images: Readonly<Record<string, string | null>>;
}

function refused(file: string, words: string, observed: string): PawlError {
  return new PawlError("step-failed", "stack-file", `${file}: ${words}; nothing was sent`, {
    ...{ expected: "a compose file with services", observed, next: "Correct the file, then retry." },
  });
}

/** What lies beside the file on this machine is not there on the manager, which gets only the file. */
function beside(services: Readonly<Record<string, Json>>, whole: Readonly<Record<string, Json>>): readonly string[] {
  const files = (group: string): readonly string[] =>
    Object.entries(record(whole[group])).flatMap(([name, one]) =>
      record(one)["file"] === undefined ? [] : [`${group}.${name}.file`],
    );
  const env = Object.entries(services).flatMap(([name, one]) =>
    record(one)["env_file"] === undefined ? [] : [`services.${name}.env_file`],
  );
  return [...env, ...files("configs"), ...files("secrets")];
}

/** Reads a compose file. Throws PawlError with line and column for what is no YAML, and for what cannot work through standard input. */
export async function readStackFile(file: string): Promise<StackFile> {
  let body: string;
  try {
    body = await readFile(resolve(file), "utf8");
  } catch (error) {
    throw refused(file === "" ? "file" : file, "it cannot be read", error instanceof Error ? error.message : String(error));
  }
  const parsed = parseDocument(body, { uniqueKeys: true, merge: true });
  const [wrong] = parsed.errors;
  if (wrong !== undefined) throw refused(file, "this is no YAML", wrong.message.split("\n")[0] ?? "");
  const whole = record(parsed.toJS() as Json);
  const services = record(whole["services"]);
  if (Object.keys(services).length === 0)
    throw refused(file, "it names no services", `fields ${Object.keys(whole).join(", ") || "none"}`);
  const others = beside(services, whole);
  if (others.length > 0) throw refused(file, "it points to other files, which the manager would not find", others.join(", "));
  return { body, images: Object.fromEntries(Object.entries(services).map(([name, one]) => [name, text(record(one)["image"])])) };
}

/** Whether a service runs the image that a file names: the client may have pinned it by digest (swarm.md, "Images without a registry"). */
export function runsImage(image: string, named: string | null): boolean {
  return named === null || image === named || image.startsWith(`${named}@sha256:`);
}
