import { imageCommit, packageIds } from "./files.ts";
import type { Model } from "./state.ts";

/** What an upgrade script was generated for. */
export interface BakedIn {
  readonly from: string;
  readonly target: string;
}

/**
 * The text of `dcos_node_upgrade.sh` for one pair of versions. Its observable lines (the version gate, the role line, the
 * announcement) are those of the real script (dcos.md 4.3); the model executes it, a shell that does not know the model stops at
 * the end of the gate.
 */
export function scriptText(model: Model, from: string, target: string): string {
  const { minor } = { minor: Number(target.split(".")[1]) };
  const url = `http://${model.bootstrap.address}:8090/${target}`;
  const flags = minor === 9 ? "" : minor === 10 ? "# options: --skip-checks (first)\n" : "# options: --skip-checks --verbose\n";
  return `#!/bin/bash
# Upgrades this node from DC/OS ${from} to ${target}.
# image commit: ${imageCommit(target)}
${flags}set -o errexit -o nounset -o pipefail
source /opt/mesosphere/environment.export

if [[ $EUID -ne 0 ]]; then
    echo "This script must be run as root" 1>&2
    exit 1
fi

found_version=$(grep version /opt/mesosphere/etc/dcos-version.json | cut -d '"' -f 4)
if [[ "$found_version" != "${from}" ]]; then
    echo "ERROR: Expecting to upgrade DC/OS from ${from} to ${target}. Version found on node: $found_version"
    exit 1
fi

role_name=""
for role in master slave slave_public; do
    if [[ -f /etc/mesosphere/roles/$role ]]; then role_name=$role; fi
done
if [[ -z "$role_name" ]]; then
    echo "ERROR: Can't determine this node's role. One of master, slave, or slave_public must be present under /etc/mesosphere/roles."
    exit 1
fi

echo "Upgrading DC/OS $role_name ${from} -> ${target}"
pkgpanda fetch --repository-url=${url} ${packageIds(target).join(" ")}
pkgpanda activate --no-block ${packageIds(target).join(" ")}
`;
}

/** Recognises an upgrade script by its text: both gates must be in it and the last line whole. Null: something else. */
export function readScript(text: string): BakedIn | null {
  const gate = /Expecting to upgrade DC\/OS from (\S+) to (\S+)\. Version found on node:/.exec(text);
  const [, from, target] = gate ?? [];
  if (from === undefined || target === undefined || !/\npkgpanda activate --no-block [^\n]+\n$/.test(text)) return null;
  return { from, target };
}
