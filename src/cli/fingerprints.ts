import { createHash } from "node:crypto";
import type { Check, Loaded, Runbook } from "../domain/documents.ts";
import { checksFingerprint } from "../plan/compile.ts";

/** The fingerprint a plan pins: of every check the runbook names. */
export function usedChecksFingerprint(runbook: Runbook, checks: ReadonlyMap<string, Loaded<Check>>): string {
  return checksFingerprint(runbook, checks, (text) => createHash("sha256").update(text).digest("hex"));
}
