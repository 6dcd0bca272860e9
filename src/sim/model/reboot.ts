import { between } from "./random.ts";
import { startServices, stopServices } from "./services.ts";
import { laterAt, type Model, type NodeState } from "./state.ts";
import { uuidOf } from "./random.ts";

/** How long a machine takes from power to its first units. */
const BOOT_MS = { low: 25_000, high: 45_000 };

/**
 * The node's machine loses its power: another boot id, every service gone at once, and started again after the boot unless an
 * activation is half done. Its processes belong to the shell, which ends them when it meets the new boot id.
 */
export function rebootNode(model: Model, node: NodeState): void {
  const nowMs = model.clock.now();
  node.bootId = uuidOf(model.seed, `boot ${node.name} at ${nowMs}`);
  node.bootMs = nowMs;
  node.fs.writeFileSync("/proc/sys/kernel/random/boot_id", `${node.bootId}\n`);
  if (node.role === "bootstrap") return;
  stopServices(model, node);
  const bootMs = between(model.seed, `${node.name}/boot/${node.generation}`, BOOT_MS.low, BOOT_MS.high);
  laterAt(model, node, bootMs, () => {
    void node.fs.exists("/opt/mesosphere/install_progress").then((halfDone) => {
      if (!halfDone) startServices(model, node);
    });
  });
}
