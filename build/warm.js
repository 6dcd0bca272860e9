// Runs a freshly built program once, on two machines that answer whatever they are asked, and keeps what V8 compiled for that:
// `node build/warm.js FOLDER`.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import ssh2 from "ssh2";
import { openProgram } from "../bin/program.js";

const ANSWER = "Linux 6.1.0\n7d0dd29e-5c4c-4e2e-8a4f-0d5d0ab1f8a1\n0\n1795000000\n";

/** An SSH server on loopback that lets everybody in and answers every command with the same lines. */
function machine(hostKey) {
  const server = new ssh2.Server({ hostKeys: [hostKey] }, (client) => {
    client.on("error", () => undefined);
    client.on("authentication", (login) => login.accept());
    client.on("session", (accept) =>
      accept().on("exec", (accepted) => {
        const channel = accepted();
        channel.write(ANSWER);
        channel.exit(0);
        channel.end();
      }),
    );
  });
  return new Promise((ready) => server.listen(0, "127.0.0.1", () => ready(server)));
}

const INVENTORY = (port, folder) => `apiVersion: pawl/v1
kind: Inventory
metadata: { name: warm }
platform: hosts
ssh: { user: nobody, sudo: false, port: ${port}, identity-file: ${folder}/key, known-hosts: ${folder}/known_hosts }
nodes:
  - { name: n1, address: 127.0.0.1, role: node }
  - { name: n2, address: localhost, role: node }
`;

const RUNBOOK = `apiVersion: pawl/v1
kind: Runbook
metadata: { name: warm, version: "1", title: "Two commands on two machines", source: "build" }
platform: hosts
phases:
  - name: work
    title: "Commands"
    source: "build"
    each: { role: node }
    strategy: parallel
    max-in-flight: 2
    steps:
      - { name: one, uses: command, title: "One", with: { argv: ["true"] } }
      - { name: two, uses: command, title: "Two", with: { argv: ["true"] } }
`;

/** One in some six hundred keys that ssh2 makes cannot be read by ssh2 itself (1.17): another one is made. */
function makeKey() {
  for (;;) {
    const key = ssh2.utils.generateKeyPairSync("ed25519");
    if (!(ssh2.utils.parseKey(key.private) instanceof Error)) return key;
  }
}

const program = openProgram(resolve(process.argv[2]));
const folder = mkdtempSync(join(tmpdir(), "pawl-warm-"));
const host = makeKey();
const server = await machine(host.private);
try {
  const { port } = server.address();
  writeFileSync(join(folder, "key"), makeKey().private, { mode: 0o600 });
  writeFileSync(join(folder, "known_hosts"), `[127.0.0.1]:${port} ${host.public}\n[localhost]:${port} ${host.public}\n`);
  writeFileSync(join(folder, "inventory.yaml"), INVENTORY(port, folder));
  writeFileSync(join(folder, "runbook.yaml"), RUNBOOK);
  Object.assign(process.env, { PAWL_STATE_DIR: join(folder, "state"), HOME: folder, SSH_AUTH_SOCK: "", NO_COLOR: "1" });
  process.chdir(folder);
  process.argv = [process.argv[0], "pawl", "run", "runbook.yaml", "-i", "inventory.yaml", "--yes"];
  await program.main();
  if (process.exitCode !== 0) throw new Error(`the built program does not work: its run ended with ${process.exitCode}`);
  program.keepCode();
} finally {
  server.close();
  process.chdir(tmpdir());
  rmSync(folder, { recursive: true, force: true });
}
