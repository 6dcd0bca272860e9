import { afterAll, describe, expect, it } from "vitest";
import { createJq } from "../../src/check/jq.ts";
import { loadChecks } from "../../src/document/load.ts";
import { itProves } from "./proven.ts";

const jq = createJq();
afterAll(() => jq.close());

const checks = (await loadChecks("checks/dcos")).map((one) => one.document);

describe("the checks of DC/OS", () => {
  it("are all there", () => {
    expect(checks.map((check) => check.name).toSorted()).toEqual(
      [
        "agent-removals",
        "agent-reregistered",
        "agents-present",
        "agents-registered",
        "apps-as-before",
        "bootstrap-reachable",
        "clock-close",
        "clock-in-step",
        "config-equal",
        "disk-space",
        "exhibitor-no-rolling-change",
        "exhibitor-serving",
        "marathon-leads",
        "marathon-log-level",
        "marathon-quiet",
        "master-file-version",
        "master-upgraded",
        "masters-present",
        "no-half-done-activation",
        "no-maintenance",
        "node-checks",
        "master-log-level",
        "agent-log-level",
        "docker-answers",
        "systemd-fits",
        "ipset-there",
        "time-synchronised",
        "opt-mesosphere-untouched",
        "not-from-template",
        "checks-not-skipped",
        "clock-check-enabled",
        "exhibitor-open-files",
        "marathon-migrated",
        "node-health",
        "node-version-file",
        "one-leader",
        "replog-recovered",
        "role-file",
        "ssh-and-sudo",
        "tasks-lost",
        "tasks-running",
        "unit-health",
        "zookeeper-quorum",
        "nodes-at-target",
        "masters-mesos-alike",
        "agents-mesos-alike",
        "marathon-alike",
        "differences-explained",
        "app-ids-fit-1.13",
        "clock-synchronised",
        "event-subscribers-off",
        "libltdl-removed",
        "marathon-lb-fits-1.10",
        "mesos-fits-marathon-1.7",
        "security-mode-fits-1.12",
        "service-marathon-fits-1.10",
      ].toSorted(),
    );
  });

  itProves(checks, jq);
});
