import { describe, expect, it } from "vitest";
import { explained } from "../../src/domain/system-error.ts";
import { PawlError } from "../../src/domain/errors.ts";

const next = "pawl resume RUN";

describe("an error that ends a run", () => {
  it("about the disk is no bug: it says what is wrong with which file, and the way back", () => {
    const full = Object.assign(new Error("ENOSPC: no space left on device, write"), {
      code: "ENOSPC",
      syscall: "write",
      path: "/backups/x",
    });
    const told = explained(full, next);
    expect(told).toBeInstanceOf(PawlError);
    expect(told).toMatchObject({
      exit: "step-failed",
      message: "/backups/x cannot be used: no space is left on the disk",
      details: { next },
    });
  });

  it("of any other kind stays a bug, with its stack", () => {
    for (const bug of [
      new PawlError("refused", "x", "y"),
      new TypeError("x is not a function"),
      Object.assign(new Error("no such file"), { code: "ENOENT", syscall: "open" }),
      "text",
    ])
      expect(explained(bug, next)).toBe(bug);
  });
});
