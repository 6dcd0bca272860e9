import { stringify } from "yaml";
import { PawlError } from "../domain/errors.ts";
import type { Inventory } from "../domain/inventory.ts";
import { formatComplaint } from "../document/complaint.ts";
import { readDocuments } from "../document/documents.ts";
import type { Discovery } from "../engine/ports.ts";
import { oneLine } from "../view/text.ts";

/** The inventory as a document, in the order people read it in. What a cluster says of itself stays within its comment. */
function textOf(name: string, { platform, ssh }: Inventory, found: Discovery): string {
  const { user, port, identityFile, knownHosts } = ssh;
  const settings = {
    ...(user === undefined ? {} : { user }),
    ...(port === undefined ? {} : { port }),
    ...(identityFile === undefined ? {} : { "identity-file": identityFile }),
    ...(knownHosts === undefined ? {} : { "known-hosts": knownHosts }),
  };
  const form = {
    ...{ apiVersion: "pawl/v1", kind: "Inventory", metadata: { name }, platform },
    ...(Object.keys(settings).length === 0 ? {} : { ssh: settings }),
    nodes: found.nodes,
  };
  const notes = ["Written by pawl inventory discover. Look it over: addresses, roles, and who is critical.", ...found.notes];
  return `${notes.map((note) => `# ${oneLine(note)}`).join("\n")}\n${stringify(form, { lineWidth: 0 })}`;
}

/**
 * The inventory of what was discovered, as text for a file and as pawl reads it. Throws PawlError `said-no` where what the cluster says
 * (a node without an address, two at one) makes no inventory: nothing is to be written then.
 */
export function discoveredInventory(
  file: string,
  name: string,
  asked: Inventory,
  found: Discovery,
): { readonly text: string; readonly document: Inventory } {
  const text = textOf(name, asked, found);
  const { documents, complaints } = readDocuments([{ file, text }]);
  const [only, second] = documents;
  if (complaints.length === 0 && second === undefined && only?.kind === "Inventory") return { text, document: only.document };
  throw new PawlError("said-no", "no-inventory", "What the cluster says of its nodes makes no inventory, so none was written.", {
    expected: "nodes with a name and an address of their own",
    observed: complaints.map(formatComplaint).join("; ") || "another document",
    next: "Mend or remove these nodes in the cluster, or write the inventory by hand: inventories/ has examples.",
  });
}
