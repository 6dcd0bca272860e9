import { describe, expect, it } from "vitest";
import type { Answer } from "../../src/domain/question.ts";
import { answerLines, withAnswers } from "../../src/document/answers.ts";
import { readDocuments } from "../../src/document/documents.ts";

const ANSWER: Answer = {
  question: "support-cases",
  subject: null,
  answer: "none known: asked on Friday",
  by: "ann@ops",
  at: "2026-11-20T15:00:00Z",
  until: "2026-12-04T15:00:00Z",
};

const INVENTORY = `# production, kept by ops
apiVersion: pawl/v1
kind:   Inventory   # aligned by hand
metadata: { name: "a" }
platform: dcos

nodes:
  - { name:   m1,   address: 10.0.0.1, role: master }   # the old one
  - name: a1
    # in rack 7
    address: 10.0.0.2
    role: agent
# nothing below this line
`;

function inventoryOf(text: string) {
  const { documents, complaints } = readDocuments([{ file: "inv.yaml", text }]);
  expect(complaints).toEqual([]);
  const [found] = documents.filter((one) => one.kind === "Inventory");
  if (found === undefined) throw new Error("no inventory");
  return found;
}

const put = (text: string, ...answers: readonly Answer[]): string => withAnswers("inv.yaml", text, answers);

describe("an answer in an inventory", () => {
  it("is added at the end, and no other byte of the file changes", () => {
    const after = put(INVENTORY, ANSWER);
    expect(after).toBe(`${INVENTORY}${answerLines([ANSWER])}\n`);
    expect(inventoryOf(after).document.answers).toEqual([ANSWER]);
  });

  it("takes the place of the one before, and leaves comments and layout of the others alone", () => {
    const own = `${INVENTORY}
answers:
  # asked by the change board
  - { question: acceptance, answer: "error rate below 1 %", by: bob, at: 2026-11-20T15:00:00Z, until: 2026-12-20T15:00:00Z }
  - question: support-cases # said on the phone
    answer: one open
    by: bob
    at: 2026-10-01T00:00:00Z
    until: 2026-10-15T00:00:00Z

# the platform's
settings: {   }
`;
    const after = put(own, ANSWER);
    expect(after.startsWith(INVENTORY)).toBe(true);
    expect(after.endsWith("\n# the platform's\nsettings: {   }\n")).toBe(true);
    expect(after).toContain("# asked by the change board\n  - { question: acceptance");
    expect(inventoryOf(after).document.answers).toEqual([expect.objectContaining({ question: "acceptance", by: "bob" }), ANSWER]);
  });

  it("is one for each subject", () => {
    const of = (subject: string): Answer => ({ ...ANSWER, question: "data", subject });
    const after = put(put(INVENTORY, of("/db/a"), of("/db/b")), { ...of("/db/a"), answer: "moved" });
    expect(inventoryOf(after).document.answers?.map((one) => [one.subject, one.answer])).toEqual([
      ["/db/a", "moved"],
      ["/db/b", ANSWER.answer],
    ]);
  });

  it("does not make the inventory another one: a halted run can be resumed after it", () => {
    expect(inventoryOf(put(INVENTORY, ANSWER)).sha256).toBe(inventoryOf(INVENTORY).sha256);
    const moved = INVENTORY.replace("10.0.0.2", "10.0.0.3");
    expect(inventoryOf(moved).sha256).not.toBe(inventoryOf(INVENTORY).sha256);
  });

  it.each([
    ["an empty list", `${INVENTORY}answers: []\n`],
    ["line ends of another system", INVENTORY.replaceAll("\n", "\r\n")],
    ["no line end at its end", INVENTORY.replace(/\n# nothing.*\n$/, "")],
    ["an end mark and another document behind it", `${INVENTORY}...\n---\n# other\n`],
    ["a document before it", `---\n${INVENTORY}`],
    [
      "another indentation of lists",
      `${INVENTORY}answers:\n- {question: x, answer: y, by: z, at: 2026-11-20T15:00:00Z, until: 2026-11-21T15:00:00Z}\n`,
    ],
    [
      "JSON",
      JSON.stringify({
        apiVersion: "pawl/v1",
        kind: "Inventory",
        metadata: { name: "a" },
        platform: "dcos",
        nodes: [{ name: "m1", address: "10.0.0.1", role: "master" }],
      }),
    ],
  ])("is written into an inventory with %s", (_, text) => {
    const before = inventoryOf(text);
    const after = inventoryOf(put(text, ANSWER));
    expect(after.sha256).toBe(before.sha256);
    expect(after.document.answers).toEqual([...(before.document.answers ?? []), ANSWER]);
    expect(put(text, ANSWER).includes("\r\n")).toBe(text.includes("\r\n"));
    expect(put(text, ANSWER).replaceAll("\r\n", "").includes("\r")).toBe(false);
  });

  it("survives whatever a person may say", () => {
    for (const said of [
      "no: # none",
      "- [x] 'quoted' \"twice\"",
      "yes",
      "1.10",
      "~",
      "{a: b}",
      "back\\slash",
      "ünïcode ✓",
      "a".repeat(500),
    ])
      expect(inventoryOf(put(INVENTORY, { ...ANSWER, answer: said })).document.answers?.[0]?.answer).toBe(said);
  });

  it("is refused, with the lines to add by hand, where the list is not one that can be changed", () => {
    const stoodOn = `${INVENTORY}answers:
  - { question: support-cases, answer: &said one open, by: bob, at: 2026-10-01T00:00:00Z, until: 2026-10-15T00:00:00Z }
settings: { note: *said }
`;
    try {
      put(stoodOn, ANSWER);
      expect.fail("it was written");
    } catch (error) {
      expect(error).toMatchObject({ exit: "refused", code: "answers.not-written" });
      expect((error as { details: { next: string } }).details.next).toContain("question: support-cases");
    }
  });
});
