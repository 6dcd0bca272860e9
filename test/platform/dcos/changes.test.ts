import { describe, expect, it } from "vitest";
import { guard } from "../../../src/check/guard.ts";
import type { Finding } from "../../../src/domain/plan.ts";
import type { Observation } from "../../../src/engine/ports.ts";
import { ALLOW } from "../../../src/platform/dcos/allow.ts";
import { compareSettings, settingsOf } from "../../../src/platform/dcos/preflight/configuration.ts";
import { findings } from "../../../src/platform/dcos/preflight/findings.ts";
import { observe } from "../../../src/platform/dcos/facts/observe.ts";
import { testLab, type TestLab } from "./lab.ts";

const TO = { target: "1.11.3" };
const CONFIG = "/opt/dcos/1.11.3/genconf/config.yaml";

async function write(lab: TestLab, target: string, script: string, ...args: readonly string[]): Promise<void> {
  const argv = ["sh", "-c", script, "sh", ...args];
  const outcome = await lab.remote.run(target, { argv, sudo: true, timeoutMs: 10_000 });
  expect(outcome).toMatchObject({ kind: "exited", code: 0 });
}

const look = (lab: TestLab): Promise<Observation> => observe(guard(lab.remote, ALLOW), lab.inventory, TO, lab.clock);
const all = (lab: TestLab, now: Observation, before: Observation | null = null): readonly Finding[] =>
  findings(now.facts, lab.inventory, TO, before === null ? null : { run: "20261119T010000Z-snapshot", facts: before.facts });
/** Advice that every lab gets, whatever was changed: it has pinned apps, and its inventory names no registry. */
const USUAL = ["pinned-tasks", "images-available"];
const bad = (list: readonly Finding[]): readonly Finding[] =>
  list.filter((one) => one.verdict !== "pass" && !(one.severity === "advisory" && USUAL.includes(one.id)));

/** What stands between the healthy cluster and its upgrade when one line of the target's config.yaml is another. */
async function withConfig(script: string, ...args: readonly string[]): Promise<readonly Finding[]> {
  const lab = testLab();
  await write(lab, "bootstrap", script, ...args);
  return bad(all(lab, await look(lab)));
}

const REPLACE = 'sed "s|$2|$3|" "$1" > "$1.new" && cat "$1.new" > "$1"';
const APPEND = 'printf "%s\\n" "$2" >> "$1"';

describe("the configuration the target is generated with", () => {
  it("is the installed one on a cluster where nothing was changed, and says what was compared", async () => {
    const lab = testLab();
    const list = all(lab, await look(lab));
    expect(bad(list)).toEqual([]);
    expect(list.find((one) => one.id === "configuration-unchanged")).toMatchObject({
      verdict: "pass",
      observed: "9 keys alike in /opt/dcos/1.11.3/genconf/config.yaml and on m1",
    });
    expect(list.find((one) => one.id === "edition-unchanged")?.observed).toBe("open, told by 3 nodes");
  });

  it("is refused where a setting differs, key by key, and nothing allows it", async () => {
    const list = await withConfig(REPLACE, CONFIG, "192.0.2.53", "192.0.2.54");
    expect(list).toMatchObject([
      {
        id: "configuration-unchanged",
        severity: "mandatory",
        refusal: true,
        observed: 'resolvers: ["192.0.2.53"] installed, ["192.0.2.54"] for the target',
      },
    ]);
  });

  it("is refused where a setting was taken out", async () => {
    expect(await withConfig(REPLACE, CONFIG, "check_time: true", "# no clock")).toMatchObject([
      { id: "configuration-unchanged", refusal: true, observed: "check_time: true installed, not there for the target" },
    ]);
  });

  it("is refused by name where the security mode is another; the mode nobody named is permissive", async () => {
    expect(await withConfig(APPEND, CONFIG, "security: strict")).toMatchObject([
      { id: "security-mode-unchanged", refusal: true, observed: "security: permissive installed, strict for the target" },
    ]);
    expect(await withConfig(APPEND, CONFIG, "security: permissive")).toEqual([]);
  });

  it("is refused by name where the list of masters is another", async () => {
    const lab = testLab();
    await write(lab, "bootstrap", REPLACE, CONFIG, lab.cluster.nodes[2]!.address, "10.9.9.9");
    expect(bad(all(lab, await look(lab)))).toMatchObject([{ id: "master-list-unchanged", refusal: true }]);
  });

  it("may have the keys this hop asks for, and they are told", async () => {
    const lab = testLab();
    await write(lab, "bootstrap", APPEND, CONFIG, "enable_ipv6: false");
    const list = all(lab, await look(lab));
    expect(bad(list)).toEqual([]);
    expect(list.find((one) => one.id === "configuration-unchanged")?.observed).toContain(
      "enable_ipv6: not installed, false for the target (this hop asks for it)",
    );
  });

  it("with a new key that nobody asked for is a person's decision", async () => {
    expect(await withConfig(APPEND, CONFIG, "oauth_enabled: false")).toMatchObject([
      {
        id: "configuration-keys-added",
        severity: "waivable",
        refusal: false,
        observed: "oauth_enabled: not installed, false for the target",
      },
    ]);
  });

  it("may name another place for the packages: that goes with the version", async () => {
    expect(await withConfig(REPLACE, CONFIG, ":8090", ":8090/1.11.3")).toEqual([]);
  });

  it("with another ip-detect is a person's decision", async () => {
    const list = await withConfig(APPEND, "/opt/dcos/1.11.3/genconf/ip-detect", "echo 10.0.0.1");
    expect(list).toMatchObject([{ id: "ip-detect-unchanged", severity: "waivable", verdict: "fail" }]);
  });

  it("never a pass where it cannot be read, or is no configuration", async () => {
    const ids = ["configuration-unchanged", "security-mode-unchanged", "master-list-unchanged", "configuration-keys-added"];
    const gone = await withConfig('rm "$1"', CONFIG);
    expect(gone.map((one) => [one.id, one.verdict])).toEqual(ids.map((id) => [id, "inconclusive"]));
    expect(gone[0]?.observed).toContain("No such file");
    const page = await withConfig('echo "<html>: : [" > "$1"', CONFIG);
    expect(page[0]).toMatchObject({ verdict: "inconclusive", observed: `bootstrap: ${CONFIG} is no YAML mapping` });
  });

  it("shows no value that may be a secret, in the finding, the plan's facts or the evidence", async () => {
    const lab = testLab();
    for (const line of [
      "superuser_password_hash: opensesame-1",
      "rexray_config: { accessKey: opensesame-2 }",
      "proxy: http://u:opensesame-3@p/",
    ])
      await write(lab, "bootstrap", APPEND, CONFIG, line);
    const now = await look(lab);
    const list = bad(all(lab, now));
    expect(list[0]?.observed).toContain("superuser_password_hash: not installed, (not shown) for the target");
    expect(JSON.stringify([list, now])).not.toContain("opensesame");
  });

  it("is listed as not evaluated where the inventory names only a script", async () => {
    const lab = testLab();
    const scripts = { "1.11.3": { url: "http://10.0.0.5/dcos_node_upgrade.sh", sha256: "0".repeat(64) } };
    const prepared = {
      ...lab,
      inventory: { ...lab.inventory, scripts, bootstrap: { ...lab.inventory.bootstrap!, installers: {} } },
    };
    expect(bad(all(prepared, await look(prepared)))).toMatchObject([
      { id: "configuration-unchanged", severity: "advisory", byHand: true, refusal: false },
    ]);
  });
});

describe("two configurations", () => {
  const hop = { from: "1.10.8", to: "1.11.3" };
  const compare = (installed: string, target: string): readonly string[] => {
    const [before, after] = [settingsOf(installed), settingsOf(target)];
    if (before === null || after === null) throw new Error("no settings");
    return compareSettings(before, after, hop).differences.map((one) => `${one.about} ${one.key}`);
  };

  it("are the same however their values are written: the nodes hold literal text and JSON", () => {
    const installed =
      '"check_time": |-\n  true\n"dns_search": |-\n  a b\n"resolvers": |-\n  ["192.0.2.53", "192.0.2.54"]\n"ssh_port": |-\n  22\n';
    expect(
      compare(installed, "---\n# mine\nresolvers: [192.0.2.53, 192.0.2.54]\ncheck_time: yes\ndns_search: a b\nssh_port: 22\n"),
    ).toEqual([]);
  });

  it("differ where the order of a list does, and in a nested value", () => {
    expect(compare('"resolvers": |-\n  ["a", "b"]\n', "resolvers: [b, a]")).toEqual(["setting resolvers"]);
    expect(compare('"rexray_config": |-\n  {"a": {"b": 1}}\n', "rexray_config: { a: { b: 2 } }")).toEqual([
      "setting rexray_config",
    ]);
  });

  it("are not compared where the generator has hidden a value on the nodes, and that is told", () => {
    const [before, after] = [
      settingsOf('"superuser_password_hash": |-\n  **HIDDEN**\n')!,
      settingsOf("superuser_password_hash: abc")!,
    ];
    expect(compareSettings(before, after, hop)).toMatchObject({ differences: [], hidden: ["superuser_password_hash"] });
  });

  it("are none where the text is no mapping", () => {
    for (const text of ["", "- a\n- b\n", "just words", "a: [", "<html></html>"]) expect(settingsOf(text)).toBeNull();
  });
});

describe("what lies below DC/OS", () => {
  const os = (version: string): string => `PRETTY_NAME="Container Linux by CoreOS ${version}"`;
  const setOs = (lab: TestLab, node: string, version: string): Promise<void> =>
    write(lab, node, 'printf "%s\\n" "$2" > "$1"', "/etc/os-release", os(version));

  it("is told of every node", async () => {
    const lab = testLab();
    const { facts } = await look(lab);
    expect(facts.nodes["m1"]?.details).toMatchObject({
      os: "Container Linux by CoreOS 1688.5.3 (Rhyolite)",
      kernel: "4.14.48-coreos-r2",
      docker: "17.12.1-ce",
      edition: "open",
      address: lab.cluster.nodes[0]!.address,
    });
    expect(facts.nodes["m1"]?.details["machineId"]).toMatch(/^[0-9a-f]{32}$/);
  });

  it("may differ within a role only where a person says so", async () => {
    const lab = testLab();
    await setOs(lab, "a2", "1745.7.0");
    expect(bad(all(lab, await look(lab)))).toMatchObject([
      {
        id: "os-alike",
        severity: "waivable",
        refusal: false,
        nodes: ["a2"],
        observed: expect.stringContaining(
          "a2: Container Linux by CoreOS 1745.7.0, kernel 4.14.48-coreos-r2, most of role agent: ",
        ),
      },
    ]);
  });

  it("is refused while an upgrade of it is under way: some nodes have changed since the last record, others have not", async () => {
    const lab = testLab();
    const before = await look(lab);
    await setOs(lab, "m2", "1745.7.0");
    expect(bad(all(lab, await look(lab), before))).toMatchObject([
      {
        id: "os-alike",
        severity: "mandatory",
        refusal: true,
        nodes: ["m2"],
        title: "No upgrade of the operating system is under way",
        observed: expect.stringMatching(/m2: .*1745\.7\.0.* now, .*1688\.5\.3.* in run 20261119T010000Z-snapshot/),
      },
    ]);
  });

  it("is told where it has changed everywhere since the last record", async () => {
    const lab = testLab();
    const before = await look(lab);
    for (const node of lab.cluster.nodes) await setOs(lab, node.name, "1745.7.0");
    expect(bad(all(lab, await look(lab), before))).toMatchObject([{ id: "os-changed", severity: "advisory", refusal: false }]);
  });

  it("is not guessed where a node does not tell it", async () => {
    const lab = testLab();
    await write(lab, "a1", 'rm "$1"', "/etc/os-release");
    expect(bad(all(lab, await look(lab)))).toMatchObject([
      { id: "os-alike", verdict: "inconclusive", observed: "a1: could not be told" },
    ]);
  });

  it("Docker is a layer of its own", async () => {
    const lab = testLab();
    const now = await look(lab);
    const { a1, ...others } = now.facts.nodes;
    const newer = { ...a1!, details: { ...a1!.details, docker: "18.06.1-ce" } };
    const list = findings({ ...now.facts, nodes: { ...others, a1: newer } }, lab.inventory, TO, { run: "r", facts: now.facts });
    expect(bad(list)).toMatchObject([{ id: "docker-alike", refusal: true, nodes: ["a1"] }]);
  });
});

describe("masters and the last record", () => {
  it("are refused where one is another machine, even under the same name and address", async () => {
    const lab = testLab();
    const before = await look(lab);
    await write(lab, "m3", 'printf "%s\\n" "$2" > "$1"', "/etc/machine-id", "0".repeat(32));
    expect(bad(all(lab, await look(lab), before))).toMatchObject([
      { id: "masters-unchanged", refusal: true, nodes: ["m3"], observed: "m3 is another machine than before" },
    ]);
  });

  it("are refused where one was added and one is gone", async () => {
    const lab = testLab();
    const now = await look(lab);
    const { m3, ...others } = now.facts.nodes;
    const old = {
      ...now.facts,
      nodes: { ...others, m9: { ...m3!, details: { ...m3!.details, address: "10.9.9.9", machineId: "9".repeat(32) } } },
    };
    const list = bad(findings(now.facts, lab.inventory, TO, { run: "r", facts: old }));
    expect(list).toMatchObject([{ id: "masters-unchanged", refusal: true }]);
    expect(list[0]?.observed).toMatch(/^m3 \(\S+\) was added; m9 \(10\.9\.9\.9\) is gone$/);
  });

  it("may have other names in the inventory: who they are is told by address and machine", async () => {
    const lab = testLab();
    const now = await look(lab);
    const renamed = {
      ...now.facts,
      nodes: Object.fromEntries(Object.entries(now.facts.nodes).map(([name, one]) => [`old-${name}`, one])),
    };
    expect(bad(findings(now.facts, lab.inventory, TO, { run: "r", facts: renamed }))).toEqual([]);
  });

  it("are not taken for new ones where the last record could not read one: nobody says who it was", async () => {
    const lab = testLab();
    const now = await look(lab);
    const gone = { version: null, role: null, reachable: false, complete: false, details: { code: "unreachable", reason: "no" } };
    const list = findings(now.facts, lab.inventory, TO, {
      run: "r",
      facts: { ...now.facts, nodes: { ...now.facts.nodes, m3: gone } },
    });
    expect(bad(list)).toEqual([]);
    expect(list.find((one) => one.id === "masters-unchanged")?.observed).toBe(
      "2 masters, the same machines; m3 not compared: could not be read then",
    );
  });

  it("are refused where one was replaced although all were cloned with one machine-id", async () => {
    const lab = testLab();
    const now = await look(lab);
    const cloned = (nodes: typeof now.facts.nodes): typeof now.facts => ({
      ...now.facts,
      nodes: Object.fromEntries(
        Object.entries(nodes).map(([name, one]) => [name, { ...one, details: { ...one.details, machineId: "c".repeat(32) } }]),
      ),
    });
    const { m3, ...others } = now.facts.nodes;
    const same = cloned(now.facts.nodes);
    expect(bad(findings(same, lab.inventory, TO, { run: "r", facts: same }))).toEqual([]);
    const old = cloned({ ...others, m9: { ...m3!, details: { ...m3!.details, address: "10.9.9.9" } } });
    const list = bad(findings(same, lab.inventory, TO, { run: "r", facts: old }));
    expect(list).toMatchObject([{ id: "masters-unchanged", refusal: true }]);
    expect(list[0]?.observed).toMatch(/^m3 \(\S+\) was added; m9 \(10\.9\.9\.9\) is gone$/);
  });

  it("are not compared with a record that knows less: an older pawl kept neither address nor machine", async () => {
    const lab = testLab();
    const now = await look(lab);
    const bare = {
      ...now.facts,
      nodes: Object.fromEntries(Object.entries(now.facts.nodes).map(([name, one]) => [name, { ...one, details: {} }])),
    };
    expect(bad(findings(now.facts, lab.inventory, TO, { run: "r", facts: bare }))).toEqual([]);
  });
});

describe("the edition", () => {
  it("is refused where the target's installer is of the other one", async () => {
    const lab = testLab();
    const bootstrap = { ...lab.inventory.bootstrap!, installers: { "1.11.3": "/opt/dcos/1.11.3/dcos_generate_config.ee.sh" } };
    const other = { ...lab, inventory: { ...lab.inventory, bootstrap } };
    expect(bad(all(other, await look(other)))).toMatchObject([{ id: "edition-unchanged", refusal: true }]);
  });

  it("is listed as not evaluated where nothing tells it", async () => {
    const lab = testLab();
    for (const node of ["m1", "m2", "m3"])
      await write(lab, node, 'rm "$1"', "/etc/systemd/system/dcos.target.wants/dcos-oauth.service");
    expect(bad(all(lab, await look(lab)))).toMatchObject([
      { id: "edition-unchanged", byHand: true, verdict: "inconclusive", severity: "advisory" },
    ]);
  });
});
