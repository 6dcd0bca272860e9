import type { SimHttpAnswer, SimHttpRequest } from "../ports.ts";
import { answer, jsonAnswer } from "./http.ts";
import { appView, groupView, metricsForm, taskView } from "./marathon-view.ts";
import { RELEASE_VERSIONS, releaseOf } from "./releases.ts";
import type { App, Model, NodeState, ServiceMarathon, Task } from "./state.ts";

/** Where its API is on every agent it may run on. */
export const SERVICE_PORT = 31_500;
/** From the start of its task to its port, and to its framework in Mesos. */
const BOOT_MS = 12_000;
/** Private agents of a cluster that has one: each of them has a listener for it. */
const LEAST_AGENTS = 3;
const MOST_AGENTS = 20;

const NAME = "marathon-user";
const APP_ID = "/ops/marathon-user";

/** The version of Marathon in a release, without its commit: `1.4.11`. */
function plainVersion(release: string): string {
  return releaseOf(release).marathon.split("-")[0] ?? "";
}

/** Whether a cluster of that size has a service Marathon. */
export function hasServiceMarathon(privateAgents: number): boolean {
  return privateAgents >= LEAST_AGENTS && privateAgents <= MOST_AGENTS;
}

/** The image that the Marathon of a release comes in. */
function serviceImage(release: string): string {
  return `registry.example/mesosphere/marathon:v${plainVersion(release)}`;
}

/** The service Marathon as the root one knows it: labels as the catalogue's package sets them, one instance, one port for its API. */
export function serviceApp(release: string, version: string): App {
  return {
    id: APP_ID,
    instances: 1,
    cpus: 0.5,
    mem: 512,
    cmd: `/marathon/bin/start --framework_name ${NAME} --http_port $PORT0 --master zk://master.mesos:2181/mesos --zk zk://master.mesos:2181/universe/${NAME}`,
    image: serviceImage(release),
    constraints: [["hostname", "UNIQUE"]],
    acceptedResourceRoles: null,
    healthCheck: false,
    labels: {
      DCOS_PACKAGE_NAME: "marathon",
      DCOS_SERVICE_NAME: NAME,
      DCOS_SERVICE_SCHEME: "http",
      DCOS_SERVICE_PORT_INDEX: "0",
      OWNER: "team-platform",
    },
    env: { JVM_OPTS: "-Xms256m -Xmx512m" },
    version,
    servicePort: 10_108,
    hostPort: SERVICE_PORT,
  };
}

/** What an inventory says about it: the image it gets with each release. */
export function serviceSettings(model: Model): Readonly<Record<string, unknown>> {
  if (model.service === null) return {};
  const images = Object.fromEntries(RELEASE_VERSIONS.map((release) => [release, serviceImage(release)]));
  return { "service-marathon": [{ app: model.service.appId, images }] };
}

/** The service Marathon with two small apps of its own. */
export function createService(firstMaster: string, version: string): ServiceMarathon {
  const own = (id: string, cmd: string, servicePort: number): App => ({
    id,
    instances: 1,
    cpus: 0.1,
    mem: 64,
    cmd,
    image: null,
    constraints: [],
    acceptedResourceRoles: null,
    healthCheck: false,
    labels: { OWNER: "team-reports" },
    env: {},
    version,
    servicePort,
    hostPort: null,
  });
  const apps = [own("/reports/daily", "./daily", 10_201), own("/reports/feed", "./feed --every 60", 10_202)];
  return { appId: APP_ID, name: NAME, frameworkId: `${firstMaster}-0002`, apps: new Map(apps.map((app) => [app.id, app])) };
}

/** The task that is the service Marathon's process, where it listens; null: none does. */
export function serviceTask(model: Model): Task | null {
  const { service } = model;
  if (service === null) return null;
  const task = model.tasks.find((one) => one.appId === service.appId && one.state === "TASK_RUNNING");
  return task !== undefined && model.clock.now() >= task.startedMs + BOOT_MS ? task : null;
}

/** The release whose Marathon the running image is: its form of apps is that release's (dcos.md 11.5). */
function formOf(image: string | null): Pick<NodeState, "version"> {
  return { version: marathonMinor(image) >= 5 ? "1.10.8" : "1.9.9" };
}

/** The second number of the Marathon in an image. */
function marathonMinor(image: string | null): number {
  return Number(/:v?\d+\.(\d+)/.exec(image ?? "")?.[1] ?? "4");
}

/** Its groups: those that its apps are in, and the root. */
function groupsOf({ apps }: ServiceMarathon): ReadonlySet<string> {
  const above = [...apps.keys()].flatMap((id) => id.split("/").map((_, depth, parts) => parts.slice(0, depth).join("/")));
  return new Set(["/", ...above.filter((group) => group !== "")]);
}

/** Answers a request to the API of the service Marathon: it reads, and is never told to change its apps here (shapes: dcos.md 11.2). */
export function serviceHttp(model: Model, node: NodeState, request: SimHttpRequest): SimHttpAnswer {
  const task = serviceTask(model);
  const { service } = model;
  if (service === null || task === null || task.node !== node) return { kind: "refused" };
  const image = model.marathon.apps.get(service.appId)?.image ?? null;
  const leader = `${node.address}:${SERVICE_PORT}`;
  const apps = [...service.apps.values()];
  const form = formOf(image);
  const headers = { "X-Marathon-Leader": `http://${leader}` };
  if (request.method !== "GET") return answer(405, "text/html;charset=iso-8859-1", "Method Not Allowed", headers);
  switch (new URL(request.path, "http://marathon").pathname) {
    case "/ping":
      return answer(200, "text/plain;charset=iso-8859-1", "pong", headers);
    case "/v2/leader":
      return jsonAnswer({ leader }, 200, headers);
    case "/v2/info":
      return jsonAnswer(
        {
          name: "marathon",
          version: /:v?([\d.]+)/.exec(image ?? "")?.[1] ?? "unknown",
          buildref: "unknown",
          elected: true,
          leader,
          frameworkId: service.frameworkId,
          marathon_config: { framework_name: service.name, hostname: node.address, master: "zk://master.mesos:2181/mesos" },
          zookeeper_config: { zk: `zk://master.mesos:2181/universe/${service.name}` },
          http_config: { http_port: SERVICE_PORT, https_port: 8443 },
        },
        200,
        headers,
      );
    case "/v2/apps":
      return jsonAnswer({ apps: apps.map((app) => appView(model, app, form, false)) }, 200, headers);
    case "/v2/groups":
      return jsonAnswer(groupView({ groups: groupsOf(service), apps: service.apps }, form), 200, headers);
    case "/v2/tasks": {
      const tasks = model.tasks.filter((one) => service.apps.has(one.appId) && one.state !== "TASK_UNREACHABLE");
      return jsonAnswer({ tasks: tasks.map((one) => taskView(model, one, service.apps.get(one.appId))) }, 200, headers);
    }
    case "/v2/pods":
    case "/v2/deployments":
      return jsonAnswer([], 200, headers);
    case "/v2/queue":
      return jsonAnswer({ queue: [] }, 200, headers);
    case "/metrics": {
      const upMs = model.clock.now() - task.startedMs;
      const mine = model.tasks.filter((one) => service.apps.has(one.appId)).map((one) => one.state);
      const of = { upMs, leadsMs: upMs - BOOT_MS, apps: apps.length, deployments: 0, tasks: mine };
      return jsonAnswer(metricsForm(marathonMinor(image) >= 7, of), 200, headers);
    }
    default:
      return answer(404, "text/html;charset=iso-8859-1", "Not Found", headers);
  }
}
