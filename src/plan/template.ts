import { PawlError } from "../domain/errors.ts";
import type { Json, JsonRecord } from "../domain/json.ts";

const PLACE = /\{\{\s*([A-Za-z0-9_.-]+)\s*\}\}/g;

/** Names `{{ … }}` may use. A closed set: a missing name is an error, never an empty text. */
export interface TemplateScope {
  readonly inputs: Readonly<Record<string, string>>;
  readonly node: { readonly name: string; readonly address: string; readonly role: string } | null;
  readonly cluster: { readonly name: string; readonly id: string };
}

function lookUp(path: string, scope: TemplateScope, where: string): string {
  const [first, ...rest] = path.split(".");
  const name = rest.join(".");
  const group: Readonly<Record<string, string>> | null =
    first === "inputs" ? scope.inputs : first === "node" ? scope.node : first === "cluster" ? scope.cluster : null;
  const value = group !== null && Object.hasOwn(group, name) ? group[name] : undefined;
  if (value === undefined) {
    const known = [
      ...Object.keys(scope.inputs).map((key) => `inputs.${key}`),
      ...(scope.node === null ? [] : ["node.name", "node.address", "node.role"]),
      "cluster.name",
      "cluster.id",
    ];
    throw new PawlError(
      "invalid-document",
      "template.unknown-name",
      `${where}: {{ ${path} }} names nothing; known here: ${known.join(", ")}`,
    );
  }
  return value;
}

/** Every text inside `value` with its `{{ names }}` filled in. Throws PawlError invalid-document for an unknown name. */
export function fillIn(value: JsonRecord, scope: TemplateScope, where: string): JsonRecord {
  const visit = (item: Json): Json => {
    if (typeof item === "string") return item.replace(PLACE, (_, path: string) => lookUp(path, scope, where));
    if (item === null || typeof item !== "object") return item;
    if (Array.isArray(item)) return item.map((one: Json) => visit(one));
    return Object.fromEntries(Object.entries(item).map(([key, one]) => [key, visit(one)]));
  };
  return visit(value) as JsonRecord;
}
