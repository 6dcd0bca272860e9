import type { Check, Loaded } from "../domain/documents.ts";
import type { OrderGroup } from "../domain/order.ts";
import type { EffectClass } from "../domain/plan.ts";
import { quoted, sortComplaints, type Complaint, type Path } from "./complaint.ts";
import type { AnyDocument } from "./documents.ts";
import { lintRunbook } from "./lint-runbook.ts";
import { suggest } from "./suggest.ts";

/** Names of the safety rules; stable, because people search for them. */
export type LintRule =
  | "unknown-check"
  | "unknown-kind"
  | "unknown-platform"
  | "unknown-role"
  | "unknown-phase"
  | "unknown-input"
  | "not-serial"
  | "leader-not-last"
  | "wrong-order"
  | "ungated-restart"
  | "vacuous-check"
  | "optional-effect"
  | "short-soak"
  | "canary-without-waves"
  | "nothing-to-spread"
  | "unproven-check"
  | "missing-key-file"
  | "broken-filter";

/** A valid document that would not be safe to run. */
export interface SafetyFinding extends Complaint {
  readonly rule: LintRule;
}

/** What the product knows besides the documents in hand. */
export interface LintKnowledge {
  /** Step kinds; with their effect where it is known, so that rules about effects can apply. */
  readonly kinds: readonly (string | { readonly name: string; readonly effect: EffectClass })[];
  /** Order contract by platform (design rule 2). */
  readonly contracts: Readonly<Record<string, readonly OrderGroup[]>>;
  /** Whether a file can be read on this machine; without it nothing is said about files. */
  readonly canRead?: (path: string) => boolean;
  /** Checks that come with the product; those among the documents count too. */
  readonly checks: readonly Loaded<Check>[];
}

/** Every safety rule the documents break, by place. Pure. */
export function lintDocuments(documents: readonly AnyDocument[], knowledge: LintKnowledge): readonly SafetyFinding[] {
  return sortComplaints(documents.flatMap((one) => [...lintPlatform(one, knowledge), ...lintOne(one, documents, knowledge)]));
}

function lintOne(loaded: AnyDocument, documents: readonly AnyDocument[], knowledge: LintKnowledge): readonly SafetyFinding[] {
  const contract = contractOf(loaded.document.platform, knowledge);
  switch (loaded.kind) {
    case "Runbook": {
      const { platform } = loaded.document;
      const inHand = documents.filter((one) => one.kind === "Check").map((one) => one.document);
      const checks = [...knowledge.checks.map((one) => one.document), ...inHand]
        .filter((one) => one.platform === platform)
        .map((one) => one.name);
      const kinds = new Map(knowledge.kinds.map((kind) => (typeof kind === "string" ? [kind, null] : [kind.name, kind.effect])));
      return lintRunbook(loaded, { kinds, contract, checks: [...new Set(checks)] });
    }
    case "Check":
      return [...lintRoles(loaded, scopeRoles(loaded.document), contract), ...lintProof(loaded)];
    case "Inventory":
      return [
        ...lintRoles(
          loaded,
          loaded.document.nodes.map((node, index) => ({ role: node.role, path: ["nodes", index, "role"] })),
          contract,
        ),
        ...lintKeyFiles(loaded, knowledge.canRead ?? (() => true)),
      ];
    case "VersionPolicy":
    case "Catalogue":
    case "ComponentMatrix":
      return [];
  }
}

function contractOf(platform: string, knowledge: LintKnowledge): readonly OrderGroup[] {
  return Object.hasOwn(knowledge.contracts, platform) ? (knowledge.contracts[platform] ?? []) : [];
}

function lintPlatform(loaded: AnyDocument, knowledge: LintKnowledge): readonly SafetyFinding[] {
  const { platform } = loaded.document;
  const known = Object.keys(knowledge.contracts);
  if (Object.hasOwn(knowledge.contracts, platform)) return [];
  return [
    found(loaded, "unknown-platform", ["platform"], `there is no platform named ${quoted(platform)}`, suggest(platform, known)),
  ];
}

/** Design rule 5: a check proves that it can fail before it guards anything. */
function lintProof(loaded: Extract<AnyDocument, { kind: "Check" }>): readonly SafetyFinding[] {
  if (loaded.document.refuses.length > 0) return [];
  return [
    found(
      loaded,
      "unproven-check",
      [],
      `check ${quoted(loaded.document.name)} has no bad reading that it refuses: nothing shows that it can fail`,
      "add `refuses` with a recorded bad reading",
    ),
  ];
}

/** A key or known_hosts file that is named and cannot be read ends every command before it begins, or leaves every host unknown. */
function lintKeyFiles(
  loaded: Extract<AnyDocument, { kind: "Inventory" }>,
  canRead: (path: string) => boolean,
): readonly SafetyFinding[] {
  const { ssh, nodes, bootstrap } = loaded.document;
  const places = [
    { ssh, path: ["ssh"] },
    ...(bootstrap === undefined ? [] : [{ ssh: bootstrap.ssh, path: ["bootstrap", "ssh"] }]),
    ...nodes.map((node, index) => ({ ssh: node.ssh, path: ["nodes", index, "ssh"] })),
  ];
  return places.flatMap((place) =>
    (
      [
        ["identity-file", place.ssh.identityFile, "name a private key that this user can read"],
        ["known-hosts", place.ssh.knownHosts, "make it with ssh-keyscan, or run once with --accept-new-host-keys"],
      ] as const
    ).flatMap(([key, file, hint]) =>
      file === undefined || canRead(file)
        ? []
        : [found(loaded, "missing-key-file", [...place.path, key], `${quoted(file)} cannot be read`, hint)],
    ),
  );
}

function scopeRoles(check: Check): readonly { readonly role: string; readonly path: Path }[] {
  return check.scope.kind === "step-node" ? [] : check.scope.roles.map((role) => ({ role, path: ["each"] }));
}

function lintRoles(
  loaded: AnyDocument,
  used: readonly { readonly role: string; readonly path: Path }[],
  contract: readonly OrderGroup[],
): readonly SafetyFinding[] {
  const roles = contract.map((group) => group.role);
  if (roles.length === 0) return [];
  return used
    .filter(({ role }) => !roles.includes(role))
    .map(({ role, path }) =>
      found(
        loaded,
        "unknown-role",
        path,
        `platform ${loaded.document.platform} has no role ${quoted(role)}`,
        suggest(role, roles),
      ),
    );
}

function found(loaded: AnyDocument, rule: LintRule, path: Path, message: string, hint: string | undefined): SafetyFinding {
  return { file: loaded.file, ...loaded.where(path), rule, message, ...(hint === undefined ? {} : { hint }) };
}
