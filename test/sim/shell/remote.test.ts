import { describe, expect, it } from "vitest";
import { createFakeClock } from "../../../src/sim/clock.ts";
import { createSimRemote } from "../../../src/sim/remote.ts";
import { toyCluster } from "../toy-cluster.ts";

function setUp() {
  const clock = createFakeClock(Date.UTC(2026, 10, 21));
  const cluster = toyCluster("127.77.0", ["m1", "m2"], clock);
  return { clock, cluster, node: cluster.nodes[0]!, remote: createSimRemote(cluster) };
}

const LIMIT = { timeoutMs: 20_000 };

describe("the in-process door", () => {
  it("runs an argument list as it is, on the node that is named, as root where that is asked for", async () => {
    const { remote } = setUp();
    const words = ["it's", "two words", "$HOME", "a\nb", "", "*"];
    expect(await remote.run("m1", { argv: ["printf", "[%s]", ...words], ...LIMIT })).toEqual({
      kind: "exited",
      code: 0,
      stdout: words.map((word) => `[${word}]`).join(""),
      stderr: "",
    });
    expect(
      await remote.run("m2", { argv: ["sh", "-c", "hostname; whoami; cat >&2; exit 3"], stdin: "in", sudo: true, ...LIMIT }),
    ).toEqual({ kind: "exited", code: 3, stdout: "m2\nroot\n", stderr: "in" });
    expect(await remote.run("bootstrap", { argv: ["whoami"], ...LIMIT })).toMatchObject({ stdout: "core\n" });
  });

  it("waits for whoever takes the output", async () => {
    const { remote, clock } = setUp();
    const taken: string[] = [];
    const outcome = await remote.stream("m1", { argv: ["sh", "-c", "echo a; echo b"], ...LIMIT }, async (chunk) => {
      await Promise.resolve();
      taken.push(`${chunk.toString().trim()} ${String(clock.now() - Date.UTC(2026, 10, 21))}`);
    });
    expect(outcome).toMatchObject({ kind: "exited", code: 0 });
    expect(taken).toEqual(["a 0", "b 0"]);
  });

  it("keeps the beginning and the end of too much output", async () => {
    const { remote } = setUp();
    const outcome = await remote.run("m1", { argv: ["printf", "%s", "0123456789"], maxOutputBytes: 4, ...LIMIT });
    expect(outcome).toMatchObject({ stdout: "01\n[6 bytes left out]\n89" });
  });

  it("holds simulated time while a command works, and lets it pass while it sleeps", async () => {
    const { remote, clock } = setUp();
    const before = clock.now();
    const other = clock.sleep(5000).then(() => clock.now() - before);
    await remote.run("m1", { argv: ["sh", "-c", "for i in 1 2 3 4 5; do echo $i | cat >/dev/null; done; sleep 60"], ...LIMIT });
    expect([await other, clock.now() - before]).toEqual([5000, 60_000]);
  });

  it("loses what runs when the connection drops, and nothing that is asked later", async () => {
    const { remote, cluster, node, clock } = setUp();
    const running = remote.run("m1", { argv: ["sh", "-c", "echo begun; sleep 60; echo survived >/tmp/survived"], ...LIMIT });
    await remote.run("m1", { argv: ["true"], ...LIMIT });
    cluster.drop("m1");
    expect(await running).toMatchObject({ kind: "lost", sent: true, code: "connection-lost" });
    expect([remote.losses?.("m1"), remote.losses?.("m2")]).toEqual([1, 0]);
    await clock.sleep(61_000);
    expect(await node.fs.readFile("/tmp/survived")).toBe("survived\n");
    expect(await remote.run("m1", { argv: ["true"], ...LIMIT })).toMatchObject({ kind: "exited", code: 0 });
  });

  it("sends nothing to a node that is off, shows another host key, or when nobody wants it any more", async () => {
    const { remote, cluster, node } = setUp();
    node.online = false;
    expect(await remote.run("m1", { argv: ["true"], ...LIMIT })).toMatchObject({ kind: "lost", sent: false, code: "refused" });
    cluster.ailments.set("m2", "hostkey-changed");
    expect(await remote.run("m2", { argv: ["true"], ...LIMIT })).toMatchObject({
      kind: "lost",
      sent: false,
      code: "host-key-changed",
    });
    expect(await remote.run("bootstrap", { argv: ["true"], ...LIMIT }, AbortSignal.abort())).toMatchObject({
      kind: "lost",
      sent: false,
      code: "aborted",
    });
    await remote.close();
    expect(await remote.run("bootstrap", { argv: ["true"], ...LIMIT })).toMatchObject({
      kind: "lost",
      sent: false,
      code: "closed",
    });
  });

  it("gives up in wall time, with what came until then, and ends the command", async () => {
    const { remote, node } = setUp();
    let ended = false;
    node.programs.set("endless", async (io) => {
      await io.out("begun\n");
      await new Promise<void>((resolve) => io.signal.addEventListener("abort", () => resolve()));
      ended = true;
      return 1;
    });
    expect(await remote.run("m1", { argv: ["endless"], timeoutMs: 50 })).toEqual({
      kind: "timed-out",
      afterMs: 50,
      stdout: "begun\n",
      stderr: "",
    });
    await new Promise((resolve) => setImmediate(resolve));
    expect(ended).toBe(true);
  });

  it("hears nothing from a node that hangs, which costs the time-out in simulated time", async () => {
    const { remote, cluster, clock } = setUp();
    cluster.ailments.set("m1", "hang");
    const before = clock.now();
    expect(await remote.run("m1", { argv: ["true"], ...LIMIT })).toMatchObject({ kind: "timed-out" });
    expect(clock.now() - before).toBe(20_000);
  });

  it("asks the model over HTTP and follows redirects as far as wanted", async () => {
    const { remote, cluster, node, clock } = setUp();
    const other = cluster.nodes[1]!;
    cluster.answer = (host, port, { path, method, body }) => {
      if (path === "/redirect")
        return { kind: "answered", status: 307, headers: { Location: `//${other.address}:${String(port)}/state` }, body: "" };
      if (path === "/round") return { kind: "answered", status: 302, headers: { Location: "/round" }, body: "" };
      if (path === "/hang") return { kind: "hang" };
      if (path === "/refused") return { kind: "refused" };
      return { kind: "answered", status: 200, headers: { "X-Host": host }, body: `${method} ${path} ${body}` };
    };
    const ask = (path: string, more = {}) =>
      remote.http({ method: "GET", url: `http://${node.address}:5050${path}`, timeoutMs: 10_000, followRedirects: 3, ...more });
    const found = await ask("/redirect");
    expect(found).toMatchObject({
      kind: "answered",
      status: 200,
      url: `http://${other.address}:5050/state`,
      headers: { "x-host": other.address },
    });
    expect(found.kind === "answered" ? found.body.toString() : "").toBe("GET /state ");
    expect(await ask("/redirect", { followRedirects: 0 })).toMatchObject({ kind: "answered", status: 307 });
    expect(await ask("/round")).toMatchObject({ kind: "no-answer", code: "redirect-loop" });
    expect(await ask("/refused")).toMatchObject({ kind: "no-answer", code: "refused" });
    expect(await ask("/a?b=1", { method: "POST", body: "q", maxBytes: 3 })).toMatchObject({
      kind: "no-answer",
      code: "too-large",
    });
    expect(await remote.http({ method: "GET", url: "nonsense", timeoutMs: 1, followRedirects: 0 })).toMatchObject({
      kind: "no-answer",
      code: "bad-url",
    });
    const before = clock.now();
    expect(await ask("/hang")).toMatchObject({ kind: "no-answer", code: "timed-out" });
    expect(clock.now() - before).toBe(10_000);
  });

  it("asks the model four-letter words", async () => {
    const { remote, cluster, node } = setUp();
    cluster.answerTcp = (_host, port, text) => (port === 2181 ? { kind: "answered", body: `${text}!` } : { kind: "refused" });
    expect(await remote.tcp(node.address, 2181, "ruok", 1000)).toEqual({ kind: "answered", body: Buffer.from("ruok!") });
    expect(await remote.tcp(node.address, 1, "ruok", 1000)).toMatchObject({ kind: "no-answer", code: "refused" });
  });
});
