import { execFileSync } from "node:child_process";
import { describe, expect, it } from "vitest";
import { readFileSync } from "node:fs";
import { CHECKS_NAME, CHECKS_SCRIPT } from "../../../src/platform/dcos/facts/checks-script.ts";
import { MACHINE_NAME, MACHINE_SCRIPT } from "../../../src/platform/dcos/facts/machine-script.ts";
import { parseMachine } from "../../../src/platform/dcos/facts/machine-facts.ts";
import { parseChecks } from "../../../src/platform/dcos/facts/node-checks.ts";
import { createDcosPlatform } from "../../../src/platform/dcos/platform.ts";
import { testLab } from "./lab.ts";

const SECTIONS: Readonly<Record<string, string>> = {
  systemd: "systemd 219",
  ipset: "ipset v6.38, protocol version: 6\nlooked",
  time: "      Local time: Tue 2018-07-24 10:00:00 UTC\nNTP synchronized: yes\n RTC in local TZ: no",
  "check-time": "ENABLE_CHECK_TIME=true\nlooked",
  provider: "export PROVIDER=onprem",
  skip: "looked",
  changed: "looked",
  "open-files": "187",
};

function output(change: Readonly<Record<string, string>> = {}, end = true): string {
  const sections = Object.entries({ ...SECTIONS, ...change }).map(([name, text]) => `\n=== ${name}\n${text}\n`);
  return `${sections.join("")}${end ? "\n=== end\n" : ""}`;
}

describe("what a machine below DC/OS says", () => {
  it("is parsed section by section", () => {
    expect(parseMachine(output())).toEqual({
      systemd: 219,
      ipset: "6.38",
      clockSynchronised: true,
      checksTime: true,
      provider: "onprem",
      skipsChecks: [],
      changed: [],
      openFiles: 187,
    });
  });

  it.each([
    { what: "no systemd", change: { systemd: "" }, field: "systemd", want: null },
    { what: "no ipset on a machine that was looked at", change: { ipset: "looked" }, field: "ipset", want: "" },
    { what: "a script that did not come to ipset", change: { ipset: "" }, field: "ipset", want: null },
    {
      what: "a clock that runs free",
      change: { time: "System clock synchronized: no" },
      field: "clockSynchronised",
      want: false,
    },
    { what: "no timedatectl", change: { time: "" }, field: "clockSynchronised", want: null },
    {
      what: "check_time as the generator writes it",
      change: { "check-time": '"check_time": |-\n  false\nlooked' },
      field: "checksTime",
      want: false,
    },
    {
      what: "check_time as an operator writes it",
      change: { "check-time": "check_time: 'true'\nlooked" },
      field: "checksTime",
      want: true,
    },
    {
      what: "a configuration that does not name it: the default",
      change: { "check-time": "looked" },
      field: "checksTime",
      want: true,
    },
    {
      what: "a key whose value was cut off",
      change: { "check-time": "check_time: |-\nlooked" },
      field: "checksTime",
      want: null,
    },
    { what: "a configuration that cannot be read", change: { "check-time": "" }, field: "checksTime", want: null },
    { what: "a template of CloudFormation", change: { provider: "export PROVIDER=aws" }, field: "provider", want: "aws" },
    { what: "no provider", change: { provider: "" }, field: "provider", want: null },
    {
      what: "checks that are skipped",
      change: { skip: "environment of commands:SKIP_CHECKS=true\n/etc/environment:SKIP_CHECKS=1\nlooked" },
      field: "skipsChecks",
      want: ["environment of commands: SKIP_CHECKS=true", "/etc/environment: SKIP_CHECKS=1"],
    },
    {
      what: "a place that skips nothing",
      change: { skip: "/etc/environment:SKIP_CHECKS=false\nlooked" },
      field: "skipsChecks",
      want: [],
    },
    { what: "places that could not be looked at", change: { skip: "" }, field: "skipsChecks", want: null },
    {
      what: "a file of somebody's own",
      change: { changed: "/opt/mesosphere/bin/mine\nlooked" },
      field: "changed",
      want: ["/opt/mesosphere/bin/mine"],
    },
    { what: "trees that could not be looked at", change: { changed: "" }, field: "changed", want: null },
    { what: "a node on which nothing is counted", change: { "open-files": "" }, field: "openFiles", want: null },
  ])("keeps what is missing apart from what is fine: $what", ({ change, field, want }) => {
    const report = parseMachine(output(change));
    expect(report?.[field as keyof typeof report]).toEqual(want);
  });

  it("is no reading when the output was cut before its end", () => {
    expect(parseMachine(output({}, false))).toBeNull();
  });

  it.each(["sh", "bash"])("comes whole out of a real %s, also on a machine that is no DC/OS node", (shell) => {
    const printed = execFileSync(shell, ["-c", MACHINE_SCRIPT, MACHINE_NAME, "no-such.service"], {
      encoding: "utf8",
      stdio: ["ignore", "pipe", "ignore"],
    });
    expect(parseMachine(printed)).toMatchObject({ provider: null, skipsChecks: null, changed: null, openFiles: null });
  });

  it("names what somebody put under /opt/mesosphere, and what was edited through a link", async () => {
    const lab = testLab();
    const a1 = lab.inventory.nodes.find((one) => one.name === "a1");
    const fs = lab.cluster.nodes.find((one) => one.name === "a1")?.fs;
    if (a1 === undefined || fs === undefined) throw new Error("no a1");
    const look = () => createDcosPlatform().nodeFacts(lab.remote, lab.inventory, a1, "machine");
    expect(await look()).toMatchObject({ changed: [], skipsChecks: [], provider: "onprem" });
    fs.writeFileSync("/opt/mesosphere/bin/mine", "#!/bin/sh\n");
    await fs.writeFile("/etc/environment", "SKIP_CHECKS=true\n");
    const edited = await fs.realpath("/opt/mesosphere/etc/check_time.env");
    await fs.writeFile(edited, "ENABLE_CHECK_TIME=false\n");
    const later = new Date(Date.now() + 60_000);
    await fs.utimes(edited, later, later);
    expect(await look()).toMatchObject({
      changed: ["/opt/mesosphere/bin/mine", "/opt/mesosphere/active/dcos-config/etc/check_time.env"],
      skipsChecks: ["/etc/environment: SKIP_CHECKS=true"],
      checksTime: false,
    });
  });
});

describe("DC/OS's own checks of a node", () => {
  const recorded = (name: string): { readonly exitCode: number; readonly stdout: string } =>
    JSON.parse(readFileSync(`test/fixture/dcos-checks/${name}.json`, "utf8")) as { exitCode: number; stdout: string };

  it("are kept as they were printed, with the names the node lists (recorded, 1.12)", () => {
    const list = recorded("1.12-check-runner-list-master");
    const ran = recorded("1.12-check-runner-node-poststart-master-fail");
    const empty = recorded("1.12-check-runner-scriptform-pre-pass");
    const part = (type: string, names: string, one: { readonly exitCode: number; readonly stdout: string }): string =>
      `\n=== list ${type}\n${names}\n=== run ${type}\n${one.stdout}\n=== code ${type}\n${one.exitCode}\n`;
    const printed = `\n=== program\ndcos-check-runner\n${part("node-poststart", list.stdout, ran)}${part("cluster", "{}", empty)}${part("node-prestart", '{"error": "x"}', empty)}\n=== end\n`;
    expect(parseChecks(printed)).toEqual({
      program: "dcos-check-runner",
      types: {
        "node-poststart": { listed: Object.keys(JSON.parse(list.stdout) as object), code: 3, stdout: ran.stdout.trim() },
        cluster: { listed: [], code: 0, stdout: empty.stdout.trim() },
        "node-prestart": { listed: null, code: 0, stdout: empty.stdout.trim() },
      },
    });
  });

  it.each(["sh", "bash"])("are said not to be there by a real %s without either program", (shell) => {
    const printed = execFileSync(shell, ["-c", CHECKS_SCRIPT, CHECKS_NAME], {
      encoding: "utf8",
      stdio: ["ignore", "pipe", "ignore"],
    });
    expect(parseChecks(printed)).toEqual({ program: "none", types: {} });
  });

  it.each([
    ["1.9.4", "none", []],
    ["1.11.3", "dcos-diagnostics", ["node-poststart", "cluster", "node-prestart"]],
    ["1.12.5", "dcos-check-runner", ["node-poststart", "cluster", "node-prestart"]],
  ] as const)("are run one type at a time by the program of the release: %s", async (version, program, types) => {
    const lab = testLab({ version });
    const [m1] = lab.inventory.nodes;
    if (m1 === undefined) throw new Error("no m1");
    const said = (await createDcosPlatform().nodeFacts(lab.remote, lab.inventory, m1, "checks")) as {
      readonly program: string;
      readonly types: Readonly<Record<string, { readonly listed: readonly string[]; readonly code: number }>>;
    };
    expect([said.program, Object.keys(said.types)]).toEqual([program, types]);
    if (program === "none") return;
    expect(said.types["node-poststart"]?.listed).toContain("mesos_master_replog_synchronized");
    expect([said.types["cluster"], said.types["node-prestart"]]).toMatchObject([
      { listed: [], code: 0 },
      { listed: [], code: 0 },
    ]);
  });
});
