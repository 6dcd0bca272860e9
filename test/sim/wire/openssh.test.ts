import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { describeReal } from "../../real/requires.ts";
import { eventually } from "../../real/process.ts";
import { toyLab, type ToyLab } from "./toy-lab.ts";

describeReal("OpenSSH's clients against a simulated node", ["openssh-client", "curl"], () => {
  let toy: ToyLab;
  beforeAll(async () => {
    toy = await toyLab();
    for (const node of toy.cluster.nodes)
      node.fs.writeFileSync("/etc/version.json", `{"version":"1.9.4","node":"${node.name}"}\n`);
  });
  afterAll(() => toy.stop());

  it("ssh gets the exit code, and the two outputs apart", async () => {
    const ran = await toy.ssh("m1", "echo out; echo err >&2; exit 3");
    expect([ran.code, ran.stdout.toString(), ran.stderr]).toEqual([3, "out\n", "err\n"]);
  });

  it("ssh reaches the node it names, as the user of the inventory", async () => {
    const ran = await toy.ssh("a1", "jq -r .node /etc/version.json; whoami; sudo -n whoami; pwd");
    expect(ran.stdout.toString()).toBe("a1\ncore\nroot\n/home/core\n");
  });

  it("bytes survive both ways", async () => {
    const bytes = randomBytes(3_000_000);
    const ran = await toy.ssh("m1", "cat >/tmp/in; cat /tmp/in", bytes);
    expect(ran.stdout.equals(bytes)).toBe(true);
  });

  it("a command runs although nobody ends its input", async () => {
    const child = toy.spawnSsh(["m1", "echo there"]);
    const [chunk] = (await once(child.stdout, "data")) as [Buffer];
    expect(chunk.toString()).toBe("there\n");
    const [code] = (await once(child, "exit")) as [number];
    expect(code).toBe(0);
    child.stdin.destroy();
  });

  it("output arrives while the command runs", async () => {
    const child = toy.spawnSsh(["m1", "echo first; sleep 100000; echo second"]);
    child.stdin.end();
    const [chunk] = (await once(child.stdout, "data")) as [Buffer];
    expect(chunk.toString()).toBe("first\n");
    toy.cluster.drop("m1");
    const [code] = (await once(child, "exit")) as [number];
    expect(code).toBe(255);
  });

  it("a cut connection leaves the command running", async () => {
    const { fs } = toy.cluster.nodes[0]!;
    const child = toy.spawnSsh(["m1", "echo begun; sleep 100; echo survived >/tmp/survived"]);
    child.stdin.end();
    await once(child.stdout, "data");
    toy.cluster.drop("m1");
    await once(child, "exit");
    await eventually(
      () => fs.exists("/tmp/survived"),
      () => "the command went with its connection",
    );
    expect((await toy.ssh("m1", "cat /tmp/survived")).stdout.toString()).toBe("survived\n");
  });

  it("a killed client leaves a detached job running", async () => {
    const { fs } = toy.cluster.nodes[0]!;
    const child = toy.spawnSsh([
      "m1",
      "setsid sh -c 'sleep 100; echo done >/tmp/detached' </dev/null >/dev/null 2>&1 & echo started; sleep 100000",
    ]);
    await once(child.stdout, "data");
    child.kill("SIGKILL");
    await eventually(
      () => fs.exists("/tmp/detached"),
      () => "the job went with its connection",
    );
  });

  it("scp copies both ways, folders too, and is told that its old protocol is not spoken", async () => {
    const { lab, client } = toy;
    const local = join(lab.folder, "payload");
    await writeFile(local, randomBytes(1_200_000));
    const scp = (...args: string[]): ReturnType<ToyLab["client"]> => client(["scp", "-q", "-F", lab.sshConfigFile, ...args]);
    expect((await scp(local, "m1:/tmp/payload")).code).toBe(0);
    expect((await scp("m1:/tmp/payload", `${local}.back`)).code).toBe(0);
    expect((await readFile(`${local}.back`)).equals(await readFile(local))).toBe(true);
    await mkdir(join(lab.folder, "tree/deep"), { recursive: true });
    await writeFile(join(lab.folder, "tree/deep/leaf"), "leaf\n");
    expect((await scp("-r", join(lab.folder, "tree"), "m1:/tmp/tree")).code).toBe(0);
    expect((await toy.ssh("m1", "cat /tmp/tree/deep/leaf")).stdout.toString()).toBe("leaf\n");
    expect((await scp("m1:/no/such", local)).code).not.toBe(0);
    const old = await scp("-O", local, "m1:/tmp/x");
    expect([old.code === 0, old.stderr.includes("leave out -O")]).toEqual([false, true]);
  });

  it("sftp renames, lists and removes", async () => {
    const { lab, client } = toy;
    await toy.ssh("m1", "mkdir -p /tmp/s; echo x >/tmp/s/a");
    const ran = await client(
      ["sftp", "-q", "-b", "-", "-F", lab.sshConfigFile, "m1"],
      "rename /tmp/s/a /tmp/s/b\nls /tmp/s\nrm /tmp/s/b\nrmdir /tmp/s\n",
    );
    expect([ran.code, ran.stdout.toString().includes("/tmp/s/b")]).toEqual([0, true]);
    expect((await toy.ssh("m1", "ls -d /tmp/s 2>&1")).code).toBe(2);
  });

  it("SetEnv and a script on standard input work", async () => {
    const { client, lab } = toy;
    expect(
      (await client(["ssh", "-F", lab.sshConfigFile, "-o", "SetEnv=COLOUR=red", "m1", "echo $COLOUR"])).stdout.toString(),
    ).toBe("red\n");
    const script = await client(
      ["ssh", "-T", "-F", lab.sshConfigFile, "m1"],
      "cd /etc\nfor i in 1 2; do\n  echo $i $PWD\ndone\nexit 4\n",
    );
    expect([script.code, script.stdout.toString()]).toEqual([4, "1 /etc\n2 /etc\n"]);
  });

  it("a terminal echoes, keeps the folder between lines and ends with the last status", async () => {
    const { client, lab } = toy;
    const ran = await client(["ssh", "-tt", "-F", lab.sshConfigFile, "m1"], "cd /etc\necho here $PWD\nfalse\nexit\n");
    const text = ran.stdout.toString();
    expect(ran.code).toBe(1);
    expect(text).toContain("[core@m1 ~]$ cd /etc\r\n");
    expect(text).toContain("here /etc\r\n");
  });

  it("^C ends the command that runs in a terminal", async () => {
    const child = toy.spawnSsh(["-tt", "m1", "echo go; sleep 10000000; echo no"]);
    await once(child.stdout, "data");
    child.stdin.write("\x03");
    const [code] = (await once(child, "exit")) as [number];
    expect(code).not.toBe(0);
  });

  it("forwards to services of the cluster and to other nodes, and to nothing else", async () => {
    const { client, lab, cluster } = toy;
    cluster.answer = (_host, port, request) => ({
      kind: "answered",
      status: 200,
      headers: {},
      body: `${String(port)} ${request.path}`,
    });
    const http = await client(["ssh", "-F", lab.sshConfigFile, "-W", "localhost:5050", "m1"], "GET /through HTTP/1.0\r\n\r\n");
    expect(http.stdout.toString()).toContain("5050 /through");
    expect((await client(["ssh", "-F", lab.sshConfigFile, "-W", "127.0.0.1:1", "m1"])).code).not.toBe(0);
    const jump = await client([
      "ssh",
      "-F",
      lab.sshConfigFile,
      "-o",
      `ProxyCommand=ssh -F '${lab.sshConfigFile}' -W %h:%p m1`,
      "a1",
      "hostname",
    ]);
    expect(jump.stdout.toString()).toBe("a1\n");
  });

  it("refuses another key, and any host key but its own is refused by the client", async () => {
    const { client, lab } = toy;
    const other = join(lab.folder, "other");
    await client(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", other]);
    const [address = ""] = toy.cluster.nodes.map((node) => node.address);
    const wrong = await client([
      "ssh",
      "-F",
      "none",
      "-o",
      "BatchMode=yes",
      "-o",
      "IdentitiesOnly=yes",
      "-i",
      other,
      "-o",
      `UserKnownHostsFile=${join(lab.folder, "known_hosts")}`,
      "-p",
      "2222",
      `core@${address}`,
      "true",
    ]);
    expect([wrong.code, wrong.stderr.includes("Permission denied (publickey)")]).toEqual([255, true]);
    toy.cluster.ailments.set("m1", "hostkey-changed");
    const changed = await toy.ssh("m1", "true");
    toy.cluster.ailments.clear();
    expect([changed.code, changed.stderr.includes("IDENTIFICATION HAS CHANGED")]).toEqual([255, true]);
    expect((await toy.ssh("m1", "true")).code).toBe(0);
  });

  it("a node that is off refuses, and is there again when it is on", async () => {
    const node = toy.cluster.nodes[1]!;
    node.online = false;
    expect((await toy.ssh("a1", "true")).code).toBe(255);
    node.online = true;
    expect((await toy.ssh("a1", "true")).code).toBe(0);
  });

  it("curl reads the model's HTTP: status, headers, body, one connection for several requests", async () => {
    const { client, cluster } = toy;
    const [address = ""] = cluster.nodes.map((node) => node.address);
    cluster.answer = (_host, _port, request) => ({
      kind: "answered",
      status: request.path === "/missing" ? 404 : 200,
      headers: { "Content-Type": "application/json", "X-Method": request.method },
      body: JSON.stringify({ path: request.path, body: request.body }),
    });
    const ran = await client(["curl", "-sv", "-d", "question", `http://${address}:5050/a?b=1`, `http://${address}:5050/missing`]);
    expect(ran.stdout.toString()).toBe('{"path":"/a?b=1","body":"question"}{"path":"/missing","body":"question"}');
    expect(ran.stderr).toContain("< X-Method: POST");
    expect(ran.stderr).toContain("404 Not Found");
    expect(ran.stderr.toLowerCase()).toContain("re-using existing connection");
    cluster.answer = () => ({ kind: "refused" });
    expect((await client(["curl", "-s", `http://${address}:5050/`])).code).toBe(52);
    cluster.answer = () => ({ kind: "hang" });
    expect((await client(["curl", "-s", "-m", "0.2", `http://${address}:5050/`])).code).toBe(28);
  });
});
