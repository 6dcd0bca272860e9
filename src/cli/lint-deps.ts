import type { Command } from "commander";
import { kindsOf } from "../action/kinds.ts";
import { lintCommand } from "./commands/lint.ts";
import type { Io } from "./io.ts";
import { CHECKS } from "./places.ts";
import { loadPlatform, PLATFORM_NAMES } from "./platforms.ts";

/** `pawl lint` with what it must know of every platform: step kinds and order contracts. */
export async function loadLintCommand(io: Io): Promise<Command> {
  const platforms = await Promise.all(PLATFORM_NAMES.map(loadPlatform));
  const kinds = [...new Map(platforms.flatMap((platform) => [...kindsOf(platform)])).values()];
  const contracts = Object.fromEntries(platforms.map((platform) => [platform.name, platform.contract]));
  return lintCommand(io, { kinds, contracts, checks: CHECKS });
}
