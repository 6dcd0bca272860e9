import { afterAll, beforeAll, expect, it } from "vitest";
import { describeSwarm, startSwarm, type Swarm } from "../real/swarm.ts";

describeSwarm("looking at a real Swarm of three managers and two workers", () => {
  let swarm: Swarm;

  beforeAll(async () => {
    swarm = await startSwarm({ nodes: 5, managers: 3 });
  }, 180_000);
  afterAll(async () => {
    await swarm.stop();
  }, 60_000);

  it("the lab's nodes are hosts with an engine of their own, in one Swarm", () => {
    const listed = swarm.api("node2", "/v1.41/nodes") as readonly { readonly Status: { readonly State: string } }[];
    expect(listed.map((node) => node.Status.State)).toEqual(["ready", "ready", "ready", "ready", "ready"]);
    expect(swarm.exec("node4", "hostname").trim()).toBe("node4");
    expect(swarm.docker("node5", "info", "--format", "{{.Swarm.LocalNodeState}} {{.Swarm.ControlAvailable}}").trim()).toBe(
      "active false",
    );
  });
});
