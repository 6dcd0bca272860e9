import { afterEach, describe, expect, it } from "vitest";
import { Desk } from "./pawl.ts";

let desk: Desk;
afterEach(async () => desk.clear());

describe("an upgrade of several hops with --only", () => {
  it(
    "ends after the hop of the nodes it names; the next hop waits for the rest, and is refused beside who is left behind",
    { timeout: 300_000 },
    async () => {
      desk = await Desk.create();
      const lab = await desk.lab("--private", "2", "--public", "0");
      const args = ["upgrade", "-i", lab.inventory, "--to", "1.10.8", "--yes"] as const;
      const some = await desk.json(...args, "--only", "m1,m2,m3,a1");
      expect([some.code, some.value.runs.length, some.err]).toEqual([0, 1, ""]);
      const state = await lab.state();
      expect([state["m1"]?.version, state["a1"]?.version, state["a2"]?.version]).toEqual(["1.9.9", "1.9.9", "1.9.4"]);
      // Taking that run up again is no way round it: who was not named stays untouched.
      const again = await desk.json("resume", some.value.run ?? "", "--yes");
      expect([again.code, again.value.runs]).toEqual([2, some.value.runs]);
      expect((await lab.state())["a2"]?.version).toBe("1.9.4");
      // What comes next is what is left of this hop, not the next one.
      const next = (await desk.document("plan", "-i", lab.inventory, "--to", "1.10.8")).value as {
        readonly plan: { readonly inputs: { readonly target: string }; readonly found: readonly { readonly node: string }[] };
      };
      expect(next.plan.inputs.target).toBe("1.9.9");
      expect(next.plan.found.map((one) => one.node).toSorted()).toEqual(["a1", "m1", "m2", "m3"]);
      await lab.stop();
    },
  );
});
