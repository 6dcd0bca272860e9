import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { expect, it } from "vitest";
import { createScratch } from "../../src/zookeeper/scratch-server.ts";
import { eventually } from "../real/process.ts";

it("what is laid out for a proof does not outlive a pawl that is killed before the server has started", async () => {
  const child = spawn(process.execPath, ["--import", "tsx", join(import.meta.dirname, "scratch-crash.ts")], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const path = await new Promise<string>((resolve) => createInterface(child.stdout).once("line", resolve));
  expect(existsSync(join(path, "snapshot.1"))).toBe(true);
  child.kill("SIGKILL");
  await eventually(
    () => !existsSync(path),
    () => `${path} is there`,
  );
});

it("a folder that is not needed any more is gone when that is said", async () => {
  const folder = await createScratch({}).folder();
  expect(existsSync(folder.path)).toBe(true);
  await folder.remove();
  expect(existsSync(folder.path)).toBe(false);
});
