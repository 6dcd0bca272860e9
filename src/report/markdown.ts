import { formatDuration } from "../domain/duration.ts";
import { EXIT, type Problem } from "../domain/errors.ts";
import type { ArtifactRecord, RunEvent } from "../domain/events.ts";
import type { Plan } from "../domain/plan.ts";
import { fold, type RunState } from "../domain/run-state.ts";
import { accountOf, type Account } from "./account.ts";
import { renderArtifacts, renderGates } from "./markdown-evidence.ts";
import { code, md, moment, number, table } from "./markdown-text.ts";

/**
 * `report.md`: what was done to the cluster, by whom, what was measured, what was decided and what is left to do, for
 * somebody who was not there. Pure: the same journal gives the same bytes, so that it can be made again at any time.
 */
export function renderReport(
  state: RunState,
  events: readonly RunEvent[],
  plan: Plan,
  manifest: { readonly artifacts: readonly ArtifactRecord[] },
): string {
  return renderAccount(accountOf(state, events, plan, manifest));
}

/** `report.json`: the same as data. */
export function renderReportJson(
  state: RunState,
  events: readonly RunEvent[],
  plan: Plan,
  manifest: { readonly artifacts: readonly ArtifactRecord[] },
): string {
  return renderAccountJson(accountOf(state, events, plan, manifest));
}

function renderAccountJson(account: Account): string {
  return `${JSON.stringify(account, null, 1)}\n`;
}

/** Both reports as files of the run folder: what `derive` of the journal writes at every stop. */
export function reportFiles(
  events: readonly RunEvent[],
  plan: Plan,
  manifest: { readonly artifacts: readonly ArtifactRecord[] },
): readonly { readonly name: string; readonly text: string }[] {
  const account = accountOf(fold(events), events, plan, manifest);
  return [
    { name: "report.md", text: renderAccount(account) },
    { name: "report.json", text: renderAccountJson(account) },
  ];
}

/** The Markdown of an account. */
export function renderAccount(account: Account): string {
  const parts = [
    `# ${md(account.runbook.title)}: ${outcomeWord(account)}`,
    summary(account),
    section("What is left to do", leftToDo(account)),
    section("The run", facts(account)),
    section("What happened", path(account)),
    section(
      "Where it halted",
      account.halts
        .map(
          (halt) =>
            `### ${moment(halt.at)}: ${code(halt.name)} (exit code ${halt.exit})${halt.step === null ? "" : ` at ${code(halt.step)}`}\n\n${problem(halt.problem)}`,
        )
        .join("\n\n"),
    ),
    section(
      "Watches that tripped",
      account.watches.map((watch) => `### ${moment(watch.at)}: ${code(watch.check)}\n\n${problem(watch.problem)}`).join("\n\n"),
    ),
    section(
      "Gates that refused",
      account.gates
        .flatMap((gate) =>
          gate.problem === null
            ? []
            : [
                `### ${moment(gate.at)}: ${code(gate.check)} at ${code(gate.step)} (${gate.because ?? ""})\n\n${problem(gate.problem)}`,
              ],
        )
        .join("\n\n"),
    ),
    section("What was measured", renderGates(account)),
    section("Decisions", decisions(account)),
    section("Waiting", waits(account)),
    section("Nodes", nodes(account)),
    section("Incidents", account.incidents.map((incident) => `- ${moment(incident.at)}: ${md(incident.text)}`).join("\n")),
    section("Findings of the preflight", findings(account)),
    section(
      "Left out",
      [
        ...account.found.map((one) => `- ${code(one.node)} was at ${code(one.version)} already`),
        ...account.omitted.map((one) => `- phase ${code(one.phase)}: ${md(one.reason)}`),
      ].join("\n"),
    ),
    section("Evidence", renderArtifacts(account)),
    section("How to check this record", check(account)),
  ];
  return `${parts.filter((part) => part !== "").join("\n\n")}\n`;
}

function section(title: string, body: string): string {
  return body === "" ? "" : `## ${title}\n\n${body}`;
}

function outcomeWord(account: Account): string {
  const { exit, name, phase } = account.outcome;
  if (exit === null) return phase === "created" ? "approved, not begun" : "not finished";
  if (exit === EXIT.ok) return "done";
  if (exit === EXIT["set-aside"]) return "done, with nodes set aside";
  return phase === "halted" ? `halted (${name ?? ""})` : `ended (${name ?? ""})`;
}

function summary(account: Account): string {
  const passed = account.gates.filter((gate) => gate.passed).length;
  const refused = account.gates.length - passed;
  const touched = new Set(account.nodes.filter((node) => node.startedAt !== null).map((node) => node.node)).size;
  const versions = [...new Set(account.nodes.flatMap((node) => node.before ?? []))].sort();
  const target = account.inputs["target"];
  const move =
    target === undefined ? "" : ` to ${code(target)}${versions.length === 0 ? "" : ` from ${versions.map(code).join(", ")}`}`;
  const sentences = [
    `${md(account.startedBy)} ran ${md(account.kind === "" ? "it" : `the ${account.kind}`)} of cluster ${code(account.cluster.name)}${move} on ${moment(account.startedAt).slice(0, 10)}. It took ${formatDuration(account.tookMs)}.`,
    `${number(touched, "node")} ${touched === 1 ? "was" : "were"} worked on, ${number(passed, "gate")} held and ${refused === 0 ? "none refused" : `${refused} refused`}.`,
    ...(account.setAside.length === 0
      ? []
      : [`Set aside, still to be done: ${account.setAside.map((one) => code(one.node ?? one.step)).join(", ")}.`]),
    ...(account.outcome.exit === null ? ["**The journal has no end**: the run is at work, or it was interrupted."] : []),
  ];
  return sentences.join(" ");
}

function leftToDo(account: Account): string {
  const lines: string[] = [];
  const halt = account.outcome.phase === "halted" ? account.halts.at(-1) : undefined;
  if (halt !== undefined)
    lines.push(`- ${md(halt.problem.text)}${halt.problem.next === undefined ? "" : `: ${code(halt.problem.next)}`}`);
  for (const one of account.setAside) {
    const why = one.problem?.text ?? one.note;
    const next = one.problem?.next;
    lines.push(
      `- ${code(one.node ?? one.step)} was set aside at ${moment(one.at)} by ${md(one.by)}${why === null ? "" : `: ${md(why)}`}${next === undefined ? "" : `; next: ${code(next)}`}`,
    );
  }
  for (const phase of account.phases) {
    const open = Object.entries(phase.steps).filter(([status]) => status === "error" || status === "unknown");
    for (const [status, count] of open)
      lines.push(`- ${number(count, "step")} of ${code(phase.name)} ${count === 1 ? "is" : "are"} ${code(status)}`);
  }
  return lines.join("\n");
}

function facts(account: Account): string {
  const rows: (readonly [string, string])[] = [
    ["cluster", `${code(account.cluster.name)} (${code(account.cluster.id)})`],
    ["run", code(account.run)],
    ...(account.journey === null
      ? []
      : [
          [
            "hop",
            `${account.journey.hop} of ${account.journey.hops} on the way to ${code(account.journey.goal)}, policy ${code(account.journey.policy)}`,
          ] as const,
        ]),
    [
      "outcome",
      account.outcome.exit === null
        ? md(outcomeWord(account))
        : `${code(account.outcome.name ?? "")}, exit code ${account.outcome.exit}`,
    ],
    ["started by", md(account.startedBy)],
    ...(account.ticket === null ? [] : [["ticket", md(account.ticket)] as const]),
    ["from", `${moment(account.startedAt)} UTC`],
    ["to", `${moment(account.lastAt)} UTC`],
    ["runbook", `${code(account.runbook.name)}, version ${md(account.runbook.version)}, for ${md(account.platform)}`],
    ...Object.entries(account.inputs).map(([name, value]) => [`input ${md(name)}`, code(value)] as const),
    ["pawl", md(account.pawl)],
    ["plan", account.planSha256 === "" ? "" : `SHA-256 ${code(account.planSha256)}`],
    ...account.sessions.map(
      (session, index) =>
        [
          `engine ${index + 1}`,
          `${session.resumed ? "resumed" : "started"} ${moment(session.at)} on ${md(session.host)} (process ${session.pid})`,
        ] as const,
    ),
    ["actors", account.actors.map(md).join(", ")],
  ];
  return table(
    ["", ""],
    rows.filter(([, value]) => value !== ""),
  );
}

function path(account: Account): string {
  return table(
    ["phase", "nodes", "status", "began (UTC)", "took", "steps"],
    account.phases.map((phase) => [
      `${md(phase.title)} (${code(phase.name)})`,
      phase.nodes === 0 ? "" : String(phase.nodes),
      phase.startedAt === null && phase.status === "pending" ? "not begun" : phase.status,
      phase.startedAt === null ? "" : moment(phase.startedAt),
      phase.tookMs === null ? "" : formatDuration(phase.tookMs),
      Object.entries(phase.steps)
        .map(([status, count]) => `${count} ${status}`)
        .join(", "),
    ]),
  );
}

/** Expected, observed, where, evidence and the next command: what every message of pawl says. */
function problem(one: Problem): string {
  const lines = [md(one.text), ""];
  const say = (label: string, value: string | undefined, as: (text: string) => string): void => {
    if (value !== undefined && value !== "") lines.push(`- ${label}: ${as(value)}`);
  };
  say("expected", one.expected, md);
  say("observed", one.observed, md);
  say("node", one.node, code);
  say("evidence", one.evidence?.map(code).join(", "), (text) => text);
  say("next", one.next, code);
  say("code", one.code, code);
  return lines.join("\n");
}

function decisions(account: Account): string {
  return table(
    ["time (UTC)", "who", "decided", "about", "reason"],
    account.decisions.map((one) => [
      moment(one.at),
      md(one.by),
      code(one.choice),
      one.question === null ? code(one.target ?? "") : md(one.question),
      one.reason === null ? "" : md(one.reason),
    ]),
  );
}

function waits(account: Account): string {
  return table(
    ["from (UTC)", "what", "took", "planned"],
    account.waits.map((wait) => [
      moment(wait.from),
      `${wait.kind === "question" ? "question: " : ""}${md(wait.what)}`,
      formatDuration(wait.tookMs),
      wait.plannedMs === null ? "" : formatDuration(wait.plannedMs),
    ]),
  );
}

function nodes(account: Account): string {
  return table(
    ["node", "phase", "before", "status", "began (UTC)", "took", "attempts"],
    account.nodes.map((node) => [
      code(node.node),
      code(node.phase),
      node.before === null ? "" : md(node.before),
      node.startedAt === null && node.status === "pending" ? "not begun" : node.status,
      node.startedAt === null ? "" : moment(node.startedAt),
      node.tookMs === null ? "" : formatDuration(node.tookMs),
      node.attempts > 1 ? String(node.attempts) : "",
    ]),
  );
}

function findings(account: Account): string {
  const troubled = account.findings.filter((finding) => finding.verdict !== "pass");
  const passed = account.findings.length - troubled.length;
  if (account.findings.length === 0) return "";
  const rows = table(
    ["finding", "verdict", "severity", "observed"],
    troubled.map((one) => [code(one.id), md(one.verdict), md(one.severity), md(one.observed)]),
  );
  return [`${number(passed, "finding")} passed, ${troubled.length} did not.`, rows].filter((part) => part !== "").join("\n\n");
}

function check(account: Account): string {
  return [
    `This report was made from ${number(account.events, "event")} of ${code("journal.jsonl")}; the journal is what counts.`,
    "",
    `- ${code("pawl verify FOLDER")} checks the chain of the journal, every artifact and the plan, without network and without the cluster.`,
    `- ${code("sha256sum -c SHA256SUMS")} in the run folder does so for every file, without pawl.`,
  ].join("\n");
}
