import { releaseOf } from "./releases.ts";
import { attributesOf } from "./resources.ts";
import { quorumOf, type Model, type NodeState } from "./state.ts";

const ZK = "zk-1.zk:2181,zk-2.zk:2181,zk-3.zk:2181,zk-4.zk:2181,zk-5.zk:2181/mesos";

/** Flags of a Mesos master as DC/OS sets them (dcos.md 3.3; `logging_level` and `quiet` as a real master reports them); every value is text. */
export function masterFlags(model: Model, node: NodeState): Readonly<Record<string, string>> {
  const { minor } = releaseOf(node.version);
  return {
    agent_ping_timeout: "15secs",
    agent_removal_rate_limit: minor >= 12 ? "100/1mins" : "1/20mins",
    agent_reregister_timeout: "10mins",
    allocation_interval: "1secs",
    authenticate_agents: "false",
    authenticate_frameworks: "false",
    authenticate_http_readonly: "false",
    authenticate_http_readwrite: "false",
    cluster: "pawl-lab",
    hostname_lookup: "false",
    ip_discovery_command: "/opt/mesosphere/bin/detect_ip",
    log_auto_initialize: "true",
    log_dir: "/var/lib/dcos/mesos/log",
    logging_level: "INFO",
    max_agent_ping_timeouts: "20",
    max_completed_frameworks: "50",
    max_completed_tasks_per_framework: "1000",
    port: "5050",
    quiet: "false",
    quorum: String(quorumOf(model)),
    registry: "replicated_log",
    registry_fetch_timeout: "1mins",
    registry_store_timeout: "1mins",
    roles: "slave_public",
    version: "false",
    weights: "slave_public=1",
    work_dir: "/var/lib/dcos/mesos/master",
    zk: `zk://${ZK}`,
    zk_session_timeout: "10secs",
  };
}

/** Flags of a Mesos agent as DC/OS sets them (dcos.md 3.3). */
export function agentFlags(_model: Model, node: NodeState): Readonly<Record<string, string>> {
  const { minor } = releaseOf(node.version);
  const open = node.role === "agent_public";
  return {
    attributes: Object.entries(attributesOf(node))
      .map(([name, value]) => `${name}:${value}`)
      .join(";"),
    cgroups_enable_cfs: "true",
    containerizers: "docker,mesos",
    default_role: open ? "slave_public" : "*",
    executor_reregistration_timeout: "10secs",
    hostname_lookup: "false",
    ip_discovery_command: "/opt/mesosphere/bin/detect_ip",
    log_dir: "/var/log/mesos",
    logging_level: "INFO",
    master: `zk://${ZK}`,
    port: "5051",
    quiet: "false",
    ...(minor >= 11 ? { reconfiguration_policy: "additive" } : {}),
    recover: "reconnect",
    recovery_timeout: minor >= 11 ? "24hrs" : "15mins",
    version: "false",
    work_dir: "/var/lib/mesos/slave",
  };
}
