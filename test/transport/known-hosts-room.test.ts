import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";

describe("a known_hosts file without room for another line", () => {
  it("stays as it is, whole, and nothing is left beside it", () => {
    const folder = mkdtempSync(join(tmpdir(), "pawl-known-hosts-"));
    try {
      const file = join(folder, "known_hosts");
      const known = Array.from({ length: 12_000 }, (_, at) => `host${String(at)} ssh-ed25519 ${"A".repeat(68)}\n`).join("");
      writeFileSync(file, known);
      // The system takes a part of what is written without a word, and refuses only what comes after that.
      const limited = 'trap "" XFSZ; ulimit -f 512; exec "$@"';
      const script = join(import.meta.dirname, "add-known-host.ts");
      const said = execFileSync("bash", ["-c", limited, "bash", process.execPath, "--import", "tsx", script, file], {
        encoding: "utf8",
      });
      expect(said).toBe("EFBIG\n");
      expect(readFileSync(file, "utf8") === known).toBe(true);
      expect(readdirSync(folder)).toEqual(["known_hosts"]);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});
