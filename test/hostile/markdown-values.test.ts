import { describe, expect, it } from "vitest";
import { code, md, table } from "../../src/report/markdown-text.ts";
import { oneLine } from "../../src/view/text.ts";
import { hostileValues } from "./values.ts";

const ALL = hostileValues(1_000);

/** Signs a Markdown reader would take for its own, left without a backslash before them. */
function live(text: string): readonly string[] {
  return [...text.matchAll(/(?<!\\)(?:\\\\)*([<>`[\]|*])/g)].map(([, sign = ""]) => sign);
}

describe("a thousand hostile values in a report", () => {
  it("are text and nothing else: no tag, link, image, code, table cell, heading or list of theirs", () => {
    for (const value of ALL) {
      const text = md(value);
      expect(text).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/);
      expect(live(text), JSON.stringify(value)).toEqual([]);
      expect(text).not.toMatch(/^(?:[#+-]|\d+[.)](?:\s|$))/);
    }
  });

  it("stay inside their code, and inside their cell of a table", () => {
    for (const value of ALL) {
      const text = code(value);
      if (text === "") continue;
      const fence = /^`+/.exec(text)?.[0] ?? "";
      const inside = text.slice(fence.length, -fence.length);
      expect(text.endsWith(fence)).toBe(true);
      expect([...inside.matchAll(/`+/g)].map(([run]) => run.length)).not.toContain(fence.length);
      expect(text).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/);
      const rows = table(["a", "b"], [[code(value), md(value)]]).split("\n");
      expect(rows).toHaveLength(3);
      expect([...(rows[2] ?? "").matchAll(/(?<!\\)\|/g)]).toHaveLength(3);
    }
  });

  it("are one line without control characters on the terminal", () => {
    for (const value of ALL) expect(oneLine(value)).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/);
  });
});
