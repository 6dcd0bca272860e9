import { writeFileSync } from "node:fs";
import { afterAll, beforeAll, expect, it } from "vitest";
import { Desk } from "./pawl.ts";
import { eventually } from "../real/process.ts";
import { describeSwarm, startSwarm, type Swarm } from "../real/swarm.ts";

interface ServiceAnswer {
  readonly Spec: { readonly TaskTemplate: { readonly ContainerSpec: { readonly Image: string } } };
  readonly PreviousSpec?: ServiceAnswer["Spec"];
  readonly UpdateStatus?: { readonly State: string; readonly StartedAt: string };
}

const STACK = `version: "3.8"
services:
  front:
    image: pawl/ping:IMAGE
    stop_grace_period: 1s
    networks: [inner]
    deploy: { replicas: 2, endpoint_mode: dnsrr, update_config: { monitor: 2s }, restart_policy: { delay: 1s } }
  back:
    image: pawl/ping:1.0
    stop_grace_period: 1s
    deploy: { replicas: 1, endpoint_mode: dnsrr }
networks:
  inner: { driver: overlay }
`;

describeSwarm("services of a real Swarm while something goes wrong with pawl or its managers", () => {
  let swarm: Swarm;
  let desk: Desk;
  let inventory: string;

  const service = (name: string): ServiceAnswer => swarm.api("node3", `/v1.41/services/${name}`) as ServiceAnswer;
  const imageOf = (name: string): string => service(name).Spec.TaskTemplate.ContainerSpec.Image;
  const updating = (name: string): boolean => service(name).UpdateStatus?.State === "updating";
  const UPDATE = ["run", "swarm-service-update.yaml", "-i"];
  const PACE = ["--set", "update-parallelism=1", "--set", "update-delay=2s", "--set", "update-monitor=2s"];

  beforeAll(async () => {
    swarm = await startSwarm({ nodes: 5, managers: 3 });
    desk = await Desk.create();
    inventory = swarm.writeInventory("inventory.yaml");
    const pace = [
      "--restart-delay",
      "1s",
      "--stop-grace-period",
      "1s",
      "--endpoint-mode",
      "dnsrr",
      "--no-resolve-image",
      "--detach",
    ];
    swarm.docker("node1", "service", "create", "-q", "--name", "web", "--replicas", "4", ...pace, "pawl/ping:1.0");
    await eventually(
      () => swarm.docker("node1", "service", "ls", "--format", "{{.Replicas}}").trim() === "4/4",
      () => "four tasks run",
      60_000,
    );
  }, 180_000);
  afterAll(async () => {
    await swarm.stop();
    await desk.clear();
  }, 60_000);

  it(
    "a stack is deployed, deployed again with another image, and removed: each service is watched to its end",
    { timeout: 180_000 },
    async () => {
      const deploy = async (
        image: string,
      ): Promise<{ readonly code: number | null; readonly out: string; readonly err: string }> => {
        writeFileSync(desk.path("shop.yml"), STACK.replace("IMAGE", image));
        const inputs = ["--set", "stack=shop", "--set", "file=shop.yml", "--set", "resolve-image=never"];
        return desk.pawl("run", "swarm-stack-deploy.yaml", "-i", inventory, ...inputs, "--yes");
      };
      const first = await deploy("1.0");
      expect(first.code, first.out + first.err).toBe(0);
      expect(first.out).toContain("shop_front: made, image pawl/ping:1.0");
      const bad = await deploy("bugged");
      expect(bad.code, bad.out + bad.err).toBe(6);
      expect(bad.out + bad.err).toMatch(/shop_front\.\d on node\d: failed: task: non-zero exit \(1\)/);
      expect(service("shop_back").UpdateStatus).toBeUndefined();
      const second = await deploy("1.1");
      expect(second.code, second.out + second.err).toBe(0);
      expect(imageOf("shop_front")).toBe("pawl/ping:1.1");
      const removed = await desk.pawl("run", "swarm-stack-remove.yaml", "-i", inventory, "--set", "stack=shop", "--yes");
      expect(removed.code, removed.out + removed.err).toBe(0);
      expect(swarm.docker("node1", "service", "ls", "--format", "{{.Name}}").trim()).toBe("web");
      expect(swarm.docker("node1", "network", "ls", "--format", "{{.Name}}")).not.toContain("shop");
    },
  );

  it(
    "pawl killed in the middle of an update and resumed watches that update to its end, and sends nothing twice",
    { timeout: 120_000 },
    async () => {
      const child = desk.start([...UPDATE, inventory, "--set", "service=web", "--set", "image=pawl/ping:1.1", ...PACE, "--yes"]);
      const ended = new Promise((done) => child.once("close", done));
      await eventually(
        () => updating("web"),
        () => "the update has begun",
        60_000,
      );
      child.kill("SIGKILL");
      await ended;
      const begun = service("web").UpdateStatus?.StartedAt;
      const [run = ""] = (await desk.pawl("runs")).out.match(/\S+-swarm-service-update/) ?? [];
      const resumed = await desk.pawl("resume", run, "--yes");
      expect(resumed.code, resumed.out + resumed.err).toBe(0);
      expect(service("web").UpdateStatus).toMatchObject({ State: "completed", StartedAt: begun });
      expect(service("web").PreviousSpec?.TaskTemplate.ContainerSpec.Image).toBe("pawl/ping:1.0");
      expect(imageOf("web")).toBe("pawl/ping:1.1");
    },
  );

  it(
    "the manager it talks to loses its power, and it was the leader: the update is watched through another one",
    { timeout: 180_000 },
    async () => {
      // Node 1 made the Swarm and leads it; pawl asks it first, as the inventory lists it first.
      const child = desk.start([...UPDATE, inventory, "--set", "service=web", "--set", "image=pawl/ping:1.2", ...PACE, "--yes"]);
      const out: Buffer[] = [];
      child.stdout?.on("data", (chunk: Buffer) => out.push(chunk));
      child.stderr?.on("data", (chunk: Buffer) => out.push(chunk));
      const ended = new Promise<number | null>((done) => child.once("close", done));
      await eventually(
        () => updating("web"),
        () => "the update has begun",
        60_000,
      );
      await swarm.stopNode("node1", "host");
      const code = await ended;
      expect(code, Buffer.concat(out).toString()).toBe(0);
      expect(imageOf("web")).toBe("pawl/ping:1.2");
      expect(service("web").UpdateStatus?.State).toBe("completed");
    },
  );
});
