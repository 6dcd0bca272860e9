#!/usr/bin/env node
// Runs the built program where there is a fresh build, else the TypeScript source: `npx pawl` works right after `npm ci`.
import { existsSync, readdirSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const dist = join(root, "dist");
const built = join(dist, "pawl.cjs");
const source = join(root, "src", "cli", "main.ts");

function newest(folder) {
  let latest = 0;
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    latest = Math.max(latest, entry.isDirectory() ? newest(path) : statSync(path).mtimeMs);
  }
  return latest;
}

async function load() {
  const fresh = existsSync(built) && (!existsSync(source) || statSync(built).mtimeMs >= newest(join(root, "src")));
  if (fresh) return (await import("./program.js")).openProgram(dist);
  const { register } = await import("tsx/esm/api");
  register();
  return import(pathToFileURL(source).href);
}

try {
  await (await load()).main();
} catch (error) {
  process.exitCode = 70;
  console.error("pawl has a bug. The record of the run, if there is one, is intact: pawl verify, pawl resume.");
  console.error(error);
}
