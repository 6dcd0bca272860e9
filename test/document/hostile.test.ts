import fc from "fast-check";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { formatComplaint } from "../../src/document/complaint.ts";
import { readDocuments } from "../../src/document/documents.ts";
import { decode } from "../../src/document/encoding.ts";
import { loadDocuments, loadInventory } from "../../src/document/load.ts";
import { PawlError } from "../../src/domain/errors.ts";
import { change, CHECK, complaints, INVENTORY, POLICY, RUNBOOK } from "./material.ts";

const folder = mkdtempSync(join(tmpdir(), "pawl-hostile-"));
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

describe("hostile and broken input", () => {
  it("is refused cleanly: aliases that multiply", () => {
    const levels = Array.from(
      { length: 9 },
      (_, index) => `l${index + 1}: &l${index + 1} [${Array.from({ length: 10 }, () => `*l${index}`).join(",")}]`,
    );
    const [first, ...rest] = complaints(`l0: &l0 x\n${levels.join("\n")}\n`);
    expect(first).toMatch(/^f:\d+:\d+: more than 1000 aliases$/);
    expect(rest).toEqual([]);
  });

  it("is refused cleanly: few aliases of large lists", () => {
    const big = `a: &a [${"1,".repeat(20_000)}1]\n`;
    expect(complaints(`${big}b: [${"*a,".repeat(50)}1]\n`).join()).toMatch(/more than 100000 values/);
  });

  it("is refused cleanly: an alias that contains itself", () => {
    expect(complaints("a: &a [*a]\n")).toContain("f:1:8: the alias *a contains itself");
    expect(complaints("a: *nothing\n")).toContain("f:1:4: the alias *nothing names nothing");
  });

  it("accepts an alias used for what it is meant for", () => {
    const text = change(
      change(INVENTORY, "role: master", "role: master, ssh: &own { port: 2200 }"),
      "role: agent",
      "role: agent, ssh: *own",
    );
    expect(complaints(text)).toEqual([]);
  });

  it.each([
    ["brackets in one line", `a: ${"[".repeat(100_000)}`],
    ["brackets with text between", `a: ${"[x,".repeat(50_000)}`],
    ["braces", `${"{a: ".repeat(400)}1${"}".repeat(400)}`],
    ["indentation", Array.from({ length: 800 }, (_, depth) => `${" ".repeat(depth)}a:`).join("\n")],
    ["list dashes", `${"- ".repeat(5_000)}x`],
    ["question marks", `${"? ".repeat(5_000)}x`],
    ["a little too deep", `a: ${"[".repeat(70)}${"]".repeat(70)}`],
  ])("is refused cleanly: nested too deep by %s", (_, text) => {
    expect(complaints(text).join()).toMatch(/nested deeper than 60 levels/);
  });

  it("is refused cleanly: too large, not text, too many documents", () => {
    expect(complaints("a".repeat(2_100_000))).toEqual(["f:1:1: the file is larger than 2 MiB: no document of pawl is"]);
    expect(complaints("a: \0")).toEqual(["f:1:1: the file contains NUL bytes: it is not text"]);
    expect(complaints("---\na: 1\n".repeat(1_001))).toEqual(["f:1:1: the file holds more than 1000 documents"]);
  });

  it.each([
    ["an empty file", "", ["f:1:1: the file contains no document"]],
    ["only a comment", "# nothing\n", ["f:1:1: the file contains no document"]],
    ["text", "hello\n", ["f:1:1: a document of pawl is a mapping (it begins with `apiVersion: pawl/v1` and `kind: …`)"]],
    ["a list", "- 1\n", ["f:1:1: a document of pawl is a mapping (it begins with `apiVersion: pawl/v1` and `kind: …`)"]],
    [
      "a key written twice",
      change(INVENTORY, "platform: dcos", "platform: dcos\nplatform: swarm"),
      ["f:5:1: this key is written twice in the same mapping"],
    ],
    ["a tab as indentation", "kind: Check\n\tname: x\n", ["f:2:1: YAML: Tabs are not allowed as indentation"]],
    [
      "a tag of its own",
      change(INVENTORY, "dcos", "!!js/function x"),
      ["f:4:11: YAML: Unresolved tag: tag:yaml.org,2002:js/function"],
    ],
    [
      "infinity",
      change(INVENTORY, "user: core", "port: .inf"),
      ['f:5:14: ".inf" is neither text nor a finite number (quote it if text is meant)'],
    ],
    ["a prototype", change(INVENTORY, "user: core", "__proto__: { sudo: true }"), ["f:5:8: `__proto__` cannot be used as a key"]],
    ["a key that is a list", `${INVENTORY}? [a, b]\n: c\n`, ["f:9:3: the key of this entry is not text"]],
    ["a boolean key", change(INVENTORY, "user: core", "true: core"), ['f:5:8: the key "true" is not text (quote it: "true")']],
  ])("is refused with its place: %s", (_, text, expected) => {
    expect(complaints(text)).toEqual(expected);
  });

  it("is refused together with what is wrong otherwise, and once per place", () => {
    const text = change(
      change(change(INVENTORY, "role: agent", "rol: agent, rol: x"), "user: core", "port: .inf"),
      "dcos",
      "dcos\nplatform: x",
    );
    expect(complaints(text)).toEqual([
      "f:5:1: this key is written twice in the same mapping",
      'f:6:14: ".inf" is neither text nor a finite number (quote it if text is meant)',
      "f:9:5: nodes[1].role is missing (it must be a name of letters, digits, dots, dashes and underscores)",
      'f:9:37: unknown key "rol" in nodes[1] (did you mean `role`?)',
      "f:9:49: this key is written twice in the same mapping",
    ]);
  });

  it.each([
    [
      "a merge key",
      change(INVENTORY, "{ user: core }", "&s { user: core }\nsettings: { <<: *s }"),
      "f:6:13: `<<` merges nothing here: YAML 1.2 has no merge keys (write the keys out, or use an alias for a whole value)",
    ],
    [
      "YAML 1.1, where `no` is false",
      `%YAML 1.1\n---\n${INVENTORY}`,
      "f:1:1: YAML 1.1 is not read: pawl's documents are YAML 1.2 (remove the %YAML line)",
    ],
    [
      "a NUL character as an escape",
      change(INVENTORY, "nodes:", 'hooks: { before-node: { argv: [./lb, "a\\0b"] } }\nnodes:'),
      'f:6:38: the text "a\\u0000b" holds a NUL character: no argument, path or file can',
    ],
    [
      "half a character as an escape",
      change(RUNBOOK, "title: Roll", 'title: "a\\ud800b"'),
      'f:3:46: the text "a\\ud800b" holds half a character (a lone surrogate)',
    ],
    [
      "a key with a NUL character",
      change(INVENTORY, "nodes:", 'settings: { "a\\0": 1 }\nnodes:'),
      'f:6:13: the key "a\\u0000" holds a NUL character: no argument, path or file can',
    ],
    [
      "a number that no computer keeps exactly",
      change(RUNBOOK, "gates: [leads]", "with: { x: 12345678901234567890 }"),
      'f:14:78: the number "12345678901234567890" is too large to be kept exactly (quote it if text is meant)',
    ],
    [
      "a word of a command that YAML reads as another word",
      change(RUNBOOK, "gates: [leads]", "with: { argv: [install, 1.10, 8080] }"),
      'f:14:91: phases[0].steps[0].with.argv[1] must be text (quote it: "1.10")',
    ],
    [
      "a list as a word of a command",
      change(RUNBOOK, "gates: [leads]", "with: { argv: [install, [a]] }"),
      "f:14:91: phases[0].steps[0].with.argv[1] must be text",
    ],
    [
      "a URL that curl would take for several",
      change(INVENTORY, "nodes:", `scripts: { "1.9.9": { url: "http://b/[1-9]", sha256: ${"a".repeat(64)} } }\nnodes:`),
      'f:6:28: scripts."1.9.9".url must be an http or https URL without user, white space or shell characters, not "http://b/[1-9]"',
    ],
    [
      "an installer that bash would take for an option",
      change(INVENTORY, "nodes:", 'bootstrap: { address: b, url: http://b, installers: { "1.9.9": "--version" } }\nnodes:'),
      'f:6:64: bootstrap.installers."1.9.9" must be an absolute path, not "--version"',
    ],
  ])("is refused with what to write: %s", (_, text, expected) => {
    expect(complaints(text)).toEqual([expected]);
  });

  it("reads Windows line ends and a byte order mark as if they were not there", () => {
    expect(complaints(INVENTORY.replaceAll("\n", "\r\n"))).toEqual([]);
    expect(decode("f", Buffer.from(`\uFEFF${INVENTORY}`))).toEqual({ file: "f", text: INVENTORY });
  });

  it.each([
    ["UTF-16 of Windows", Buffer.from(`\uFEFF${INVENTORY}`, "utf16le"), "f:1:1: the file is UTF-16: save it as UTF-8"],
    [
      "UTF-16, the other way round",
      Buffer.from(`\uFEFF${INVENTORY}`, "utf16le").swap16(),
      "f:1:1: the file is UTF-16: save it as UTF-8",
    ],
    [
      "Latin-1",
      Buffer.from(change(INVENTORY, "name: m1", "name: mü1"), "latin1"),
      "f:7:14: the file is not UTF-8 from here on: save it as UTF-8",
    ],
    [
      "a character cut at the end",
      Buffer.from(`${INVENTORY}# ü`).subarray(0, -1),
      "f:9:3: the file is not UTF-8 from here on: save it as UTF-8",
    ],
    ["an archive", Buffer.from("1f8b0800000000000003", "hex"), "f:1:2: the file is not UTF-8 from here on: save it as UTF-8"],
  ])("is refused with the place of the first wrong byte: %s", (_, bytes, expected) => {
    expect(readDocuments([decode("f", bytes)]).complaints.map(formatComplaint)).toEqual([expected]);
  });

  it.each(["/dev/zero", "/dev/urandom"])("is never read without end: %s", async (device) => {
    expect((await loadDocuments([device])).complaints.map(formatComplaint)).toEqual([
      `${device}:1:1: the file is larger than 2 MiB: no document of pawl is`,
    ]);
  });

  it("keeps names from moving the cursor or faking a line: file names, keys, values, what the parser quotes", () => {
    const evil = "\u001b[2J\u009b2J\u202e\u2028f:1:1: valid";
    const texts = [
      change(INVENTORY, "user: core", `${JSON.stringify(evil)}: 1`),
      change(INVENTORY, "role: agent", `role: ${JSON.stringify(evil)}`),
      change(INVENTORY, "dcos", `!<${evil}> dcos`),
      `a: *${evil}\n`,
      `a: |${evil}\n`,
    ];
    for (const text of texts) {
      const found = readDocuments([{ file: `f${evil}\n`, text }]).complaints.map(formatComplaint);
      expect(found.length).toBeGreaterThan(0);
      for (const line of found) expect(line).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u2028-\u202e]/);
    }
  });

  it("keeps control characters out of messages", () => {
    expect(complaints(change(INVENTORY, "role: agent", 'role: "\\e[2Jx"')).join()).toContain('not "\\u001b[2Jx"');
  });
});

describe("a complaint's place", () => {
  it("is where the word stands", () => {
    const lines = RUNBOOK.split("\n");
    const places = lines.flatMap((line, index) =>
      [...line.matchAll(/[A-Za-z-]+(?=: )/g)].map((match) => ({ index, at: match.index, key: match[0] })),
    );
    for (const { index, at, key } of places) {
      const text = lines
        .map((line, other) => (other === index ? `${line.slice(0, at)}zzzzzzzz${line.slice(at + key.length)}` : line))
        .join("\n");
      const [found] = readDocuments([{ file: "f", text }]).complaints.filter((one) => /"zzzzzzzz"/.test(one.message));
      if (found === undefined) expect(["kind", "target", "soak", "for"]).toContain(key);
      else expect([found.line, found.column]).toEqual([index + 1, at + 1]);
    }
    expect(places.length).toBeGreaterThan(30);
  });
});

/** Real documents with a few characters, lines or words changed: nearer to what people write than random text. */
const fuzzed = fc
  .tuple(
    fc.constantFrom(INVENTORY, RUNBOOK, CHECK, POLICY, `${CHECK}---\n${RUNBOOK}`),
    fc.array(
      fc.tuple(
        fc.nat(4_000),
        fc.nat(12),
        fc.oneof(
          fc.constantFrom(
            "{",
            "}",
            "[",
            "]",
            ": ",
            "- ",
            "&a ",
            "*a",
            "\n",
            "  ",
            "!!binary ",
            "|\n",
            "'",
            '"',
            "1.10",
            "~",
            "---\n",
            "...\n",
            "%YAML 1.1\n",
            "<<: ",
            "? ",
            "constructor",
            "toString: 1\n",
            "0x1F",
            ".nan",
            "\t",
            "#",
            "{{ inputs.x }}",
          ),
          fc.string({ maxLength: 6, unit: "binary" }),
        ),
      ),
      { minLength: 1, maxLength: 5 },
    ),
  )
  .map(([text, edits]) => {
    let at: string = text;
    for (const [place, length, by] of edits) {
      const from = place % (at.length + 1);
      at = at.slice(0, from) + by + at.slice(from + length);
    }
    return at;
  });

describe("two thousand fuzzed documents", () => {
  it("are valid or have complaints with places; nothing is ever thrown", () => {
    let refused = 0;
    fc.assert(
      fc.property(fuzzed, (text) => {
        const { documents, complaints: found } = readDocuments([{ file: "f", text }], "/home/op");
        if (documents.length === 0) expect(found.length).toBeGreaterThan(0);
        if (found.length > 0) refused += 1;
        const lines = text.split("\n").length;
        for (const one of found) {
          expect(one.line).toBeGreaterThanOrEqual(1);
          expect(one.line).toBeLessThanOrEqual(lines + 1);
          expect(one.column).toBeGreaterThanOrEqual(1);
          expect(one.message).not.toMatch(/undefined|\[object|something else/);
        }
      }),
      { numRuns: 2_000 },
    );
    expect(refused).toBeGreaterThan(1_000);
  });

  it("come back from files as documents or as a PawlError invalid-document", async () => {
    const path = join(folder, "fuzzed.yaml");
    await fc.assert(
      fc.asyncProperty(fuzzed, async (text) => {
        writeFileSync(path, text);
        const read = await loadDocuments([path]);
        const error: unknown = await loadInventory(path).then(
          () => null,
          (thrown: unknown) => thrown,
        );
        if (error === null) expect(read.complaints).toEqual([]);
        else expect(error instanceof PawlError && error.exit).toBe("invalid-document");
      }),
      { numRuns: 300 },
    );
  });
});
