import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { KINDS } from "../../src/document/documents.ts";
import { jsonSchemaText, SCHEMA_FILES } from "../../src/document/json-schemas.ts";

const folder = join(import.meta.dirname, "../../docs/schemas");

interface Node {
  readonly type?: string;
  readonly properties?: Readonly<Record<string, Node>>;
  readonly additionalProperties?: unknown;
  readonly items?: Node;
  readonly anyOf?: readonly Node[];
}

function closed(node: Node): boolean {
  const inner = [
    ...Object.values(node.properties ?? {}),
    ...(node.items === undefined ? [] : [node.items]),
    ...(node.anyOf ?? []),
  ];
  return (node.properties === undefined || node.additionalProperties === false) && inner.every(closed);
}

describe("the JSON Schemas for editors", () => {
  it.each(KINDS)("are current: %s (npm run schemas writes them)", (kind) => {
    expect(readFileSync(join(folder, SCHEMA_FILES[kind]), "utf8")).toBe(jsonSchemaText(kind));
  });

  it.each(KINDS)("know the kind and accept no key that pawl refuses: %s", (kind) => {
    const schema = JSON.parse(jsonSchemaText(kind)) as Node & { readonly required: readonly string[] };
    expect(schema.properties?.["kind"]).toMatchObject({ const: kind });
    expect(schema.required).toEqual(expect.arrayContaining(["apiVersion", "kind", "metadata", "platform"]));
    expect(closed(schema)).toBe(true);
  });
});
