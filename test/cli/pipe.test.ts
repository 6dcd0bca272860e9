import { spawnSync } from "node:child_process";
import { resolve } from "node:path";
import { describe, expect, it } from "vitest";

const PAWL = resolve(import.meta.dirname, "../../bin/pawl.js");

describe("output that goes into a pipe", () => {
  it.each([{}, { CI: "true" }, { GITHUB_ACTIONS: "true", CI: "true", TERM: "xterm-256color" }])(
    "has no colours with %j",
    (more) => {
      const { NO_COLOR: _no, FORCE_COLOR: _force, ...env } = process.env;
      const ended = spawnSync(process.execPath, [PAWL, "path", "1.9.4", "1.11.3", "--policy", "published"], {
        env: { ...env, ...more },
        encoding: "utf8",
      });
      expect(ended.status).toBe(4);
      expect(`${ended.stdout}${ended.stderr}`).not.toContain("\u001b");
    },
  );
});
