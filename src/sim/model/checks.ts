import { mesosHasRoutes } from "./mesos.ts";
import { agentRuns } from "./registry.ts";
import { releaseOf } from "./releases.ts";
import { unhealthyUnits } from "./services.ts";
import { leadingMaster } from "./mesos.ts";
import { masterOf, type Model, type NodeState } from "./state.ts";

interface Check {
  readonly description: string;
  readonly cmd: readonly string[];
  readonly timeout: string;
  readonly run: () => { readonly output: string; readonly status: number };
}

const DCOS_CHECKS = "/opt/mesosphere/bin/dcos-checks";
const FINE = { output: "", status: 0 } as const;

/** The `node-poststart` checks of a node by release and role (dcos.md 5.2), in name order as the runner prints them. */
function checksOf(model: Model, node: NodeState): ReadonlyMap<string, Check> {
  const { minor } = releaseOf(node.version);
  const long = minor === 10 ? "3s" : "30s";
  const short = minor === 10 ? "1s" : minor === 11 ? "3s" : "5s";
  const found = new Map<string, Check>();
  const executable = (name: string): void =>
    void found.set(name, {
      description: `The ${name} utility is available`,
      cmd: [DCOS_CHECKS, "executable", name],
      timeout: short,
      run: () => FINE,
    });
  for (const name of ["curl", "tar", "unzip", "xz", ...(minor >= 12 ? ["ifconfig"] : [])]) executable(name);
  if (minor >= 13)
    found.set("docker", {
      description: "The docker utility is available",
      cmd: [DCOS_CHECKS, "executable", "docker"],
      timeout: "30s",
      run: () => FINE,
    });
  const components = (role: "master" | "agent"): Check => ({
    description: "All DC/OS components are healthy.",
    cmd: [
      DCOS_CHECKS,
      "--role",
      role,
      "components",
      ...(role === "agent" ? ["--port", "61001"] : []),
      "--exclude=dcos-checks-poststart.timer,dcos-checks-poststart.service",
    ],
    timeout: long,
    run: () => {
      const [bad] = unhealthyUnits(model, node);
      return bad === undefined ? FINE : { output: `component ${bad.description} has health status 1\n`, status: 2 };
    },
  });
  if (node.role === "master") {
    found.set("components_master", components("master"));
    found.set("mesos_master_replog_synchronized", {
      description: "The Mesos master has synchronized its replicated log",
      cmd: [DCOS_CHECKS, "--role", "master", "mesos-metrics"],
      timeout: "30s",
      run: () =>
        mesosHasRoutes(model, node) && masterOf(node).mesos.logRecovered
          ? FINE
          : { output: "Error executing DC/OS metrics snapshot check: Unable to run the check\n", status: 3 },
    });
    if (minor >= 13)
      found.set("cockroachdb_replication", {
        description: "CockroachDB is fully replicated",
        cmd: [DCOS_CHECKS, "cockroachdb-replication"],
        timeout: "30s",
        run: () => FINE,
      });
  }
  // Public agents have the role agent_public in 1.10 and 1.11, so that the agent checks are skipped there (dcos.md 5.1).
  if (node.role === "agent" || (node.role === "agent_public" && minor >= 12)) {
    found.set("components_agent", components("agent"));
    found.set("mesos_agent_registered_with_masters", {
      description: "The Mesos agent has registered with the masters",
      cmd: [DCOS_CHECKS, "--role", "agent", "mesos-metrics"],
      timeout: minor === 10 ? "1s" : "30s",
      run: () =>
        agentRuns(model, node) && leadingMaster(model) !== null
          ? FINE
          : { output: "Error executing DC/OS metrics snapshot check: Unable to run the check\n", status: 3 },
    });
  }
  found.set("ip_detect_script", {
    description: "The IP detect script produces valid output",
    cmd: [DCOS_CHECKS, "ip"],
    timeout: minor === 10 ? "1s" : "30s",
    run: () => ({ output: `${node.address} is a valid IPV4 address\n`, status: 0 }),
  });
  found.set("journald_dir_permissions", {
    description: "Journald directory has the right owners and permissions",
    cmd: [DCOS_CHECKS, "journald"],
    timeout: short,
    run: () => ({
      output: "directory /var/log/journal has the group owner `systemd-journal` and group permissons r-x\n",
      status: 0,
    }),
  });
  const skewed = Math.abs(node.ailments.clockSkewMs) > 1_000;
  found.set("clock_sync", {
    description: "System clock is in sync.",
    cmd: [DCOS_CHECKS, "time"],
    timeout: short,
    run: () =>
      skewed
        ? { output: "Clock is out of sync / in unsync state. Must be synchronized for proper operation.\n", status: 2 }
        : { output: "Clock is synced\n", status: 0 },
  });
  return new Map([...found].sort(([a], [b]) => (a < b ? -1 : 1)));
}

export interface CheckResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

function print(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}

/** Runs the checks of one type as the node's own runner does, with the exit codes of its release (dcos.md 5.3, recorded). */
export function runChecks(model: Model, node: NodeState, words: readonly string[]): CheckResult {
  const { minor } = releaseOf(node.version);
  const list = words.includes("--list");
  const [type = "", ...names] = words.filter((word) => !word.startsWith("--"));
  if (!["cluster", "node-prestart", "node-poststart"].includes(type)) {
    const stamp = new Date(model.clock.now()).toISOString().slice(0, 19);
    return { code: 1, stdout: "", stderr: `time="${stamp}Z" level=fatal msg="invalid check type ${type}"\n` };
  }
  const all = type === "node-poststart" ? checksOf(model, node) : new Map<string, Check>();
  const missing = names.filter((name) => !all.has(name));
  if (missing.length > 0 && minor >= 13)
    return {
      code: 0,
      stdout: print({
        error: "One or more requested checks could not be found on this node.",
        checks: missing.map((name) => `${name}: Check not found`),
      }),
      stderr: "",
    };
  const chosen = [...all].filter(([name]) => names.length === 0 || names.includes(name));
  if (list)
    return {
      code: 0,
      stdout: print(
        Object.fromEntries(chosen.map(([name, { description, cmd, timeout }]) => [name, { description, cmd, timeout }])),
      ),
      stderr: "",
    };
  const checks = Object.fromEntries(chosen.map(([name, check]) => [name, check.run()]));
  const status = Math.max(0, ...Object.values(checks).map((one) => one.status));
  return { code: status, stdout: print({ status, checks }), stderr: "" };
}
