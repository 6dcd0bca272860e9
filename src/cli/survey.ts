import { createHash } from "node:crypto";
import type { Check, Loaded, Runbook } from "../domain/documents.ts";
import { PawlError, type ExitName } from "../domain/errors.ts";
import type { NodeName } from "../domain/inventory.ts";
import type { Finding, Plan } from "../domain/plan.ts";
import { applyWaivers, type WaiverRefusal, type WaiverRequest } from "../domain/waiver.ts";
import type { Before, CheckAnswer, Observation } from "../engine/ports.ts";
import { proveCanFail } from "../check/prove.ts";
import { compile, usedChecks } from "../plan/compile.ts";
import { resolveInputs } from "../plan/inputs.ts";
import { printOf } from "./waivers.ts";
import { byHandFindings, isDue, type HopRange } from "./hop-requirements.ts";
import type { AcceptedHostKey } from "../transport/host-trust.ts";
import type { Cluster } from "./cluster.ts";
import { answersNow } from "./keep-answers.ts";
import { maskedFindings, maskedPlan } from "./masked.ts";
import { askedPeople, isQuestionFinding, type OpenQuestion } from "./questions.ts";

export interface SurveyRequest {
  readonly runbook: Loaded<Runbook>;
  readonly given: Readonly<Record<string, string>>;
  readonly policySha256: string;
  readonly journey: Plan["journey"];
  readonly only: readonly NodeName[];
  /** What was observed for these inputs a moment ago; otherwise the cluster is read now. */
  readonly observation: Observation | null;
  /** The hop this survey is made for; null where the run is no hop. */
  readonly hop: HopRange | null;
  /** What somebody lets stand. */
  readonly waivers: readonly WaiverRequest[];
  /** What `proveChecks` gave, before anything was read. */
  readonly proof: Finding;
  /** What the last run on this cluster had observed, by the cluster's identity; null where there is none. */
  readonly before: (clusterId: string) => Before | null;
  /** Findings the caller adds: the version path. */
  readonly extra: readonly Finding[];
}

/** What a preflight knows: the facts, every finding at once, and the exact plan (null where none can be made). */
export interface Survey {
  readonly observation: Observation;
  readonly findings: readonly Finding[];
  readonly plan: Plan | null;
  readonly answers: readonly CheckAnswer[];
  /** Questions that nobody has answered, or not lately: a person at a terminal is asked before anything begins. */
  readonly open: readonly OpenQuestion[];
  /** Waivers that are not honoured, and why. */
  readonly refusals: readonly WaiverRefusal[];
  /** `ok`, `said-no`, `refused`, or `usage` for a waiver of what does not exist. */
  readonly exit: ExitName;
}

function findingOf(
  cluster: Cluster,
  answer: CheckAnswer,
  describe: { readonly remedy: string; readonly expects: string; readonly title: string },
): Finding {
  const severity = cluster.checkDocuments.get(answer.check)?.document.severity ?? "mandatory";
  const nodes = answer.subjects
    .filter((one) => one.verdict !== "pass" && cluster.inventory.document.nodes.some((node) => node.name === one.subject))
    .map((one) => one.subject);
  const observed =
    answer.verdict === "inconclusive" && answer.why !== null ? `${answer.observed} (${answer.why})` : answer.observed;
  return {
    id: answer.check,
    severity,
    verdict: answer.verdict,
    title: describe.title,
    expected: describe.expects,
    observed,
    nodes,
    remedy: describe.remedy,
    refusal: false,
  };
}

/** Exit of a preflight: a refusal nothing allows, else any mandatory or waivable finding that is not a pass, else ok. */
function judgeFindings(findings: readonly Finding[], refusals: readonly WaiverRefusal[]): ExitName {
  const bad = findings.filter((one) => one.verdict !== "pass" && one.waived === undefined);
  if (bad.some((one) => one.refusal && one.verdict === "fail")) return "refused";
  if (refusals.some((one) => one.kind === "refused")) return "refused";
  if (refusals.some((one) => one.kind === "unknown")) return "usage";
  if (refusals.some((one) => one.kind === "expired")) return "said-no";
  return bad.some((one) => one.severity !== "advisory") ? "said-no" : "ok";
}

/**
 * Design rule 5: a check that passes a reading it is known to be bad guards nothing. Asks nobody anything: it comes before the
 * first request to the cluster. Throws PawlError `said-no` where a check of the runbook, or a gate that the runbook made
 * easier, is wrong about one of its own recordings.
 */
export async function proveChecks(cluster: Cluster, runbook: Runbook): Promise<Finding> {
  const loaded = usedChecks(runbook).flatMap((name) => cluster.checkDocuments.get(name) ?? []);
  const documents = [...loaded.map((one) => one.document), ...easierGates(runbook, loaded)];
  // What the recordings prove; what spoilt answers prove is shown of the documents by the tests, not at every start.
  const proofs = await proveCanFail(documents, cluster.jq, "recordings");
  const blind = proofs.filter((proof) => !proof.canFail);
  if (blind.length > 0) {
    const files = new Set(blind.flatMap((proof) => loaded.find((one) => one.document.name === proof.check)?.file ?? []));
    throw new PawlError(
      "said-no",
      "checks-can-fail",
      `${blind.length === 1 ? "a check is" : `${blind.length} checks are`} wrong about a reading that came with it: it guards nothing. The cluster was not asked anything.`,
      {
        expected: "every check of this runbook refuses its recorded bad readings and passes its good ones",
        observed: blind.map((proof) => proof.complaint ?? proof.check).join("; "),
        evidence: [...files],
        next: "mend these checks, or put back the ones that came with pawl",
      },
    );
  }
  return {
    id: "checks-can-fail",
    severity: "mandatory",
    verdict: "pass",
    title: "Every check of this runbook refuses its recorded bad readings and passes its good ones",
    expected: `${loaded.length} checks tell their recorded bad readings from good ones`,
    observed: `${loaded.length} are right about ${proofs.flatMap((proof) => proof.proofs).length}`,
    nodes: [],
    remedy: "Mend these checks before they guard anything.",
    refusal: false,
  };
}

/** Checks with the gate that the runbook gives them, where it decides and differs in what must be believed. */
function easierGates(runbook: Runbook, loaded: readonly Loaded<Check>[]): readonly Check[] {
  const steps = runbook.phases.flatMap((phase) => [...phase.steps, ...phase.after, ...(phase.afterCanary ?? [])]);
  return steps
    .flatMap((step) => step.gates)
    .filter(({ advisory, policy }) => !advisory && (policy.consecutivePasses !== undefined || policy.spanMs !== undefined))
    .flatMap((gate) => {
      const check = loaded.find((one) => one.document.name === gate.check)?.document;
      return check === undefined ? [] : [{ ...check, gate: { ...check.gate, ...gate.policy } }];
    });
}

/**
 * One fault, one name: where the platform's facts and a check say the same, the one that names nodes is kept, and of two the
 * check, which has the evidence.
 */
function toldOnce(cluster: Cluster, fromFacts: readonly Finding[], measured: readonly Finding[]): readonly Finding[] {
  const also = cluster.platform.alsoMeasured ?? {};
  const bad = (one: Finding): boolean => one.verdict !== "pass";
  const twins = fromFacts.filter(bad).flatMap((fact) => {
    const check = measured.find((one) => one.id === also[fact.id] && bad(one));
    return check === undefined ? [] : [{ fact, check }];
  });
  const left = new Set(twins.map(({ fact, check }) => (check.nodes.length > 0 || fact.nodes.length === 0 ? fact : check)));
  return [...fromFacts, ...measured].filter((one) => !left.has(one));
}

/** Trust that was given on request in this very run belongs before the eyes of whoever approves the plan. */
function acceptedFinding(accepted: readonly AcceptedHostKey[]): Finding {
  return {
    id: "host-keys-accepted",
    severity: "advisory",
    verdict: "pass",
    title: "SSH host keys that were not known have been accepted, as asked (--accept-new-host-keys)",
    expected: "fingerprints that agree with the machines' consoles",
    observed: accepted.map((one) => `${one.target} ${one.address} ${one.type} ${one.fingerprint} → ${one.file}`).join("; "),
    nodes: accepted.map((one) => one.target),
    remedy: "Compare the fingerprints with those on the machines' consoles.",
    refusal: false,
  };
}

function acceptedEvidence(accepted: readonly AcceptedHostKey[]): Observation["evidence"][number] {
  return {
    meta: {
      name: "ssh/accepted-host-keys.json",
      mediaType: "application/json",
      step: null,
      node: null,
      evidenceOf: "host keys accepted on request",
    },
    bytes: `${JSON.stringify(accepted, null, 2)}\n`,
  };
}

/** Reads the cluster, runs every check of the runbook's preflight once, and makes the plan. Changes nothing. */
export async function survey(cluster: Cluster, request: SurveyRequest): Promise<Survey> {
  const inputs = resolveInputs(request.runbook.document, request.given, cluster.lab === null);
  const inventory = cluster.inventory.document;
  const observation = request.observation ?? (await cluster.platform.observe(cluster.reader, inventory, inputs, cluster.clock));
  const checks = cluster.checksFor(observation.facts);
  const context = { inputs: { ...inputs }, node: null, since: null, inHand: [], complete: [], setAside: [] };
  const due = request.runbook.document.preflight.filter((name) =>
    isDue(cluster.checkDocuments.get(name)?.document.when, request.hop),
  );
  const answers = await checks.measure(due.map((check) => ({ check, node: null, context })));
  const answerOf = new Map(answers.map((answer) => [findingOf(cluster, answer, checks.describe(answer.check)), answer]));
  const measured = [...answerOf.keys()];
  const findings: Finding[] = [
    ...request.extra,
    request.proof,
    ...toldOnce(
      cluster,
      cluster.platform.findings(observation.facts, inventory, inputs, request.before(observation.facts.clusterId)),
      measured,
    ),
    ...byHandFindings(request.runbook.document.byHand, request.hop),
  ];
  const { questions } = request.runbook.document;
  const people = askedPeople(questions, {
    inventory,
    inventoryFile: cluster.inventory.file,
    platform: cluster.platform,
    facts: observation.facts,
    answers: questions.length === 0 ? [] : await answersNow(cluster),
    hop: request.hop,
    nowMs: cluster.clock.now(),
  });
  findings.push(...people.findings);
  const accepted = cluster.acceptedKeys?.all() ?? [];
  if (accepted.length > 0) findings.push(acceptedFinding(accepted));
  let plan: Plan | null = null;
  try {
    plan = compile({
      runbook: request.runbook,
      checks: cluster.checkDocuments,
      inventory: cluster.inventory,
      policySha256: request.policySha256,
      facts: observation.facts,
      inputs,
      platform: cluster.platform,
      kinds: cluster.kinds,
      hash: (text) => createHash("sha256").update(text).digest("hex"),
      checksFolder: cluster.checksFolder,
      journey: request.journey,
      only: request.only,
    });
  } catch (error) {
    if (!(error instanceof PawlError) || error.exit !== "refused") throw error;
    findings.push({
      id: error.code,
      severity: "mandatory",
      verdict: "fail",
      title: error.message,
      expected: error.details.expected ?? "",
      observed: error.details.observed ?? "",
      nodes: [],
      remedy: error.details.next ?? "",
      refusal: true,
    });
  }
  const judged = applyWaivers(findings, request.waivers, {
    print: (finding) => printOf(finding, answerOf.get(finding)),
    known: (name) => cluster.checkDocuments.has(name) || isQuestionFinding(questions, name),
    nowMs: cluster.clock.now(),
  });
  const masker = await cluster.maskerFor(observation.facts.clusterId);
  const mask = (text: string): string => masker.text(text);
  const evidence = accepted.length === 0 ? observation.evidence : [...observation.evidence, acceptedEvidence(accepted)];
  return {
    observation: { ...observation, evidence },
    findings: maskedFindings(judged.findings, mask),
    refusals: judged.refusals,
    plan: plan === null ? null : maskedPlan({ ...plan, waivers: judged.waivers, answers: people.answers }, mask),
    answers,
    open: people.open,
    exit: judgeFindings(judged.findings, judged.refusals),
  };
}
