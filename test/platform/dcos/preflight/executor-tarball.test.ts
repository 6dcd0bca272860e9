import { describe, expect, it } from "vitest";
import { guard } from "../../../../src/check/guard.ts";
import type { Outcome, Remote } from "../../../../src/engine/ports.ts";
import { ALLOW } from "../../../../src/platform/dcos/allow.ts";
import { readTarball, tarballFindings } from "../../../../src/platform/dcos/preflight/executor-tarball.ts";
import { facts, inventory } from "../sample.ts";

const NAMES = ["m1", "a1", "a2", "p1"];
const URL = "http://repo.example:8080/dcos/mesos-executor.tgz";

/** Nodes whose curl ends like this, behind pawl's own list of what may be asked. */
async function found(url: unknown, outcomes: Readonly<Record<string, Outcome>>) {
  const sent: string[] = [];
  const nowhere = async (): Promise<never> => {
    throw new Error("only commands here");
  };
  const run = async (node: string, { argv }: { readonly argv: readonly string[] }): Promise<Outcome> => {
    sent.push(`${node} ${argv.at(-1) ?? ""}`);
    return outcomes[node] ?? { kind: "exited", code: 6, stdout: "000", stderr: "" };
  };
  const remote: Remote = guard({ run, stream: nowhere, http: nowhere, tcp: nowhere, close: async () => undefined }, ALLOW);
  const settings = url === undefined ? {} : { "executor-tarball": url as string };
  const executorTarball = await readTarball(remote, { ...inventory(NAMES), settings });
  const base = facts(NAMES, "1.10.8");
  return { sent, finding: tarballFindings({ ...base, baseline: { ...base.baseline, executorTarball } }, "1.11.3")[0] };
}

const status = (code: string): Outcome => ({ kind: "exited", code: 0, stdout: code, stderr: "" });

describe("the executor tarball that an inventory names", () => {
  it("is asked for from an agent of each role", async () => {
    const { sent, finding } = await found(URL, { a1: status("200"), p1: status("200") });
    expect(sent).toEqual([`a1 ${URL}`, `p1 ${URL}`]);
    expect(finding).toMatchObject({ verdict: "pass", severity: "waivable", observed: "200 from a1, p1" });
  });

  it("is missed where an agent does not get it, and not known where one cannot tell", async () => {
    expect((await found(URL, { a1: status("404"), p1: status("200") })).finding).toMatchObject({
      verdict: "fail",
      nodes: ["a1"],
      observed: "from a1: HTTP 404",
    });
    expect((await found(URL, { a1: status("200"), p1: status("403") })).finding).toMatchObject({
      verdict: "inconclusive",
      observed: "from p1: HTTP 403",
    });
    expect((await found(URL, { a1: status("200") })).finding?.observed).toBe("from p1: curl ended with 6");
  });

  it.each([
    "http://10.0.0.11:8181/exhibitor/v1/cluster/restart/x.tgz",
    "http://10.0.0.11:8080/v2/leader",
    "file:///etc/passwd.tgz",
    "http://repo.example/a.tgz?x=1",
    "http://repo.example/$(reboot).tgz",
    "-o/etc/passwd http://repo.example/a.tgz",
  ])("is asked of nobody where it is no archive's address: %s", async (url) => {
    const { sent, finding } = await found(url, { a1: status("200"), p1: status("200") });
    expect(sent).toEqual([]);
    expect(finding).toMatchObject({ verdict: "inconclusive" });
  });

  it("is nothing to find where none is named", async () => {
    expect(await found(undefined, {})).toEqual({ sent: [], finding: undefined });
  });
});
