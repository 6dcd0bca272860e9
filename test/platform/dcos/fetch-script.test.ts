import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { FETCH_SCRIPT } from "../../../src/platform/dcos/upgrade/fetch-script.ts";

const TEXT = "#!/bin/bash\necho upgraded\n";
const DIGEST = createHash("sha256").update(TEXT).digest("hex");
let root = "";

beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), "pawl-fetch-"));
  writeFileSync(join(root, "served.sh"), TEXT);
});
afterAll(() => rmSync(root, { recursive: true }));

function fetchInto(shell: string, folder: string, served = "served.sh", wanted = DIGEST, skip?: string): number | null {
  const env = skip === undefined ? process.env : { ...process.env, SKIP_CHECKS: skip };
  return spawnSync(shell, ["-c", FETCH_SCRIPT, "pawl-fetch", folder, `file://${join(root, served)}`, wanted], {
    encoding: "utf8",
    env,
  }).status;
}

describe.each(["sh", "bash"])("fetching the upgrade script on a node, in a real %s", (shell) => {
  it("leaves exactly the script that was looked at, for nobody else to write", () => {
    const folder = join(root, `jobs-${shell}`, "one");
    expect(fetchInto(shell, folder)).toBe(0);
    expect(readFileSync(join(folder, "dcos_node_upgrade.sh"), "utf8")).toBe(TEXT);
    expect(statSync(folder).mode & 0o077).toBe(0);
    expect(fetchInto(shell, folder), "a second time is no trouble").toBe(0);
  });

  it("ends with 22 and leaves nothing where the digest is another", () => {
    const folder = join(root, `jobs-${shell}`, "two");
    expect(fetchInto(shell, folder, "served.sh", "0".repeat(64))).toBe(22);
    expect(existsSync(join(folder, "dcos_node_upgrade.sh"))).toBe(false);
  });

  it("ends with 23 before anything where the script would skip its checks", () => {
    const folder = join(root, `jobs-${shell}`, "skipping");
    expect(fetchInto(shell, folder, "served.sh", DIGEST, "true")).toBe(23);
    expect(existsSync(folder)).toBe(false);
    expect(fetchInto(shell, folder, "served.sh", DIGEST, "false")).toBe(0);
  });

  it("ends with 21 where it cannot be fetched", () => {
    expect(fetchInto(shell, join(root, `jobs-${shell}`, "three"), "missing.sh")).toBe(21);
  });

  it("ends with 20 where somebody put a link in the folder's place", () => {
    mkdirSync(join(root, `elsewhere-${shell}`));
    symlinkSync(join(root, `elsewhere-${shell}`), join(root, `linked-${shell}`));
    expect(fetchInto(shell, join(root, `linked-${shell}`))).toBe(20);
  });
});
