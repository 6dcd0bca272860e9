import type { RequestListener } from "node:http";
import { afterAll, beforeAll, expect, it } from "vitest";
import type { Remote } from "../../src/engine/ports.ts";
import { guard } from "../../src/check/guard.ts";
import { ALLOW } from "../../src/platform/dcos/allow.ts";
import { describeReal } from "../real/requires.ts";
import { createAuthority, type Authority } from "./authority.ts";
import { createIdentity } from "./identity.ts";
import { get, Stage, told } from "./stage.ts";

const M1 = "127.0.10.1";
const M2 = "127.0.10.2";
const A1 = "127.0.10.9";
const NODES = { m1: M1, m2: M2, a1: A1 };
const PORT = 26_443;

/** Routes of dcos.md 2.2 as the Admin Router of a node answers them: `/mesos` and `/service/marathon` with whoever leads. */
const router =
  (node: string, identity: ReturnType<typeof createIdentity>): RequestListener =>
  (request, response) => {
    const path = request.url ?? "";
    const json = (value: unknown): void =>
      void response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(value));
    if (path === "/exhibitor/exhibitor/v1/cluster/status") {
      json({ said: `exhibitor of ${node}` });
      return;
    }
    const refusal = identity.refuse(request.headers.authorization);
    if (refusal !== null) response.writeHead(refusal.status, refusal.headers).end(refusal.body);
    else if (path.startsWith("/mesos/")) json({ said: "leading master", path });
    else if (path.startsWith("/service/marathon/")) json({ said: "leading marathon", path });
    else response.writeHead(404, { "content-type": "text/html" }).end("<html>404 Not Found</html>");
  };

describeReal("where only Admin Router is open", ["openssl"], () => {
  const stage = new Stage();
  const identity = createIdentity();
  let authority: Authority;
  let read: (url: string, followRedirects?: number) => Promise<string>;
  let asked: () => readonly string[];

  beforeAll(async () => {
    authority = createAuthority();
    const doors = await Promise.all(
      Object.entries({ m1: M1, m2: M2 }).map(([name, host]) =>
        stage.serve(host, authority.leaf([host]), router(name, identity), PORT),
      ),
    );
    const client = stage.client(
      {
        caFile: authority.caFile,
        token: { kind: "file", file: stage.file("token", identity.token()) },
        gateway: { kind: "port", port: PORT },
      },
      { nodes: NODES },
    );
    const none = async (): Promise<never> => Promise.reject(new Error("not in this test"));
    const remote: Remote = {
      http: (request, signal) => client.ask(request, signal),
      run: none,
      stream: none,
      tcp: none,
      close: async () => undefined,
    };
    const reader = guard(remote, ALLOW);
    read = async (url, followRedirects = 1) => told(await reader.http(get(url, { followRedirects })));
    asked = () => doors.flatMap((door) => door.asked.map((one) => one.line));
  });
  afterAll(async () => {
    await stage.clear();
    authority.remove();
  });

  it("what every master answers with the leader's word is asked under /mesos, with its query", async () => {
    expect(await read(`http://${M1}:5050/slaves`)).toBe('200 {"said":"leading master","path":"/mesos/slaves"}');
    expect(await read(`http://${M2}:5050/tasks?limit=2000&offset=0&order=asc`)).toContain(
      '"/mesos/tasks?limit=2000&offset=0&order=asc"',
    );
    expect(await read(`http://${M2}:5050/maintenance/status`)).toContain("/mesos/maintenance/status");
  });

  it("Marathon is asked under /service/marathon", async () => {
    expect(await read(`http://${M1}:8080/v2/apps?embed=apps.tasks`)).toContain('"/service/marathon/v2/apps?embed=apps.tasks"');
  });

  it("Exhibitor's status is that of the master that was asked, and needs no token", async () => {
    expect(await read(`http://${M1}:8181/exhibitor/v1/cluster/status`)).toContain("exhibitor of m1");
    expect(await read(`http://${M2}:8181/exhibitor/v1/cluster/status`)).toContain("exhibitor of m2");
  });

  it.each(["/metrics/snapshot", "/version", "/redirect", "/flags", "/health"])(
    "a master's own %s is not asked there: the leader would answer in its place",
    async (path) => {
      const before = asked().length;
      expect(await read(`http://${M2}:5050${path}`)).toMatch(
        /^gateway-answers-for-leader: m2 mesos-master: .*nothing about m2.*through: ssh/,
      );
      expect(asked()).toHaveLength(before);
    },
  );

  it("nor is anything whose answer must be the asked master's own: a redirect that is looked at", async () => {
    expect(await read(`http://${M2}:5050/slaves`, 0)).toMatch(/^gateway-answers-for-leader/);
  });

  it("nor an agent, nor a path of Exhibitor's that stops ZooKeeper, however it is written", async () => {
    expect(await read(`http://${A1}:5051/state`)).toMatch(/^not-behind-gateway: a1 mesos-agent/);
    await expect(read(`http://${M1}:8181/exhibitor/v1/cluster/restart`)).rejects.toMatchObject({ code: "not-allowed" });
    await expect(read(`http://${M1}:8181/exhibitor/v1/cluster/status/%2e%2e/restart`)).rejects.toMatchObject({
      code: "not-allowed",
    });
    expect(asked().filter((line) => line.includes("restart"))).toEqual([]);
  });

  it("behind one address for all masters no master's own Exhibitor can be told", async () => {
    const balanced = stage.client(
      {
        caFile: authority.caFile,
        token: { kind: "file", file: stage.file("token2", identity.token()) },
        gateway: { kind: "url", url: `https://${M1}:${String(PORT)}` },
      },
      { nodes: NODES },
    );
    expect(told(await balanced.ask(get(`http://${M2}:5050/slaves`)))).toContain("leading master");
    expect(told(await balanced.ask(get(`http://${M2}:8181/exhibitor/v1/cluster/status`)))).toMatch(/^gateway-answers-for-any: /);
  });

  it("a token that is no longer taken is told with the door's name", async () => {
    identity.revoke();
    expect(await read(`http://${M1}:5050/slaves`)).toMatch(/^unauthorized: m1 mesos-master through Admin Router .*401/);
  });
});
