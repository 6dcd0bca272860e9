/** What is asked of systemd about each unit; NRestarts is left out by systemd older than 235 (dcos.md 3.2). */
export const UNIT_PROPERTIES: readonly string[] = [
  "Id",
  "LoadState",
  "ActiveState",
  "SubState",
  "NRestarts",
  "ExecMainStatus",
  "MainPID",
  "ActiveEnterTimestamp",
];

/** Units of every node, in the releases 1.9 to 1.13; systemd says `not-found` of those that a release does not have (dcos.md 3.2). */
const EVERYWHERE = [
  "dcos-pkgpanda-api",
  "dcos-gen-resolvconf.timer",
  "dcos-spartan",
  "dcos-navstar",
  "dcos-net",
  "dcos-net-watchdog",
  "dcos-checks-poststart.timer",
  "dcos-checks-api.socket",
  "dcos-telegraf",
  "dcos-fluent-bit",
];

const MASTER = [
  "dcos-exhibitor",
  "dcos-mesos-master",
  "dcos-mesos-dns",
  "dcos-marathon",
  "dcos-metronome",
  "dcos-cosmos",
  "dcos-adminrouter",
  "dcos-history",
  "dcos-log-master",
  "dcos-3dt-master",
  "dcos-diagnostics-master",
  "dcos-oauth",
  "dcos-bouncer",
  "dcos-cockroach",
  "dcos-signal.timer",
  "dcos-logrotate-master.timer",
];

const AGENT = [
  "dcos-adminrouter-agent",
  "dcos-rexray",
  "dcos-log-agent",
  "dcos-3dt-agent",
  "dcos-diagnostics-agent",
  "dcos-docker-gc.timer",
  "dcos-logrotate-agent.timer",
];

function whole(names: readonly string[]): readonly string[] {
  return names.map((name) => (name.includes(".") ? name : `${name}.service`));
}

/** Which units of a node are captured, by its role: the state of all, and the journal of those whose words are looked for first. */
export function unitsToCapture(role: string): { readonly all: readonly string[]; readonly journal: readonly string[] } {
  if (role === "master")
    return {
      all: whole([...MASTER, ...EVERYWHERE]),
      journal: whole(["dcos-mesos-master", "dcos-exhibitor", "dcos-marathon", "dcos-mesos-dns"]),
    };
  const agent = role === "agent_public" ? "dcos-mesos-slave-public" : "dcos-mesos-slave";
  return { all: whole([agent, ...AGENT, ...EVERYWHERE]), journal: whole([agent, "dcos-spartan", "dcos-net"]) };
}
