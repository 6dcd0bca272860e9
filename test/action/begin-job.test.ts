import { describe, expect, it } from "vitest";
import { beginJob } from "../../src/action/remote-job-wait.ts";
import type { Outcome, Remote } from "../../src/engine/ports.ts";

const lost = (code: string, sent: boolean): Outcome => ({ kind: "lost", code, reason: code, sent });
const running: Outcome = { kind: "exited", code: 0, stdout: "running 42\n", stderr: "" };

/** A node that answers the given outcomes in turn. */
function node(outcomes: readonly Outcome[]): { readonly remote: Remote; asked(): number } {
  let asked = 0;
  const silent = { kind: "no-answer", code: "none", reason: "not here" } as const;
  const next = async (): Promise<Outcome> => outcomes[asked++] ?? lost("asked too often", false);
  const remote: Remote = {
    run: next,
    stream: next,
    http: async () => silent,
    tcp: async () => silent,
    losses: () => 3,
    close: async () => undefined,
  };
  return { remote, asked: () => asked };
}

function begin(remote: Remote): ReturnType<typeof beginJob> {
  const clock = { now: () => 0, monotonic: () => 0, sleep: async () => undefined };
  return beginJob({ clock, remote, target: "n1", place: { folder: "/var/tmp/job", sudo: false, timeoutMs: 1_000 } }, "true");
}

describe("starting a job", () => {
  it("asks again after a silence, because starting twice starts once", async () => {
    const { remote, asked } = node([lost("reset", true), running]);
    expect(await begin(remote)).toMatchObject({
      answer: { kind: "state", state: { kind: "running", pid: 42 } },
      lossesBefore: 3,
    });
    expect(asked()).toBe(2);
  });

  it("never calls a job not begun when one of its starts may have reached the node", async () => {
    const { remote, asked } = node([lost("reset", true), lost("refused", false), lost("refused", false)]);
    expect(await begin(remote)).toMatchObject({ answer: { kind: "no-answer", code: "refused", sent: true } });
    expect(asked()).toBe(3);
    expect(await begin(node([lost("refused", false), lost("refused", false), lost("refused", false)]).remote)).toMatchObject({
      answer: { sent: false },
    });
  });

  it("does not ask again a machine whose host key is another one", async () => {
    const { remote, asked } = node([lost("host-key-changed", false), running]);
    expect(await begin(remote)).toMatchObject({ answer: { code: "host-key-changed", sent: false } });
    expect(asked()).toBe(1);
  });
});
