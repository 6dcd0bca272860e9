import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import { parseDocument } from "yaml";
import { PawlError } from "../../../domain/errors.ts";
import type { Json, JsonRecord } from "../../../domain/json.ts";
import { record, text } from "../../../domain/json-fields.ts";

/** Fields of an Engine API service spec; another one is a slip that the API would silently drop. */
const FIELDS: readonly string[] = [
  "Name",
  "Labels",
  "TaskTemplate",
  "Mode",
  "UpdateConfig",
  "RollbackConfig",
  "Networks",
  "EndpointSpec",
];

function refused(file: string, text: string, observed: string): PawlError {
  return new PawlError("step-failed", "service-file", `${file}: ${text}; nothing was sent`, {
    ...{ expected: "an Engine API service spec (Name, TaskTemplate.ContainerSpec.Image, Mode, …) in YAML or JSON", observed },
    next: "Correct the file, then retry.",
  });
}

/**
 * The service spec in a file: Engine API field names, YAML or JSON. `name` must be the file's own where it is given. Throws PawlError
 * with line and column for what is no YAML, and for fields the API does not know.
 */
export async function readServiceFile(
  file: string,
  name: string | null,
): Promise<{ readonly name: string; readonly spec: JsonRecord }> {
  let body: string;
  try {
    body = await readFile(resolve(file), "utf8");
  } catch (error) {
    throw refused(file === "" ? "file" : file, "it cannot be read", error instanceof Error ? error.message : String(error));
  }
  const parsed = parseDocument(body, { uniqueKeys: true });
  const [wrong] = parsed.errors;
  if (wrong !== undefined) throw refused(file, "this is no YAML", wrong.message.split("\n")[0] ?? "");
  const spec = record(parsed.toJS() as Json);
  const unknown = Object.keys(spec).filter((key) => !FIELDS.includes(key));
  if (unknown.length > 0)
    throw refused(file, `${unknown.join(", ")}: the API has no such field`, `fields ${Object.keys(spec).join(", ")}`);
  const own = text(spec["Name"]);
  if (own === null || !/^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$/.test(own))
    throw refused(file, "Name is missing or no name", JSON.stringify(own));
  if (name !== null && name !== own) throw refused(file, "it is about another service", `${own}, not ${name}`);
  const image = text(record(record(spec["TaskTemplate"])["ContainerSpec"])["Image"]);
  if (image === null || image === "") throw refused(file, "TaskTemplate.ContainerSpec.Image is missing", JSON.stringify(image));
  return { name: own, spec };
}
