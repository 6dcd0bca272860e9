import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import ssh2 from "ssh2";
import type { ServerChannel } from "ssh2";
import { afterAll, beforeAll, expect, it } from "vitest";
import { PORTS, WEB } from "../../src/platform/swarm/contract.ts";
import { createRemote } from "../../src/transport/remote.ts";
import { describeReal } from "../real/requires.ts";
import { makeKey } from "../real/sshd.ts";
import { get, told } from "./stage.ts";

const NOISE = "bash: /etc/profile.d/corp.sh: No such file or directory\n";
const NOBODY = "failed to open the raw stream connection: dial unix /var/run/docker.sock: connect: connection refused\n";

describeReal("a node whose shell is noisy, and whose engine is reached by a command of it", ["openssh-client"], () => {
  let folder: string;
  let hostKey: string;
  let clientKey: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "pawl-dial-"));
    hostKey = makeKey(join(folder, "host"));
    clientKey = makeKey(join(folder, "client"));
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  /** What a change of the cluster comes to, where the command does so with the request. */
  async function change(onCommand: (channel: ServerChannel) => void): Promise<string> {
    const ssh = new ssh2.Server({ hostKeys: [readFileSync(hostKey)] }, (connection) => {
      connection.on("error", () => undefined);
      connection.on("authentication", (context) => {
        context.accept();
      });
      connection.on("session", (accept) => {
        accept().on("exec", (acceptExec) => {
          const channel = acceptExec();
          channel.on("error", () => undefined);
          channel.stderr.write(NOISE);
          onCommand(channel);
        });
      });
    });
    const server = createServer((socket) => ssh.injectSocket(socket));
    await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
    const { port } = server.address() as AddressInfo;
    const knownHosts = join(folder, "known");
    writeFileSync(knownHosts, `[127.0.0.1]:${String(port)} ${readFileSync(`${hostKey}.pub`, "utf8")}`);
    const remote = createRemote({
      inventory: {
        ...{ name: "noisy", platform: "swarm", folder, ports: {}, scripts: {}, hooks: {}, siteSteps: [], settings: {} },
        ssh: { user: "me", port, knownHosts, identityFile: clientKey },
        nodes: [{ name: "m1", address: "127.0.0.1", role: "manager", critical: false, ssh: {} }],
      },
      ...{ env: {}, home: folder, etc: folder, ports: PORTS, web: WEB },
    });
    try {
      const asked = { ...get("http://127.0.0.1:2375/services/create"), method: "POST", body: "{}" };
      return told(await remote.http(asked));
    } finally {
      await remote.close();
      await new Promise((done) => server.close(done));
    }
  }

  const end = (channel: ServerChannel, code: number): void => {
    channel.exit(code);
    channel.end();
  };

  it("a change that it took before it broke off is not taken for one that never left", async () => {
    const answer = await change((channel) => {
      channel.on("data", (chunk: Buffer) => {
        if (!chunk.toString().startsWith("GET /version")) {
          end(channel, 1);
          return;
        }
        const body = '{"ApiVersion":"1.41","MinAPIVersion":"1.12"}';
        channel.write(`HTTP/1.1 200 OK\r\nContent-Length: ${String(body.length)}\r\n\r\n${body}`);
      });
    });
    expect(answer).toMatch(/^(?:reset|failed): /);
  });

  it("nobody behind the socket is told as such, whatever else the shell says", async () => {
    const answer = await change((channel) => {
      channel.once("data", () => {
        channel.stderr.write(NOBODY);
        end(channel, 1);
      });
    });
    expect(answer).toMatch(/^refused: .*connection refused/);
  });
});
