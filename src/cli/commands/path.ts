import { Command } from "commander";
import type { VersionPolicy } from "../../domain/documents.ts";
import { PawlError } from "../../domain/errors.ts";
import { findPath, judgeHop, type Hop, type PathAnswer, type PathRefusal } from "../../domain/upgrade-path.ts";
import { inkOf, printable, speaksUnicode, type Paper } from "../../view/paper.ts";
import { renderProblem } from "../../view/problem.ts";
import { beside, count, pad } from "../../view/text.ts";
import type { Io } from "../io.ts";
import { policyFile } from "../places.ts";

export interface PathDeps {
  /** File of each policy that has a name: `workbook`, `published`. */
  readonly policies: Readonly<Record<string, string>>;
}

const DEFAULT_POLICY = "workbook";

/**
 * `pawl path FROM TO`: the qualified hops with their reasons. Exits 0 allowed, 4 refused with the rule and the shortest
 * allowed way, 2 for what is no version.
 */
export function pathCommand(io: Io, deps: PathDeps): Command {
  return new Command("path")
    .description("which way to the target: the qualified hops with reasons, or a refusal with the shortest allowed way")
    .argument("<from>", "version the cluster has")
    .argument("<to>", "version it shall have")
    .option("--policy <name>", `${Object.keys(deps.policies).join(", ")}, or a file of kind VersionPolicy`, DEFAULT_POLICY)
    .option("--direct", "ask whether it is one hop: what needs stops in between is refused")
    .option("--json", "one JSON document")
    .action(
      async (from: string, to: string, options: { readonly policy: string; readonly direct?: true; readonly json?: true }) => {
        const { loadPolicy } = await import("../../document/load.ts");
        const policy = (await loadPolicy(policyFile(io, deps.policies, options.policy))).document;
        const answer = options.direct === true ? judgeHop(policy, from, to) : findPath(policy, from, to);
        if (answer.refusal?.rule === "bad-version")
          throw new PawlError("usage", "path.bad-version", answer.refusal.reason, { next: "pawl path 1.9.4 1.11.3" });
        if (options.json === true)
          io.out(JSON.stringify({ ...answer, policy: { name: policy.name, asOf: policy.asOf, rule: policy.rule } }));
        else show(io, policy, answer, options.policy === DEFAULT_POLICY ? "" : ` --policy ${options.policy}`);
        io.exit(answer.allowed ? "ok" : "refused");
      },
    );
}

function show(io: Io, policy: VersionPolicy, answer: PathAnswer, option: string): void {
  const paper: Paper = { columns: io.columns, colour: io.colour, unicode: speaksUnicode(io.env) };
  if (answer.refusal === undefined) io.out(printable(renderAllowed(policy, answer, paper), paper));
  else io.err(renderRefusal(policy, answer, answer.refusal, paper, option));
}

function renderAllowed(policy: VersionPolicy, answer: PathAnswer, paper: Paper): string {
  const ink = inkOf(paper);
  const shown = new Set<string>();
  const title = `${answer.from} → ${answer.to}: allowed, ${count(answer.hops.length, "hop")}`;
  const lines = [`${ink.strong(title)} ${ink.quiet(`(policy ${policy.name}, as of ${policy.asOf})`)}`, ""];
  answer.hops.forEach((hop, index) => lines.push(...hopLines(hop, index + 1, paper, shown)));
  const rest = answer.notes.filter((note) => !shown.has(note));
  if (rest.length > 0) lines.push("", ...rest.flatMap((note) => beside("  note", 8, note, paper.columns)));
  if (answer.hops.length > 1)
    lines.push(
      "",
      ...beside("", 0, "Each hop is an upgrade of the whole cluster, complete before the next begins.", paper.columns),
    );
  return lines.join("\n");
}

function hopLines(hop: Hop, number: number, paper: Paper, shown: Set<string>): readonly string[] {
  const ink = inkOf(paper);
  const label = `  ${number}  ${ink.active(pad(`${hop.from} → ${hop.to}`, 20))}  ${pad(hop.kind, 5)}  `;
  const indent = 34;
  const fresh = hop.notes.filter((note) => !shown.has(note));
  for (const note of fresh) shown.add(note);
  return [
    ...beside(label, indent, hop.why, paper.columns),
    ...fresh.flatMap((note) => beside("", indent, `note: ${note}`, paper.columns, (text) => ink.quiet(text))),
  ];
}

function renderRefusal(policy: VersionPolicy, answer: PathAnswer, refusal: PathRefusal, paper: Paper, option: string): string {
  const { shortest, nearest } = refusal;
  const way =
    shortest === undefined
      ? []
      : [`${shortest.at(-1) === answer.to ? "shortest allowed way" : "nearest target, shortest way"}: ${shortest.join(" → ")}`];
  const others = nearest === undefined || nearest.length === 0 ? [] : [`nearest: ${nearest.join(", ")}`];
  const [first] = nearest ?? [];
  const target = shortest?.at(-1) === answer.to ? answer.to : first;
  const known = target === undefined || target === answer.from ? undefined : `pawl path ${answer.from} ${target}${option}`;
  // The workbook's policy ends in 2018: what it does not know, the published tables may.
  const next =
    refusal.rule === "known-releases" && option === "" ? `pawl path ${answer.from} ${answer.to} --policy published` : known;
  const text = [`${answer.from} → ${answer.to}: refused by rule ${refusal.rule}`, ...way, ...others].join("\n");
  const notes = answer.notes.flatMap((note) => beside("  note      ", 12, note, paper.columns));
  const problem = renderProblem(
    {
      code: `path.${refusal.rule}`,
      text,
      expected: `a way that policy ${policy.name} (as of ${policy.asOf}) allows`,
      observed: refusal.reason,
      ...(next === undefined ? {} : { next }),
    },
    paper,
  );
  return [problem, ...notes].join("\n");
}
