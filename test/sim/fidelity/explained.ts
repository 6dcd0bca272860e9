import type { Read } from "./reads.ts";

/** A difference between the model and what was recorded that is there on purpose. */
export interface Explained {
  readonly read: RegExp;
  /** Matched against `missing PATH`, `extra PATH` and `type PATH: …`. */
  readonly what: RegExp;
  readonly why: string;
  /** Where that is known from. */
  readonly source: string;
  /** Second number of the first DC/OS version for which it does not hold any more. */
  readonly before?: number;
  /** A published capture that has the field; demanded for a field that pawl reads and the own captures do not have. */
  readonly seenIn?: string;
  /** How pawl goes on without it, or with null; demanded for a field that pawl reads and the model has not, or of another type. */
  readonly without?: string;
  /** Why pawl does not read this very field, although it reads one of its name elsewhere. */
  readonly unread?: string;
}

const MASTER = /^mesos-master /;
const AGENTS = /^mesos-master GET \/(state|state-summary|slaves)$/;

/**
 * The recorded cluster is Mesos 1.11 without DC/OS; the model is the Mesos of each DC/OS release (1.2 to 1.8) as DC/OS sets it up.
 * Every difference of field names and types is here with where it comes from; one that is not here is a fault of the model.
 */
export const MESOS: readonly Explained[] = [
  {
    read: MASTER,
    what: /^missing .*\.git_tag$/,
    why: "only a build from a tagged checkout has it; DC/OS builds from a commit",
    source: "published master-state-1.2.0.json, operator-v1-get-version.json: no git_tag",
  },
  {
    read: AGENTS,
    what: /^missing \.slaves\[\]\.(deactivated|drain_info|estimated_drain_start_time_seconds)$/,
    why: "agents can be drained and deactivated from Mesos 1.9 on, which no DC/OS up to 1.13 carries",
    source: "dcos.md 9 (Mesos of each release); published state-summary-1.7.1.json: no such field",
  },
  {
    read: AGENTS,
    what: /^missing \.(slaves|recovered_slaves)\[\]\.attributes\.zone$/,
    why: "an attribute of the recorded lab; DC/OS sets public_ip, and the model's operator has said racks",
    source: "fixtures/mesos-real README (flags of the agents); dcos.md 10",
    without:
      "attributes are read by the names that constraints use; the zone that is read by its own name is that of the fault domain",
  },
  {
    read: AGENTS,
    what: /^extra \.(slaves|recovered_slaves)\[\]\.attributes\.rack$/,
    why: "attributes are names an operator chose; the recorded lab has a zone, the model a rack",
    source: "fixtures/mesos-real README (flags of the agents)",
    unread:
      "attributes are read by the names that constraints use, and by a pattern; the rack that is read by name is the inventory's",
  },
  {
    read: MASTER,
    what: /^extra \.flags\.roles$/,
    why: "DC/OS names the roles a master knows; the recorded one was given none",
    source: "dcos/dcos, gen/dcos-config.yaml: MESOS_ROLES",
    unread: "of the flags pawl reads logging_level and quiet; the roles it reads are those of frameworks and of /roles",
  },
  {
    read: MASTER,
    what: /^(missing|extra) \.flags\./,
    why: "the flags of another cluster: DC/OS sets its own, and the model lists those with a documented value",
    source: "dcos.md 3.3",
  },
  {
    read: /^mesos-master GET \/(state|state-summary|frameworks)$/,
    what: /^missing \.frameworks\[\]\.(offer_constraints|.*\.offer_constraints)$/,
    why: "came with Mesos 1.11",
    source: "published state-summary-1.7.1.json: no such field",
  },
  {
    read: /^mesos-master GET \/(state|state-summary|frameworks)$/,
    what: /^extra \.frameworks\[\]\.(pid|principal)$/,
    why: "Marathon connects by libprocess and with a principal; the recorded schedulers spoke HTTP without one",
    source: "published state-summary-healthy.json (pid), dcos.md 11",
    seenIn: "mesos/state-summary-healthy.json",
  },
  {
    read: /^mesos-master GET \/metrics\/snapshot$/,
    what: /^missing \.registrar\/log\/ensemble_size$/,
    why: "came with Mesos 1.4",
    source: "dcos.md 9.3",
    before: 10,
    without: "replog-recovered takes the number of masters in its place",
  },
  {
    read: MASTER,
    what: /^extra .*(used_resources|resources)\.(ports|disk|gpus|mem|cpus)$/,
    why: "tasks of Marathon take ports; the recorded ones were sleeps without any",
    source: "published state-summary-healthy.json: used_resources with ports",
    seenIn: "mesos/state-summary-healthy.json",
  },
  {
    read: MASTER,
    what: /^extra .*\.statuses\[\]\.healthy$/,
    why: "tasks with health checks; the recorded ones had none",
    source: "dcos.md 9.2 (`statuses[{state,timestamp,healthy?,…}]`)",
  },
  {
    read: /^mesos-master GET \/roles$/,
    what: /^missing \.roles\[\]\.(quota|allocated|offered|reserved)/,
    why: "the short form of /roles; quota consumption came with Mesos 1.9",
    source: "published roles.json",
    without: "a role without a quota has null in the summary, before and after alike",
  },
  {
    read: /^mesos-master GET \/metrics\/snapshot$/,
    what: /^missing \./,
    why: "metrics nobody reads; the model has those that a gate, a watch or a person asks for",
    source: "dcos.md 9.3",
  },
  {
    read: /^mesos-master GET \/metrics\/snapshot$/,
    what: /^extra \.overlay\/log\/(recovered|ensemble_size)$/,
    why: "the overlay module of DC/OS has a replicated log of its own",
    source: "dcos.md 9.3",
    seenIn: "mesos/metrics-recovered-lines.txt",
  },
];

/** Of agents pawl reads nothing over HTTP: the model has what a person looks at. What it has must be there, of the same type. */
export const AGENT: readonly Explained[] = [
  {
    read: /^mesos-agent /,
    what: /^missing \./,
    why: "nobody reads it",
    source: "references.ts: no read of an agent's port",
  },
  {
    read: /^mesos-agent /,
    what: /^extra (\.flags\.|.*_allocated\.ports$|.*attributes\.(public_ip|rack)$|.*resources\.ports$|.*\.healthy$)/,
    why: "flags and attributes of DC/OS, and tasks that take ports",
    source: "dcos.md 3.3, 10",
  },
];

/** What depends on what the recorded cluster had gone through before the moment. */
export const HISTORY: readonly Explained[] = [
  {
    read: /./,
    what: /^(missing|extra) \.(slaves|frameworks)\[\]\.reregistered_time$/,
    why: "only after an election: one cluster had one behind it and the other had not",
    source: "own captures: boot-three without, leader-killed with it",
  },
];

export const MOMENT: readonly Explained[] = [
  {
    read: /^mesos-master GET \/metrics\/snapshot$/,
    what: /^extra \.registrar\/state_store_ms/,
    why: "statistics of writes begin with the second one",
    source: "own captures: in some moments of the same leader, not in others",
  },
];

export const EXHIBITOR: readonly Explained[] = [
  {
    read: /get-state$/,
    what: /^(missing|extra) \.config\.(backupExtra|zooCfgExtra)\./,
    why: "another installation's settings; DC/OS writes its own zoo.cfg",
    source: "dcos.md 7 (zoo.cfg)",
  },
];

/** Marathon answers differ by version in what nobody reads: those are not listed, see `marathon` in fields.test.ts. */
export const MARATHON: readonly Explained[] = [
  {
    read: /^marathon GET \/v2\/apps$/,
    what: /^missing \.apps\[\]\.tasks$/,
    why: "only with embed=apps.tasks, which pawl does not ask for",
    source: "dcos.md 11.2",
    without: "tasks are read from the leading Mesos master",
  },
  {
    read: /^marathon /,
    what: /^type .*\.(acceptedResourceRoles|webui_url): /,
    why: "null where it is not set: the published apps name no roles, DC/OS gives Marathon no address of its own page",
    source: "published apps and doc-info.json, dcos.md 11.2",
    without: "null is taken as none",
  },
  {
    read: /^marathon GET \/v2\/tasks$/,
    what: /^missing \.tasks\[\]\.(region|zone)$/,
    why: "came with 1.6, and only where fault domains are configured",
    source: "published doc-app_tasks.json beside gm-tasks.json; dcos.md 13.1",
    without: "region and zone are taken from the leading Mesos master's list of agents",
  },
  {
    read: /^marathon GET \/v2\/tasks$/,
    what: /^missing \.tasks\[\]\.role$/,
    why: "came with 1.7 or later; the documentation is of the newest",
    source: "published doc-app_tasks.json beside gm-tasks.json",
    without: "roles are taken from the leading Mesos master",
  },
  {
    read: /^marathon GET \/v2\/tasks$/,
    what: /^extra \.tasks\[\]\.(ipAddresses|healthCheckResults\[\]\.(lastFailureCause|instanceId))$/,
    why: "came with 1.1 to 1.4, where the published answers are older",
    source: "Marathon's Formats.scala (1.4 and later); published apps-1.5-networks.json (ipAddresses)",
  },
  {
    read: /^marathon GET \/v2\/apps$/,
    what: /^missing \.apps\[\]\.residency$/,
    why: "only apps with local persistent volumes have it, and the model has none",
    source: "published groups-volumes.json",
    without: "an app without it keeps no data of that kind",
  },
  {
    read: /^marathon GET \/v2\/apps$/,
    what: /^missing \.apps\[\]\.(networks|container\.portMappings)$/,
    why: "came with 1.5",
    source: "dcos.md 11.5; published apps-1.1.json beside apps-1.5-networks.json",
    before: 10,
    without: "definitions are brought to one form: networks from ipAddress and docker.network, mappings from docker.portMappings",
  },
  {
    read: /^marathon GET \/v2\/apps$/,
    what: /^missing \.apps\[\]\.(uris|ports|ipAddress|container\.docker\.(network|portMappings))$/,
    why: "gone with 1.5",
    source: "dcos.md 11.5; published apps-1.5-networks.json beside apps-1.1.json",
    without: "definitions are brought to one form, that of 1.5",
  },
  {
    read: /^marathon GET \/v2\/apps$/,
    what: /^missing \.apps\[\]\.container\.portMappings\[\]\.name$/,
    why: "a port has a name where somebody gave it one",
    source: "published apps-1.5-networks.json",
    unread: "mappings are kept as they are",
  },
  {
    read: /^marathon GET \/v2\/(apps|groups|queue)$/,
    what: /^extra .*\.labels\.DCOS_/,
    why: "labels that a package or a service of DC/OS has; the other published apps are none",
    source: "published groups-app-each-health.json",
    seenIn: "marathon/groups-app-each-health.json",
  },
  {
    read: /^marathon GET \/v2\/(apps|groups|queue)$/,
    what: /^extra .*\.portDefinitions\[\]\.name$/,
    why: "ports of a service Marathon have names",
    source: "published mom-ee-permissive-1.5.json",
    seenIn: "marathon/mom-ee-permissive-1.5.json",
  },
  {
    read: /^marathon GET \/v2\/(apps|groups|queue)$/,
    what: /^extra .*\.(gpus|killSelection|unreachableStrategy|networks|portMappings|IS|pods|dependencies|groups|apps|versionInfo)/,
    why: "fields that came with 1.3 to 1.5, where the published answers are older",
    source: "dcos.md 11.2, 11.5",
  },
  {
    read: /^marathon GET \/v2\/(apps|groups|queue)$/,
    what: /^extra .*\.(env|labels)\./,
    why: "names an operator chose",
    source: "published apps: other names",
  },
];

/** The explanation of a difference for this read and release, or null. */
export function explanation(list: readonly Explained[], read: Read, difference: string, minor: number): Explained | null {
  return (
    list.find((one) => one.read.test(read) && one.what.test(difference) && (one.before === undefined || minor < one.before)) ??
    null
  );
}
