import { schedulerConnected } from "./marathon.ts";
import { releaseOf } from "./releases.ts";
import type { App, Deployment, Model, NodeState, Task } from "./state.ts";

type Plain = Record<string, unknown>;

function iso(ms: number): string {
  return new Date(ms).toISOString();
}

/** Whether the leading Marathon speaks the form of 1.5 and later (networks, portDefinitions; dcos.md 11.5). */
function isModern(leader: Pick<NodeState, "version">): boolean {
  return releaseOf(leader.version).minor >= 10;
}

function container(app: App, modern: boolean): Plain | null {
  if (app.image === null) return null;
  const mapping = { containerPort: 80, hostPort: 0, labels: {}, protocol: "tcp", servicePort: app.servicePort };
  const docker = { image: app.image, forcePullImage: false, privileged: false, parameters: [] };
  // One that has a port of its own is run by Mesos itself, in the agent's network (mom-ee-permissive-1.5.json).
  if (app.hostPort !== null) return { type: "MESOS", docker: { image: app.image, forcePullImage: false }, volumes: [] };
  return modern
    ? { type: "DOCKER", docker, volumes: [], portMappings: [mapping] }
    : { type: "DOCKER", docker: { ...docker, network: "BRIDGE", portMappings: [mapping] }, volumes: [] };
}

function healthChecks(app: App): readonly Plain[] {
  if (!app.healthCheck) return [];
  return [
    {
      gracePeriodSeconds: 300,
      intervalSeconds: 20,
      maxConsecutiveFailures: 3,
      path: "/health",
      portIndex: 0,
      protocol: "HTTP",
      timeoutSeconds: 10,
      ignoreHttp1xx: false,
    },
  ];
}

/** A task as `/v2/tasks` and an app's `tasks` show it. */
export function taskView(model: Model, task: Task, app: App | undefined): Plain {
  const started = task.state === "TASK_STAGING" ? {} : { startedAt: iso(task.startedMs) };
  const health =
    app?.healthCheck === true && task.state === "TASK_RUNNING"
      ? {
          healthCheckResults: [
            {
              alive: true,
              consecutiveFailures: 0,
              firstSuccess: iso(task.startedMs + 21_000),
              lastFailure: null,
              lastSuccess: iso(model.clock.now() - (model.clock.now() % 20_000)),
              lastFailureCause: null,
              instanceId: task.id,
            },
          ],
        }
      : {};
  return {
    ipAddresses: [{ ipAddress: task.node.address, protocol: "IPv4" }],
    stagedAt: iso(task.stagedMs),
    state: task.state,
    ports: [task.port],
    ...started,
    version: task.version,
    id: task.id,
    appId: task.appId,
    slaveId: task.slaveId,
    host: task.node.address,
    ...health,
    servicePorts: app === undefined ? [] : [app.servicePort],
  };
}

function tasksOf(model: Model, app: App): readonly Task[] {
  return model.tasks.filter((task) => task.appId === app.id);
}

/** The definition, without counts and tasks. */
export function appDefinition(app: App, leader: Pick<NodeState, "version">): Plain {
  const modern = isModern(leader);
  return {
    id: app.id,
    ...(modern
      ? { acceptedResourceRoles: app.acceptedResourceRoles ?? undefined }
      : { acceptedResourceRoles: app.acceptedResourceRoles }),
    backoffFactor: 1.15,
    backoffSeconds: 1,
    cmd: app.cmd,
    constraints: app.constraints,
    container: container(app, modern),
    cpus: app.cpus,
    dependencies: [],
    disk: 0,
    env: app.env,
    executor: "",
    healthChecks: healthChecks(app),
    instances: app.instances,
    labels: app.labels,
    maxLaunchDelaySeconds: 3600,
    mem: app.mem,
    gpus: 0,
    ...(modern
      ? { networks: [{ mode: app.image === null || app.hostPort !== null ? "host" : "container/bridge" }] }
      : { ipAddress: null, uris: [], storeUrls: [], ports: [app.servicePort] }),
    portDefinitions:
      app.image === null || !modern || app.hostPort !== null
        ? [{ labels: {}, name: "default", port: app.hostPort ?? app.servicePort, protocol: "tcp" }]
        : [],
    requirePorts: app.hostPort !== null,
    // With a port of its own the old task ends before the new one starts.
    upgradeStrategy:
      app.hostPort === null
        ? { maximumOverCapacity: 1, minimumHealthCapacity: 1 }
        : { maximumOverCapacity: 0, minimumHealthCapacity: 0 },
    version: app.version,
    versionInfo: { lastScalingAt: app.version, lastConfigChangeAt: app.version },
    killSelection: "YOUNGEST_FIRST",
    unreachableStrategy: { inactiveAfterSeconds: 0, expungeAfterSeconds: 0 },
  };
}

/** An app with counts and deployments, and its tasks where asked for (`embed=apps.tasks`). */
export function appView(model: Model, app: App, leader: Pick<NodeState, "version">, withTasks: boolean): Plain {
  const tasks = tasksOf(model, app);
  const running = tasks.filter((task) => task.state === "TASK_RUNNING").length;
  return {
    ...appDefinition(app, leader),
    tasksStaged: tasks.filter((task) => task.state === "TASK_STAGING" || task.state === "TASK_STARTING").length,
    tasksRunning: running,
    tasksHealthy: app.healthCheck ? running : 0,
    tasksUnhealthy: 0,
    deployments: model.marathon.deployments.filter((one) => one.appId === app.id).map(({ id }) => ({ id })),
    ...(withTasks
      ? { tasks: tasks.filter((task) => task.state !== "TASK_UNREACHABLE").map((task) => taskView(model, task, app)) }
      : {}),
  };
}

/** `/v2/groups` of one Marathon: the tree of groups, each with the apps directly in it. Emptied groups remain. */
export function groupView(
  marathon: { readonly groups: ReadonlySet<string>; readonly apps: ReadonlyMap<string, App> },
  leader: Pick<NodeState, "version">,
  id = "/",
): Plain {
  const parent = (path: string): string => path.slice(0, Math.max(1, path.lastIndexOf("/")));
  const children = [...marathon.groups].filter((group) => group !== "/" && parent(group) === id).sort();
  return {
    id,
    dependencies: [],
    version:
      [...marathon.apps.values()]
        .map((app) => app.version)
        .sort()
        .at(-1) ?? iso(0),
    apps: [...marathon.apps.values()].filter((app) => parent(app.id) === id).map((app) => appDefinition(app, leader)),
    groups: children.map((child) => groupView(marathon, leader, child)),
    pods: [],
  };
}

/** A deployment as `/v2/deployments` lists it. */
export function deploymentView(one: Deployment): Plain {
  const steps = one.action === "StartApplication" ? ["StartApplication", "ScaleApplication"] : [one.action];
  return {
    id: one.id,
    version: one.version,
    affectedApps: [one.appId],
    affectedPods: [],
    steps: steps.map((action) => ({ actions: [{ action, app: one.appId }] })),
    currentActions: [{ action: steps.at(-1), app: one.appId, readinessCheckResults: [] }],
    currentStep: steps.length,
    totalSteps: steps.length,
  };
}

/** `/v2/queue`: apps that wait for an offer. */
export function queueView(model: Model, leader: NodeState): Plain {
  const waiting = [...model.marathon.apps.values()].flatMap((app) => {
    const placed = tasksOf(model, app).filter((task) => task.state !== "TASK_UNREACHABLE").length;
    return placed >= app.instances ? [] : [{ app, count: app.instances - placed }];
  });
  return {
    queue: waiting.map(({ app, count }) => ({
      app: appDefinition(app, leader),
      count,
      delay: { timeLeftSeconds: 0, overdue: schedulerConnected(model) },
      since: iso(model.clock.now() - 10_000),
      processedOffersSummary: {
        processedOffersCount: 12,
        unusedOffersCount: 12,
        lastUnusedOfferAt: iso(model.clock.now()),
        rejectSummaryLastOffers: [],
        rejectSummaryLaunchAttempt: [],
      },
    })),
  };
}

/** `/v2/info`. `elected` is always true, because every path is proxied to the leader (dcos.md 11.1). */
export function infoView(model: Model, leader: NodeState): Plain {
  const release = releaseOf(leader.version);
  return {
    name: "marathon",
    version: release.marathon,
    buildref: release.marathon.split("-")[1] ?? "unknown",
    elected: true,
    leader: `${leader.address}:8080`,
    frameworkId: model.ids.marathon,
    marathon_config: {
      checkpoint: true,
      decline_offer_duration: 120000,
      failover_timeout: 604800,
      features: ["vips", "task_killing", "external_volumes"],
      framework_name: "marathon",
      ha: true,
      hostname: leader.address,
      leader_proxy_connection_timeout_ms: 5000,
      leader_proxy_read_timeout_ms: 10000,
      local_port_max: 20000,
      local_port_min: 10000,
      master: "zk://zk-1.zk:2181,zk-2.zk:2181,zk-3.zk:2181,zk-4.zk:2181,zk-5.zk:2181/mesos",
      max_instances_per_offer: 100,
      mesos_leader_ui_url: "/mesos",
      mesos_role: "slave_public",
      mesos_user: "root",
      min_revive_offers_interval: 5000,
      offer_matching_timeout: 3000,
      on_elected_prepare_timeout: 180000,
      reconciliation_initial_delay: 15000,
      reconciliation_interval: 600000,
      scale_apps_initial_delay: 15000,
      scale_apps_interval: 300000,
      store_cache: true,
      task_launch_confirm_timeout: 300000,
      task_launch_timeout: 86400000,
      webui_url: null,
    },
    zookeeper_config: {
      zk: "zk://zk-1.zk:2181,zk-2.zk:2181,zk-3.zk:2181,zk-4.zk:2181,zk-5.zk:2181/marathon",
      zk_compression: true,
      zk_compression_threshold: 65536,
      zk_connection_timeout: 10000,
      zk_max_node_size: 1024000,
      zk_max_versions: 50,
      zk_session_timeout: 10000,
      zk_timeout: 10000,
    },
    http_config: { http_port: 8080, https_port: 8443 },
  };
}

/** `/metrics`, with the names of the release (dcos.md 11.3): old ones in ms up to 1.6, new ones in seconds from 1.7. */
export function metricsView(model: Model, leader: NodeState): Plain {
  return metricsForm(releaseOf(leader.version).minor >= 12, {
    upMs: model.clock.now() - (leader.master?.marathon.startedMs ?? model.clock.now()),
    leadsMs: model.clock.now() - model.marathon.electedMs,
    apps: model.marathon.apps.size,
    deployments: model.marathon.deployments.length,
    tasks: model.tasks.map((task) => task.state),
  });
}

/** What `/metrics` of a Marathon tells. */
interface MetricsOf {
  readonly upMs: number;
  readonly leadsMs: number;
  readonly apps: number;
  readonly deployments: number;
  readonly tasks: readonly Task["state"][];
}

/** The same of any Marathon; `modern`: 1.7 and later, which write other names, in seconds. */
export function metricsForm(modern: boolean, of: MetricsOf): Plain {
  const running = of.tasks.filter((state) => state === "TASK_RUNNING").length;
  const staged = of.tasks.filter((state) => state === "TASK_STAGING").length;
  const values: Readonly<Record<string, number>> = modern
    ? {
        "marathon.uptime.gauge.seconds": of.upMs / 1000,
        "marathon.leadership.duration.gauge.seconds": of.leadsMs / 1000,
        "marathon.apps.active.gauge": of.apps,
        "marathon.instances.running.gauge": running,
        "marathon.instances.staged.gauge": staged,
        "marathon.deployments.active.gauge": of.deployments,
      }
    : {
        "service.mesosphere.marathon.uptime": of.upMs,
        "service.mesosphere.marathon.leaderDuration": of.leadsMs,
        "service.mesosphere.marathon.app.count": of.apps,
        "service.mesosphere.marathon.task.running.count": running,
        "service.mesosphere.marathon.task.staged.count": staged,
      };
  return {
    version: "3.0.0",
    gauges: Object.fromEntries(Object.entries(values).map(([name, value]) => [name, { value }])),
    counters: {},
    histograms: {},
    meters: {},
    timers: {},
  };
}
