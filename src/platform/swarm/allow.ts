import type { AllowList } from "../../engine/ports.ts";

/** Every pattern is matched against the whole path, and the whole query where there may be one (check/guard.ts). */
function get(path: RegExp, query?: RegExp): AllowList["http"][number] {
  return { method: "GET", path, ...(query === undefined ? {} : { query }) };
}

/** `name=value` pairs with these names only; values that cannot be anything but values. */
function only(names: string): RegExp {
  const pair = `(?:${names})=[A-Za-z0-9_.~,%-]*`;
  return new RegExp(`${pair}(?:&${pair})*`);
}

/** An id, or a name of a node, service, config: no slash. */
const ONE = "[A-Za-z0-9][A-Za-z0-9_.-]*";

/**
 * What looking at a Swarm may send, and nothing else (design rule 11); paths without the API version, which is put in front on the way.
 * `GET /swarm` is not among them: it answers with the join tokens. Nor is the content of configs ever kept (capture/configs.ts).
 */
export const ALLOW: AllowList = {
  http: [
    get(/\/(?:_ping|version|info)/),
    get(/\/nodes/, only("filters")),
    get(/\/services/, only("filters|status")),
    get(/\/tasks/, only("filters")),
    get(new RegExp(`/(?:nodes|tasks)/${ONE}`)),
    get(new RegExp(`/services/${ONE}`), only("insertDefaults")),
    get(new RegExp(`/(?:services|tasks)/${ONE}/logs`), only("stdout|stderr|tail|since|timestamps|details")),
    get(/\/networks/, only("filters")),
    get(/\/(?:configs|secrets)/, only("filters")),
    get(/\/images\/json/, only("filters")),
    get(/\/images\/(?:[A-Za-z0-9._-]+\/)*[A-Za-z0-9._-]+(?::[A-Za-z0-9._-]+)?(?:@sha256:[0-9a-f]{64})?\/json/),
    get(/\/containers\/json/, only("filters|all")),
  ],
  commands: [
    ["true"],
    ["id", "-u"],
    ["date", /\+%s(?:\.%N)?/],
    ["df", "-Pk", /\/[A-Za-z0-9._/-]*/],
    ["docker", "version"],
    ["uptime"],
  ],
  fourLetter: [],
};
