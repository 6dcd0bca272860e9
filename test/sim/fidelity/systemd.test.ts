import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { createFakeClock } from "../../../src/sim/clock.ts";
import { createCluster } from "../../../src/sim/model/cluster.ts";
import { describeReal } from "../../real/requires.ts";
import { mayMount, MOUNTS } from "../../real/sudo-users.ts";
import { run } from "../shell/toy-run.ts";

/** What is asked: a service that runs, a group of units, one that does not exist; `{up}`, `{group}` are names of either side. */
const ASKED = {
  facts: "show -p Id -p ActiveState -p SubState -p NRestarts {up} nosuch.service {group}",
  one: "show -p NRestarts -p Id {up}",
  values: "show --value -p ActiveState {up}",
  load: "show -p LoadState -p UnitFileState nosuch.service",
  times: "show -p ActiveEnterTimestamp -p ActiveEnterTimestampMonotonic -p MainPID {up}",
  never: "show -p ActiveEnterTimestamp -p ActiveEnterTimestampMonotonic -p MainPID nosuch.service",
  active: "is-active {up}",
  quiet: "is-active --quiet {up}",
  "one of two": "is-active {up} nosuch.service",
  none: "is-active nosuch.service",
  "quiet none": "is-active --quiet nosuch.service",
} as const;

interface Said {
  readonly out: string;
  readonly active: boolean;
}

/** The form of an output: names, numbers and times are another machine's own. */
function form({ out, active }: Said, up: string, group: string): string {
  const plain = out
    .replaceAll(up, "UP")
    .replaceAll(group, "GROUP")
    .replaceAll(/=[A-Z][a-z]{2} \d{4}-\d\d-\d\d \d\d:\d\d:\d\d [A-Z]{3,4}$/gm, "=TIME")
    .replaceAll(/=[1-9]\d*$/gm, "=NUMBER");
  return `${plain}exit ${active ? "0" : "not 0"}`;
}

describeReal(
  "systemctl of a lab node has the forms of a real systemd's",
  ["systemd", "util-linux"],
  () => {
    let folder: string;
    const real = new Map<string, Said>();

    beforeAll(() => {
      // A real service manager, of a user, in namespaces of its own: nothing of this machine is asked or changed.
      folder = mkdtempSync(join(tmpdir(), "pawl-systemd-"));
      const units = join(folder, "systemd/user");
      mkdirSync(units, { recursive: true });
      writeFileSync(join(units, "up.service"), "[Unit]\nDescription=Up\n[Service]\nExecStart=/bin/sleep 600\nRestart=always\n");
      writeFileSync(join(units, "group.target"), "[Unit]\nDescription=Group\nWants=up.service\nAfter=up.service\n");
      const asked = Object.entries(ASKED).map(([name, words]) => {
        const line = words.replaceAll("{up}", "up.service").replaceAll("{group}", "group.target");
        return `echo '=== ${name}'; systemctl --user ${line} 2>/dev/null; echo "rc $?"`;
      });
      const script = `set -e
mount -t tmpfs none /run; mkdir -p /run/user/0 /run/systemd/system
export XDG_RUNTIME_DIR=/run/user/0 XDG_CONFIG_HOME="$1" TZ=UTC
/lib/systemd/systemd --user --log-target=null & i=0
until systemctl --user start group.target 2>/dev/null; do i=$((i+1)); [ $i -lt 100 ]; sleep 0.1; done
set +e
${asked.join("\n")}`;
      const text = execFileSync(
        "unshare",
        ["--mount", "--pid", "--fork", "--mount-proc", "--kill-child", "sh", "-c", script, "sh", folder],
        {
          encoding: "utf8",
          stdio: ["ignore", "pipe", "ignore"],
          timeout: 50_000,
        },
      );
      for (const [, name = "", out = "", code] of text.matchAll(/^=== (.*)\n([^]*?)rc (\d+)\n/gm))
        real.set(name, { out, active: code === "0" });
    }, 60_000);
    afterAll(() => rmSync(folder, { recursive: true, force: true }));

    it.each(Object.entries(ASKED))("%s: systemctl %s", async (name, words) => {
      const clock = createFakeClock(Date.UTC(2026, 10, 21));
      const cluster = createCluster({
        masters: 1,
        privateAgents: 0,
        publicAgents: 0,
        version: "1.9.4",
        clock,
        faults: [],
        network: "127.77.0",
      });
      const node = cluster.nodes[0];
      if (node === undefined) throw new Error("a cluster without nodes");
      const line = words.replaceAll("{up}", "dcos-mesos-master.service").replaceAll("{group}", "dcos.target");
      const { out, code } = await run(node, clock, `systemctl ${line}`);
      const said = real.get(name);
      if (said === undefined) throw new Error(`the real systemctl was not asked: ${name}`);
      expect(form({ out, active: code === 0 }, "dcos-mesos-master.service", "dcos.target")).toBe(
        form(said, "up.service", "group.target"),
      );
    });
  },
  mayMount() ? null : MOUNTS,
);
