import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { fileNameOf } from "../../src/domain/file-name.ts";

describe("a text as a file name", () => {
  it("keeps what is harmless and shows the rest as its code", () => {
    expect(fileNameOf("upgrade-1.11.3")).toBe("upgrade-1.11.3");
    expect(fileNameOf("../../etc/passwd")).toBe("%2E.%2F..%2Fetc%2Fpasswd");
    expect(fileNameOf(".hidden")).toBe("%2Ehidden");
    expect(fileNameOf("..")).toBe("%2E.");
    expect(fileNameOf("")).toBe("%00");
    expect(fileNameOf("a\0b\nc")).toBe("a%00b%0Ac");
  });

  it("is one name inside its folder, never a hidden one, and short enough, whatever the text; half a character does not throw", () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string({ unit: "binary", maxLength: 400 }),
          fc.array(fc.nat(0xffff)).map((codes) => String.fromCharCode(...codes)),
        ),
        (text) => {
          const name = fileNameOf(text);
          expect(name).toMatch(/^[A-Za-z0-9_%-][A-Za-z0-9._%-]{0,159}$/);
          expect(name).not.toMatch(/^\.|%[^0-9A-F]|%.?$/);
        },
      ),
      { seed: 11, numRuns: 500 },
    );
  });

  it("tells long texts apart that begin alike, and gives the same name for the same text", () => {
    const long = "cluster-".repeat(60);
    expect(fileNameOf(`${long}a`)).not.toBe(fileNameOf(`${long}b`));
    expect(fileNameOf(`${long}a`)).toBe(fileNameOf(`${long}a`));
    expect(fileNameOf("/".repeat(300))).not.toBe(fileNameOf("/".repeat(301)));
  });
});
