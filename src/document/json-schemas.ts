import * as z from "zod";
import { SCHEMAS, type Kind } from "./documents.ts";

/** File of each kind's JSON Schema below docs/schemas. */
export const SCHEMA_FILES: Readonly<Record<Kind, string>> = {
  Runbook: "runbook.schema.json",
  Check: "check.schema.json",
  Inventory: "inventory.schema.json",
  VersionPolicy: "version-policy.schema.json",
  Catalogue: "catalogue.schema.json",
  ComponentMatrix: "component-matrix.schema.json",
};

/** The JSON Schema of a kind as text, for editors. What only rules can say (uniqueness, one of several keys) is not in it. */
export function jsonSchemaText(kind: Kind): string {
  const schema = z.toJSONSchema(SCHEMAS[kind], { io: "input" });
  return `${JSON.stringify({ title: `pawl ${kind}`, ...schema }, null, 2)}\n`;
}
