import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { runCommandLine } from "../../src/cli/main.ts";
import { startEmbedded } from "../../src/cli/embedded.ts";
import type { Lab } from "../../src/sim/lab.ts";
import { capturedIo, type CapturedIo } from "../cli/captured-io.ts";
import { describeReal } from "../real/requires.ts";
import { runbookOf, runsIn, startHostsStory, type HostsStory } from "./hosts.ts";

/** Every marked secret begins with this; nothing else does. */
const MARK = "Zq7Seed";
const secret = (name: string): string => `${MARK}-${name}-9f3kXw2`;
const base64 = (text: string): string => Buffer.from(text).toString("base64");

/** A text is clean when no secret is in it: as it is, in part, in base64 at any alignment, in hex, URL- or JSON-encoded. */
function leaks(text: string): readonly string[] {
  const cores = [0, 1, 2].map((shift) => base64(`${"x".repeat(shift)}${MARK}`).slice(shift === 0 ? 0 : shift + 1, -3));
  const forms = [MARK, ...cores, Buffer.from(MARK).toString("hex"), encodeURIComponent(`/${MARK}`)];
  return forms.flatMap((form) => {
    const at = text.toLowerCase().indexOf(form.toLowerCase());
    return at < 0 ? [] : [text.slice(Math.max(0, at - 80), at + 60)];
  });
}

interface Manifest {
  readonly artifacts: readonly { readonly name: string; readonly sha256: string; readonly sealed: boolean }[];
}

/** Every file below a folder but sealed artifacts, which must be the owner's alone; what leaks, by file. */
function leaksBelow(folder: string): readonly string[] {
  const sealed = new Set<string>();
  const all = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  for (const { name, parentPath } of all) {
    if (name !== "manifest.json") continue;
    const { artifacts } = JSON.parse(readFileSync(join(parentPath, name), "utf8")) as Manifest;
    for (const one of artifacts) if (one.sealed) sealed.add(one.sha256);
  }
  return all.flatMap(({ name, parentPath }) => {
    const path = join(parentPath, name);
    const mode = statSync(path).mode & 0o777;
    const open = mode === 0o600 ? [] : [`${path} has mode ${mode.toString(8)}`];
    if (sealed.has(name)) return open;
    return [...open, ...leaks(readFileSync(path, "latin1")).map((leak) => `${path}: ${leak}`)];
  });
}

describe("secrets in the apps and the configuration of a cluster", () => {
  let folder: string;
  let lab: Lab;
  const told: string[] = [];

  async function pawl(...words: readonly string[]): Promise<CapturedIo> {
    const io = capturedIo(folder);
    await runCommandLine(
      { ...io, env: { ...io.env, HOME: folder, PAWL_STATE_DIR: join(folder, "state") }, now: () => Date.now() },
      words,
      "0.0.0",
    );
    told.push(...io.stdout, ...io.stderr);
    return io;
  }

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "pawl-secrets-"));
    const options = { masters: 3, private: 1, public: 1, version: "1.9.4", timeScale: 3_000, fault: [] };
    const started = await startEmbedded(
      { ...capturedIo(folder), now: () => Date.now() },
      options,
      join(folder, "lab"),
      "secrets",
    );
    lab = started.lab;
    const master = started.cluster.nodes.find((node) => node.name === "m1");
    const app = {
      id: "/seeded/app",
      instances: 1,
      cpus: 0.1,
      mem: 32,
      cmd: `run --password ${secret("flag")} --token=${secret("flag2")} && curl -u op:${secret("curl")} https://u:${secret("url")}@db/x -H 'Authorization: Bearer ${secret("bearer")}'`,
      env: {
        DB_PASSWORD: secret("env"),
        PLAIN: secret("any-env"),
        CONFIG: JSON.stringify({
          db: { password: secret("nested"), url: `postgres://u:${encodeURIComponent(secret("in-url"))}@db` },
        }),
        ENCODED: base64(secret("encoded")),
        PEM: `-----BEGIN RSA PRIVATE KEY-----\n${secret("pem")}\n-----END RSA PRIVATE KEY-----`,
      },
      labels: { "api-key": secret("label"), SECRET: secret("label2"), description: "an app" },
    };
    const answer = await fetch(`http://${master?.address ?? ""}:8080/v2/apps`, { method: "POST", body: JSON.stringify(app) });
    expect(answer.status).toBe(201);
    // The deployment ends in the cluster's own time, which stands still while nobody sleeps.
    await fetch(`${lab.control}/sleep`, { method: "POST", body: JSON.stringify({ ms: 600_000 }) });
    // The same configuration on the nodes, in the generator's own form, and where the target is generated.
    const config = { superuser_password_hash: secret("config"), license_key: secret("config2") };
    for (const node of started.cluster.nodes) {
      const file = "/opt/mesosphere/etc/user.config.yaml";
      const text = await node.fs.readFile(file);
      const more = Object.entries(config).map(([key, value]) => `"${key}": |-\n  ${value}\n`);
      // Where the package keeps it, and before its activation ended: generated so, not edited since.
      node.fs.writeFileSync(await node.fs.realpath(file), `${text}${more.join("")}`);
      const activated = "/opt/mesosphere/active.buildinfo.full.json";
      node.fs.writeFileSync(activated, await node.fs.readFile(activated));
    }
    const wanted = "/opt/dcos/1.9.9/genconf/config.yaml";
    const lines = Object.entries(config).map(([key, value]) => `${key}: ${value}\n`);
    const { fs } = started.cluster.bootstrap;
    fs.writeFileSync(wanted, `${await fs.readFile(wanted)}${lines.join("")}`);
  }, 120_000);
  afterAll(async () => {
    await lab.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  it(
    "are in no evidence, journal, plan, report, answer or line of a preflight, two snapshots, an upgrade and what is asked about them",
    { timeout: 400_000 },
    async () => {
      const i = ["-i", lab.inventoryFile];
      const first = await pawl("preflight", ...i, "--to", "1.9.9");
      expect(first.ended(), first.stdout.join("\n")).toBe("ok");
      expect((await pawl("preflight", ...i, "--to", "1.9.9", "--json")).ended()).toBe("ok");
      expect((await pawl("snapshot", ...i, "--json")).ended()).toBe("ok");
      expect((await pawl("upgrade", ...i, "--to", "1.9.9", "--yes", "--json")).ended()).toBe("ok");
      expect((await pawl("snapshot", ...i)).ended()).toBe("ok");
      const runs = runsIn(join(folder, "backups"));
      const snapshots = runs.filter((run) => /-snapshot(-\d+)?$/.test(run));
      expect(snapshots).toHaveLength(2);
      await pawl("diff", ...snapshots);
      await pawl("diff", ...snapshots, "--json");
      for (const run of runs) {
        for (const command of ["status", "report", "verify"]) await pawl(command, run);
        await pawl("status", run, "--json");
        await pawl("report", run, "--json");
        expect((await pawl("verify", run)).ended()).toBe("ok");
      }
      await pawl("runs", "--json");
      expect(told.flatMap(leaks)).toEqual([]);
      expect(leaksBelow(join(folder, "backups"))).toEqual([]);
      // The seeds did come by: masked values stand where they were, and the sealed configuration holds its own.
      const masked = runs.flatMap((run) =>
        readdirSync(join(run, "artifacts")).filter((name) =>
          readFileSync(join(run, "artifacts", name), "utf8").includes("masked:"),
        ),
      );
      expect(masked.length).toBeGreaterThan(4);
      const upgrade = runs.find((run) => run.endsWith("-upgrade-1.9.9")) ?? "";
      expect(
        readdirSync(join(upgrade, "artifacts")).some((name) =>
          readFileSync(join(upgrade, "artifacts", name), "utf8").includes(secret("config")),
        ),
      ).toBe(true);
    },
  );
});

describeReal("secrets in what a machine prints", ["openssh-server", "openssh-client"], () => {
  let story: HostsStory;
  beforeAll(async () => {
    story = await startHostsStory(`hooks: { on-halt: { argv: [printf, "PASSWORD=${secret("hook")}\\n"] } }`);
    writeFileSync(
      join(story.folder, "output"),
      [
        `DB_PASSWORD=${secret("line")}`,
        `export API_TOKEN="${secret("quoted")}"`,
        `Authorization: Basic ${base64(`op:${secret("basic")}`)}`,
        `connecting to postgres://op:${secret("url")}@db:5432/x`,
        `{"password": "${secret("json")}", "nested": "{\\"token\\": \\"${secret("json-in-json")}\\"}"}`,
        `password:\n  ${secret("yaml-block")}`,
        `-----BEGIN OPENSSH PRIVATE KEY-----\n${secret("key")}\n-----END OPENSSH PRIVATE KEY-----`,
        `curl -u op:${secret("curl")} http://h/`,
        `mysql --password ${secret("flag")}`,
        "",
      ].join("\n"),
    );
  }, 60_000);
  afterAll(() => story.close());

  it(
    "are in no artifact, event, report, error or line of the terminal, wherever the stream was cut into pieces",
    { timeout: 60_000 },
    async () => {
      const file = join(story.folder, "output");
      const slowly = `while IFS= read -r line; do half=$(printf %s "$line" | cut -c1-17); printf '%s' "$half"; sleep 0.02; printf '%s\\n' "\${line#"$half"}"; done <"$1"`;
      story.write(
        "print.yaml",
        runbookOf([
          `uses: command, with: { argv: [cat, ${file}] }`,
          `uses: command, with: { argv: [sh, -c, ${JSON.stringify(slowly)}, sh, ${file}] }`,
          `uses: job, with: { argv: [sh, -c, ${JSON.stringify(slowly)}, sh, ${file}] }`,
          `uses: capture-file, with: { path: ${file}, media-type: text/plain }`,
          `uses: command, with: { argv: [sh, -c, "echo 'login failed for postgres://op:${secret("in-error")}@db, password=${secret("in-error2")}' >&2; exit 3"] }`,
        ]),
      );
      for (const json of [[], ["--json"]]) {
        const ended = await story.pawl(["run", "print.yaml", "-i", "hosts.yaml", "--yes", ...json]);
        expect(ended.exit, ended.err).toBe("step-failed");
        // The runbook's own text, which holds a secret on purpose, is shown masked too.
        expect(leaks(ended.out)).toEqual([]);
        expect(leaks(ended.err)).toEqual([]);
      }
      for (const run of runsIn(join(story.folder, "backups"))) {
        for (const command of ["status", "report"]) {
          const { out, err } = await story.pawl([command, run]);
          expect([...leaks(out), ...leaks(err)]).toEqual([]);
        }
      }
      const found = leaksBelow(join(story.folder, "backups")).filter((leak) => !leak.includes("/plan.json: "));
      expect(found).toEqual([]);
    },
  );

  it("are refused as inputs of a run: plan.json is executed as it is written, so nothing in it can be masked", async () => {
    story.write(
      "input.yaml",
      runbookOf(
        ['uses: command, with: { argv: [true, "{{ inputs.db-password }}"] }'],
        "  db-password: { type: text, title: t, required: true }",
      ),
    );
    const told = await story.pawl([
      "run",
      "input.yaml",
      "-i",
      "hosts.yaml",
      "--yes",
      "--output-dir",
      "refused",
      "--set",
      `db-password=${secret("input")}`,
    ]);
    expect(told.exit).toBe("usage");
    expect(told.err).toContain("a secret cannot be an input");
    expect(leaks(told.err + told.out)).toEqual([]);
    expect(runsIn(join(story.folder, "refused"))).toEqual([]);
  });

  it("are refused in URLs of an inventory", async () => {
    story.write(
      "url.yaml",
      readFileSync(story.inventory, "utf8").replace(
        "nodes:",
        `bootstrap: { address: b, url: "http://op:${secret("url")}@b/" }\nnodes:`,
      ),
    );
    expect((await story.pawl(["lint", "url.yaml"])).exit).toBe("invalid-document");
  });
});
