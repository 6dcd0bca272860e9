import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { KINDS } from "./documents.ts";
import { jsonSchemaText, SCHEMA_FILES } from "./json-schemas.ts";

// `npm run schemas`: writes docs/schemas from the forms that validate documents. A test fails where they are not current.
const folder = join(import.meta.dirname, "../../docs/schemas");
mkdirSync(folder, { recursive: true });
for (const kind of KINDS) writeFileSync(join(folder, SCHEMA_FILES[kind]), jsonSchemaText(kind));
