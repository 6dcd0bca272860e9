import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { boundedOutput } from "../../src/transport/output.ts";

describe("bounded output", () => {
  it("gives everything back unchanged up to the bound, however it was cut into chunks", () => {
    fc.assert(
      fc.property(fc.array(fc.string({ unit: fc.constantFrom("a", "b", "\n"), maxLength: 20 }), { maxLength: 30 }), (parts) => {
        const whole = parts.join("");
        const output = boundedOutput(Math.max(1, whole.length));
        for (const part of parts) output.add(Buffer.from(part));
        expect(output.text()).toBe(whole);
      }),
    );
  });

  it("keeps exactly the beginning and the end beyond it, and says how much is missing", () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 0, max: 50 }), { minLength: 1, maxLength: 40 }),
        fc.integer({ min: 2, max: 60 }),
        (sizes, bound) => {
          let next = 0;
          const output = boundedOutput(bound);
          const parts = sizes.map((size) => Array.from({ length: size }, () => String.fromCharCode(97 + (next++ % 26))).join(""));
          for (const part of parts) output.add(Buffer.from(part));
          const whole = parts.join("");
          fc.pre(whole.length > bound);
          const head = Math.ceil(bound / 2);
          const tail = bound - head;
          expect(output.text()).toBe(
            `${whole.slice(0, head)}\n[${String(whole.length - bound)} bytes left out]\n${whole.slice(whole.length - tail)}`,
          );
        },
      ),
    );
  });
});
