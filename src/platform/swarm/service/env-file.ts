import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import { PawlError } from "../../../domain/errors.ts";

/**
 * Environment variables from a file, `NAME=value` a line; empty lines and lines that begin with `#` say nothing. This is the way for
 * values that must not stand in a plan. Throws PawlError.
 */
export async function readEnvFile(file: string): Promise<Readonly<Record<string, string>>> {
  let body: string;
  try {
    body = await readFile(resolve(file), "utf8");
  } catch (error) {
    throw new PawlError("step-failed", "file-unreadable", `${file} cannot be read; nothing was sent`, {
      ...{ expected: "a file of NAME=value lines", observed: error instanceof Error ? error.message : String(error) },
      cause: error,
    });
  }
  const lines = body.split(/\r?\n/).map((line, index) => ({ line, number: index + 1 }));
  const entries = lines
    .filter(({ line }) => line.trim() !== "" && !line.startsWith("#"))
    .map(({ line, number }) => {
      const [, name, value] = /^([A-Za-z_][A-Za-z0-9_.-]*)=(.*)$/.exec(line) ?? [];
      if (name === undefined || value === undefined)
        throw new PawlError("step-failed", "env-file", `${file}:${number}: this is not NAME=value; nothing was sent`);
      return [name, value] as const;
    });
  return Object.fromEntries(entries);
}
