import { Command } from "commander";
import { accessSync, constants } from "node:fs";
import { isAbsolute, relative, resolve } from "node:path";
import type { Complaint } from "../../document/complaint.ts";
import type { AnyDocument, Documents } from "../../document/documents.ts";
import type { LintKnowledge, SafetyFinding } from "../../document/lint.ts";
import { EXIT, type ExitName } from "../../domain/errors.ts";
import { inkOf } from "../../view/paper.ts";
import { count } from "../../view/text.ts";
import type { Io } from "../io.ts";

export interface LintDeps extends Pick<LintKnowledge, "kinds" | "contracts"> {
  /** Folder of the checks that come with the product. */
  readonly checks: string;
}

interface Judged {
  readonly exit: ExitName;
  readonly documents: readonly AnyDocument[];
  readonly complaints: readonly Complaint[];
  readonly findings: readonly SafetyFinding[];
}

/**
 * `pawl lint FILE…`: every complaint with its place, then the safety rules. Exits 0, 3 (a document does not validate) or 1
 * (documents are valid, a safety rule is broken).
 */
export function lintCommand(io: Io, deps: LintDeps): Command {
  return new Command("lint")
    .description("validate runbooks, checks, inventories and version policies, and look for what would be unsafe")
    .argument("<file...>", "files, or folders with .yaml files")
    .option("--json", "one JSON document")
    .action(async (files: readonly string[], options: { readonly json?: true }) => {
      const judged = await judge(
        files.map((file) => resolve(io.cwd, file)),
        deps,
      );
      if (options.json === true) io.out(JSON.stringify(asJson(judged, io.cwd)));
      else await show(io, judged);
      io.exit(judged.exit);
    });
}

async function judge(files: readonly string[], deps: LintDeps): Promise<Judged> {
  const { loadDocuments } = await import("../../document/load.ts");
  const { lintDocuments } = await import("../../document/lint.ts");
  const { sortComplaints } = await import("../../document/complaint.ts");
  const { brokenFilters } = await import("../lint-filters.ts");
  const own = await loadDocuments(files);
  const product = own.documents.some((one) => one.kind === "Runbook")
    ? withoutThose(own, await loadDocuments([deps.checks]))
    : { documents: [], complaints: [] };
  const complaints = [...own.complaints, ...product.complaints];
  const checks = product.documents.filter((one) => one.kind === "Check");
  const findings =
    complaints.length > 0
      ? []
      : sortComplaints([...lintDocuments(own.documents, { ...deps, checks, canRead }), ...(await brokenFilters(own.documents))]);
  return {
    exit: complaints.length > 0 ? "invalid-document" : findings.length > 0 ? "said-no" : "ok",
    documents: own.documents,
    complaints,
    findings,
  };
}

function canRead(file: string): boolean {
  try {
    accessSync(file, constants.R_OK);
    return true;
  } catch {
    return false;
  }
}

/** Documents of the product, without those that are being linted themselves. */
function withoutThose(own: Documents, product: Documents): Documents {
  const inHand = new Set([...own.documents, ...own.complaints].map((one) => one.file));
  return {
    documents: product.documents.filter((one) => !inHand.has(one.file)),
    complaints: product.complaints.filter((one) => !inHand.has(one.file)),
  };
}

async function show(io: Io, { exit, documents, complaints, findings }: Judged): Promise<void> {
  const { formatComplaint } = await import("../../document/complaint.ts");
  const ink = inkOf(io);
  for (const complaint of complaints) io.err(formatComplaint(near(complaint, io.cwd)));
  for (const finding of findings) io.err(`${formatComplaint(near(finding, io.cwd))} ${ink.quiet(`[${finding.rule}]`)}`);
  if (exit === "ok") io.out(`${count(documents.length, "document")}: ${ink.proven("valid, no safety rule broken")}`);
  else if (exit === "said-no")
    io.err(`${count(documents.length, "document")}: valid, ${ink.trouble(count(findings.length, "safety rule") + " broken")}`);
  else io.err(ink.trouble(`${count(complaints.length, "complaint")}; the safety rules are looked at when there are none`));
}

function asJson({ exit, documents, complaints, findings }: Judged, cwd: string) {
  return {
    exit: EXIT[exit],
    name: exit,
    documents: documents.map((one) => ({
      kind: one.kind,
      name: one.document.name,
      platform: one.document.platform,
      file: near(one, cwd).file,
      sha256: one.sha256,
    })),
    complaints: complaints.map((one) => near(one, cwd)),
    findings: findings.map((one) => near(one, cwd)),
  };
}

/** Files below the current folder are shown relative to it. */
function near<T extends { readonly file: string }>(one: T, cwd: string): T {
  const short = relative(cwd, one.file);
  return { ...one, file: short.startsWith("..") || isAbsolute(short) ? one.file : short };
}
