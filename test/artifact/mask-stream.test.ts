import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { beginsDocument, createMasker, type Masker } from "../../src/artifact/mask.ts";
import { maskDocument } from "../../src/artifact/masked-sink.ts";
import { isSuspicious, SUSPICIOUS_PARTS } from "../../src/artifact/mask-text.ts";
import { createTelltale, maySpell } from "../../src/artifact/telltale.ts";

const KEY = Buffer.alloc(32, 7);
const KNOWN = "kn0wn-S3cret/ü";
const LEARNED = "S3cr3t-Value+42";

/** The document masked as it comes, in pieces of these lengths over and over; null where it was taken for no JSON. */
async function inPieces(masker: Masker, bytes: Buffer, lengths: readonly number[]): Promise<Buffer | null> {
  const held: Buffer[] = [];
  const kept: Buffer[] = [];
  const document = maskDocument(masker, {
    write: (chunk) => void held.push(Buffer.from(chunk)),
    async *read() {
      yield* held;
    },
    close: () => Promise.resolve(),
  });
  for (let at = 0, turn = 0; at < bytes.length; turn += 1) {
    const length = lengths[turn % lengths.length] ?? 1;
    await document.write(bytes.subarray(at, at + length));
    at += length;
  }
  const isJson = await document.finish({
    bytes: 0,
    write: (chunk) => void kept.push(Buffer.from(chunk)),
    finish: () => Promise.reject(new Error("not asked for")),
    abandon: () => Promise.resolve(),
  });
  expect(isJson || kept.length === 0).toBe(true);
  return isJson ? Buffer.concat(kept) : null;
}

const secret = fc.constantFrom(
  KNOWN,
  LEARNED,
  `x${LEARNED}y`,
  Buffer.from(`a:${LEARNED}`).toString("base64"),
  Buffer.from(`ab:${KNOWN}!`).toString("base64"),
  encodeURIComponent(LEARNED),
  `http://u:${LEARNED}@host/${encodeURIComponent(KNOWN)}`,
  `run --password ${LEARNED} -u a:b`,
  JSON.stringify({ password: LEARNED, env: { A: "b" } }),
  ` [{"name":"TOKEN","value":"${LEARNED}"}]`,
  "eyJhbGciOiJIUzI1NiJ9.eyJ1aWQiOiJib290In0.abcdefgh",
  "DB_PASS=a b c",
  "--secret-key",
  "masked:0123456789ab",
);
const plain = fc.oneof(
  fc.constantFrom(
    "",
    "TASK_RUNNING",
    "a\nb",
    'quo"te',
    "back\\slash",
    "tab\there",
    "ü€😀",
    "\ud800",
    "\ufeff{}",
    "\u00a0[1]",
    " x",
    "[31000-31000]",
    "{",
    "true",
  ),
  fc.string({ maxLength: 12 }),
  fc.string({ unit: "binary", maxLength: 6 }),
);
const name = fc.oneof(
  fc.constantFrom(
    "password",
    "DB_PASS",
    "name",
    "key",
    "value",
    "Value",
    "NAME",
    "env",
    "environment",
    "labels",
    "token_count",
    "a/token",
  ),
  fc.constantFrom("id", "slave_id", "auth\u0000", "ünï", `in ${LEARNED}`, "secret", "args", "cmd"),
  plain,
);
const scalar = fc.oneof(secret, plain, fc.integer(), fc.double(), fc.constantFrom(null, true, false, 12345678, 1e21, -0.5));
const { tree } = fc.letrec((tie) => ({
  tree: fc.oneof({ maxDepth: 4, depthSize: "small" }, scalar, tie("list"), tie("record"), tie("pair"), tie("env")),
  list: fc.array(tie("tree"), { maxLength: 5 }),
  // Entries, not a record: doubled and reordered names are kept.
  record: fc.array(fc.tuple(name, tie("tree")), { maxLength: 6 }).map((entries) => ({ entries })),
  pair: fc
    .tuple(fc.constantFrom("name", "key", "Key"), fc.oneof(name, secret), fc.constantFrom("value", "VALUE"), scalar, fc.boolean())
    .map(([key, called, holds, value, turned]) => {
      const entries = [
        [key, called],
        [holds, value],
      ];
      return { entries: turned ? entries.toReversed() : entries };
    }),
  env: fc
    .tuple(fc.constantFrom("env", "environment_variables"), tie("tree"))
    .map(([key, value]) => ({ entries: [[key, value]] })),
}));

/** JSON text with the white space, escapes and doubled names that a server may write. */
function write(value: unknown, style: { readonly space: string; readonly ascii: boolean }): string {
  const { space } = style;
  if (Array.isArray(value)) return `[${space}${value.map((one) => write(one, style)).join(`${space},`)}]`;
  if (typeof value === "object" && value !== null && "entries" in value) {
    const entries = value.entries as readonly (readonly [unknown, unknown])[];
    return `{${entries.map(([key, one]) => `${space}${write(key, style)}${space}:${write(one, style)}`).join(",")}${space}}`;
  }
  const text = JSON.stringify(value);
  return style.ascii
    ? text.replaceAll(/[\u0080-\uffff]/g, (one) => `\\u${one.charCodeAt(0).toString(16).padStart(4, "0")}`).replaceAll("/", "\\/")
    : text;
}

const document = fc
  .tuple(fc.array(tree, { maxLength: 8 }), fc.constantFrom("", " ", "\n\t", "\r\n  "), fc.boolean())
  .map(([list, space, ascii]) => write({ entries: list.map((one, index) => [`m${index}`, one]) }, { space, ascii }));
const lengths = fc.oneof(fc.constant([1]), fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 8 }));

describe("masking a document as it comes", () => {
  it("gives the bytes that masking the whole gives, wherever the pieces are cut", async () => {
    let changed = 0;
    await fc.assert(
      fc.asyncProperty(document, lengths, async (text, cuts) => {
        const masker = createMasker({ key: KEY, secrets: [KNOWN] });
        const bytes = Buffer.from(text);
        const whole = await masker.bytes(bytes, "application/json");
        const pieces = await inPieces(masker, bytes, cuts);
        expect(pieces?.toString()).toBe(whole.toString());
        if (!whole.equals(bytes)) changed += 1;
      }),
      { seed: 20, numRuns: 500 },
    );
    expect(changed).toBeGreaterThan(150);
  });

  it("gives the same bytes for a document that was cut off or damaged, or says that it is none", async () => {
    let taken = 0;
    await fc.assert(
      fc.asyncProperty(
        document,
        lengths,
        fc.nat(),
        fc.option(
          fc.oneof(
            fc.uint8Array({ maxLength: 3 }),
            fc.constantFrom(...["\\", '"', "-", "1.", "\u00a0", "x"].map((one) => Buffer.from(one))),
          ),
        ),
        async (text, cuts, place, inserted) => {
          const masker = createMasker({ key: KEY, secrets: [KNOWN] });
          const [from, at] = [Buffer.from(text), place % (text.length + 1)];
          const bytes = Buffer.concat([
            from.subarray(0, at),
            inserted ?? Buffer.alloc(0),
            inserted === null ? Buffer.alloc(0) : from.subarray(at),
          ]);
          const whole = await masker.bytes(bytes, "application/json");
          // Only what begins like a document is looked at as one.
          const pieces = beginsDocument(bytes.toString()) ? await inPieces(masker, bytes, cuts) : null;
          if (pieces === null) return;
          taken += 1;
          expect(pieces.equals(whole)).toBe(true);
        },
      ),
      { seed: 21, numRuns: 500 },
    );
    expect(taken).toBeGreaterThan(150);
  });

  it("finds a secret by its name at the end of the document and hides it at the beginning too", async () => {
    const masker = createMasker({ key: KEY });
    const text = JSON.stringify({
      cmd: `curl ${LEARNED}`,
      label: [Buffer.from(LEARNED).toString("base64")],
      env: { A: "b" },
      password: LEARNED,
    });
    const masked = await inPieces(masker, Buffer.from(text), [7]);
    expect(masked?.toString()).toMatch(
      /^\{"cmd":"curl masked:([0-9a-f]{12})","label":\["masked:\1"\],"env":\{"A":"masked:[0-9a-f]{12}"\},"password":"masked:\1"\}$/,
    );
  });

  it("masks with a secret that becomes known on the way from then on", async () => {
    const secrets = new Set<string>();
    const scan = createMasker({ key: KEY, secrets }).document().first();
    const take = (text: string, final: boolean): void => {
      for (const step of scan.take(Buffer.from(text), final)) expect(step).toBeUndefined();
    };
    take(`["zq77zq77",`, false);
    secrets.add("zq77zq77");
    take(`"zq77zq77"]`, true);
    expect(scan.edits()).toMatchObject([{ from: 12, to: 22 }]);
  });

  it("keeps a long token that came in many pieces, once", async () => {
    const masker = createMasker({ key: KEY });
    const bytes = Buffer.from(JSON.stringify({ a: "é".repeat(300_000), password: "x1".repeat(1_000) }));
    const whole = await masker.bytes(bytes, "application/json");
    expect((await inPieces(masker, bytes, [4096, 1, 2]))?.equals(whole)).toBe(true);
  });
});

describe("the quick look for words", () => {
  it("is passed by no text that the masks would change", () => {
    const table = createTelltale(SUSPICIOUS_PARTS);
    const suspect = fc.constantFrom(
      ...[
        "password",
        "Passwd",
        "passphrase",
        "SECRET",
        "token",
        "credential",
        "api_key",
        "privatekey",
        "access.key",
        "signing-key",
      ],
      ...[
        "encryption key",
        "master-key",
        "authorization",
        "cookie",
        "unlock_key",
        "pass",
        "pwd",
        "psk",
        "auth",
        "-----BEGIN",
        "x://y@",
      ],
      ...["eyJ", "AKIA", "SWMTKN-", "SWMKEY-", "Bearer", "-u", " -u x", "--user"],
    );
    fc.assert(
      fc.property(fc.string({ maxLength: 5 }), suspect, fc.string({ maxLength: 5 }), (before, word, after) => {
        const text = `${before}${word}${after}`;
        expect(maySpell(table, Buffer.from(text))).toBe(true);
        return isSuspicious(text) || isSuspicious(word);
      }),
      { seed: 22, numRuns: 2000 },
    );
    fc.assert(
      fc.property(fc.string({ maxLength: 30 }), (text) => !isSuspicious(text) || maySpell(table, Buffer.from(text))),
      { seed: 23, numRuns: 5000 },
    );
    expect(maySpell(table, Buffer.from("TASK_RUNNING slave_public registry.example/app:1.2.3"))).toBe(false);
  });
});
