import { EXIT } from "../src/domain/errors.ts";
import { FAULT_NAMES, type FaultName } from "../src/sim/faults.ts";
import { FAULTS, FAULT_TABLE, type FaultCase, type FaultPlace } from "./faults.ts";

const PLACES: readonly { readonly at: FaultPlace; readonly title: string }[] = [
  { at: "master", title: "a master" },
  { at: "canary", title: "the canary" },
  { at: "agent", title: "a later agent" },
];

const TIMES = ["start", "before", "during", "after"] as const;

const HEAD = `# When something goes wrong

What an operator sees when a cluster falls ill before or during an upgrade: how \`pawl upgrade --yes\` ends, what it says, and what
to do. Every row is a fault of the embedded cluster, so each can be seen at home: \`pawl demo --yes --fault NAME@NODE[:WHEN][:HOP]\`.
This page is made from the table that drives the tests (\`test/faults.ts\`); \`npx vitest run test/faults-page.test.ts -u\` writes it anew.

- **WHEN** is \`start\` (there before the preflight), \`before\` (with the hop's first upgrade script, whichever node's: this node's own effect
  has not begun), \`during\` (from the beginning of the node's upgrade script) or \`after\` (when that script has ended; the one you get
  without saying). **HOP** counts the hops of a journey from 1: \`start\` of a later one lies between the two runs.
- **The canary** is the first private agent, a1: whatever goes wrong there halts. A **later agent** is one after it, private (a2) or
  public (p1): the first one in trouble is set aside by policy, a second with the same cause halts, and lost tasks always do.
- After a halt (5, 6, 7) nothing that changes anything is started any more, apart from the removal of pawl's own lock; the node is left
  as it is. At \`start\` (1) nothing was begun: there is no run. In a later hop the run of the hop before is complete, and stays so.
- With a person at the terminal instead of \`--yes\`, 5, 6 and 10 are questions first: measure again, retry, set aside, stop.

Exit codes: ${(["ok", "said-no", "gate-halted", "step-failed", "outcome-unknown", "set-aside"] as const).map((name) => `${EXIT[name]} ${name}`).join(", ")}; all of them in
[exit-codes.md](exit-codes.md).
`;

function cell(row: FaultCase | undefined): string {
  return row === undefined ? "–" : String(EXIT[row.exit]);
}

function find(fault: string, at: FaultPlace, when: string): FaultCase | undefined {
  return FAULT_TABLE.find((row) => row.hop === 1 && row.fault === fault && row.at === at && row.when === when);
}

function overview(): string {
  const title = `| fault | ${PLACES.flatMap(({ title: place }) => [`${place}: start`, "before", "during", "after"]).join(" | ")} |`;
  const rule = `|---|${PLACES.flatMap(() => ["---", "---", "---", "---"]).join("|")}|`;
  const lines = FAULT_NAMES.map((fault) => {
    const cells = PLACES.flatMap(({ at }) => TIMES.map((when) => cell(find(fault, at, when))));
    return `| [\`${fault}\`](#${fault}) | ${cells.join(" | ")} |`;
  });
  return [title, rule, ...lines].join("\n");
}

/** What pawl names as the cause, by how it ends: `at start: finding …; during: …`. */
function sayings(fault: FaultName): readonly string[] {
  // A public agent has a line of its own only where it differs from the other later ones.
  const differs = ({ when }: FaultCase): boolean => FAULTS[fault].public?.[when === "start" ? "after" : when] !== undefined;
  const rows = FAULT_TABLE.filter(
    (row) => row.hop === 1 && row.fault === fault && (row.at !== "public" || (row.when !== "start" && differs(row))),
  );
  const texts = new Map<string, string[]>();
  for (const row of rows) {
    const seen = row.finding === null ? row.causes.map((cause) => `\`${cause}\``).join(" or ") : `finding \`${row.finding}\``;
    const said = `${EXIT[row.exit]} ${row.exit}${seen === "" ? "" : `: ${seen}`}`;
    const place =
      row.at === "bootstrap"
        ? "at `bootstrap`"
        : row.at === "master"
          ? "at a master"
          : row.at === "canary"
            ? "at the canary"
            : row.at === "public"
              ? "at a later public agent"
              : FAULTS[fault].public?.[row.when === "start" ? "after" : row.when] === undefined
                ? "at a later agent"
                : "at a later private agent";
    texts.set(said, [...(texts.get(said) ?? []), `${place}, ${row.when}`]);
  }
  return [...texts].map(([said, places]) => `- ${said} (${places.join("; ")})`);
}

/** docs/faults.md: what goes wrong, where, when, how it ends, what pawl says and what to do. */
export function faultsPage(): string {
  const chapters = FAULT_NAMES.map((fault) => {
    const { what, todo } = FAULTS[fault];
    return [`## ${fault}`, "", what, "", ...sayings(fault), "", `What to do: ${todo}`].join("\n");
  });
  return `${[HEAD, overview(), "", ...chapters.flatMap((chapter) => [chapter, ""])].join("\n").trimEnd()}\n`;
}
