import { formatDuration } from "../domain/duration.ts";
import { EXIT, type Problem } from "../domain/errors.ts";
import { acceptanceWords } from "../domain/acceptance.ts";
import type { Account } from "./account.ts";
import { evidenceBlocks, gateBlocks } from "./account-evidence.ts";
import { moment, number } from "./page-text.ts";
import { timelineSvg } from "./timeline.ts";
import { code, joined, say, section, type Block, type Page, type Section, type Tone, type Words } from "./page.ts";

/**
 * What was done to the cluster, by whom, what was measured, what was decided and what is left to do, for somebody who was not
 * there. Pure: the same account gives the same page. `shown`: sections made from captured documents, in their place.
 */
export function pageOf(account: Account, shown: readonly Section[] = []): Page {
  return {
    title: account.runbook.title,
    outcome: outcomeWord(account),
    tone: toneOf(account),
    lead: summary(account),
    sections: [
      ...section("What is left to do", [{ kind: "list", items: leftToDo(account) }]),
      ...section("The run", [{ kind: "table", head: ["", ""], rows: facts(account) }]),
      ...section("What happened", [path(account), ...timeline(account)]),
      ...section("Where it halted", account.halts.flatMap(halt)),
      ...section("Watches that tripped", account.watches.flatMap(trip)),
      ...section("Gates that refused", account.gates.filter((gate) => !gate.advisory).flatMap(refusal)),
      ...section("Advisory gates that did not hold", account.gates.filter((gate) => gate.advisory).flatMap(refusal)),
      ...shown,
      ...section("What was measured", gateBlocks(account), "appendix"),
      ...section("Decisions", [decisions(account)]),
      ...section("Waiting", [waits(account)]),
      ...section("Nodes", [nodes(account)]),
      ...section("Incidents", [{ kind: "list", items: account.incidents.map((one) => [`${moment(one.at)}: `, one.text]) }]),
      ...section("What people answered", [answers(account)]),
      ...section("Findings of the preflight", findings(account)),
      ...section("Left out", [
        {
          kind: "list",
          items: [
            ...account.found.map((one) => say`${code(one.node)} was at ${code(one.version)} already`),
            ...account.omitted.map((one) => say`phase ${code(one.phase)}: ${one.reason}`),
          ],
        },
      ]),
      ...section("Evidence", evidenceBlocks(account), "appendix"),
      ...section("How to check this record", check(account)),
    ],
  };
}

function outcomeWord(account: Account): string {
  const { exit, name, phase } = account.outcome;
  if (exit === null) return phase === "created" ? "approved, not begun" : "not finished";
  if (exit === EXIT.ok || exit === EXIT["set-aside"]) return [...ended(account), ...accepted(account)].join(", ");
  return phase === "halted" ? `halted (${name ?? ""})` : `ended (${name ?? ""})`;
}

function ended(account: Account): readonly string[] {
  const { state } = account.acceptance;
  const done = state === "none" ? "done" : "complete";
  return account.outcome.exit === EXIT.ok ? [done] : [done, "with nodes set aside"];
}

function accepted({ acceptance }: Account): readonly string[] {
  const words = acceptanceWords(acceptance.given, acceptance.state === "open");
  return words === "" ? [] : [words];
}

function toneOf(account: Account): Tone {
  const { exit } = account.outcome;
  if (exit === EXIT.ok) return account.acceptance.state === "open" ? "waiting" : "good";
  return exit === null || exit === EXIT["set-aside"] || exit === EXIT.waiting ? "waiting" : "bad";
}

function summary(account: Account): Words {
  const passed = account.gates.filter((gate) => gate.passed).length;
  const refused = account.gates.filter((gate) => !gate.passed && !gate.advisory).length;
  const advised = account.gates.length - passed - refused;
  const touched = new Set(account.nodes.filter((node) => node.startedAt !== null).map((node) => node.node)).size;
  const versions = [...new Set(account.nodes.flatMap((node) => node.before ?? []))].sort();
  const target = account.inputs["target"];
  const from =
    versions.length === 0
      ? []
      : say` from ${joined(
          versions.map((one) => [code(one)]),
          ", ",
        )}`;
  const sentences: Words[] = [
    say`${account.startedBy} ran ${account.kind === "" ? "it" : `the ${account.kind}`} of cluster ${code(account.cluster.name)}${target === undefined ? [] : say` to ${code(target)}${from}`} on ${moment(account.startedAt).slice(0, 10)}. It took ${formatDuration(account.tookMs)}.`,
    say`${number(touched, "node")} ${touched === 1 ? "was" : "were"} worked on, ${number(passed, "gate")} held and ${refused === 0 ? "none refused" : `${refused} refused`}${advised === 0 ? "" : `; ${number(advised, "advisory one")} did not hold`}.`,
  ];
  if (account.setAside.length > 0)
    sentences.push(
      say`Set aside, still to be done: ${joined(
        account.setAside.map((one) => [code(one.node ?? one.step)]),
        ", ",
      )}.`,
    );
  const { given } = account.acceptance;
  if (given !== null) sentences.push(say`${given.by} accepted it on ${moment(given.at)} UTC: ${given.reason}`);
  if (account.outcome.exit === null)
    sentences.push([{ strong: "The journal has no end" }, ": the run is at work, or it was interrupted."]);
  return joined(sentences, " ");
}

function leftToDo(account: Account): readonly Words[] {
  const lines: Words[] = [];
  const last = account.outcome.phase === "halted" ? account.halts.at(-1) : undefined;
  if (last !== undefined)
    lines.push(
      last.problem.next === undefined
        ? [last.problem.text]
        : say`${last.problem.text.replace(/\.$/, "")}: ${code(last.problem.next)}`,
    );
  for (const one of account.setAside) {
    const why = one.problem?.text ?? one.note;
    const next = one.problem?.next;
    lines.push(
      say`${code(one.node ?? one.step)} was set aside at ${moment(one.at)} by ${one.by}${why === null ? [] : say`: ${why}`}${next === undefined ? [] : say`; next: ${code(next)}`}`,
    );
  }
  for (const phase of account.phases) {
    const open = Object.entries(phase.steps).filter(([status]) => status === "error" || status === "unknown");
    for (const [status, count] of open)
      lines.push(say`${number(count, "step")} of ${code(phase.name)} ${count === 1 ? "is" : "are"} ${code(status)}`);
  }
  if (account.acceptance.state === "open")
    lines.push(say`nobody has accepted this run yet: ${code(`pawl accept ${account.run} --reason TEXT`)}`);
  return lines;
}

function facts(account: Account): readonly (readonly Words[])[] {
  const { journey, ticket } = account;
  const rows: (readonly [string, Words])[] = [
    ["cluster", say`${code(account.cluster.name)} (${code(account.cluster.id)})`],
    ["run", [code(account.run)]],
    [
      "hop",
      journey === null
        ? []
        : say`${journey.hop} of ${journey.hops} on the way to ${code(journey.goal)}, policy ${code(journey.policy)}`,
    ],
    [
      "outcome",
      account.outcome.exit === null
        ? [outcomeWord(account)]
        : say`${code(account.outcome.name ?? "")}, exit code ${account.outcome.exit}`,
    ],
    [
      "acceptance",
      account.acceptance.given !== null
        ? say`${account.acceptance.given.by}, ${moment(account.acceptance.given.at)} UTC: ${account.acceptance.given.reason}`
        : account.acceptance.state === "open"
          ? ["not accepted"]
          : [],
    ],
    ["started by", [account.startedBy]],
    ["ticket", ticket === null ? [] : [ticket]],
    ["from", [`${moment(account.startedAt)} UTC`]],
    ["to", [`${moment(account.lastAt)} UTC`]],
    ["runbook", say`${code(account.runbook.name)}, version ${account.runbook.version}, for ${account.platform}`],
    // What nobody has set, and has no value by itself, says nothing.
    ...Object.entries(account.inputs).flatMap(([name, value]) =>
      value === "" ? [] : [[`input ${name}`, [code(value)]] as const],
    ),
    ["pawl", account.pawl === "" ? [] : [account.pawl]],
    ["plan", account.planSha256 === "" ? [] : say`SHA-256 ${code(account.planSha256)}`],
    ...account.sessions.map(
      (session, index) =>
        [
          `engine ${index + 1}`,
          [`${session.resumed ? "resumed" : "started"} ${moment(session.at)} on ${session.host} (process ${session.pid})`],
        ] as const,
    ),
    ["actors", [account.actors.join(", ")]],
  ];
  return rows.filter(([, words]) => words.length > 0 && words[0] !== "").map(([label, words]) => [[label], words]);
}

function path(account: Account): Block {
  return {
    kind: "table",
    head: ["phase", "nodes", "status", "began (UTC)", "took", "steps"],
    rows: account.phases.map((phase) => [
      say`${phase.title} (${code(phase.name)})`,
      [phase.nodes === 0 ? "" : String(phase.nodes)],
      [phase.startedAt === null && phase.status === "pending" ? "not begun" : phase.status],
      [phase.startedAt === null ? "" : moment(phase.startedAt)],
      [phase.tookMs === null ? "" : formatDuration(phase.tookMs)],
      [
        Object.entries(phase.steps)
          .map(([status, count]) => `${count} ${status}`)
          .join(", "),
      ],
    ]),
  };
}

function timeline(account: Account): readonly Block[] {
  const svg = timelineSvg(account);
  return svg === null
    ? []
    : [
        {
          kind: "figure",
          figure: {
            title: "What was worked on when (UTC): bars are nodes, hatched is soak time, dashed red lines are halts",
            svg,
          },
          file: null,
        },
      ];
}

function halt(one: Account["halts"][number]): readonly Block[] {
  const where = one.step === null ? [] : say` at ${code(one.step)}`;
  return [
    { kind: "heading", words: say`${moment(one.at)}: ${code(one.name)} (exit code ${one.exit})${where}` },
    ...problem(one.problem),
  ];
}

function trip(one: Account["watches"][number]): readonly Block[] {
  return [{ kind: "heading", words: say`${moment(one.at)}: ${code(one.check)}` }, ...problem(one.problem)];
}

function refusal(gate: Account["gates"][number]): readonly Block[] {
  if (gate.problem === null) return [];
  return [
    { kind: "heading", words: say`${moment(gate.at)}: ${code(gate.check)} at ${code(gate.step)} (${gate.because ?? ""})` },
    ...problem(gate.problem),
  ];
}

/** Expected, observed, where, evidence and the next command: what every message of pawl says. */
function problem(one: Problem): readonly Block[] {
  const pairs: (readonly [string, Words])[] = [
    ["expected", [one.expected ?? ""]],
    ["observed", [one.observed ?? ""]],
    ["node", [code(one.node ?? "")]],
    [
      "evidence",
      joined(
        (one.evidence ?? []).map((text) => [code(text)]),
        ", ",
      ),
    ],
    ["next", [code(one.next ?? "")]],
    ["code", [code(one.code)]],
  ];
  const empty = (words: Words): boolean =>
    words.every((part) => (typeof part === "string" ? part : "code" in part ? part.code : part.strong) === "");
  return [
    { kind: "text", words: [one.text] },
    { kind: "pairs", pairs: pairs.filter(([, words]) => !empty(words)) },
  ];
}

function decisions(account: Account): Block {
  return {
    kind: "table",
    head: ["time (UTC)", "who", "decided", "about", "reason"],
    rows: account.decisions.map((one) => [
      [moment(one.at)],
      [one.by],
      [code(one.choice)],
      [one.question ?? code(one.target ?? "")],
      [one.reason ?? ""],
    ]),
  };
}

function waits(account: Account): Block {
  return {
    kind: "table",
    head: ["from (UTC)", "what", "took", "planned"],
    rows: account.waits.map((wait) => [
      [moment(wait.from)],
      [`${wait.kind === "question" ? "question: " : ""}${wait.what}`],
      [formatDuration(wait.tookMs)],
      [wait.plannedMs === null ? "" : formatDuration(wait.plannedMs)],
    ]),
  };
}

function nodes(account: Account): Block {
  return {
    kind: "table",
    head: ["node", "phase", "before", "status", "began (UTC)", "took", "attempts"],
    rows: account.nodes.map((node) => [
      [code(node.node)],
      [code(node.phase)],
      [node.before ?? ""],
      [node.startedAt === null && node.status === "pending" ? "not begun" : node.status],
      [node.startedAt === null ? "" : moment(node.startedAt)],
      [node.tookMs === null ? "" : formatDuration(node.tookMs)],
      [node.attempts > 1 ? String(node.attempts) : ""],
    ]),
  };
}

function findings(account: Account): readonly Block[] {
  if (account.findings.length === 0) return [];
  const troubled = account.findings.filter((finding) => finding.verdict !== "pass");
  const passed = account.findings.length - troubled.length;
  return [
    { kind: "text", words: [`${number(passed, "finding")} passed, ${troubled.length} did not.`] },
    {
      kind: "table",
      head: ["finding", "verdict", "severity", "observed"],
      rows: troubled.map((one) => [[code(one.id)], [one.verdict], [one.severity], [one.observed]]),
    },
  ];
}

function answers(account: Account): Block {
  return {
    kind: "table",
    head: ["question", "about", "answer", "who", "when (UTC)", "holds until"],
    rows: account.answers.map((one) => [
      [code(one.question)],
      [one.subject ?? ""],
      [one.answer],
      [one.by],
      [moment(one.at)],
      [moment(one.until)],
    ]),
  };
}

function check(account: Account): readonly Block[] {
  return [
    {
      kind: "text",
      words: say`This report was made from ${number(account.events, "event")} of ${code("journal.jsonl")}; the journal is what counts.`,
    },
    {
      kind: "list",
      items: [
        say`${code("pawl verify FOLDER")} checks the chain of the journal, every artifact and the plan, without network and without the cluster.`,
        say`${code("sha256sum -c SHA256SUMS")} in the run folder does so for every file, without pawl.`,
        ...(account.journey === null
          ? []
          : [say`${code(`pawl coverage ${account.run}`)} shows what of it is evidence of each item of the upgrade workbook.`]),
      ],
    },
  ];
}
