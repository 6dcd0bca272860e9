import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { safeText } from "../../src/cli/terminal-text.ts";

describe("text on its way to a terminal", () => {
  it("moves no cursor, sets no title, turns no line: what could is shown as an escape", () => {
    expect(safeText("a\u001b[2Jb\u001b]0;title\u0007\r\u009b1A\u202e", false)).toBe(
      "a\\u001b[2Jb\\u001b]0;title\\u0007\\u000d\\u009b1A\\u202e",
    );
    expect(safeText("two\nlines\tand a tab", false)).toBe("two\nlines\tand a tab");
  });

  it("keeps colours where they are wanted, and nothing else that begins like one", () => {
    const text = "\u001b[31mred\u001b[39m \u001b[2K\u001b[?25l";
    expect(safeText(text, true)).toBe("\u001b[31mred\u001b[39m \\u001b[2K\\u001b[?25l");
    expect(safeText(text, false)).toBe("\\u001b[31mred\\u001b[39m \\u001b[2K\\u001b[?25l");
  });

  it("leaves a line of JSON the same document on one line, whatever its values hold", () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string({ unit: "binary" }), fc.string({ unit: "binary" })), (value) => {
        const line = safeText(JSON.stringify(value), false);
        expect(JSON.parse(line)).toEqual(JSON.parse(JSON.stringify(value)));
        expect(line).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u202a-\u202e]/);
      }),
      { seed: 7, numRuns: 200 },
    );
  });
});
