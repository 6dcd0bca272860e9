import { knownLeader, leadingMaster, logReplicas, mesosHasRoutes } from "./mesos.ts";
import { double, type MesosJson } from "./mesos-json.ts";
import { schedulerConnected } from "./marathon.ts";
import { agentRuns } from "./registry.ts";
import { releaseOf } from "./releases.ts";
import { resourcesOf } from "./resources.ts";
import { agentOf, appOf, masterOf, type Model, type NodeState } from "./state.ts";

/** Metric names of a real Mesos master that stay 0 on a quiet cluster (recorded; operations and offer constraints are later than 1.8). */
const QUIET_MASTER =
  `cpus_revocable_percent cpus_revocable_total cpus_revocable_used disk_percent disk_revocable_percent disk_revocable_total
disk_revocable_used disk_used dropped_messages event_queue_dispatches event_queue_http_requests event_queue_messages
gpus_percent gpus_revocable_percent gpus_revocable_total gpus_revocable_used gpus_total gpus_used
invalid_executor_to_framework_messages invalid_framework_to_executor_messages invalid_status_update_acknowledgements invalid_status_updates
mem_revocable_percent mem_revocable_total mem_revocable_used messages_authenticate messages_deactivate_framework messages_decline_offers
messages_executor_to_framework messages_exited_executor messages_framework_to_executor messages_kill_task messages_launch_tasks
messages_reconcile_tasks messages_register_framework messages_register_slave messages_reregister_framework messages_reregister_slave
messages_resource_request messages_revive_offers messages_status_update messages_status_update_acknowledgement messages_suppress_offers
messages_unregister_framework messages_unregister_slave messages_update_slave outstanding_offers slave_removals/reason_registered
slave_removals/reason_unregistered slave_shutdowns_canceled slave_shutdowns_completed slave_shutdowns_scheduled slave_unreachable_canceled
tasks_dropped tasks_error tasks_gone tasks_gone_by_operator tasks_killing valid_executor_to_framework_messages
valid_framework_to_executor_messages valid_status_update_acknowledgements valid_status_updates`.split(/\s+/);

const QUIET_AGENT =
  `container_launch_errors cpus_revocable_percent cpus_revocable_total cpus_revocable_used disk_percent disk_revocable_percent
disk_revocable_total disk_revocable_used disk_used executor_directory_max_allowed_age_secs executors_preempted executors_registering executors_terminated
executors_terminating gpus_percent gpus_revocable_percent gpus_revocable_total gpus_revocable_used gpus_total gpus_used
invalid_framework_messages invalid_status_updates mem_revocable_percent mem_revocable_total mem_revocable_used tasks_failed tasks_finished
tasks_gone tasks_killed tasks_killing valid_framework_messages valid_status_updates`.split(/\s+/);

type Numbers = Record<string, number>;

function system(numbers: Numbers): void {
  Object.assign(numbers, {
    "system/cpus_total": 4,
    "system/load_15min": 0.21,
    "system/load_1min": 0.32,
    "system/load_5min": 0.27,
    "system/mem_free_bytes": 9_663_676_416,
    "system/mem_total_bytes": 16_825_114_624,
  });
}

/** Name order of a snapshot: sorted, as recorded. */
function inOrder(numbers: Numbers): MesosJson {
  return Object.fromEntries(
    Object.entries(numbers)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, value]) => [key, double(value)]),
  );
}

function share(part: number, whole: number): number {
  return whole === 0 ? 0 : part / whole;
}

/** What only the leader counts. */
function leaderNumbers(model: Model): Numbers {
  const registry = [...model.mesos.registry.values()];
  const active = registry.filter((entry) => entry.state === "active");
  const tasks = (state: string): number => model.tasks.filter((task) => task.state === state).length;
  const total = (name: "cpus" | "mem" | "disk"): number => active.reduce((sum, entry) => sum + resourcesOf(entry.node)[name], 0);
  const used = (name: "cpus" | "mem"): number =>
    model.tasks
      .filter((task) => task.state === "TASK_RUNNING")
      .reduce((sum, task) => sum + (appOf(model, task.appId)?.[name] ?? 0), 0);
  const { counters } = model.mesos;
  const connected = schedulerConnected(model) ? 2 : 1;
  const inactive = registry.filter((entry) => entry.state === "inactive").length;
  return {
    "master/cpus_total": total("cpus"),
    "master/cpus_used": used("cpus"),
    "master/cpus_percent": share(used("cpus"), total("cpus")),
    "master/mem_total": total("mem"),
    "master/mem_used": used("mem"),
    "master/mem_percent": share(used("mem"), total("mem")),
    "master/disk_total": total("disk"),
    "master/frameworks_active": connected,
    "master/frameworks_connected": connected,
    "master/frameworks_disconnected": 2 - connected,
    "master/frameworks_inactive": 2 - connected,
    "master/tasks_running": tasks("TASK_RUNNING"),
    "master/tasks_staging": tasks("TASK_STAGING"),
    "master/tasks_starting": tasks("TASK_STARTING"),
    "master/tasks_unreachable": tasks("TASK_UNREACHABLE"),
    "master/tasks_lost": counters.lost,
    "master/tasks_killed": counters.killed,
    "master/tasks_failed": counters.failed,
    "master/tasks_finished": counters.finished,
    "master/slave_registrations": counters.registrations,
    "master/slave_reregistrations": counters.reregistrations,
    "master/slave_removals": counters.removals,
    "master/slave_removals/reason_unhealthy": counters.unhealthy,
    "master/slave_unreachable_completed": counters.unhealthy,
    "master/slave_unreachable_scheduled": counters.unhealthy,
    "master/recovery_slave_removals": counters.recoveryRemovals,
    "master/slaves_active": active.length,
    "master/slaves_connected": active.length,
    "master/slaves_inactive": inactive,
    "master/slaves_disconnected": inactive,
    "master/slaves_unreachable": registry.filter((entry) => entry.state === "unreachable").length,
  };
}

/**
 * A master's `/metrics/snapshot`. In its first second a process has no `master/` or `registrar/` key at all (mesos-real.md, 2);
 * `ensemble_size` exists from Mesos 1.4 (DC/OS 1.10), the overlay module's log in every release.
 */
export function masterMetrics(model: Model, node: NodeState): MesosJson {
  const { mesos } = masterOf(node);
  const numbers: Numbers = {};
  system(numbers);
  if (!mesosHasRoutes(model, node)) return inOrder(numbers);
  const leads = leadingMaster(model) === node;
  const { minor } = releaseOf(node.version);
  for (const name of QUIET_MASTER) numbers[`master/${name}`] = 0;
  // Others print the same names, all 0.
  const speaks = leads && model.mesos.readyMs !== null;
  for (const [name, value] of Object.entries(leaderNumbers(model))) numbers[name] = speaks ? value : 0;
  numbers["master/elected"] = leads || model.faults.secondLeader === node ? 1 : 0;
  numbers["master/uptime_secs"] = Math.max(0, (model.clock.now() - (mesos.startedMs ?? model.clock.now())) / 1000);
  numbers["registrar/queued_operations"] = 0;
  numbers["registrar/log/recovered"] = mesos.logRecovered ? 1 : 0;
  numbers["overlay/log/recovered"] = mesos.logRecovered ? 1 : 0;
  if (minor >= 10) {
    const replicas = logReplicas(model);
    numbers["registrar/log/ensemble_size"] = replicas;
    numbers["overlay/log/ensemble_size"] = replicas;
  }
  if (speaks) {
    Object.assign(numbers, {
      "registrar/registry_size_bytes": 320 + model.mesos.registry.size * 410,
      "registrar/state_fetch_ms": 41.2,
      "registrar/state_store_ms": 6.4,
      "registrar/state_store_ms/count": 3,
    });
  }
  return inOrder(numbers);
}

/** An agent's `/metrics/snapshot`. `slave/registered` only says that a master is known (mesos-real.md, 13). */
export function agentMetrics(model: Model, node: NodeState): MesosJson {
  const agent = agentOf(node);
  const numbers: Numbers = {
    "containerizer/mesos/container_destroy_errors": 0,
    "containerizer/mesos/provisioner/remove_container_errors": 0,
    "gc/path_removals_failed": 0,
    "gc/path_removals_pending": 0,
    "gc/path_removals_succeeded": 0,
  };
  system(numbers);
  const tasks = model.tasks.filter((task) => task.slaveId === agent.id);
  const running = tasks.filter((task) => task.state === "TASK_RUNNING" || task.state === "TASK_UNREACHABLE").length;
  const resources = resourcesOf(node);
  const used = (name: "cpus" | "mem"): number => tasks.reduce((sum, task) => sum + (appOf(model, task.appId)?.[name] ?? 0), 0);
  for (const name of QUIET_AGENT) numbers[`slave/${name}`] = 0;
  const recovered = agentRuns(model, node);
  Object.assign(numbers, {
    "slave/cpus_total": resources.cpus,
    "slave/cpus_used": used("cpus"),
    "slave/cpus_percent": share(used("cpus"), resources.cpus),
    "slave/mem_total": resources.mem,
    "slave/mem_used": used("mem"),
    "slave/mem_percent": share(used("mem"), resources.mem),
    "slave/disk_total": resources.disk,
    "slave/executors_running": running,
    "slave/frameworks_active": running > 0 ? 1 : 0,
    "slave/recovery_errors": 0,
    "slave/registered": recovered && knownLeader(model) !== null ? 1 : 0,
    "slave/tasks_running": running,
    "slave/tasks_staging": tasks.filter((task) => task.state === "TASK_STAGING").length,
    "slave/tasks_starting": 0,
    "slave/tasks_lost": 0,
    "slave/uptime_secs": Math.max(0, (model.clock.now() - (agent.process.startedMs ?? model.clock.now())) / 1000),
  });
  return inOrder(numbers);
}
