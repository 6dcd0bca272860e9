import type { JsonRecord } from "../domain/json.ts";
import type { Difference } from "./compare.ts";
import { faultsOf, type CopyProof } from "./prove.ts";

/** What is told of a proof: never data, nothing of an ACL that proves who somebody is. */
export interface ProofDocument {
  readonly document: JsonRecord;
  /** Every copy came back. */
  readonly proven: boolean;
  /** The first faults in words, for a message. */
  readonly faults: readonly string[];
}

const DIFFERENCES = 500;
const FAULTS = 10;

function faultText(fault: Difference | string): string {
  if (typeof fault === "string") return fault;
  return `${fault.path}: ${fault.what}: expected ${fault.expected}, found ${fault.observed}`;
}

/** A proof as a document of tables: copies, subtrees, differences (unexplained ones first). */
export function proofDocument(
  proofs: readonly CopyProof[],
  about: { readonly at: string; readonly tool: string; readonly reference: JsonRecord | null },
): ProofDocument {
  const faults = proofs.flatMap((proof) => faultsOf(proof).map((fault) => `${proof.copy}: ${faultText(fault)}`));
  const differences = proofs
    .flatMap((proof) =>
      proof.comparison.differences.map((one) => ({
        copy: proof.copy,
        ...one,
        explained: one.explained ?? "NOTHING EXPLAINS IT",
      })),
    )
    .toSorted(
      (one, other) => Number(one.explained !== "NOTHING EXPLAINS IT") - Number(other.explained !== "NOTHING EXPLAINS IT"),
    );
  const proven = faults.length === 0 && proofs.length > 0;
  const document: JsonRecord = {
    title: "ZooKeeper backup: restored into a scratch server and compared",
    verdict: proven ? "proven" : "not proven",
    at: about.at,
    tool: about.tool,
    reference: about.reference,
    faults: faults.slice(0, DIFFERENCES),
    copies: proofs.map((proof) => ({
      copy: proof.copy,
      verdict: faultsOf(proof).length === 0 ? "proven" : "not proven",
      zxid: proof.zxid ?? "-",
      znodes: proof.znodes,
      expected: proof.comparison.znodes,
      equal: proof.comparison.equal,
      explained: proof.comparison.differences.filter((one) => one.explained !== null).length,
      unexplained: faultsOf(proof).length,
      server: proof.version,
      seconds: Math.round(proof.tookMs / 100) / 10,
    })),
    subtrees: proofs.flatMap((proof) =>
      proof.subtrees.map(({ path, expected, found }) => ({
        copy: proof.copy,
        path,
        expected: expected.znodes,
        ephemerals: expected.ephemerals,
        found: found.znodes,
      })),
    ),
    differences: differences.slice(0, DIFFERENCES),
    differencesLeftOut: Math.max(differences.length - DIFFERENCES, 0),
  };
  return { document, proven, faults: faults.slice(0, FAULTS) };
}
