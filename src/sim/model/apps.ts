import { hexOf, uuidOf } from "./random.ts";
import type { App, Model, NodeState, Task } from "./state.ts";

type AppShape = Omit<
  App,
  "version" | "constraints" | "acceptedResourceRoles" | "healthCheck" | "image" | "labels" | "env" | "hostPort"
> &
  Partial<App>;

function app(shape: AppShape, version: string): App {
  return {
    constraints: [],
    acceptedResourceRoles: null,
    healthCheck: false,
    image: null,
    labels: {},
    env: {},
    version,
    hostPort: null,
    ...shape,
  };
}

/** Instances of the apps that grow with the cluster: three in four private agents, at least `least`. */
function share(agents: number, least: number): number {
  return agents === 0 ? 0 : Math.max(least, Math.floor((agents * 3) / 4));
}

/**
 * The apps a fresh cluster runs: about twenty tasks on seven agents, more on more. One is pinned to the first private agent, one
 * has a host of its own per instance, one runs on public agents, two have health checks.
 */
export function initialApps(privateAgents: readonly NodeState[], publicAgents: readonly NodeState[], version: string): App[] {
  const count = privateAgents.length;
  const first = privateAgents[0];
  const apps: App[] = [];
  if (count > 0) {
    apps.push(
      app(
        {
          id: "/shop/web",
          instances: share(count, 4),
          cpus: 0.2,
          mem: 128,
          cmd: "./serve --port $PORT0",
          image: "registry.example/shop/web:41",
          healthCheck: true,
          servicePort: 10101,
          labels: { HAPROXY_GROUP: "external" },
          env: { STAGE: "production", SHOP_DB_PASSWORD: "correct-horse-battery" },
        },
        version,
      ),
      app(
        {
          id: "/shop/api",
          instances: share(count, 4),
          cpus: 0.3,
          mem: 256,
          cmd: "./api --listen $PORT0",
          image: "registry.example/shop/api:88",
          healthCheck: true,
          servicePort: 10102,
          env: { API_TOKEN: "a1b2c3d4e5f6" },
        },
        version,
      ),
      app({ id: "/shop/worker", instances: share(count, 3), cpus: 0.1, mem: 64, cmd: "./worker", servicePort: 10103 }, version),
      app(
        {
          id: "/data/cache",
          instances: Math.min(3, count),
          cpus: 0.2,
          mem: 256,
          cmd: "./cache --port $PORT0",
          image: "registry.example/data/cache:7",
          constraints: [["hostname", "UNIQUE"]],
          labels: { OWNER: "team-data" },
          servicePort: 10104,
        },
        version,
      ),
      app({ id: "/ops/cron", instances: 2, cpus: 0.1, mem: 32, cmd: "sleep 100000", servicePort: 10105 }, version),
    );
  }
  if (first !== undefined) {
    apps.push(
      app(
        {
          id: "/data/archive",
          instances: 1,
          cpus: 0.5,
          mem: 512,
          cmd: "./archive /var/archive",
          constraints: [["hostname", "LIKE", first.address]],
          labels: { OWNER: "team-data" },
          servicePort: 10106,
        },
        version,
      ),
    );
  }
  if (publicAgents.length > 0) {
    apps.push(
      app(
        {
          id: "/edge/lb",
          instances: publicAgents.length,
          cpus: 0.5,
          mem: 256,
          cmd: "./lb",
          image: "registry.example/edge/lb:12",
          acceptedResourceRoles: ["slave_public"],
          constraints: [["hostname", "UNIQUE"]],
          labels: { OWNER: "team-edge" },
          healthCheck: true,
          servicePort: 10107,
        },
        version,
      ),
    );
  }
  return apps;
}

/** Whether a value matches as Marathon's LIKE does: a regular expression for the whole text (dcos.md 13.1). */
function matches(value: string, pattern: string): boolean {
  try {
    return new RegExp(`^(?:${pattern})$`).test(value);
  } catch {
    return false;
  }
}

function allows(one: App, node: NodeState, here: number): boolean {
  return one.constraints.every(([field, operator, value = ""]) => {
    if (field !== "hostname") return true;
    switch ((operator ?? "").toUpperCase()) {
      case "UNIQUE":
        return here === 0;
      case "LIKE":
        return matches(node.address, value);
      case "UNLIKE":
        return !matches(node.address, value);
      case "CLUSTER":
      case "IS":
        return value === "" || node.address === value;
      case "MAX_PER":
        return here < Number(value);
      default:
        return true;
    }
  });
}

/** How many tasks each agent has, in all and by app. */
export interface Load {
  readonly all: Map<NodeState, number>;
  readonly byApp: Map<string, Map<NodeState, number>>;
}

/** Counts one more task on an agent. */
export function countTask(load: Load, appId: string, node: NodeState): void {
  load.all.set(node, (load.all.get(node) ?? 0) + 1);
  const here = load.byApp.get(appId) ?? new Map<NodeState, number>();
  here.set(node, (here.get(node) ?? 0) + 1);
  load.byApp.set(appId, here);
}

/** The load of all tasks there are. */
export function loadOf(tasks: readonly Task[]): Load {
  const load: Load = { all: new Map(), byApp: new Map() };
  for (const task of tasks) countTask(load, task.appId, task.node);
  return load;
}

/** The agent an instance of the app may be placed on: the least loaded that is offered and allowed; null: none matches. */
export function placeFor(one: App, usable: readonly NodeState[], load: Load): NodeState | null {
  const wanted = one.acceptedResourceRoles?.includes("slave_public") === true ? "agent_public" : "agent";
  const here = load.byApp.get(one.id);
  let best: NodeState | null = null;
  for (const node of usable) {
    if (node.role !== wanted || !allows(one, node, here?.get(node) ?? 0)) continue;
    if (best === null || (load.all.get(node) ?? 0) < (load.all.get(best) ?? 0)) best = node;
  }
  return best;
}

/** A task of the app on the node: id like Marathon's `group_app.<uuid>`, with the container Mesos gives it. */
export function makeTask(model: Model, one: App, node: NodeState, slaveId: string, stagedMs: number, number: number): Task {
  const words = `${one.id} ${number}`;
  const name = one.id.slice(1).replaceAll("/", "_");
  return {
    id: `${name}.${uuidOf(model.seed, `task ${words}`)}`,
    appId: one.id,
    node,
    slaveId,
    containerId: uuidOf(model.seed, `container ${words}`),
    port: one.hostPort ?? 1025 + (parseInt(hexOf(model.seed, `port ${words}`, 4), 16) % 1100),
    state: "TASK_STAGING",
    stagedMs,
    startedMs: stagedMs,
    version: one.version,
  };
}
