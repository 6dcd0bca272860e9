import type { AllowList } from "../../engine/ports.ts";
import { NODE_FILES } from "./capture/config-backup.ts";
import { CHECKS_NAME, CHECKS_SCRIPT } from "./facts/checks-script.ts";
import { MACHINE_NAME, MACHINE_SCRIPT } from "./facts/machine-script.ts";
import { TARBALL_ARGV } from "./preflight/executor-tarball.ts";
import { IMAGE_ARGV } from "./preflight/images.ts";
import { FACTS_NAME, FACTS_SCRIPT, FILES } from "./facts/facts-script.ts";
import { FILES_NAME, FILES_SCRIPT } from "./facts/files-script.ts";
import { inspectReads } from "../../zookeeper/reads-only.ts";
import { TAR_ARGVS } from "./zookeeper/folders.ts";

/** Every pattern is matched against the whole path, and the whole query where there may be one (check/guard.ts). */
function get(path: RegExp, query?: RegExp): AllowList["http"][number] {
  return { method: "GET", path, ...(query === undefined ? {} : { query }) };
}

/** `name=value` pairs with these names only; values that cannot be anything but values. */
function only(names: string): RegExp {
  const pair = `(?:${names})=[A-Za-z0-9_.~,%-]*`;
  return new RegExp(`${pair}(?:&${pair})*`);
}

const MESOS = [
  get(/(?:\/master)?\/(?:health|version|flags|state|state-summary|roles|redirect|quota|weights)/),
  get(/(?:\/master)?\/tasks/, only("limit|offset|order|task_id|framework_id")),
  get(/(?:\/master)?\/slaves/, only("slave_id")),
  get(/(?:\/master)?\/frameworks/, only("framework_id")),
  get(/\/metrics\/snapshot/, only("timeout")),
  get(/\/system\/stats\.json/),
  get(/\/files\/debug/),
  get(/(?:\/master)?\/maintenance\/(?:status|schedule)/),
  get(/\/overlay-(?:master|agent)\/(?:state|overlay)/),
  get(/\/containers/),
  // The typed API changes and reads at one address; only calls that read are let through (dcos.md 9.2).
  { method: "POST", path: /\/api\/v1/, body: /\s*\{\s*"type"\s*:\s*"GET_[A-Z_]+"\s*\}\s*/ },
];

const MARATHON = [
  get(/\/ping/),
  get(/\/metrics/),
  // Loggers and their levels; a POST to it changes them.
  get(/\/logging/),
  get(/\/v2\/(?:leader|info|groups|queue|deployments|tasks|pods|apps)/, only("embed|id|cmd|label|status|status%5[bB]%5[dD]")),
  get(/\/v2\/eventSubscriptions/),
  get(/\/v2\/pods::status/),
  // Ids are lower case words with dots and dashes between slashes (dcos.md 13).
  get(/\/v2\/(?:apps|groups)(?:\/[a-z0-9.-]+)+/, only("embed")),
];

/** Only what shows: restart, stop, start and set are GETs as well, and they stop ZooKeeper (dcos.md section 6). */
const EXHIBITOR = [
  get(/\/exhibitor\/v1\/cluster\/(?:status|list|log)/),
  get(/\/exhibitor\/v1\/cluster\/state(?:\/[^/]+)?/),
  get(/\/exhibitor\/v1\/cluster\/4ltr\/(?:ruok|mntr|srvr|stat|conf|isro)/),
  get(/\/exhibitor\/v1\/config\/get-state/),
  get(/\/exhibitor\/v1\/explorer\/(?:node|node-data)/, /key=(?:%2[fF]|\/|[A-Za-z0-9_.-])*/),
];

const OTHERS = [
  get(/\/system\/health\/v1(?:\/report|\/(?:units|nodes)(?:\/.*)?)?/),
  // Metronome, Mesos-DNS and Cosmos: what there is. A list of packages is asked for by a post without any condition.
  get(/\/(?:info|v1\/jobs|capabilities)/),
  get(/\/v1\/(?:config|enumerate)/),
  {
    method: "POST",
    path: /\/package\/list/,
    body: /\{\}/,
    contentType: /application\/vnd\.dcos\.package\.list-request\+json;charset=utf-8;version=v1/,
  },
  get(/\/dcos-metadata\/dcos-version\.json/),
  get(/\/v1\/(?:version|hosts\/[a-z.]+)/),
  { method: "HEAD", path: /\/(?:.*\/)?(?:bootstrap\.latest|cluster-package-list\.latest|dcos_node_upgrade\.sh)/ },
  get(/\/(?:.*\/)?(?:bootstrap\.latest|cluster-package-list\.latest|dcos_node_upgrade\.sh)/),
];

/** A unit of systemd, or which of its properties to show; nothing that names another machine or a file. */
const UNIT = /[A-Za-z0-9][A-Za-z0-9@._-]*|-p|--property=[A-Za-z,]+|[A-Za-z]+/;
/**
 * What a node may be asked to fetch: an address that leads to none of the cluster's own APIs, because some of them act on a GET,
 * and answer a HEAD by doing what the GET does.
 */
const ELSEWHERE =
  /(?!.*\/(?:exhibitor|v1|v2|api|machine|teardown|master|slave|service|mesos|marathon)(?:[/?]|$))https?:\/\/[A-Za-z0-9[][A-Za-z0-9_.~:/?%@+=,&[\]-]*/i;
/** Where a proxy on the node itself says how it is; or nothing. */
const OWN = /|http:\/\/127\.0\.0\.1:\d{1,5}\/[A-Za-z0-9_.\/-]*/;
/** What the bootstrap machine serves. */
const SERVED =
  /https?:\/\/[A-Za-z0-9[][A-Za-z0-9_.~:/[\]-]*\/(?:bootstrap\.latest|cluster-package-list\.latest|dcos_node_upgrade\.sh)/;
const CHECK_TYPE = /cluster|node-prestart|node-poststart/;
/** Files whose text checks and backups read. */
const READABLE: readonly string[] = [
  FILES.masterCount,
  FILES.clusterId,
  FILES.bootId,
  "/opt/mesosphere/etc/dcos-diagnostics-runner-config.json",
  "/opt/mesosphere/etc/dcos-check-config.json",
  ...NODE_FILES,
];

/** What observing, capturing and checking DC/OS may send, and nothing else (design rule 11). */
export const ALLOW: AllowList = {
  http: [...MESOS, ...MARATHON, ...EXHIBITOR, ...OTHERS],
  commands: [
    ["sh", "-c", FACTS_SCRIPT, FACTS_NAME, ELSEWHERE, OWN, "...", UNIT],
    ["sh", "-c", FACTS_SCRIPT, FACTS_NAME, "", OWN, "...", UNIT],
    ["sh", "-c", MACHINE_SCRIPT, MACHINE_NAME, /|dcos-exhibitor\.service/],
    ["sh", "-c", CHECKS_SCRIPT, CHECKS_NAME],
    ["sh", "-c", FILES_SCRIPT, FILES_NAME, "..."],
    ...TAR_ARGVS,
    ["true"],
    ["id", "-u"],
    ["date", /\+%s(?:\.%N)?/],
    ...READABLE.map((path) => ["cat", path]),
    ["cat", /\/var\/lib\/dcos(?:\/[A-Za-z0-9_-][A-Za-z0-9._-]*)+/],
    ["cat", /(?:\/[A-Za-z0-9_-][A-Za-z0-9._-]*)+\/genconf\/[A-Za-z0-9_-][A-Za-z0-9._-]*/],
    ["ls", /\/etc\/mesosphere\/roles/],
    ["ls", "/opt/mesosphere/lib/libltdl.so.7"],
    ["grep", "-A1", "-E", `^["']?security["']? *:`, FILES.userConfig],
    ["df", "-Pk", /\/[A-Za-z0-9._/-]*/],
    ["uptime"],
    ["timedatectl"],
    // Errors of a node that is in hand, since its step began; at most so many lines.
    ["journalctl", "--quiet", "--no-pager", "--priority=err", /--since=@\d{1,12}/, "--output=short-unix", "--lines=500"],
    ["docker", "ps", "-q"],
    ["timeout", "30", "docker", "ps", "-q"],
    ["docker", "version"],
    ["systemctl", "--version"],
    ["systemctl", "show", "...", UNIT],
    ["systemctl", "is-active", "...", UNIT],
    ["journalctl", "--no-pager", "-q", "-o", "short-iso", "-n", /\d{1,4}/, "...", /-u|dcos-[a-z0-9.@-]+/],
    IMAGE_ARGV,
    TARBALL_ARGV,
    ["curl", "-fsSI", SERVED],
    ["curl", "-fsSI", "--max-time", /\d+/, SERVED],
    ["curl", "-fsSL", "--max-time", /\d+/, SERVED],
    ["sh", "-c", /\/opt\/mesosphere\/bin\/dcos-(?:diagnostics|check-runner) check (?:cluster|node-prestart|node-poststart)/],
    ["/opt/mesosphere/bin/dcos-diagnostics", "check", CHECK_TYPE],
    ["/opt/mesosphere/bin/dcos-diagnostics", "check", CHECK_TYPE, "--list"],
    ["/opt/mesosphere/bin/dcos-diagnostics", "check", "--list", CHECK_TYPE],
    ["/opt/mesosphere/bin/dcos-check-runner", "check", CHECK_TYPE],
    ["/opt/mesosphere/bin/dcos-check-runner", "check", CHECK_TYPE, "--list"],
    ["/opt/mesosphere/bin/dcos-check-runner", "check", "--list", CHECK_TYPE],
    ["/opt/mesosphere/bin/dcos-shell", /mesos-(?:master|slave|agent)/, "--version"],
  ],
  fourLetter: ["ruok", "mntr", "srvr", "stat", "conf", "isro"],
  inspect: inspectReads,
};
