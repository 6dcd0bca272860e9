import type { Inventory, InventoryNode } from "../../../domain/inventory.ts";
import type { Command } from "../../../engine/ports.ts";
import { proxyUrl } from "../settings.ts";

/** Where DC/OS keeps what pawl reads on a node (dcos.md section 3.1). */
export const FILES = {
  version: "/opt/mesosphere/etc/dcos-version.json",
  userConfig: "/opt/mesosphere/etc/user.config.yaml",
  masterCount: "/opt/mesosphere/etc/master_count",
  installProgress: "/opt/mesosphere/install_progress",
  roles: "/etc/mesosphere/roles",
  clusterId: "/var/lib/dcos/cluster-id",
  bootId: "/proc/sys/kernel/random/boot_id",
  detectIp: "/opt/mesosphere/bin/detect_ip",
  osRelease: "/etc/os-release",
  /** Names the release where os-release has only its major number (CentOS). */
  redhatRelease: "/etc/redhat-release",
  machineId: "/etc/machine-id",
  units: "/etc/systemd/system/dcos.target.wants",
  ipv6Off: "/proc/sys/net/ipv6/conf/all/disable_ipv6",
  /** Written by every activation (pkgpanda: `activate`). */
  activated: "/opt/mesosphere/active.buildinfo.full.json",
} as const;

/**
 * Reads everything about a node in one command (one exec instead of twelve, performance.md section 6). Sections are
 * separated by a line of their own; a section whose source is missing stays empty. POSIX sh; writes nothing.
 * $1 is the URL the node must be able to fetch, $2 one of its own that must be well, or empty; the other words are systemd units.
 */
export const FACTS_SCRIPT = `say() { printf '\\n=== %s\\n' "$1"; }
url=$1 own=$2
shift 2
say version
cat ${FILES.version} 2>/dev/null
say roles
for role in ${FILES.roles}/*; do
  if [ -f "$role" ]; then echo "\${role##*/}"; fi
done
say install-progress
if [ -e ${FILES.installProgress} ]; then echo present; else echo absent; fi
say date
date +%s.%N 2>/dev/null || date +%s
say config
sha256sum ${FILES.userConfig} 2>/dev/null
say disk-opt
df -Pk /opt/mesosphere 2>/dev/null
say disk-var
df -Pk /var 2>/dev/null
say boot
cat ${FILES.bootId} 2>/dev/null
say cluster
cat ${FILES.clusterId} 2>/dev/null
say uid
id -u
say masters
cat ${FILES.masterCount} 2>/dev/null
say units
if [ "$#" -gt 0 ]; then systemctl show -p Id -p ActiveState -p SubState -p NRestarts "$@" 2>/dev/null; fi
say os
cat ${FILES.osRelease} ${FILES.redhatRelease} 2>/dev/null
say kernel
uname -r 2>/dev/null
say docker
docker --version 2>/dev/null
say machine
cat ${FILES.machineId} 2>/dev/null
say ipv6
if [ -e ${FILES.ipv6Off} ]; then cat ${FILES.ipv6Off}; else echo absent; fi
say activated
stat -c %Y ${FILES.activated} 2>/dev/null
say edition
for unit in dcos-oauth dcos-bouncer dcos-vault; do
  if [ -e ${FILES.units}/$unit.service ]; then echo $unit; fi
done
say bootstrap
if [ -n "$url" ]; then curl -sSI --max-time 10 "$url" 2>&1; fi
say proxy
if [ -n "$own" ]; then curl -s -o /dev/null -w '%{http_code}\\n' --max-time 10 "$own" 2>&1; fi
say end
`;

/** Name given to the script as \`$0\`: how the read-only guard and a process list recognise it. */
export const FACTS_NAME = "pawl-facts";

/** Wall-clock limit of the facts command: its slowest part is the 10 s the fetch may take. */
const FACTS_TIMEOUT_MS = 30_000;

const UNITS: Readonly<Record<string, readonly string[]>> = {
  master: [
    "dcos-exhibitor.service",
    "dcos-mesos-master.service",
    "dcos-mesos-dns.service",
    "dcos-marathon.service",
    "dcos-adminrouter.service",
  ],
  agent: ["dcos-mesos-slave.service", "dcos-adminrouter-agent.service"],
  agent_public: ["dcos-mesos-slave-public.service", "dcos-adminrouter-agent.service"],
};

/** The units whose state says whether a node of this role works (dcos.md section 3.2, those present in every release). */
function unitsOf(role: string): readonly string[] {
  return UNITS[role] ?? [];
}

/**
 * What every node must be able to fetch before an upgrade: the bootstrap machine's marker file, or the prepared script
 * (dcos.md pre-20). Null where the inventory names neither.
 */
function bootstrapProbeUrl(inventory: Inventory): string | null {
  if (inventory.bootstrap !== undefined) return `${inventory.bootstrap.url.replace(/\/+$/, "")}/bootstrap.latest`;
  const [script] = Object.values(inventory.scripts);
  return script?.url ?? null;
}

/** The one command that reads a node. */
export function factsCommand(inventory: Inventory, node: Pick<InventoryNode, "name" | "role">): Command {
  const urls = [bootstrapProbeUrl(inventory) ?? "", proxyUrl(inventory, node) ?? ""];
  const argv = ["sh", "-c", FACTS_SCRIPT, FACTS_NAME, ...urls, ...unitsOf(node.role)];
  return { argv, sudo: true, timeoutMs: FACTS_TIMEOUT_MS, maxOutputBytes: 256 * 1024 };
}
