import { createHash } from "node:crypto";
import { homedir } from "node:os";
import { dirname, resolve } from "node:path";
import type { z } from "zod";
import type { Check, ComponentMatrix, Loaded, Runbook, VersionPolicy } from "../domain/documents.ts";
import type { Catalogue } from "../domain/catalogue.ts";
import type { Inventory } from "../domain/inventory.ts";
import { canonical, type Json } from "../domain/json.ts";
import { catalogueRules, catalogueSchema, toCatalogue, type CatalogueForm } from "./catalogue.ts";
import { checkSchema, toCheck, type CheckForm } from "./check.ts";
import { quoted, sortComplaints, type Complaint, type Path } from "./complaint.ts";
import { inventorySchema, toInventory, type Folders, type InventoryForm } from "./inventory.ts";
import { componentMatrixSchema, toComponentMatrix, type ComponentMatrixForm } from "./component-matrix.ts";
import { complaintAt, complaintsOf } from "./issues.ts";
import { checkRules } from "./check-rules.ts";
import { inventoryRules } from "./inventory-rules.ts";
import { runbookRules } from "./runbook-rules.ts";
import { versionPolicyRules } from "./version-policy-rules.ts";
import { runbookSchema, toRunbook, type RunbookForm } from "./runbook.ts";
import { parseSource, type Source } from "./source.ts";
import { suggest } from "./suggest.ts";
import type { Parsed } from "./tree.ts";
import { toVersionPolicy, versionPolicySchema, type VersionPolicyForm } from "./version-policy.ts";

export const KINDS = ["Runbook", "Check", "Inventory", "VersionPolicy", "Catalogue", "ComponentMatrix"] as const;
export type Kind = (typeof KINDS)[number];

interface Pointing {
  /** Place of a value in the file, by its path in the YAML. */
  readonly where: (path: Path) => { readonly line: number; readonly column: number };
}

/** A valid document of any kind, and where its parts stand in the file. */
export type AnyDocument =
  | (Loaded<Runbook> & Pointing & { readonly kind: "Runbook" })
  | (Loaded<Check> & Pointing & { readonly kind: "Check" })
  | (Loaded<Inventory> & Pointing & { readonly kind: "Inventory" })
  | (Loaded<VersionPolicy> & Pointing & { readonly kind: "VersionPolicy" })
  | (Loaded<Catalogue> & Pointing & { readonly kind: "Catalogue" })
  | (Loaded<ComponentMatrix> & Pointing & { readonly kind: "ComponentMatrix" });

export interface Documents {
  readonly documents: readonly AnyDocument[];
  /** Everything wrong in all files, by place. */
  readonly complaints: readonly Complaint[];
}

/** The schema of each kind: for validation here, and for the JSON Schemas that editors use. */
export const SCHEMAS: Readonly<Record<Kind, z.ZodType>> = {
  Runbook: runbookSchema,
  Check: checkSchema,
  Inventory: inventorySchema,
  VersionPolicy: versionPolicySchema,
  Catalogue: catalogueSchema,
  ComponentMatrix: componentMatrixSchema,
};

const RULES: Readonly<Record<Kind, (parsed: Parsed) => readonly Complaint[]>> = {
  Runbook: runbookRules,
  Check: checkRules,
  Inventory: inventoryRules,
  VersionPolicy: versionPolicyRules,
  Catalogue: catalogueRules,
  ComponentMatrix: () => [],
};

/**
 * Validates texts. Every file may hold several documents of any kind. All complaints are collected; a document with one is
 * not in the result. `home` is where `~/` in an inventory leads. Never throws.
 */
export function readDocuments(sources: readonly Source[], home: string = homedir()): Documents {
  const documents: AnyDocument[] = [];
  const complaints: Complaint[] = [];
  for (const source of sources) {
    const { documents: parsed, complaints: faults } = parseSource(source);
    complaints.push(...faults);
    for (const one of parsed) {
      const read = readOne(one, home);
      complaints.push(...read.complaints);
      if (read.document !== null) documents.push(read.document);
    }
  }
  return { documents, complaints: sortComplaints([...complaints, ...namesTaken(documents)]) };
}

function readOne(
  parsed: Parsed,
  home: string,
): { readonly document: AnyDocument | null; readonly complaints: readonly Complaint[] } {
  if (parsed.cut) return { document: null, complaints: parsed.faults };
  const kind = kindOf(parsed);
  if (typeof kind !== "string") return { document: null, complaints: beside(parsed.faults, [kind]) };
  const result = SCHEMAS[kind].safeParse(parsed.value);
  const issues = result.success ? [] : complaintsOf(parsed, SCHEMAS[kind], result.error.issues);
  const complaints = beside(parsed.faults, [...issues, ...RULES[kind](parsed)]);
  if (complaints.length > 0) return { document: null, complaints };
  const base = {
    file: parsed.file,
    sha256: createHash("sha256")
      .update(canonical(pinned(kind, parsed.value)))
      .digest("hex"),
    where: parsed.where,
  };
  const folders = { folder: dirname(resolve(parsed.file)), home };
  return { document: { ...base, ...convert(kind, parsed.value, folders) } as AnyDocument, complaints: [] };
}

/**
 * What the fingerprint of a document covers. Answers of people come and go while a run is halted; what it stands on is in its plan
 * and its record, so they do not make its inventory another one.
 */
function pinned(kind: Kind, value: Json): Json {
  if (kind !== "Inventory" || value === null || typeof value !== "object" || Array.isArray(value)) return value;
  const { answers, ...rest } = value as Readonly<Record<string, Json>>;
  return rest;
}

/** What is no plain data is not complained about a second time because it has the wrong form. */
function beside(faults: readonly Complaint[], others: readonly Complaint[]): readonly Complaint[] {
  const taken = new Set(faults.map((one) => `${one.line}:${one.column}`));
  return [...faults, ...others.filter((one) => !taken.has(`${one.line}:${one.column}`))];
}

/** Only after the schema of `kind` has accepted the value. */
function convert(kind: Kind, value: Json, folders: Folders): Pick<AnyDocument, "kind" | "document"> {
  switch (kind) {
    case "Runbook":
      return { kind, document: toRunbook(value as RunbookForm) };
    case "Check":
      return { kind, document: toCheck(value as CheckForm) };
    case "Inventory":
      return { kind, document: toInventory(value as InventoryForm, folders) };
    case "VersionPolicy":
      return { kind, document: toVersionPolicy(value as VersionPolicyForm) };
    case "Catalogue":
      return { kind, document: toCatalogue(value as CatalogueForm) };
    case "ComponentMatrix":
      return { kind, document: toComponentMatrix(value as ComponentMatrixForm) };
  }
}

function kindOf(parsed: Parsed): Kind | Complaint {
  const { value } = parsed;
  if (value === null || typeof value !== "object" || Array.isArray(value))
    return complaintAt(parsed, [], "a document of pawl is a mapping", "it begins with `apiVersion: pawl/v1` and `kind: …`");
  const written = (value as Readonly<Record<string, Json>>)["kind"];
  if (written === undefined) return complaintAt(parsed, [], "kind is missing", `it must be one of ${KINDS.join(", ")}`);
  const kind = KINDS.find((one) => one === written);
  if (kind !== undefined) return kind;
  const shown = typeof written === "string" ? quoted(written) : "this";
  const hint = typeof written === "string" ? suggest(written, KINDS) : undefined;
  return complaintAt(parsed, ["kind"], `${shown} is no kind of document: it must be one of ${KINDS.join(", ")}`, hint);
}

/** Two documents of one kind (checks: of one platform) with one name would leave open which is meant. */
function namesTaken(documents: readonly AnyDocument[]): readonly Complaint[] {
  const first = new Map<string, AnyDocument>();
  const complaints: Complaint[] = [];
  for (const one of documents) {
    const key = JSON.stringify([one.kind, one.document.platform, one.document.name]);
    const earlier = first.get(key);
    if (earlier === undefined) first.set(key, one);
    else if (one.kind !== "Inventory") {
      complaints.push({
        file: one.file,
        ...one.where(["metadata", "name"]),
        message: `there is another ${one.kind} ${quoted(one.document.name)} for ${one.document.platform}`,
        hint: `in ${earlier.file} on line ${earlier.where(["metadata", "name"]).line}`,
      });
    }
  }
  return complaints;
}
