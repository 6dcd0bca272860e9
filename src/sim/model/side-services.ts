import type { SimHttpAnswer, SimHttpRequest } from "../ports.ts";
import { answer, jsonAnswer } from "./http.ts";
import { knownLeader } from "./mesos.ts";
import { releaseOf } from "./releases.ts";
import { unitState } from "./services.ts";
import type { Model, NodeState, Task } from "./state.ts";

/** Ports of what runs on a master beside Mesos, Marathon and Exhibitor (dcos.md 2.1). */
export const SIDE_PORTS = { metronome: 9000, cosmos: 7070, dns: 8123 } as const;

const LIST = /^application\/vnd\.dcos\.package\.list-request\+json;charset=utf-8;version=v1$/;

function pathOf(request: SimHttpRequest): string {
  return new URL(request.path, "http://side").pathname;
}

/** Metronome: no jobs here. `/info` and the list as dcos/metronome and dcos/dcos-ui have them (published: metronome-info, metronome-jobs). */
function metronome(node: NodeState, request: SimHttpRequest): SimHttpAnswer {
  const { metronome: version } = releaseOf(node.version);
  switch (pathOf(request)) {
    case "/info":
      return jsonAnswer({ version, libVersion: version });
    case "/v1/jobs":
      return jsonAnswer([]);
    case "/ping":
      return answer(200, "text/plain; charset=utf-8", "pong");
    default:
      return jsonAnswer({ message: "resource not found" }, 404);
  }
}

/**
 * Cosmos: calls are told apart by media types (DC/OS documentation, Package API); the service Marathon is the one package here.
 * `/capabilities` and the form of the list: dcos/cosmos, its OpenAPI description (CosmosPackageListV1Response).
 */
function cosmos(model: Model, request: SimHttpRequest): SimHttpAnswer {
  const path = pathOf(request);
  if (path === "/capabilities")
    return jsonAnswer({ capabilities: [{ name: "PACKAGE_MANAGEMENT" }, { name: "SUPPORT_CLUSTER_REPORT" }] });
  if (path !== "/package/list") return answer(404, null, "");
  const type = Object.entries(request.headers).find(([name]) => name.toLowerCase() === "content-type")?.[1] ?? "";
  if (request.method !== "POST" || !LIST.test(type))
    return jsonAnswer({ type: "unsupported_content_type", message: "Unsupported Content-Type" }, 400);
  const { service } = model;
  const packages =
    service === null
      ? []
      : [
          {
            appId: service.appId,
            packageInformation: {
              packageDefinition: { packagingVersion: "3.0", name: "marathon", version: "1.4.5" },
              resourceDefinition: {},
            },
          },
        ];
  return jsonAnswer({ packages });
}

/** Name of a task in DNS: parts of the app's id, the last first. */
function dnsName(task: Task): string {
  return task.appId.split("/").slice(1).toReversed().join("-");
}

/** Mesos-DNS: its documentation (HTTP interface), and records/generator.go for `enumerate`. */
function dns(model: Model, request: SimHttpRequest): SimHttpAnswer {
  const path = pathOf(request);
  const hosts = (name: string, addresses: readonly string[]): SimHttpAnswer =>
    jsonAnswer(addresses.length === 0 ? [{ host: "", ip: "" }] : addresses.map((ip) => ({ host: `${name}.`, ip })));
  switch (path) {
    case "/v1/version":
      return jsonAnswer({ Service: "Mesos-DNS", URL: "https://github.com/mesosphere/mesos-dns", Version: "v0.6.0" });
    case "/v1/config":
      return jsonAnswer({
        RefreshSeconds: 30,
        Port: 61_053,
        Timeout: 5,
        StateTimeoutSeconds: 300,
        ZkDetectionTimeout: 30,
        HttpPort: 8123,
        TTL: 60,
        SOAMname: "ns1.mesos.",
        SOARname: "root.ns1.mesos.",
        Masters: null,
        Resolvers: ["198.51.100.1"],
        Domain: "mesos",
        Zk: "zk://zk-1.zk:2181,zk-2.zk:2181,zk-3.zk:2181/mesos",
      });
    case "/v1/enumerate":
      return jsonAnswer({
        frameworks: [
          {
            tasks: model.tasks.map((task) => {
              const name = dnsName(task);
              const record = { name: `${name}.marathon.mesos.`, host: task.node.address, rtype: "A" };
              return { name, id: task.id, records: [record] };
            }),
            name: "marathon",
          },
        ],
      });
    case "/v1/hosts/master.mesos":
      return hosts(
        "master.mesos",
        model.masters.map((one) => one.address),
      );
    case "/v1/hosts/leader.mesos": {
      const leader = knownLeader(model);
      return hosts("leader.mesos", leader === null ? [] : [leader.address]);
    }
    default:
      return path.startsWith("/v1/hosts/") ? hosts("", []) : answer(404, "text/plain; charset=utf-8", "404: Page Not Found");
  }
}

/** Whether a unit of the master listens. */
export function unitListens(model: Model, node: NodeState, unit: string): boolean {
  return unitState(model, node, `dcos-${unit}`)?.active === "active";
}

/** Answers a request to one of these ports of a master; null: another port. */
export function sideHttp(model: Model, node: NodeState, port: number, request: SimHttpRequest): SimHttpAnswer | null {
  const whileUp = (unit: string, say: () => SimHttpAnswer): SimHttpAnswer =>
    unitListens(model, node, unit) ? say() : { kind: "refused" };
  switch (port) {
    case SIDE_PORTS.metronome:
      return whileUp("metronome", () => metronome(node, request));
    case SIDE_PORTS.cosmos:
      return whileUp("cosmos", () => cosmos(model, request));
    case SIDE_PORTS.dns:
      return whileUp("mesos-dns", () => dns(model, request));
    default:
      return null;
  }
}
