import { execFileSync } from "node:child_process";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { PawlError } from "../../src/domain/errors.ts";
import { commandLine, quote } from "../../src/transport/quote.ts";

const HOSTILE = [
  "",
  " ",
  "'",
  "''",
  "'\\''",
  '"',
  "\\",
  "\\\\'",
  "$HOME",
  "$(id)",
  "`id`",
  "${IFS}",
  "a b",
  "-rf",
  "--",
  "*",
  "~",
  "!",
  "#",
  ";",
  "&",
  "|",
  ">f",
  "<f",
  "\n",
  "a\nb\n",
  "\t",
  "\r\n",
  "{a,b}",
  "[x]",
  "é",
  "日本",
  "\u0001\u007f",
  "if",
  "A=b",
  "'; rm -rf / #",
];

/** The words as a real shell passes them on to a program. */
function heard(shell: string, argv: readonly string[]): readonly string[] {
  const line = commandLine([
    process.execPath,
    "-e",
    "process.stdout.write(JSON.stringify(process.argv.slice(1)))",
    "--",
    ...argv,
  ]);
  return JSON.parse(execFileSync(shell, ["-c", line], { encoding: "utf8" })) as readonly string[];
}

describe("quoting", () => {
  it("brings every hostile word through the system's shell unchanged", () => {
    expect(heard("sh", HOSTILE)).toEqual(HOSTILE);
  });

  it("brings every hostile word through bash unchanged", () => {
    expect(heard("bash", HOSTILE)).toEqual(HOSTILE);
  });

  it("brings any text through a shell unchanged", () => {
    // Lone surrogates are no text: they become U+FFFD in UTF-8, shell or not.
    const word = fc.string({ unit: "grapheme", maxLength: 40 }).map((text) => text.replaceAll("\0", ""));
    const nasty = fc.string({
      unit: fc.constantFrom("'", '"', "\\", "$", "`", "\n", " ", "*", "!", "-", "(", ")", ";", "a"),
      maxLength: 30,
    });
    fc.assert(
      fc.property(fc.array(fc.oneof(word, nasty), { minLength: 1, maxLength: 200 }), (argv) => {
        expect(heard("sh", argv)).toEqual(argv);
      }),
      { numRuns: 15 },
    );
  });

  it("survives being quoted twice, as a command inside a command", () => {
    const inner = commandLine(["printf", "%s", "it's $HOME\n"]);
    expect(execFileSync("sh", ["-c", commandLine(["sh", "-c", inner])], { encoding: "utf8" })).toBe("it's $HOME\n");
  });

  it("refuses a word with a NUL character, which would arrive shortened", () => {
    expect(() => quote("a\0b")).toThrow(PawlError);
  });

  it("puts sudo before the command with an end of its own options", () => {
    expect(commandLine(["-weird", "x"], { sudo: true })).toBe("sudo -n -- '-weird' 'x'");
  });
});
