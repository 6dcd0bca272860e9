import type { HttpAccess, Inventory, InventoryNode } from "../domain/inventory.ts";
import type { ApiVersions, WebProduct } from "../engine/ports.ts";
import type { Failure } from "./failure.ts";
import { socketsCount } from "./web-socket.ts";

/** Where a request really goes. Checks and readers always name the node and the service's own port: `http://NODE:PORT/path`. */
export interface Route {
  readonly kind: "route";
  readonly url: URL;
  /** Plain http of the same service, to be asked without a token where nobody speaks TLS (security mode permissive). */
  readonly plain: URL | null;
  /** Whether the token goes along; never without TLS. */
  readonly authorised: boolean;
  /** What stands before the token in its header. */
  readonly tokenPrefix: string;
  /** Who is asked, for messages: `m1 mesos-master`. */
  readonly about: string;
  /** One of the cluster's own components: it must let pawl in and answer with data. */
  readonly ours: boolean;
  /** Its paths begin with a version; null: they are as they are written. */
  readonly api: ApiVersions | null;
}

/** A way, or why this must not be asked this way. */
export type Way = Route | ({ readonly kind: "refused" } & Failure);

/** What routes are made from. */
export interface WebMap {
  readonly inventory: Pick<Inventory, "nodes" | "ports" | "http">;
  /** The product's ports by service; the inventory's own come first. */
  readonly ports: Readonly<Record<string, number>>;
  readonly web: WebProduct | null;
}

/** What a request says that decides about its way. */
export interface Asked {
  readonly url: URL;
  /** The answer must be the asked node's own word. */
  readonly thisNodeOnly: boolean;
}

const OPEN: HttpAccess = { through: { kind: "direct" }, security: "disabled" };

/** The address without the brackets a URL puts around IPv6. */
export function hostOf(url: Pick<URL, "hostname">): string {
  return url.hostname.replace(/^\[|\]$/g, "");
}

function portOf(url: URL): number {
  if (url.port !== "") return Number(url.port);
  return url.protocol === "https:" ? 443 : 80;
}

/** A copy of the address at another scheme, port and path prefix. */
function moved(url: URL, to: { readonly protocol: string; readonly port: number; readonly prefix?: string }): URL {
  const host = url.hostname;
  return new URL(`${to.protocol}//${host}:${String(to.port)}${to.prefix ?? ""}${url.pathname}${url.search}`);
}

interface Known {
  readonly node: InventoryNode;
  readonly service: string;
  /** Its port for plain http. */
  readonly port: number;
  /** Its port for https. */
  readonly securePort: number | null;
}

function nodeOf(map: WebMap, url: URL): InventoryNode | undefined {
  return map.inventory.nodes.find((one) => one.address.toLowerCase() === hostOf(url));
}

/** The node and service an address stands for: by the service's port, or the one it has where security is on. */
function knownOf(map: WebMap, url: URL): Known | null {
  const node = nodeOf(map, url);
  if (node === undefined) return null;
  const asked = portOf(url);
  for (const [service, productPort] of Object.entries(map.ports)) {
    const own = map.inventory.ports[service];
    const secure = map.web?.services[service]?.securePort ?? null;
    const known = { node, service, port: own ?? productPort, securePort: secure === null ? null : (own ?? secure) };
    // A component that redirects names the port it has itself, not the one the inventory knows it by.
    if (known.port === asked || known.securePort === asked || productPort === asked) return known;
  }
  return null;
}

/** The way of an address that is none of the cluster's components. */
export function asWritten({ url }: Pick<Asked, "url">): Route {
  return { kind: "route", url, plain: null, authorised: false, tokenPrefix: "", about: url.host, ours: false, api: null };
}

/**
 * The way of a request. A service of a node goes where the inventory's `http` says; any other address (the bootstrap machine)
 * as it is written, without a token. Throws nothing.
 */
export function routeOf(map: WebMap, asked: Asked): Way {
  const access = map.inventory.http ?? OPEN;
  const known = knownOf(map, asked.url);
  if (known === null) {
    const node = nodeOf(map, asked.url);
    if (node === undefined || (access.security === "disabled" && access.gateway === undefined)) return asWritten(asked);
    return {
      kind: "refused",
      code: "unknown-service",
      reason: `${node.name}: nothing is known about port ${String(portOf(asked.url))}, so it is not asked without TLS`,
    };
  }
  const tokenPrefix = map.web?.tokenPrefix ?? "";
  const about = `${known.node.name} ${known.service}`;
  if (access.gateway !== undefined) return gatewayRoute(map, access.gateway, known, asked, { about, tokenPrefix });
  const plain = moved(asked.url, { protocol: "http:", port: known.port });
  const { socket, api = null } = map.web?.services[known.service] ?? {};
  // The address names the socket; how it is reached is the connection's matter.
  if (socket !== undefined && socketsCount(map.inventory.http))
    return { kind: "route", url: plain, plain: null, authorised: false, tokenPrefix, about, ours: true, api };
  if (access.security === "disabled" || known.securePort === null) {
    const url = asked.url.protocol === "https:" && known.securePort !== null ? asked.url : plain;
    return { kind: "route", url, plain: null, authorised: false, tokenPrefix, about, ours: true, api };
  }
  const url = moved(asked.url, { protocol: "https:", port: known.securePort });
  return {
    kind: "route",
    url,
    // What listens at a socket has no plain port to fall back to.
    plain: access.security === "permissive" && socket === undefined ? plain : null,
    authorised: true,
    tokenPrefix,
    about,
    ours: true,
    api,
  };
}

/** A path is asked through the front door only where the answer is about what was asked. */
function gatewayRoute(
  map: WebMap,
  gateway: NonNullable<HttpAccess["gateway"]>,
  known: Known,
  asked: Asked,
  { about, tokenPrefix }: Pick<Route, "about" | "tokenPrefix">,
): Way {
  const door = map.web?.gateway;
  const behind = map.web?.services[known.service]?.gateway ?? null;
  const name = door?.name ?? "the front door";
  const refused = (code: string, why: string): Way => ({
    kind: "refused",
    code,
    reason: `${about}: ${asked.url.pathname} is not asked through ${name}: ${why}. Reach the nodes themselves instead: http: { through: ssh } in the inventory`,
  });
  if (door === undefined || behind === null) return refused("not-behind-gateway", `it does not lead to ${known.service}`);
  const through = (url: URL): Way => ({
    kind: "route",
    url,
    plain: null,
    authorised: url.protocol === "https:",
    tokenPrefix,
    about: `${about} through ${name}`,
    ours: true,
    api: null,
  });
  const listed = new RegExp(`^(?:${behind.paths.source})$`).test(asked.url.pathname);
  if (behind.answers === "leader" && (!listed || asked.thisNodeOnly))
    return refused("gateway-answers-for-leader", `whoever leads would answer, which says nothing about ${known.node.name}`);
  if (!listed) return refused("not-behind-gateway", `it does not lead there`);
  if (behind.answers === "node" && gateway.kind === "url")
    return refused("gateway-answers-for-any", `${gateway.url} stands for all nodes, so any of them would answer`);
  if (gateway.kind === "url") {
    const base = new URL(gateway.url);
    const url = new URL(`${base.origin}${behind.path}${asked.url.pathname}${asked.url.search}`);
    return through(url);
  }
  if (!door.roles.includes(known.node.role)) return refused("not-behind-gateway", `it does not stand on ${known.node.name}`);
  const url = moved(asked.url, { protocol: "https:", port: gateway.port, prefix: behind.path });
  return through(url);
}

/** Where a login is posted, in the order they are tried: the one front door, or that of every node it stands on. */
export function loginUrls(map: WebMap): readonly URL[] {
  const door = map.web?.gateway;
  const gateway = map.inventory.http?.gateway;
  if (door === undefined) return [];
  if (gateway?.kind === "url") return [new URL(door.loginPath, gateway.url)];
  const port = gateway?.port ?? map.inventory.ports[door.service] ?? door.port;
  return map.inventory.nodes
    .filter((node) => door.roles.includes(node.role))
    .map((node) => {
      const host = node.address.includes(":") ? `[${node.address}]` : node.address;
      return new URL(`https://${host}:${String(port)}${door.loginPath}`);
    });
}
