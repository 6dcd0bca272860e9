import { createHash } from "node:crypto";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Desk } from "./pawl.ts";
import { startRecordingLab, type Record, type RecordingLab } from "./recording-lab.ts";

/*
 * What reading DC/OS may send, written down by hand and not taken from the product: whoever adds a line here has looked up that
 * the request changes nothing (Exhibitor stops ZooKeeper by a GET; Mesos kills tasks at /machine/down).
 */
const REQUESTS: readonly RegExp[] = [
  /^GET :5050 (?:\/master)?\/(?:state|state-summary|slaves|frameworks|roles|maintenance\/status)$/,
  /^GET :5050 \/(?:metrics\/snapshot|version|flags|redirect|health)$/,
  // What libprocess tells of the process and its machine, and which files it would give out; what people set, asked by GET alone.
  /^GET :5050 \/(?:system\/stats\.json|files\/debug|maintenance\/schedule|quota|weights)$/,
  /^GET :5050 (?:\/master)?\/tasks\?limit=\d+(?:&offset=\d+)?&order=asc$/,
  /^POST :5050 \/api\/v1 \{"type":"GET_HEALTH"\}$/,
  /^GET :8080 \/v2\/(?:leader|info|apps|pods|groups|deployments|queue|tasks)$/,
  /^GET :8181 \/exhibitor\/v1\/(?:cluster\/status|config\/get-state)$/,
  /^GET :8181 \/exhibitor\/v1\/explorer\/node-data\?key=\/marathon\/state\/migration-in-progress$/,
  // The levels of Marathon's loggers; only a POST there sets one.
  /^GET :8080 \/(?:metrics|logging)$/,
  // Jobs by Metronome, packages by Cosmos (listing them is a POST there: the body names a filter), names by Mesos-DNS, unit health.
  /^GET :9000 \/(?:info|v1\/jobs)$/,
  /^GET :7070 \/capabilities$/,
  /^POST :7070 \/package\/list \{\}$/,
  /^GET :8123 \/v1\/(?:version|config|enumerate|hosts\/(?:master|leader)\.mesos)$/,
  /^GET :1050 \/system\/health\/v1(?:\/(?:nodes|units|report))?$/,
  /^GET :5051 \/(?:flags|state|containers|metrics\/snapshot)$/,
  // A node's look at the bootstrap machine.
  /^HEAD :\d+ \/bootstrap\.latest$/,
];
const WORDS: readonly string[] = [":2181 ruok", ":2181 mntr", ":2181 srvr", ":2181 conf"];
const UNIT = /^(?:dcos-[a-z0-9-]+\.(?:service|timer|socket)|-p|Id|ActiveState|SubState|NRestarts|MainPID)$/;
const PROPERTIES = "--property=Id,LoadState,ActiveState,SubState,NRestarts,ExecMainStatus,MainPID,ActiveEnterTimestamp";
/** The end of a journal: nothing that rotates, vacuums, flushes or follows it. */
const JOURNAL = /^--no-pager -q -o short-iso -n \d{1,4}(?: -u dcos-[a-z0-9-]+\.service)+$/;
const PLAIN: readonly string[] = [
  "id -u",
  "date +%s.%N",
  "df -Pk /opt/mesosphere",
  "df -Pk /var",
  "docker ps -q",
  "docker --version",
  "uname -r",
  "cat /etc/os-release /etc/redhat-release",
  "cat /etc/machine-id",
  "systemctl --version",
  "ipset --version",
  "timedatectl",
  "stat -c %Y /opt/mesosphere/active.buildinfo.full.json",
  "timeout 30 docker ps -q",
  // DC/OS's own checks look; they change nothing.
  ...["dcos-diagnostics", "dcos-check-runner"].flatMap((program) =>
    ["node-poststart", "cluster", "node-prestart"].flatMap((type) => [
      `${program} check ${type}`,
      `${program} check ${type} --list`,
    ]),
  ),
];
/** Scripts that may be given to sh: by name and SHA-256. Whoever changes one reads it for effects first. */
const SCRIPTS: readonly string[] = [
  "pawl-facts 647e4e3bfab6c90886b2b9d77d2816e5c88680ac9d310300a01112471e82a31a",
  "pawl-machine 9027fc77748d6c7fe8d11549e2be613a00c51a9aa66926738df393f485220035",
  "pawl-checks e50cd9129eb9ccf562ab3851f07aa96d7e16a824c6e5d0020312d55e1268f1eb",
  "pawl-files 0f95e2ca7eaea8002c4920447a96a53e3fda04bfe74712e3c60dd16cddf75256",
];

const READ_PATH =
  /^\/(?:opt\/mesosphere|etc\/mesosphere|var\/lib\/(?:dcos|zookeeper)|opt\/dcos\/[\d.]+\/genconf)\/(?!.*\.\.)[A-Za-z0-9._/-]+$/;

function processAllowed(argv: readonly string[]): boolean {
  const [program = "", ...rest] = argv;
  // sshd gives every line to the user's shell; the lines themselves are looked at as lines.
  if (program === "bash" && rest[0] === "-c") return true;
  if (program === "sh") {
    const script = createHash("sha256")
      .update(rest[1] ?? "")
      .digest("hex");
    return rest[0] === "-c" && SCRIPTS.includes(`${rest[2] ?? ""} ${script}`);
  }
  if (program === "systemctl" && rest[0] !== "--version")
    return rest[0] === "show" && rest.slice(1).every((word) => UNIT.test(word) || word === PROPERTIES);
  if (program === "journalctl") return JOURNAL.test(rest.join(" "));
  if (program === "curl") return /^-sSI --max-time 10 http:\/\/127\.[\d.]+:\d+\/bootstrap\.latest$/.test(rest.join(" "));
  if (program === "cat" || program === "sha256sum")
    return (rest.length === 1 && READ_PATH.test(rest[0] ?? "")) || PLAIN.includes(argv.join(" "));
  return PLAIN.includes(argv.join(" "));
}

/** `m1: sudo -n -- 'cat' '/x'`: the program that was asked for, after the one prefix there may be. */
function lineAllowed(line: string): boolean {
  const [, , words = ""] = /^(\w+): (?:sudo -n -- )?([\s\S]*)$/.exec(line) ?? [];
  const quoted = [...words.matchAll(/'((?:[^']|'\\'')*)'|(\S+)/g)].map((match) =>
    (match[1] ?? match[2] ?? "").replaceAll(String.raw`'\''`, "'"),
  );
  return processAllowed(quoted);
}

/** Everything that is not on the lists above. */
function strayIn(record: Record): readonly string[] {
  return [
    ...record.requests.filter((one) => !REQUESTS.some((allowed) => allowed.test(one))),
    ...record.words.filter((one) => !WORDS.includes(one)),
    ...record.processes.filter((one) => !processAllowed(one)).map((one) => one.join(" ")),
    ...record.lines.filter((one) => !lineAllowed(one)),
  ];
}

/** Folders a node makes for whoever logs in first; nothing may lie in them. */
const FIRST_LOGIN = /^\w+ \/(?:home\/[a-z]+|root|tmp|var\/tmp)$/;

describe("commands that only read, on a cluster that writes down what reaches it", () => {
  let desk: Desk;
  let lab: RecordingLab;
  let before: ReadonlyMap<string, string>;

  beforeAll(async () => {
    desk = await Desk.create();
    lab = await startRecordingLab(desk.path("lab"), { masters: 3, privateAgents: 1, publicAgents: 1 });
    before = await lab.files();
  }, 60_000);
  afterAll(async () => {
    await lab.lab.stop();
    await desk.clear();
  });

  it.each([
    ["preflight", ["preflight", "--to", "1.11.3"]],
    ["upgrade --dry-run", ["upgrade", "--dry-run", "--to", "1.11.3"]],
    ["plan", ["plan", "--to", "1.9.9"]],
    ["snapshot", ["snapshot"]],
    ["check", ["check", "one-leader"]],
    ["schedule --once", ["schedule", "--once", "--keep", "5"]],
  ])("%s sends nothing but what is on the list written here", { timeout: 120_000 }, async (_name, args) => {
    lab.take();
    const { code, err } = await desk.pawl(...args, "-i", lab.lab.inventoryFile);
    expect(code, err).toBe(0);
    const record = lab.take();
    expect(record.requests.length).toBeGreaterThan(2);
    expect(strayIn(record)).toEqual([]);
  });

  it("diff and path send nothing at all", { timeout: 60_000 }, async () => {
    const [cluster = ""] = await readdir(desk.path("backups"));
    const runs = (await readdir(desk.path("backups", cluster))).filter((run) => run.includes("-snapshot"));
    const [a = "", b = ""] = runs.map((run) => desk.path("backups", cluster, run));
    expect((await desk.pawl("diff", a, b)).code).toBe(0);
    expect((await desk.pawl("path", "1.9.4", "1.11.3")).code).toBe(0);
    expect(lab.take()).toEqual({ lines: [], processes: [], requests: [], words: [] });
  });

  it("the same through SSH: the nodes are asked over a few kept streams", { timeout: 120_000 }, async () => {
    const text = await readFile(lab.lab.inventoryFile, "utf8");
    const file = desk.path("through-ssh.yaml");
    await writeFile(file, text.replace(/^nodes:/m, "http: { through: ssh }\nnodes:"));
    const { code, err } = await desk.pawl("preflight", "--to", "1.9.9", "-i", file);
    expect(code, err).toBe(0);
    const record = lab.take();
    const streams = record.lines.filter((line) => line.includes("(forward)"));
    expect(streams.length).toBeGreaterThanOrEqual(6);
    const http = streams.filter((line) => !line.endsWith(":2181"));
    expect(http.length).toBeLessThan(record.requests.length);
    for (const stream of new Set(http)) expect(http.filter((one) => one === stream).length, stream).toBeLessThanOrEqual(8);
    expect(strayIn({ ...record, lines: record.lines.filter((line) => !streams.includes(line)) })).toEqual([]);
  });

  it("nothing is left on any machine: every file has the bytes and the mode it had", async () => {
    const after = await lab.files();
    expect([...before.keys()].filter((path) => !after.has(path))).toEqual([]);
    expect(
      [...after].filter(([path, content]) => before.get(path) !== content && !FIRST_LOGIN.test(path)).map(([path]) => path),
    ).toEqual([]);
    expect(before.size).toBeGreaterThan(300);
  });

  it("a request, a word, a program and a script that are not on the list would have been seen", () => {
    const none: Record = { lines: [], processes: [], requests: [], words: [] };
    expect(
      strayIn({
        ...none,
        requests: ["GET :8181 /exhibitor/v1/cluster/restart", "GET :5050 /slaves?x=1", "DELETE :8080 /v2/leader"],
      }),
    ).toHaveLength(3);
    expect(strayIn({ ...none, words: [":2181 kill"] })).toHaveLength(1);
    expect(
      strayIn({
        ...none,
        processes: [
          ["rm", "-rf", "/x"],
          ["sh", "-c", "true", "pawl-facts"],
          ["cat", "/etc/shadow"],
          ["systemctl", "restart", "x"],
          ["journalctl", "--vacuum-time=1s"],
          ["journalctl", "--no-pager", "-q", "-o", "short-iso", "-n", "400", "-u", "dcos-x.service", "--rotate"],
        ],
      }),
    ).toHaveLength(6);
    expect(strayIn({ ...none, lines: ["m1: sudo -n -- 'touch' '/x'", "m1: (shell)", "m1: (sftp)"] })).toHaveLength(3);
  });
});
