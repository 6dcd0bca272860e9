import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { eventually } from "../real/process.ts";
import { describeSwarm, startSwarm, type Swarm } from "../real/swarm.ts";
import { EXIT } from "../../src/domain/errors.ts";
import type { RunEvent } from "../../src/domain/events.ts";
import { runCommandLine } from "../../src/cli/main.ts";
import { capturedIo } from "../cli/captured-io.ts";

const STACK = `version: "3.8"
services:
  web:
    image: pawl/ping:1.0
    environment: { DB_PASSWORD: tiger-in-the-tank }
    networks: [inside]
    configs: [settings]
    secrets: [token]
    deploy: { replicas: 2, placement: { constraints: ["node.role==worker"] } }
networks:
  inside: { driver: overlay }
configs:
  settings: { file: ./settings.txt }
secrets:
  token: { file: ./token.txt }
`;
const SECRETS = ["tiger-in-the-tank", "words of a config", "words of a secret"];

describeSwarm("looking at a real Swarm of three managers and two workers", () => {
  let swarm: Swarm;
  let folder: string;
  let inventory: string;

  interface Ended {
    readonly code: number;
    readonly out: string;
    readonly err: string;
  }
  /** One command line of pawl in this process, on a terminal of 80 columns: what it printed and its exit code. */
  const pawl = async (...args: readonly string[]): Promise<Ended> => {
    const io = { ...capturedIo(folder, 80), env: { LANG: "C.UTF-8", HOME: folder, PAWL_STATE_DIR: join(folder, "state") } };
    await runCommandLine(io, args, "0.0.0");
    return { code: EXIT[io.ended() ?? "internal"], out: io.stdout.join("\n"), err: io.stderr.join("\n") };
  };
  const document = async (...args: readonly string[]): Promise<{ readonly code: number; readonly value: unknown }> => {
    const { code, out } = await pawl(...args, "--json");
    return { code, value: JSON.parse(out) };
  };
  /** A snapshot: its folder, and what it recorded. */
  const snapshot = async (): Promise<{ readonly run: string; readonly events: readonly RunEvent[]; readonly err: string }> => {
    const { code, out, err } = await pawl("snapshot", "-i", inventory, "--json");
    expect(code, err).toBe(0);
    const lines = out.split("\n").map((line) => JSON.parse(line) as RunEvent | { readonly type: "result"; readonly run: string });
    const result = lines.at(-1);
    if (result?.type !== "result") throw new Error(`no result: ${err}`);
    return { run: result.run, events: lines.filter((line): line is RunEvent => "seq" in line), err };
  };

  /** Waits until all services have as many running tasks as they should. */
  const whole = (): Promise<void> =>
    eventually(
      () => swarm.docker("node2", "service", "ls", "--format", "{{.Replicas}}").trim().split("\n").every(isWhole),
      () => swarm.docker("node2", "service", "ls"),
      60_000,
    );
  const isWhole = (replicas: string): boolean => /^(\d+)\/\1$/.test(replicas);

  beforeAll(async () => {
    swarm = await startSwarm({ nodes: 5, managers: 3 });
    folder = mkdtempSync(join(tmpdir(), "pawl-looking-"));
    inventory = swarm.writeInventory("lab.yaml");
    writeFileSync(join(swarm.folder, "stack.yaml"), STACK);
    writeFileSync(join(swarm.folder, "settings.txt"), "words of a config");
    writeFileSync(join(swarm.folder, "token.txt"), "words of a secret");
    swarm.docker("node1", "stack", "deploy", "--resolve-image", "never", "-c", join(swarm.folder, "stack.yaml"), "shop");
    const create = ["service", "create", "--detach", "--no-resolve-image", "--restart-delay", "10s"];
    swarm.docker("node1", ...create, "--name", "ping", "--replicas", "4", "--rollback-parallelism", "2", "pawl/ping:1.0");
    swarm.docker("node1", ...create, "--name", "everywhere", "--mode", "global", "pawl/ping:1.0");
    await whole();
  }, 180_000);
  afterAll(async () => {
    rmSync(folder, { recursive: true, force: true });
    await swarm.stop();
  }, 60_000);

  it("pawl nodes and pawl service list tell what Docker tells", async () => {
    const nodes = await pawl("nodes", "-i", inventory);
    expect(nodes.code, nodes.err).toBe(0);
    const ids = swarm
      .docker("node3", "node", "ls", "--format", "{{.Hostname}} {{.Status}} {{.ManagerStatus}}")
      .trim()
      .split("\n");
    for (const line of ids) {
      const [name = "", state = "", manager = ""] = line.toLowerCase().split(" ");
      expect(nodes.out).toMatch(new RegExp(`^${name} +(?:manager|worker) +${state} +active +${manager}`, "m"));
    }
    expect(nodes.out).toContain("3 managers, 3 reachable, quorum 2: one more may be away.");

    const services = await document("service", "list", "-i", inventory);
    expect(services.value).toMatchObject({
      services: [
        { name: "everywhere", mode: "global", serving: 5, desired: 5 },
        { name: "ping", mode: "replicated", serving: 4, desired: 4 },
        { name: "shop_web", stack: "shop", serving: 2, desired: 2 },
      ],
      stacks: [{ name: "shop", services: ["shop_web"] }],
    });
    const shown = await pawl("service", "show", "shop_web", "-i", inventory);
    expect(shown.out).toMatch(/constraints +node\.role==worker/);
    expect(shown.out).toMatch(/environment +DB_PASSWORD=masked:[0-9a-f]{12}/);
    expect(shown.out).toMatch(/configs +shop_settings\n +secrets +shop_token/);
  });

  it("an inventory is discovered from one manager, and serves; a worker and an unknown host key are refused", async () => {
    const [manager, worker] = [swarm.node("node2"), swarm.node("node5")];
    const access = ["--platform", "swarm", "--ssh-user", "root", "--identity-file", swarm.identityFile];
    const known = ["--known-hosts", swarm.knownHosts];
    const discover = (host: string, file: string, ...more: readonly string[]): Promise<Ended> =>
      pawl("inventory", "discover", ...access, ...more, "--ssh-host", host, "--out", join(folder, file));
    const found = await discover(manager.address, "found.yaml", ...known);
    expect(found.code, found.err).toBe(0);
    const looked = await document("nodes", "-i", join(folder, "found.yaml"));
    expect(looked.value).toMatchObject({ nodes: swarm.nodes.map(({ name, address, role }) => ({ name, address, role })) });
    expect(await discover(worker.address, "none.yaml", ...known)).toMatchObject({
      code: 1,
      err: expect.stringMatching(/is no manager of a Swarm/) as string,
    });
    const unknown = await discover(manager.address, "none.yaml");
    expect(unknown).toMatchObject({ code: 1, err: expect.stringMatching(/Compare\s+the\s+fingerprint/) as string });
    expect(() => readFileSync(join(folder, "none.yaml"))).toThrow(/ENOENT/);
  });

  it("two snapshots of a quiet Swarm are equal; no secret and no content is anywhere in them", async () => {
    const first = await snapshot();
    const [before, after] = [first.run, (await snapshot()).run];
    expect(await document("diff", before, after)).toMatchObject({ code: 0, value: { equal: true, notCompared: [] } });
    expect((await pawl("verify", after)).code).toBe(0);
    const artifacts = first.events.flatMap((event) => (event.type === "artifact.recorded" ? [event] : []));
    expect(artifacts.map((one) => one.name)).toEqual(
      expect.arrayContaining(["swarm/services.json", "swarm/configs.json", "engines/node5/info.json", "summary.json"]),
    );
    const bytes = artifacts.map(({ sha256 }) => readFileSync(join(before, "artifacts", sha256), "utf8")).join("\n");
    for (const secret of SECRETS) {
      expect(bytes).not.toContain(secret);
      expect(bytes).not.toContain(Buffer.from(secret).toString("base64"));
    }
    expect(bytes).not.toMatch(/SWMTKN-/);

    // A change that nobody has on record is unexplained.
    swarm.docker("node1", "service", "update", "--detach", "--no-resolve-image", "--replicas", "3", "ping");
    await whole();
    const compared = await pawl("diff", after, (await snapshot()).run);
    expect(compared.code).toBe(1);
    expect(compared.out).toMatch(/services\/?.*ping.*replicas/);
  });

  it("a bad image is seen with the tasks' own errors, place by place", async () => {
    swarm.docker("node1", "service", "update", "--detach", "--no-resolve-image", "--image", "pawl/ping:bugged", "ping");
    await eventually(
      () => swarm.docker("node1", "service", "inspect", "ping", "--format", "{{.UpdateStatus.State}}").trim() === "paused",
      () => swarm.docker("node1", "service", "ps", "ping"),
    );
    const list = await pawl("service", "list", "-i", inventory);
    expect(list.out).toMatch(/^ping +replicated +\d\/3 +paused +pawl\/ping:bugged$/m);
    const history = await pawl("service", "history", "ping", "-i", inventory);
    expect(history.out).toMatch(/^ping\.\d +ping:bugged/m);
    expect(history.out).toMatch(/^ └─ ping\.\d +ping:1\.0 +node\d +shutdown +shutdown/m);
    expect(history.out).toMatch(/^task: non-zero exit \(1\) \(/m);
    const show = await pawl("service", "show", "ping", "-i", inventory);
    expect(show.out).toMatch(/rolls back to +pawl\/ping:1\.0/);
    expect(show.out).toContain("Only rollbacks have settings of their own; for updates Docker's defaults hold.");
    swarm.docker("node1", "service", "rollback", "--detach", "ping");
  });

  it("goes on through another manager when the first goes away, leader or not, and names what is away", async () => {
    await swarm.stopNode("node1", "host");
    const nodes = await pawl("nodes", "-i", inventory);
    expect(nodes.code, nodes.err).toBe(0);
    expect(nodes.out).toMatch(/^node[23] +manager .* leader/m);
    expect(nodes.out).toContain("3 managers, 2 reachable, quorum 2: none may be away.");
    const { run, events } = await snapshot();
    const recorded = events.flatMap((event) => (event.type === "artifact.recorded" ? [event] : []));
    const summary = recorded.find((one) => one.name === "summary.json")?.sha256 ?? "";
    const { missing } = JSON.parse(readFileSync(join(run, "artifacts", summary), "utf8")) as { missing: { name: string }[] };
    expect(missing.map(({ name }) => name)).toEqual(["images", "info", "version"].map((name) => `engines/node1/${name}.json`));
    await swarm.startNode("node1");
    await eventually(
      async () => (await pawl("nodes", "-i", inventory)).out.includes("3 managers, 3 reachable"),
      () => swarm.docker("node2", "node", "ls"),
      60_000,
    );
  });
});
