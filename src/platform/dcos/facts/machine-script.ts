import type { InventoryNode } from "../../../domain/inventory.ts";
import type { Command } from "../../../engine/ports.ts";
import { FILES } from "./facts-script.ts";

const ROOT = "/opt/mesosphere";
/** Lines of one section at most: a person needs the first ones. */
const MAX_LINES = 20;

/**
 * Reads what lies below DC/OS on a machine and what people changed of it: asked before an upgrade only. Sections as in the facts
 * script; a section whose source is missing stays empty. POSIX sh; writes nothing. $1 is the unit whose open files are counted, or
 * empty.
 *
 * An activation makes \`bin\`, \`etc\`, \`lib\` and \`include\` trees of links into the packages (pkgpanda: \`symlink_tree\`), apart from
 * one file it writes itself: a plain file there was put there by somebody. A file of an active package that is newer than the
 * activation was edited through its link. What Python compiles for itself is nobody's change.
 */
export const MACHINE_SCRIPT = `say() { printf '\\n=== %s\\n' "$1"; }
unit=$1
say systemd
systemctl --version 2>/dev/null | head -n 1
say ipset
ipset --version 2>/dev/null | head -n 1
echo looked
say time
timedatectl 2>/dev/null
say check-time
cat ${ROOT}/etc/check_time.env 2>/dev/null
grep -A1 -E "^[\\"']?check_time[\\"']? *:" ${FILES.userConfig} 2>/dev/null
if [ -r ${FILES.userConfig} ]; then echo looked; fi
say provider
grep -E '^(export )?PROVIDER=' ${ROOT}/environment.export 2>/dev/null
say skip
if [ -n "\${SKIP_CHECKS-}" ]; then echo "environment of commands:SKIP_CHECKS=$SKIP_CHECKS"; fi
grep SKIP_CHECKS ${ROOT}/environment.export ${ROOT}/environment /etc/environment 2>/dev/null | head -n ${MAX_LINES}
if [ -r ${ROOT}/environment.export ]; then echo looked; fi
say changed
if [ -e ${FILES.activated} ]; then
  find ${ROOT}/bin ${ROOT}/etc ${ROOT}/lib ${ROOT}/include -type f ! -name '*.pyc' ! -name dcos-service-configuration.json 2>/dev/null | head -n ${MAX_LINES}
  for package in ${ROOT}/active/*; do
    for folder in bin etc etc_master etc_slave etc_slave_public; do
      if [ -d "$package/$folder" ]; then find "$package/$folder" -type f ! -name '*.pyc' -newer ${FILES.activated}; fi
    done
  done | head -n ${MAX_LINES}
  echo looked
fi
say open-files
if [ -n "$unit" ]; then
  pid=$(systemctl show -p MainPID "$unit" 2>/dev/null)
  pid=\${pid#MainPID=}
  if [ -d "/proc/$pid/fd" ]; then ls "/proc/$pid/fd" | wc -l; fi
fi
say end
`;

/** Name given to the script as \`$0\`. */
export const MACHINE_NAME = "pawl-machine";

/** Reads the machine below a node. */
export function machineCommand(node: Pick<InventoryNode, "role">): Command {
  const unit = node.role === "master" ? "dcos-exhibitor.service" : "";
  return { argv: ["sh", "-c", MACHINE_SCRIPT, MACHINE_NAME, unit], sudo: true, timeoutMs: 45_000, maxOutputBytes: 256 * 1024 };
}
