import { formatComplaint } from "../../src/document/complaint.ts";
import { readDocuments, type AnyDocument } from "../../src/document/documents.ts";

/** The smallest valid document of each kind; tests change one thing. */
export const INVENTORY = `apiVersion: pawl/v1
kind: Inventory
metadata: { name: production }
platform: dcos
ssh: { user: core }
nodes:
  - { name: m1, address: 10.0.0.11, role: master }
  - { name: a1, address: 10.0.0.21, role: agent }
`;

export const RUNBOOK = `apiVersion: pawl/v1
kind: Runbook
metadata: { name: roll, version: "1", title: Roll, source: test }
platform: dcos
inputs:
  target: { type: version, title: Target, required: true }
  soak: { type: duration, title: Soak, default: 30m, floor: 5m }
phases:
  - name: masters
    title: Masters
    source: test
    each: { role: master, order: leader-last }
    steps:
      - { name: upgrade, uses: dcos/upgrade-node, title: Upgrade, gates: [leads] }
    after:
      - { name: soak, uses: soak, title: Soak, with: { for: "{{ inputs.soak }}" } }
`;

export const CHECK = `apiVersion: pawl/v1
kind: Check
metadata: { name: leads, title: Leads, why: Because, source: test }
platform: dcos
severity: mandatory
each: { role: master }
read:
  state: { http: "http://{address}:{port.http}/state" }
pass: ".state.leads"
show: ".state.leads"
remedy: Wait.
refuses:
  - { name: does not lead, subjects: { m1: { state: { leads: false } } } }
`;

export const POLICY = `apiVersion: pawl/v1
kind: VersionPolicy
metadata: { name: rule, title: Rule, source: test }
platform: dcos
as-of: 2018-07-24
rule: latest-of-minor
latest: { "1.9": "1.9.9" }
releases:
  - { version: "1.9.9", date: 2018-07-10 }
  - { version: "1.10.8" }
`;

/** Every complaint about a text, as people see them, the file called `f`. */
export function complaints(text: string): readonly string[] {
  return readDocuments([{ file: "f", text }], "/home/op").complaints.map(formatComplaint);
}

/** The documents of a text that must be valid. */
export function valid(text: string, file = "/inventories/f.yaml"): readonly AnyDocument[] {
  const read = readDocuments([{ file, text }], "/home/op");
  if (read.complaints.length > 0) throw new Error(read.complaints.map(formatComplaint).join("\n"));
  return read.documents;
}

/** `text` with one part replaced; the part must be there. */
export function change(text: string, part: string, by: string): string {
  if (!text.includes(part)) throw new Error(`there is no ${part}`);
  return text.replace(part, () => by);
}
