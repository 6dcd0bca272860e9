import { hexOf } from "./random.ts";
import { releaseOf } from "./releases.ts";
import { agentOf, masterOf, type Model, type NodeState } from "./state.ts";
import { openFiles } from "./zookeeper-files.ts";

/** The commit a release's image was built from: 40 hex digits, the same on every node. */
export function imageCommit(version: string): string {
  return hexOf(0, `image ${version}`, 40);
}

/** The id of a release's bootstrap tarball. */
export function bootstrapId(version: string): string {
  return hexOf(0, `bootstrap ${version}`, 40);
}

/**
 * `dcos-version.json`: one key per line, `version` first, because the upgrade script's gate reads it as text (dcos.md 4.6).
 * From 1.12 on it names the variant.
 */
function versionFile(version: string): string {
  const fields = [
    ["version", version],
    ...(releaseOf(version).minor >= 12 ? [["dcos-variant", "open"]] : []),
    ["dcos-image-commit", imageCommit(version)],
    ["bootstrap-id", bootstrapId(version)],
  ];
  return `{\n${fields.map(([key = "", value = ""]) => `  "${key}": "${value}"`).join(",\n")}\n}\n`;
}

function listPackages(version: string): readonly string[] {
  const release = releaseOf(version);
  const versions: Readonly<Record<string, string>> = {
    mesos: release.mesosCommit,
    marathon: release.marathon,
    metronome: release.metronome,
    cosmos: release.cosmos,
    exhibitor: release.zookeeper,
  };
  const names = [
    "adminrouter",
    "boost-libs",
    "bootstrap",
    "cosmos",
    "curl",
    "dcos-config",
    "dcos-history",
    "dcos-image",
    "dcos-metadata",
    "exhibitor",
    "java",
    "marathon",
    "mesos",
    "mesos-dns",
    "metronome",
    "openssl",
    "pkgpanda-api",
    "python",
    "rexray",
    release.minor <= 10 ? "spartan" : "dcos-net",
    release.minor === 9 ? "3dt" : "dcos-diagnostics",
  ];
  const always = new Set(["dcos-config", "dcos-image", "dcos-metadata", "adminrouter"]);
  return names.map(
    (name) => `${name}--${hexOf(0, `${name} ${versions[name] ?? (always.has(name) ? version : `1.${release.minor}`)}`, 40)}`,
  );
}

const packages = new Map<string, readonly string[]>();

/** Ids of the packages a release installs, `name--hash`: unchanged packages keep their hash over releases. */
export function packageIds(version: string): readonly string[] {
  const known = packages.get(version);
  if (known !== undefined) return known;
  const made = listPackages(version);
  packages.set(version, made);
  return made;
}

/** The settings the cluster was installed with, by key. */
function settingsOf(model: Model): Readonly<Record<string, string | number | boolean | readonly string[]>> {
  return {
    bootstrap_url: `http://${model.bootstrap.address}:8090`,
    cluster_name: "pawl-lab",
    exhibitor_storage_backend: "static",
    master_discovery: "static",
    master_list: model.masters.map((node) => node.address),
    resolvers: ["192.0.2.53"],
    check_time: true,
    process_timeout: 10000,
    telemetry_enabled: false,
  };
}

/** config.yaml as the operator wrote it. */
export function configYaml(model: Model): string {
  return Object.entries(settingsOf(model))
    .map(([key, value]) =>
      Array.isArray(value) ? `${key}:\n${value.map((one) => `- ${one}\n`).join("")}` : `${key}: ${String(value)}\n`,
    )
    .join("");
}

/**
 * The copy of it on every node: keys in order, each value as literal text, lists as JSON with the spaces Python puts into it
 * (dcos/dcos, gen/__init__.py: `stringify_configuration`, `user_arguments_to_yaml`; the form is that of PyYAML's `dump`).
 */
export function userConfigYaml(model: Model, more: Readonly<Record<string, string>> = {}): string {
  return Object.entries({ ...settingsOf(model), ...more })
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(
      ([key, value]) =>
        `"${key}": |-\n  ${Array.isArray(value) ? JSON.stringify(value).replaceAll('","', '", "') : String(value)}\n`,
    )
    .join("");
}

/** ip-detect as the operator wrote it; the nodes have it as detect_ip. */
export const IP_DETECT = "#!/bin/sh\nhostname -I | cut -d' ' -f1\n";

function environment(node: NodeState, prefix: string): string {
  const release = releaseOf(node.version);
  const lines = [
    "LD_LIBRARY_PATH=/opt/mesosphere/lib",
    "PATH=/opt/mesosphere/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "PROVIDER=onprem",
    "MESOS_IP_DISCOVERY_COMMAND=/opt/mesosphere/bin/detect_ip",
    `DCOS_VERSION=${node.version}`,
    `DCOS_IMAGE_COMMIT=${imageCommit(node.version)}`,
    ...(release.minor >= 12 ? ["DCOS_VARIANT=open"] : []),
  ];
  return lines.map((line) => `${prefix}${line}\n`).join("");
}

/** What an activation writes last: nothing that belongs to it is newer. */
function writeBuildInfo({ fs, version }: NodeState): void {
  const infos = packageIds(version).map((id) => [id.split("--")[0] ?? id, { package_version: id }]);
  fs.writeFileSync("/opt/mesosphere/active.buildinfo.full.json", `${JSON.stringify(Object.fromEntries(infos))}\n`);
}

/** Puts the operator's configuration back as the last activation left it. */
export function restoreUserConfig(model: Model, node: NodeState): void {
  writePackaged(node, "/opt/mesosphere/etc/user.config.yaml", userConfigYaml(model));
  writeBuildInfo(node);
}

/** The trees that an activation makes of links into the packages (pkgpanda: `symlink_tree`). */
const LINKED = /^\/opt\/mesosphere\/(bin|etc)\//;

/** Writes a file of the package `dcos-config`, and the link to it where the tree in use has one. */
function writePackaged(node: NodeState, path: string, text: string, mode?: number): void {
  const { fs } = node;
  const options = mode === undefined ? undefined : { mode };
  if (!LINKED.test(path)) {
    fs.writeFileSync(path, text, undefined, options);
    return;
  }
  const id = packageIds(node.version).find((one) => one.startsWith("dcos-config--")) ?? "dcos-config";
  const file = path.replace("/opt/mesosphere", `/opt/mesosphere/packages/${id}`);
  fs.writeFileSync(file, text, undefined, options);
  fs.linkTo(file, path);
}

/** Writes everything under /opt/mesosphere and /etc/mesosphere that belongs to the installed version. */
export function writeVersionFiles(model: Model, node: NodeState): void {
  const { fs, version } = node;
  const write = (path: string, text: string, mode?: number): void => writePackaged(node, path, text, mode);
  node.activatedMs = model.clock.now();
  const etc = "/opt/mesosphere/etc";
  write(`${etc}/dcos-version.json`, versionFile(version));
  write("/opt/mesosphere/environment", environment(node, ""));
  write("/opt/mesosphere/environment.export", environment(node, "export "));
  write(`${etc}/user.config.yaml`, userConfigYaml(model));
  write(`${etc}/check_time.env`, "ENABLE_CHECK_TIME=true\n");
  if (releaseOf(version).minor >= 10)
    write(
      `${etc}/expanded.config.json`,
      `${JSON.stringify({ master_quorum: Math.floor(model.masters.length / 2) + 1, dcos_version: version })}\n`,
    );
  const oauth = "/etc/systemd/system/dcos.target.wants/dcos-oauth.service";
  if (node.role === "master" && releaseOf(version).minor <= 12) write(oauth, "");
  else void fs.rm(oauth, { force: true });
  if (node.role === "master") write(`${etc}/master_count`, `${model.masters.length}\n`);
  write("/opt/mesosphere/bin/detect_ip", IP_DETECT, 0o755);
  fs.mkdirSync("/opt/mesosphere/packages", { recursive: true });
  // Of the packages only this one has files here; the others are names.
  const config = packageIds(version).find((one) => one.startsWith("dcos-config--"));
  if (config !== undefined) fs.linkTo(`/opt/mesosphere/packages/${config}`, "/opt/mesosphere/active/dcos-config");
  writeBuildInfo(node);
  write("/etc/mesosphere/setup-flags/repository-url", `http://${model.bootstrap.address}:8090/${version}\n`);
  write("/etc/mesosphere/setup-flags/cluster-package-list", `${hexOf(0, `list ${version}`, 40)}\n`);
}

function writeExhibitor(model: Model, node: NodeState): void {
  const folder = "/var/lib/dcos/exhibitor";
  const { fs } = node;
  const bytes = (words: string, length: number): Buffer =>
    Buffer.from(
      hexOf(model.seed, words, 64)
        .repeat(Math.ceil(length / 64))
        .slice(0, length),
    );
  const { serverId } = masterOf(node);
  const servers = model.masters.map((one) => `server.${masterOf(one).serverId}=${one.address}:2888:3888`).join("\n");
  fs.writeFileSync(
    `${folder}/conf/zoo.cfg`,
    `tickTime=2000\ninitLimit=10\nsyncLimit=5\nquorumListenOnAllIPs=true\nmaxClientCnxns=0\nautopurge.snapRetainCount=5\nautopurge.purgeInterval=6\nclientPort=2181\ndataDir=${folder}/zookeeper/snapshot\ndataLogDir=${folder}/zookeeper/transactions\n${servers}\n`,
  );
  // As many open files as a JVM of that size has (dcos.md section 6: always far more than a cluster has nodes).
  for (let number = 0; number < 187; number += 1) fs.writeFileSync(`/proc/${masterOf(node).exhibitor.pid}/fd/${number}`, "");
  fs.writeFileSync(`${folder}/zk.pid`, `${masterOf(node).zookeeper.pid}\n`);
  fs.writeFileSync(`${folder}/zookeeper/snapshot/myid`, `${serverId}\n`);
  const { base } = model.ensemble.written.history;
  openFiles(model, node, base.zxid, (BigInt(model.ensemble.epoch) << 32n) + 1n);
  fs.writeFileSync(`${folder}/zookeeper/zookeeper.out`, "");
  fs.writeFileSync(
    "/run/dcos_exhibitor/exhibitor_defaults.conf",
    "zookeeper-data-directory=/var/lib/dcos/exhibitor/zookeeper/snapshot\n",
  );
  fs.writeFileSync("/var/lib/dcos/mesos/master/replicated_log/000005.log", bytes(`replog ${node.name}`, 4_096));
  fs.writeFileSync("/var/lib/dcos/mesos/master/overlay_replicated_log/000005.log", bytes(`overlay ${node.name}`, 4_096));
  fs.writeFileSync("/var/lib/dcos/mesos/log/mesos-master.log", "");
}

/** The file systems of every machine: `df` and /proc/mounts say the same. Sizes in KiB. */
export const MOUNTS = [
  { device: "/dev/sda9", type: "ext4", at: "/", sizeKb: 41_152_812, usedKb: 9_812_440 },
  { device: "/dev/sdb1", type: "ext4", at: "/var/lib", sizeKb: 103_081_248, usedKb: 21_450_116 },
] as const;

/** Writes what every machine of the cluster has, whatever its version. */
export function writeBaseFiles(model: Model, node: NodeState): void {
  const { fs } = node;
  for (const folder of ["/tmp", "/root", "/home/core", "/var/log", "/var/tmp", "/run", "/usr/bin", "/etc/systemd/system"])
    fs.mkdirSync(folder, { recursive: true });
  fs.writeFileSync("/etc/hostname", `${node.name}\n`);
  fs.writeFileSync(
    "/etc/os-release",
    'NAME="Container Linux by CoreOS"\nID=coreos\nVERSION=1688.5.3\nVERSION_ID=1688.5.3\nPRETTY_NAME="Container Linux by CoreOS 1688.5.3 (Rhyolite)"\n',
  );
  fs.writeFileSync("/etc/machine-id", `${hexOf(model.seed, `machine ${node.name}`, 32)}\n`);
  fs.writeFileSync("/proc/sys/kernel/random/boot_id", `${node.bootId}\n`);
  fs.writeFileSync("/proc/mounts", MOUNTS.map((one) => `${one.device} ${one.at} ${one.type} rw,relatime 0 0\n`).join(""));
  fs.writeFileSync("/proc/cpuinfo", Array.from({ length: 4 }, (_, index) => `processor\t: ${index}\n`).join("\n"));
  fs.writeFileSync("/proc/meminfo", "MemTotal:       16430776 kB\nMemFree:         9437184 kB\nMemAvailable:   12582912 kB\n");
  fs.writeFileSync("/proc/loadavg", "0.32 0.27 0.21 2/214 4711\n");
  fs.live("/proc/uptime", () => {
    const seconds = ((model.clock.now() - node.bootMs) / 1000).toFixed(2);
    return `${seconds} ${seconds}\n`;
  });
  fs.writeFileSync("/proc/sys/net/ipv6/conf/all/disable_ipv6", "0\n");
  if (node.role === "bootstrap") return;
  fs.writeFileSync(
    `/etc/mesosphere/roles/${node.role === "agent" ? "slave" : node.role === "agent_public" ? "slave_public" : "master"}`,
    "",
  );
  fs.writeFileSync("/var/lib/dcos/cluster-id", `${model.clusterId}\n`);
  fs.writeFileSync("/etc/systemd/system/dcos.target", "[Install]\nWantedBy=multi-user.target\n");
  if (node.master !== null) writeExhibitor(model, node);
  else {
    fs.writeFileSync("/var/lib/dcos/mesos-resources", `# Generated by make_disk_resources\nMESOS_RESOURCES='[]'\n`);
    fs.writeFileSync("/var/log/mesos/mesos-agent.log", "");
    fs.live("/var/lib/mesos/slave/meta/slaves/latest", () => `${agentOf(node).id}\n`);
  }
}
