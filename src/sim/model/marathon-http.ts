import type { SimHttpAnswer, SimHttpRequest } from "../ports.ts";
import { answer, jsonAnswer } from "./http.ts";
import { believedMarathon, deploy, marathonLeader, marathonListens } from "./marathon.ts";
import { loggersAnswer } from "./marathon-loggers.ts";
import {
  appDefinition,
  appView,
  deploymentView,
  groupView,
  infoView,
  metricsView,
  queueView,
  taskView,
} from "./marathon-view.ts";
import { releaseOf } from "./releases.ts";
import { masterOf, type App, type Model, type NodeState } from "./state.ts";

/** The number of the constraint operators each Marathon knows; `IS` came with 1.6 (dcos.md 13.1). */
const OPERATORS = ["UNIQUE", "CLUSTER", "GROUP_BY", "LIKE", "UNLIKE", "MAX_PER", "IS"];

function problemPage(status: number, text: string): SimHttpAnswer {
  return answer(
    status,
    "text/html;charset=iso-8859-1",
    `<html><head><title>Error ${status} ${text}</title></head><body><h2>HTTP ERROR ${status}</h2><p>${text}</p></body></html>`,
  );
}

function message(status: number, text: string, more: Record<string, unknown> = {}): SimHttpAnswer {
  return jsonAnswer({ message: text, ...more }, status);
}

function constraintErrors(constraints: unknown): readonly { path: string; errors: readonly string[] }[] {
  if (!Array.isArray(constraints)) return [];
  return constraints.flatMap((one: unknown, index) => {
    const path = `/constraints(${index})`;
    if (!Array.isArray(one) || one.length < 2 || one.length > 3)
      return [{ path, errors: ["Each constraint must have either 2 or 3 fields"] }];
    const [, operator, value] = one.map(String);
    const name = operator?.toUpperCase() ?? "";
    if (!OPERATORS.includes(name))
      return [{ path, errors: ["operator must be one of the following UNIQUE, CLUSTER, GROUP_BY, LIKE, MAX_PER, UNLIKE or IS"] }];
    if (name === "UNIQUE" && value !== undefined) return [{ path, errors: ["UNIQUE does not accept a value"] }];
    if ((name === "LIKE" || name === "UNLIKE") && (value === undefined || value === ""))
      return [{ path, errors: ["LIKE and UNLIKE require a non-empty, regular expression value"] }];
    return [];
  });
}

function groupsAbove(id: string): readonly string[] {
  const parts = id.split("/").slice(1, -1);
  return parts.map((_, index) => `/${parts.slice(0, index + 1).join("/")}`);
}

function readApp(model: Model, body: Record<string, unknown>, id: string): App {
  const number = (name: string, fallback: number): number => (typeof body[name] === "number" ? body[name] : fallback);
  const docker = (body["container"] as { docker?: { image?: unknown } } | null | undefined)?.docker;
  const roles = body["acceptedResourceRoles"];
  return {
    id,
    instances: number("instances", 1),
    cpus: number("cpus", 1),
    mem: number("mem", 128),
    cmd: typeof body["cmd"] === "string" ? body["cmd"] : "",
    image: typeof docker?.image === "string" ? docker.image : null,
    constraints: Array.isArray(body["constraints"]) ? (body["constraints"] as string[][]) : [],
    acceptedResourceRoles: Array.isArray(roles) ? roles.map(String) : null,
    healthCheck: Array.isArray(body["healthChecks"]) && body["healthChecks"].length > 0,
    labels: (body["labels"] as Record<string, string> | undefined) ?? {},
    env: (body["env"] as Record<string, string> | undefined) ?? {},
    version: new Date(model.clock.now()).toISOString(),
    servicePort: 10_000 + model.marathon.apps.size + 200,
    hostPort: null,
  };
}

function parse(body: string): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(body);
    return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : null;
  } catch {
    return null;
  }
}

function locked(model: Model, id: string): SimHttpAnswer | null {
  const open = model.marathon.deployments.filter((one) => one.appId === id);
  if (open.length === 0) return null;
  return message(
    409,
    `App is locked by one or more deployments. Override with the option '?force=true'. View details at '/v2/deployments/<DEPLOYMENT_ID>'.`,
    { deployments: open.map((one) => ({ id: one.id })) },
  );
}

function createApp(model: Model, leader: NodeState, body: string): SimHttpAnswer {
  const given = parse(body);
  if (given === null) return message(400, "Invalid JSON");
  const id = typeof given["id"] === "string" ? `/${given["id"].replace(/^\/+|\/+$/g, "")}` : "/";
  const details = [
    ...(id === "/" ? [{ path: "/id", errors: ["must not be empty"] }] : []),
    ...constraintErrors(given["constraints"]),
  ];
  if (details.length > 0) return message(422, "Object is not valid", { details });
  if (model.marathon.apps.has(id)) return message(409, `An app with id [${id}] already exists.`);
  const app = readApp(model, given, id);
  model.marathon.apps.set(id, app);
  for (const group of groupsAbove(id)) model.marathon.groups.add(group);
  const deployment = deploy(model, id, "StartApplication");
  return jsonAnswer(
    {
      ...appDefinition(app, leader),
      deployments: [{ id: deployment.id }],
      tasks: [],
      tasksStaged: 0,
      tasksRunning: 0,
      tasksHealthy: 0,
      tasksUnhealthy: 0,
    },
    201,
    { Location: `http://${leader.address}:8080/v2/apps${id}`, "Marathon-Deployment-Id": deployment.id },
  );
}

function changeApp(model: Model, app: App, body: string, force: boolean): SimHttpAnswer {
  const given = parse(body);
  if (given === null) return message(400, "Invalid JSON");
  const details = constraintErrors(given["constraints"]);
  if (details.length > 0) return message(422, "Object is not valid", { details });
  const lock = force ? null : locked(model, app.id);
  if (lock !== null) return lock;
  if (typeof given["instances"] === "number") app.instances = given["instances"];
  if (Array.isArray(given["constraints"])) app.constraints = given["constraints"] as string[][];
  app.version = new Date(model.clock.now()).toISOString();
  const docker = (given["container"] as { docker?: { image?: unknown } } | null | undefined)?.docker;
  const restarts = typeof docker?.image === "string" && docker.image !== app.image;
  if (restarts) app.image = docker.image as string;
  const { id, version } = deploy(model, app.id, restarts ? "RestartApplication" : "ScaleApplication");
  return jsonAnswer({ version, deploymentId: id }, 200, { "Marathon-Deployment-Id": id });
}

function appRoute(model: Model, leader: NodeState, id: string, request: SimHttpRequest, query: URLSearchParams): SimHttpAnswer {
  const app = model.marathon.apps.get(id);
  const force = query.get("force") === "true";
  const unknown = message(404, `App '${id}' does not exist`);
  if (app === undefined) {
    if (id.endsWith("/tasks") && model.marathon.apps.has(id.slice(0, -"/tasks".length))) {
      const owner = id.slice(0, -"/tasks".length);
      return jsonAnswer({
        tasks: model.tasks
          .filter((task) => task.appId === owner)
          .map((task) => taskView(model, task, model.marathon.apps.get(owner))),
      });
    }
    return request.method === "PUT" ? createApp(model, leader, JSON.stringify({ ...parse(request.body), id })) : unknown;
  }
  switch (request.method) {
    case "GET":
      return jsonAnswer({ app: appView(model, app, leader, true) });
    case "PUT":
      return changeApp(model, app, request.body, force);
    case "DELETE": {
      const lock = force ? null : locked(model, id);
      if (lock !== null) return lock;
      const deployment = deploy(model, id, "StopApplication");
      return jsonAnswer({ version: deployment.version, deploymentId: deployment.id }, 200, {
        "Marathon-Deployment-Id": deployment.id,
      });
    }
    default:
      return problemPage(405, "Method Not Allowed");
  }
}

/** What the leader answers. */
function leaderAnswer(model: Model, leader: NodeState, request: SimHttpRequest): SimHttpAnswer {
  const url = new URL(request.path, "http://marathon");
  const path = url.pathname.length > 1 ? url.pathname.replace(/\/+$/, "") : url.pathname;
  const query = url.searchParams;
  const apps = [...model.marathon.apps.values()];
  if (path.startsWith("/v2/apps/")) return appRoute(model, leader, path.slice("/v2/apps".length), request, query);
  if (path.startsWith("/v2/deployments/") && request.method === "DELETE") {
    const index = model.marathon.deployments.findIndex((one) => one.id === path.slice("/v2/deployments/".length));
    const [found] = index < 0 ? [] : model.marathon.deployments.splice(index, 1);
    return found === undefined
      ? message(404, "DeploymentPlan does not exist")
      : jsonAnswer({ version: found.version, deploymentId: found.id });
  }
  switch (path) {
    case "/ping":
      return answer(200, "text/plain;charset=iso-8859-1", releaseOf(leader.version).minor >= 10 ? "pong" : "pong\n");
    case "/v2/leader":
      return jsonAnswer({ leader: `${leader.address}:8080` });
    case "/v2/info":
      return jsonAnswer(infoView(model, leader));
    case "/v2/apps":
      if (request.method === "POST") return createApp(model, leader, request.body);
      return jsonAnswer({
        apps: apps.map((app) =>
          appView(
            model,
            app,
            leader,
            query.getAll("embed").some((what) => what === "apps.tasks" || what === "app.tasks"),
          ),
        ),
      });
    case "/v2/groups":
      return jsonAnswer(groupView(model.marathon, leader));
    case "/v2/pods":
    case "/v2/pods::status":
      return jsonAnswer([]);
    case "/v2/tasks": {
      const status = query.get("status") ?? query.get("status[]");
      const wanted = model.tasks.filter(
        (task) =>
          task.state !== "TASK_UNREACHABLE" && (status === null || (status === "running") === (task.state === "TASK_RUNNING")),
      );
      return jsonAnswer({ tasks: wanted.map((task) => taskView(model, task, model.marathon.apps.get(task.appId))) });
    }
    case "/v2/deployments":
      return jsonAnswer(model.marathon.deployments.map(deploymentView));
    case "/v2/queue":
      return jsonAnswer(queueView(model, leader));
    case "/v2/eventSubscriptions":
      return releaseOf(leader.version).minor === 9 ? jsonAnswer({ callbackUrls: [] }) : problemPage(404, "Not Found");
    case "/logging":
      return request.method === "GET" ? loggersAnswer(leader) : problemPage(405, "Method Not Allowed");
    case "/metrics":
      return jsonAnswer(metricsView(model, leader));
    default:
      return problemPage(404, "Not Found");
  }
}

/**
 * Answers a request to the Marathon of a master (port 8080): every path is proxied to the leader, which adds
 * `X-Marathon-Leader`; the proxy adds `X-Marathon-Via`. Errors by version: dcos.md 11.1.
 */
export function marathonHttp(model: Model, node: NodeState, request: SimHttpRequest): SimHttpAnswer {
  if (!marathonListens(model, node)) return { kind: "refused" };
  const { minor } = releaseOf(node.version);
  const leader = marathonLeader(model);
  if (leader === null) {
    const believed = believedMarathon(model);
    if (believed === null || believed === node)
      return problemPage(minor >= 12 ? 502 : 503, "Could not determine the current leader");
    return problemPage(minor >= 10 ? 502 : 503, "Connection to leader refused.");
  }
  if (masterOf(leader).marathon.startedMs === null) return problemPage(minor >= 10 ? 502 : 503, "Connection to leader refused.");
  const said = leaderAnswer(model, leader, request);
  if (said.kind !== "answered") return said;
  const via = leader === node ? {} : { "X-Marathon-Via": `1.1 ${node.address}:8080` };
  return { ...said, headers: { ...said.headers, "X-Marathon-Leader": `http://${leader.address}:8080`, ...via } };
}
