import type { StepKind } from "../engine/ports.ts";
import { captureFile } from "./capture-file.ts";
import { captureTar } from "./capture-tar.ts";
import { command, restartCommand } from "./command.ts";
import { check, confirm } from "./confirm.ts";
import { job, removeJobFolders } from "./job.ts";
import { localCommands } from "./local-commands.ts";
import { soak } from "./soak.ts";

/** Step kinds that know no product, by name. */
const BUILT_IN: readonly StepKind[] = [
  soak,
  confirm,
  check,
  command,
  restartCommand,
  job,
  captureFile,
  captureTar,
  localCommands,
  removeJobFolders,
];

/** All kinds a runbook of the platform may use. */
export function kindsOf(platform: { readonly kinds: readonly StepKind[] }): ReadonlyMap<string, StepKind> {
  return new Map([...BUILT_IN, ...platform.kinds].map((kind) => [kind.name, kind]));
}
