import { describe, expect, it } from "vitest";
import { printable, speaksUnicode, symbolsOf } from "../../src/view/paper.ts";
import { foldNames, sortNames } from "../../src/view/ranges.ts";
import { renderTable } from "../../src/view/table.ts";
import { beside, cells, clean, clip, count, lastLine, oneLine, pad, sizeText, wrap } from "../../src/view/text.ts";

describe("text from elsewhere", () => {
  it("cannot move the cursor, recolour, ring or reorder", () => {
    const evil = "ok\u001b[2J\u001b[31mred\u001b]0;title\u0007\rover\u202ewritten\b\u0085";
    expect(clean(evil)).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202e]/);
    expect(oneLine("a\r\n\tb\n\nc ")).toBe("a b c");
  });

  it("keeps its lines where lines mean something", () => {
    expect(clean("one\r\ntwo\nthree")).toBe("one\ntwo\nthree");
    expect(lastLine("Fetching: x\nFetched: x\n\n")).toBe("Fetched: x");
    expect(lastLine("")).toBe("");
  });
});

describe("layout", () => {
  it("counts cells, not characters: colours take none, wide letters two, accents none", () => {
    expect(cells("\u001b[31mabc\u001b[39m")).toBe(3);
    expect(cells("日本")).toBe(4);
    expect(cells("e\u0301")).toBe(1);
  });

  it("clips to the width with an ellipsis and closes colours", () => {
    expect(clip("abcdefgh", 5)).toBe("abcd…");
    expect(clip("abcdefgh", 8)).toBe("abcdefgh");
    expect(clip("\u001b[31mabcdefgh\u001b[39m", 5)).toBe("\u001b[31mabcd…\u001b[0m");
    expect(cells(clip("日本語の文字", 7))).toBeLessThanOrEqual(7);
    expect(clip("abc", 1)).toBe("…");
  });

  it("wraps at spaces and leaves long words whole, so that paths and hashes can be copied", () => {
    const hash = "artifacts/9f86d081884c7d659a2feaa0c55ad015";
    expect(wrap(`see ${hash} there`, 20)).toEqual(["see", hash, "there"]);
    expect(wrap("one two three", 7)).toEqual(["one two", "three"]);
  });

  it("hangs further lines under the text, after the stem", () => {
    expect(beside("label", 7, "aaaaaaaaaa bbbbbbbbbb cccccccccc", 28, (one) => one, "|")).toEqual(["label  aaaaaaaaaa bbbbbbbbbb", "|      cccccccccc"]);
  });

  it("pads to the right and to the left", () => {
    expect([pad("ab", 4), pad("ab", 4, "right"), pad("abcde", 4)]).toEqual(["ab  ", "  ab", "abcde"]);
  });

  it("names counts and sizes", () => {
    expect([count(1, "node"), count(3, "node"), sizeText(312), sizeText(4_100_000), sizeText(250_000_000), sizeText(2_000_000_000)]).toEqual(["1 node", "3 nodes", "312 B", "4.1 MB", "250 MB", "2.0 GB"]);
  });
});

describe("node names", () => {
  it("are folded into ranges in the order given", () => {
    expect(foldNames(["a1", "a2", "a3", "a5", "p1", "p2"])).toBe("a1–a3, a5, p1, p2");
    expect(foldNames(["m1", "m3", "m2"])).toBe("m1, m3, m2");
    expect(foldNames(["n09", "n10", "n11"])).toBe("n09–n11");
    expect(foldNames(["n9", "n010", "n011"])).toBe("n9, n010, n011");
    expect(foldNames(["a1.example", "a2.example", "a3.example", "b3.example"], "-")).toBe("a1.example-a3.example, b3.example");
    expect(foldNames(["10.0.0.20", "10.0.0.21", "10.0.0.22"])).toBe("10.0.0.20–10.0.0.22");
    expect(foldNames([])).toBe("");
  });

  it("sort the way people count", () => {
    expect(sortNames(["a10", "b1", "a2", "plain", "a1"])).toEqual(["a1", "a2", "a10", "b1", "plain"]);
  });

  it("lose none of 500 agents", () => {
    const names = Array.from({ length: 500 }, (_, index) => `a${index + 1}`);
    expect(foldNames(sortNames(names.toReversed()))).toBe("a1–a500");
  });
});

describe("tables", () => {
  it("align columns without borders and clip the flexible one only", () => {
    const shape = [{ title: "NODE" }, { title: "SAYS", flexible: true }, { title: "MS", align: "right" as const }];
    const rows = [["m1", "a rather long answer that does not fit", "12"], ["m10", "ok", "1200"]];
    const text = renderTable(shape, rows, 30);
    expect(text).toBe(["NODE  SAYS                  MS", "m1    a rather long ans…    12", "m10   ok                  1200"].join("\n"));
    expect(text.split("\n").every((line) => cells(line) <= 30)).toBe(true);
  });

  it("show their titles where there are no rows", () => {
    expect(renderTable([{ title: "NODE" }, { title: "VERSION" }], [], 80)).toBe("NODE  VERSION");
  });
});

describe("terminals without Unicode", () => {
  it("are recognised by the locale that decides", () => {
    expect(speaksUnicode({ LANG: "en_US.UTF-8" })).toBe(true);
    expect(speaksUnicode({ LANG: "en_US.UTF-8", LC_ALL: "C" })).toBe(false);
    expect(speaksUnicode({ LC_ALL: "", LC_CTYPE: "C.utf8" })).toBe(true);
    expect(speaksUnicode({})).toBe(false);
  });

  it("get ASCII symbols and ASCII text", () => {
    expect(Object.values(symbolsOf({ unicode: false })).join("")).toMatch(/^[\x20-\x7e]+$/);
    expect(printable("1.9 → 1.10 … “ok” ✓ é 日", { unicode: false })).toBe('1.9 -> 1.10 ... "ok" + ? ?');
    expect(printable("→", { unicode: true })).toBe("→");
  });
});
