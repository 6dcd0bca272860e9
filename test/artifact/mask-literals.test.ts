import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { literalMask } from "../../src/artifact/mask-literals.ts";

const mark = (secret: string): string => `<${String(secret.length)}>`;
const secret = fc.string({ minLength: 8, maxLength: 24, unit: "grapheme-ascii" });

/** How a secret may travel inside a text. */
const travelling = fc.constantFrom<(value: string) => string>(
  (value) => value,
  (value) => Buffer.from(value).toString("base64"),
  (value) => Buffer.from(`user:${value}`).toString("base64"),
  (value) => Buffer.from(value).toString("hex").toUpperCase(),
  (value) => encodeURIComponent(value),
  (value) => JSON.stringify(value),
);

describe("many secrets at once", () => {
  it("are found wherever and however they travel, exactly as few are", () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(secret, { minLength: 30, maxLength: 60 }),
        fc.array(fc.tuple(fc.nat(59), travelling, fc.string({ maxLength: 12 })), { minLength: 1, maxLength: 6 }),
        (secrets, places) => {
          const used = places.map(([index]) => secrets[index % secrets.length] ?? "");
          const text = places.map(([, travels, filler], at) => `${filler} ${travels(used[at] ?? "")} `).join("");
          const many = literalMask(secrets, mark)(text);
          for (const one of used) expect(many.includes(one)).toBe(false);
          // One by one, each with a pattern of its own: what all of them together would have done.
          const oneByOne = secrets.reduce((masked, one) => literalMask([one], mark)(masked), text);
          expect(many.includes("<")).toBe(oneByOne.includes("<"));
        },
      ),
      { seed: 20_261_121, numRuns: 200 },
    );
  });

  it("leave a text alone that holds none of them", () => {
    const secrets = Array.from({ length: 5_000 }, (_, index) => `Tr0ub4dor-${String(index)}-correct-horse`);
    const text = "a line of a log without any of them\n".repeat(500);
    expect(literalMask(secrets, mark)(text)).toBe(text);
  });

  it("are told apart by more than how they begin", () => {
    const secrets = Array.from({ length: 5_000 }, (_, index) => `Tr0ub4dor-${String(index).padStart(5, "0")}`);
    const masked = literalMask(secrets, (found) => `[${found.slice(-5)}]`)("x=Tr0ub4dor-00017; y=Tr0ub4dor-04711");
    expect(masked).toBe("x=[00017]; y=[04711]");
  });
});
