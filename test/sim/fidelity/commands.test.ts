import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { breakClusterLocks, createClusterLock, findClusterLocks } from "../../../src/action/cluster-lock.ts";
import type { Command, Outcome, Remote } from "../../../src/engine/ports.ts";
import { factsCommand } from "../../../src/platform/dcos/facts/facts-script.ts";
import { filesArgv, parseListing } from "../../../src/platform/dcos/facts/files-script.ts";
import { createDcosPlatform } from "../../../src/platform/dcos/platform.ts";
import { parseFacts } from "../../../src/platform/dcos/facts/node-facts.ts";
import { createHostsPlatform } from "../../../src/platform/hosts/platform.ts";
import { commandLine } from "../../../src/transport/quote.ts";
import { withPassword } from "../../../src/transport/sudo.ts";
import { createShellRemote, type Shell } from "../../edge/shell-remote.ts";
import { testLab } from "../../platform/dcos/lab.ts";
import { describeReal } from "../../real/requires.ts";
import { CHECKS, recordedUpgrade } from "./reads.ts";

const ROOT = join(import.meta.dirname, "../../..");
const SHELLS: readonly Shell[] = ["dash", "bash", "busybox"];
const PARSERS = { dash: ["dash"], bash: ["bash"], busybox: ["busybox", "sh"] } as const;

/** Constants behind `"sh", "-c",` in the product, with the name their text is sent under. A new one must be added, and collected below. */
const TEXTS: Readonly<Record<string, string>> = {
  FACTS: "sh ?",
  FACTS_SCRIPT: "sh pawl-facts",
  MACHINE_SCRIPT: "sh pawl-machine",
  CHECKS_SCRIPT: "sh pawl-checks",
  FILES_SCRIPT: "sh pawl-files",
  FETCH_SCRIPT: "sh pawl-fetch",
  DIGESTS_TEXT: "sh pawl-digests",
  JOB_TEXT: "sh pawl-job",
  script: "sh pawl-lock",
  WRAPPER: "sh sudo",
};

function sources(): readonly string[] {
  return readdirSync(join(ROOT, "src"), { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(".ts") && !file.startsWith("sim"))
    .map((file) => readFileSync(join(ROOT, "src", file), "utf8"));
}

/** Every command an upgrade, a lock, a hosts cluster and the checks send, one of each text. */
async function sentCommands(): Promise<readonly Command[]> {
  const { recorded } = await recordedUpgrade();
  const lab = testLab({ masters: 1, privateAgents: 1, publicAgents: 0 });
  const more: Command[] = [];
  const remote: Remote = {
    ...lab.remote,
    run: (target, command, signal) => (more.push(command), lab.remote.run(target, command, signal)),
  };
  const place = { remote, nodes: ["m1"], path: "/var/lib/pawl/lock", identity: { file: "/var/lib/dcos/cluster-id", value: "" } };
  const lock = { ...place, run: "run 1", id: "1", folder: "", actor: "anna", host: "desk", process: null, clock: lab.clock };
  const held = createClusterLock(lock);
  await held.take();
  const process = { pid: 1, startTicks: "1", host: "desk", boot: "b", pidSpace: "p" };
  expect((await createClusterLock({ ...lock, process }).take()).kind).toBe("taken");
  await held.check();
  await breakClusterLocks(place, (await findClusterLocks(place)).found);
  await held.release();
  const dcos = createDcosPlatform();
  const [m1] = lab.inventory.nodes;
  if (m1 !== undefined)
    for (const about of ["machine", "checks"] as const) await dcos.nodeFacts(remote, lab.inventory, m1, about);
  await createHostsPlatform().observe(remote, { ...lab.inventory, platform: "hosts" }, {}, lab.clock);
  const digests =
    /const DIGESTS_TEXT = `([\s\S]*?)`;/.exec(sources().join("\n"))?.[1]?.replaceAll("\\\\", "\\").replaceAll("\\$", "$") ?? "";
  const checks = CHECKS.flatMap((check) => Object.values(check.readings)).flatMap((spec) =>
    spec.kind === "command" ? [{ argv: spec.argv, sudo: spec.sudo, timeoutMs: spec.timeoutMs }] : [],
  );
  const { argv: asRoot } = withPassword(["true"], undefined, "password");
  return [
    ...recorded.commands.values(),
    ...more,
    ...checks,
    { argv: ["sh", "-c", digests, "pawl-digests", "/a"], timeoutMs: 1 },
    { argv: asRoot.slice(asRoot.indexOf("sh")), timeoutMs: 1 },
  ];
}

/** Every text in a command that a shell reads: the line itself, the script, what the script hands to another shell, and a job's own line. */
function textsOf({ argv, sudo, stdin }: Command): readonly string[] {
  const inner =
    argv[0] === "sh" && argv[1] === "-c"
      ? [argv[2] ?? "", ...(argv[3] === "pawl-job" && argv[4] === "start" ? [argv[6] ?? ""] : [])]
      : [];
  const job = inner.length === 2 && typeof stdin === "string" ? [stdin] : [];
  return [commandLine(argv, { sudo: sudo === true }), ...inner, ...job];
}

describeReal("every command text pawl sends", ["busybox-static"], () => {
  let sent: readonly Command[];
  beforeAll(async () => {
    sent = await sentCommands();
  });

  it("is collected: each text of the product's sources was sent", () => {
    const used = new Set(
      sources().flatMap((text) => [...text.matchAll(/"sh",\s*"-c",\s*(\w+)/g)].map((found) => found[1] ?? "")),
    );
    expect([...used].toSorted()).toEqual(Object.keys(TEXTS).toSorted());
    const names = new Set(sent.filter(({ argv }) => argv[0] === "sh").map(({ argv }) => `sh ${argv[3] ?? "?"}`));
    expect([...names].toSorted()).toEqual(Object.values(TEXTS).toSorted());
    // Take, take over, look, free, break.
    expect(new Set(sent.filter(({ argv }) => argv[3] === "pawl-lock").map(({ argv }) => argv[2])).size).toBe(5);
  });

  it.each(SHELLS)("is understood by %s", (shell) => {
    const [program, ...words] = PARSERS[shell];
    const parses = (text: string): string => spawnSync(program, [...words, "-n", "-c", text], { encoding: "utf8" }).stderr;
    expect(parses("if true; then echo")).not.toBe("");
    const texts = [...new Set(sent.flatMap(textsOf))];
    expect(texts.length).toBeGreaterThan(25);
    expect(texts.map((text) => [text.slice(0, 60), parses(text)]).filter(([, said]) => said !== "")).toEqual([]);
  });
});

const PLACES =
  /\/(opt\/mesosphere|etc\/mesosphere|etc\/os-release|etc\/machine-id|etc\/systemd\/system\/dcos\.target\.wants|var\/lib\/dcos|var\/lib\/zookeeper)(?=[/\s"';)]|$)/g;

describeReal("a node of the model beside real shells with the same files", ["busybox-static", "curl"], () => {
  const lab = testLab({ version: "1.11.3", masters: 3, privateAgents: 1, publicAgents: 1 });
  const folder = mkdtempSync(join(tmpdir(), "pawl-node-"));
  const root = join(folder, "root");
  const remotes = Object.fromEntries(SHELLS.map((shell) => [shell, createShellRemote(shell, folder)]));
  let server: Server;
  let base = "";

  const rooted = (text: string): string => text.replace(PLACES, (place) => `${root}${place}`);
  const exited = (outcome: Outcome): { code: number; stdout: string; stderr: string } => {
    if (outcome.kind !== "exited") throw new Error(outcome.kind);
    const plain = (text: string): string =>
      text
        .replaceAll(root, "")
        .replaceAll(base, "URL")
        .replaceAll(lab.inventory.bootstrap?.url ?? "-", "URL");
    return { code: outcome.code, stdout: plain(outcome.stdout), stderr: plain(outcome.stderr) };
  };
  const onNode = async (argv: readonly string[]): ReturnType<typeof run> =>
    exited(await lab.remote.run("m1", { argv, sudo: true, timeoutMs: 30_000 }));
  const run = async (shell: Shell, argv: readonly string[]): Promise<{ code: number; stdout: string; stderr: string }> => {
    const outcome = await remotes[shell]?.run("any", { argv: argv.map(rooted), timeoutMs: 30_000 });
    if (outcome === undefined) throw new Error(shell);
    return exited(outcome);
  };

  beforeAll(async () => {
    const m1 = lab.cluster.nodes.find((node) => node.name === "m1");
    if (m1 === undefined) throw new Error("no m1");
    for (const path of m1.fs.getAllPaths().filter((one) => one.match(PLACES) !== null)) {
      const stat = await m1.fs.stat(path);
      if (!stat.isFile) mkdirSync(rooted(path), { recursive: true });
      else {
        mkdirSync(dirname(rooted(path)), { recursive: true });
        writeFileSync(rooted(path), await m1.fs.readFileBuffer(path));
      }
    }
    server = createServer((request, response) => {
      response.statusCode = request.url === "/bootstrap.latest" ? 200 : 404;
      response.end("latest\n");
    });
    await new Promise<void>((done) => void server.listen(0, "127.0.0.1", done));
    base = `http://127.0.0.1:${String((server.address() as AddressInfo).port)}`;
  });
  afterAll(() => {
    server.close();
    rmSync(folder, { recursive: true, force: true });
  });

  it.each(SHELLS)("says the same facts, in the same forms, as %s", async (shell) => {
    const { argv } = factsCommand(lab.inventory, { name: "m1", role: "master" });
    const node = await onNode(argv);
    const real = await run(
      shell,
      argv.map((word) => word.replace(lab.inventory.bootstrap?.url ?? "-", base)),
    );
    expect(real.code).toBe(0);
    expect(node.code).toBe(0);
    const [ours, theirs] = [parseFacts(node.stdout), parseFacts(real.stdout)];
    if (ours === null || theirs === null) throw new Error("cut output");
    for (const name of [
      "version",
      "imageCommit",
      "role",
      "roles",
      "installProgress",
      "configSha256",
      "clusterId",
      "masterCount",
      "os",
      "machineId",
      "edition",
      "bootstrapStatus",
    ] as const)
      expect([name, theirs[name]]).toEqual([name, ours[name]]);
    for (const name of ["clockEpoch", "bootId", "uid"] as const)
      expect([name, typeof theirs[name]]).toEqual([name, typeof ours[name]]);
    expect([typeof theirs.diskFreeKb.opt, typeof theirs.diskFreeKb.var]).toEqual([
      typeof ours.diskFreeKb.opt,
      typeof ours.diskFreeKb.var,
    ]);
    // Forms: titles of df, the digits of date (busybox knows no %N and says it back), sections in their order. There is no systemd to ask here: its form is held by node-facts.test.ts.
    const form = (text: string): string =>
      text
        .replace(/=== units\n[\s\S]*?(?=\n=== )/, "=== units\n")
        .replace(/(=== kernel\n).+/, "$1KERNEL")
        .replace(/(=== activated\n)\d{10}\n/, "$1SECONDS\n")
        .replace(/(=== ipv6\n)[01]\n/, "$10 or 1\n")
        // Whether this machine has Docker is its own affair; the form of its answer is held by node-facts.test.ts.
        .replace(/=== docker\n[\s\S]*?(?=\n=== )/, "=== docker\n")
        .replace(/(=== bootstrap\nHTTP\/1\.1 \d+)[\s\S]*?(?=\n=== )/, "$1")
        .replace(/\n(?!Filesystem)\S+ +\d+ +\d+ +\d+ +\d+% +\/\S*/g, "\nDEVICE N N N N% PATH")
        .replace(/ +/g, " ")
        .replace(/(=== boot\n)[0-9a-f-]{36}\n/, "$1UUID\n")
        .replace(/(=== date\n)\d{10}(\.(\d{9}|%N))?\n/, "$1SECONDS\n");
    expect(form(real.stdout)).toBe(form(node.stdout));
  });

  it.each(SHELLS)("lists ZooKeeper's files as %s does", async (shell) => {
    const argv = filesArgv(["/var/lib/dcos/exhibitor", "/var/lib/zookeeper", "/opt/mesosphere/etc/user.config.yaml"], true);
    const [node, real] = [await onNode(argv), await run(shell, argv)];
    const sorted = (text: string): readonly string[] => text.split("\n").toSorted();
    expect(parseListing(node.stdout)?.files.size).toBeGreaterThan(2);
    expect(sorted(real.stdout)).toEqual(sorted(node.stdout));
  });

  it.each([
    [["cat", "/opt/mesosphere/etc/dcos-version.json"]],
    [["cat", "/opt/mesosphere/etc/nothing"]],
    [["ls", "/opt/mesosphere/lib/libltdl.so.7"]],
    [["ls", "/etc/mesosphere/roles"]],
    [["grep", "-A1", "-E", `^["']?security["']? *:`, "/opt/mesosphere/etc/user.config.yaml"]],
    [["sha256sum", "/opt/mesosphere/etc/user.config.yaml"]],
    [["true"]],
  ])("answers %j as a real one does: output, exit code, complaint", async (argv) => {
    const [node, real] = [await onNode(argv), await run("dash", argv)];
    expect(node).toEqual(real);
  });

  it("streams an archive with the entries a real tar puts into it", async () => {
    const entries = (bytes: Buffer): readonly string[] =>
      spawnSync("tar", ["-tf", "-"], { input: bytes, encoding: "utf8" }).stdout.split("\n").toSorted();
    const collect = async (remote: Remote | undefined, argv: readonly string[]): Promise<readonly string[]> => {
      const chunks: Buffer[] = [];
      const outcome = await remote?.stream("m1", { argv, sudo: true, timeoutMs: 30_000 }, (chunk) => void chunks.push(chunk));
      expect(outcome).toMatchObject({ kind: "exited" });
      return entries(Buffer.concat(chunks));
    };
    const ours = await collect(lab.remote, ["tar", "-cf", "-", "-C", "/", "--", "var/lib/dcos/exhibitor"]);
    const theirs = await collect(remotes["dash"], ["tar", "-cf", "-", "-C", root, "--", "var/lib/dcos/exhibitor"]);
    expect(ours.length).toBeGreaterThan(6);
    expect(ours).toEqual(theirs);
  });

  it("ends a fetch as a real curl does: 0, 22 for a page that is not there, 7 where nobody listens", async () => {
    const fetched = async (path: string, nobody = false): Promise<readonly [number, number]> => {
      const argv = (url: string): readonly string[] => ["curl", "-fsSL", "--max-time", "60", url];
      const own = lab.inventory.bootstrap?.url ?? "";
      const node = await onNode(argv(nobody ? own.replace(/:\d+$/, ":8099/") : `${own}${path}`));
      const real = await run("dash", argv(nobody ? "http://127.0.0.1:1/" : `${base}${path}`));
      return [node.code, real.code];
    };
    expect([await fetched("/bootstrap.latest"), await fetched("/nothing"), await fetched("", true)]).toEqual([
      [0, 0],
      [22, 22],
      [7, 7],
    ]);
  });

  it("names containers as docker ps -q does: twelve hexadecimal digits a line", async () => {
    const outcome = await lab.remote.run("a1", { argv: ["docker", "ps", "-q"], sudo: true, timeoutMs: 30_000 });
    expect(exited(outcome).stdout).toMatch(/^([0-9a-f]{12}\n)+$/);
  });
});
