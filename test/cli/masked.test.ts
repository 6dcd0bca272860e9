import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";
import { maskerOf } from "../../src/cli/masked.ts";
import { capturedIo } from "./captured-io.ts";

const folder = mkdtempSync(join(tmpdir(), "pawl-masked-"));
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

it("a token that is fetched or renewed while a record is written is masked in it", async () => {
  const io = capturedIo(folder);
  const secrets = new Set(["the-first-token"]);
  const masker = await maskerOf({ ...io, env: { ...io.env, PAWL_STATE_DIR: join(folder, "state") }, secrets }, "a-cluster");
  expect(masker.text("token=the-first-token")).not.toContain("the-first-token");
  expect(masker.text("said a-renewed-token")).toContain("a-renewed-token");
  secrets.add("a-renewed-token");
  expect(masker.text("said a-renewed-token")).toMatch(/^said masked:[0-9a-f]{12}$/);
});
