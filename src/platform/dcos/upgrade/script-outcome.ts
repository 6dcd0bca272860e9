import type { Problem } from "../../../domain/errors.ts";
import type { Effect } from "../../../engine/ports.ts";
import type { NodeReport } from "../facts/node-facts.ts";

/** How an upgrade script ended on a node, and what the node says right after. */
export interface ScriptEnd {
  readonly node: string;
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
  /** Null: the node could not be read afterwards. */
  readonly report: Pick<NodeReport, "version" | "installProgress"> | null;
  readonly target: string;
}

type Verdict = Extract<Effect, { kind: "done" | "failed" | "unknown" }>;

function lastLine(text: string): string {
  return text.trimEnd().split("\n").at(-1)?.trim().slice(0, 300) ?? "";
}

/** The JSON or lines the script prints behind its refusal: which checks failed. */
function failedChecks(stderr: string): string {
  const names = [...stderr.matchAll(/"([A-Za-z0-9_-]+)":\s*\{[^{}]*"status":\s*([1-9])/g)].map((match) => match[1] ?? "");
  return names.length > 0 ? `failing: ${names.join(", ")}` : lastLine(stderr);
}

function failed(end: ScriptEnd, code: string, text: string, more: Partial<Problem>): Verdict {
  return { kind: "failed", problem: { code, text: `${end.node}: ${text}`, node: end.node, ...more } };
}

function progressNote(end: ScriptEnd): string {
  if (end.report === null) return "the node could not be read";
  const version = `version file ${end.report.version ?? "unreadable"}`;
  const progress =
    end.report.installProgress === true
      ? "install_progress is there: the activation is half done"
      : end.report.installProgress === false
        ? "no install_progress"
        : "install_progress unknown";
  return `${version}, ${progress}`;
}

/**
 * What an exit code of the node upgrade script means, with what the node says (dcos.md 4.7). 0 proves little: the gates
 * decide. Pure.
 */
export function judgeScriptEnd(end: ScriptEnd): Verdict {
  const { code, stdout, stderr, report, target } = end;
  if (code === 0) return { kind: "done", note: "the script ended with 0; the gates decide" };
  const gate = /Version found on node:\s*(\S+)/.exec(stdout)?.[1];
  if (gate === target) return { kind: "done", note: `the script found ${target} already: nothing to do, the gates verify` };
  if (gate !== undefined)
    return failed(end, "script-wrong-node", "the script is not for the version on this node.", {
      expected: "the version the script was generated for",
      observed: `${gate} on the node`,
      next: "Somebody changed this node, or the script is of another hop: plan again.",
    });
  if (stdout.includes("Cannot proceed with upgrade") || stderr.includes("Cannot proceed with upgrade"))
    return failed(end, "script-checks-refused", "the script's own checks refused; the node is untouched.", {
      expected: "node and cluster checks pass",
      observed: failedChecks(stderr),
      next: "Mend what the checks name. They are never skipped.",
    });
  if (/Can't determine this node's role/.test(stdout))
    return failed(end, "script-role", "the role files are wrong; the node is untouched.", {
      expected: "exactly one of master, slave, slave_public under /etc/mesosphere/roles",
      observed: lastLine(stdout),
      next: "Correct the role files first.",
    });
  if (/must be run as root/.test(stderr))
    return failed(end, "script-not-root", "the script did not run as root; the node is untouched.", {
      expected: "root",
      observed: lastLine(stderr),
      next: "Let the SSH user use sudo without a password.",
    });
  if (code === 2 && stdout.trim() === "" && stderr.trim() === "")
    return failed(
      end,
      "script-terminal",
      "the script died before its first line, as it does with a terminal of unknown type; the node is untouched.",
      { observed: "exit code 2, no output", next: "Retry; it must run without a terminal." },
    );
  if (report === null || report.version === null || report.installProgress === null)
    return {
      kind: "unknown",
      problem: {
        code: "script-unclear",
        text: `${end.node}: the script ended with ${code} and the node cannot be read.`,
        node: end.node,
        expected: "version file and install_progress",
        observed: progressNote(end),
        next: "Look at the node before anything else.",
      },
    };
  if (report.version === target || report.installProgress)
    return failed(end, "script-after-activation", "the script failed after the packages were switched.", {
      expected: "the script's last checks pass",
      observed: `exit code ${code}; ${progressNote(end)}; ${failedChecks(stderr)}`,
      next: "Do not proceed. Look at the services of this node (systemctl, journalctl); pkgpanda setup finishes an activation that was cut short.",
    });
  return failed(end, "script-failed", "the script failed before anything was switched.", {
    expected: "exit code 0",
    observed: `exit code ${code}; ${progressNote(end)}; ${lastLine(stderr) || lastLine(stdout) || "no output"}`,
    next: "Mostly the packages could not be fetched: look at the bootstrap machine, the network and the disk, then retry.",
  });
}

/**
 * What is known when a script's process vanished without an exit code. The node decides: switched and finished is done (the
 * gates verify), rebooted with nothing switched can be tried again, anything else needs a person.
 */
export function judgeVanished(
  node: string,
  why: string,
  report: Pick<NodeReport, "version" | "installProgress"> | null,
  target: string,
): Verdict {
  if (report?.version === target && report.installProgress === false)
    return {
      kind: "done",
      note: `the script's process is gone (${why}), but the node is at ${target} with nothing half done; the gates verify`,
    };
  if (
    why === "absent" &&
    report !== null &&
    report.version !== null &&
    report.version !== target &&
    report.installProgress === false
  )
    return {
      kind: "failed",
      problem: {
        code: "script-not-started",
        text: `${node}: the script was never started.`,
        node,
        expected: "a job on the node",
        observed: progressNote({ node, code: -1, stdout: "", stderr: "", report, target }),
        next: "Nothing was changed: retry.",
      },
    };
  const observed = `process ${why}; ${progressNote({ node, code: -1, stdout: "", stderr: "", report, target })}`;
  if (why === "rebooted" && report !== null && report.version !== null && report.installProgress === false)
    return {
      kind: "failed",
      problem: {
        code: "script-rebooted",
        text: `${node}: the machine restarted while the script ran, before anything was switched.`,
        node,
        expected: "the script runs to its end",
        observed,
        next: "Find out why it restarted, then retry.",
      },
    };
  if (why === "rebooted" && report?.installProgress === true)
    return {
      kind: "unknown",
      problem: {
        code: "script-rebooted-half-done",
        text: `${node}: the machine restarted in the middle of the activation; the node is half upgraded.`,
        node,
        expected: "the script runs to its end",
        observed,
        next: "Look at the node by its console. `pkgpanda setup` finishes an activation that was left half done (dcos-setup.service runs it); a script is never started over it.",
      },
    };
  return {
    kind: "unknown",
    problem: {
      code: "script-vanished",
      text: `${node}: the script's process is gone without an exit code.`,
      node,
      expected: "an exit code",
      observed,
      next: "Look at the node before anything else: its children may still run.",
    },
  };
}
