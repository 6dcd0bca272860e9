import { readdirSync, readFileSync } from "node:fs";
import { afterAll, beforeAll, expect, it } from "vitest";
import { eventually } from "../real/process.ts";
import { describeSwarm, startSwarm, type Swarm } from "../real/swarm.ts";
import { EXIT } from "../../src/domain/errors.ts";
import type { RunEvent } from "../../src/domain/events.ts";
import { Desk } from "./pawl.ts";

interface ServiceAnswer {
  readonly Spec: {
    readonly TaskTemplate: { readonly ContainerSpec: { readonly Image: string; readonly Env?: readonly string[] } };
  };
  readonly UpdateStatus?: { readonly State: string; readonly StartedAt: string };
}

interface TaskAnswer {
  readonly DesiredState: string;
  readonly Status: { readonly State: string };
}

describeSwarm("updates of services on a real Swarm of three managers and two workers", () => {
  let swarm: Swarm;
  let desk: Desk;
  let inventory: string;

  const set = (inputs: Readonly<Record<string, string>>): readonly string[] =>
    Object.entries(inputs).flatMap(([name, value]) => ["--set", `${name}=${value}`]);
  /** A run of one of the runbooks, approved: its events. */
  const run = async (
    runbook: string,
    inputs: Readonly<Record<string, string>>,
  ): Promise<{
    readonly code: number | null;
    readonly run: string;
    readonly events: readonly RunEvent[];
    readonly said: string;
  }> => {
    const { code, value, events, lines, err } = await desk.json("run", runbook, "-i", inventory, ...set(inputs), "--yes");
    return { code, run: value.run ?? "", events, said: `${lines.map((line) => JSON.stringify(line)).join("\n")}${err}` };
  };
  const service = (name: string): ServiceAnswer => swarm.api("node2", `/v1.41/services/${name}`) as ServiceAnswer;
  const imageOf = (name: string): string => service(name).Spec.TaskTemplate.ContainerSpec.Image;
  const serving = (name: string): number => {
    const filters = encodeURIComponent(JSON.stringify({ service: [name] }));
    const tasks = swarm.api("node2", `/v1.41/tasks?filters=${filters}`) as readonly TaskAnswer[];
    return tasks.filter((task) => task.DesiredState === "running" && task.Status.State === "running").length;
  };
  const notices = (events: readonly RunEvent[]): readonly string[] =>
    events.flatMap((event) => (event.type === "notice.given" ? [event.text] : []));
  const problemOf = (
    events: readonly RunEvent[],
  ): { readonly code: string; readonly observed?: string; readonly next?: string } => {
    const halted = events.find((event) => event.type === "run.halted");
    if (halted?.type !== "run.halted") throw new Error("the run has not halted");
    return halted.problem;
  };

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
    const create = (name: string, replicas: number): string =>
      swarm.docker(
        "node1",
        "service",
        "create",
        "-q",
        "--name",
        name,
        "--replicas",
        String(replicas),
        ...pace,
        "--env",
        "A=1",
        "pawl/ping:1.0",
      );
    create("web", 4);
    create("wide", 10);
    await eventually(
      () => serving("web") === 4 && serving("wide") === 10,
      () => "the tasks run",
      60_000,
    );
  }, 180_000);
  afterAll(async () => {
    await swarm.stop();
    await desk.clear();
  }, 60_000);

  it(
    "replaces two tasks at a time and waits between, so that two always serve; then the gates of pawl hold",
    { timeout: 120_000 },
    async () => {
      let least = 4;
      const sampling = setInterval(() => (least = Math.min(least, serving("web"))), 250);
      const ended = await run("swarm-service-update.yaml", {
        ...{ service: "web", image: "pawl/ping:1.1", env: "B=2" },
        ...{ "update-parallelism": "2", "update-delay": "2s", "update-monitor": "3s" },
      });
      clearInterval(sampling);
      expect(ended.code, ended.said).toBe(0);
      expect(least).toBe(2);
      const passed = ended.events.flatMap((event) => (event.type === "gate.passed" ? [event.check] : []));
      expect(passed.toSorted()).toEqual(["service-serves", "service-steady"]);
      expect(service("web")).toMatchObject({
        Spec: {
          TaskTemplate: { ContainerSpec: { Image: "pawl/ping:1.1", Env: ["A=1", "B=2"] } },
          UpdateConfig: { Parallelism: 2 },
        },
      });
      const asked = ended.events.find((event) => event.type === "decision.asked" && event.question.step === "service/preview");
      expect(JSON.stringify(asked)).toContain("image: pawl/ping:1.0 → pawl/ping:1.1");
      expect(JSON.stringify(asked)).toMatch(/update settings: .*parallelism 2.*; rollback settings: /);
      const verified = await desk.pawl("verify", ended.run);
      expect(verified.code, verified.out + verified.err).toBe(0);
    },
  );

  it("asked for what is there already it sends nothing, and says so", { timeout: 60_000 }, async () => {
    const { StartedAt } = service("web").UpdateStatus ?? {};
    const ended = await run("swarm-service-update.yaml", { service: "web", image: "pawl/ping:1.1" });
    expect(ended.code, ended.said).toBe(0);
    expect(ended.said).toContain("nothing to send");
    expect(service("web").UpdateStatus?.StartedAt).toBe(StartedAt);
  });

  it(
    "a broken image halts with the tasks' own errors, and the command it prints puts the service back",
    { timeout: 120_000 },
    async () => {
      const ended = await run("swarm-service-update.yaml", { service: "web", image: "pawl/ping:bugged" });
      expect(ended.code, ended.said).toBe(EXIT["step-failed"]);
      const problem = problemOf(ended.events);
      expect(problem.code).toBe("update-paused");
      expect(problem.observed).toMatch(
        /web\.\d on node\d: failed: task: non-zero exit \(1\) \(pawl\/ping:bugged, task [a-z0-9]{12}\)/,
      );
      expect(notices(ended.events).join("\n")).toContain("task: non-zero exit (1)");
      expect(service("web").UpdateStatus?.State).toBe("paused");
      const command = /: pawl (run .*)$/m.exec(problem.next ?? "")?.[1]?.split(" ") ?? [];
      const back = await desk.pawl(...command, "--yes");
      expect(back.code, back.out + back.err).toBe(0);
      expect(imageOf("web")).toBe("pawl/ping:1.1");
      expect(serving("web")).toBe(4);
      // What was kept to go back to holds secrets in the clear: nowhere but in sealed files.
      const report = readFileSync(
        desk.path("backups/lab", readdirSync(desk.path("backups/lab")).toSorted().at(-1) ?? "", "report.md"),
        "utf8",
      );
      expect(report).not.toContain("A=1");
    },
  );

  it(
    "with on-failure=rollback pawl itself goes back, and the run still says that the update failed",
    { timeout: 120_000 },
    async () => {
      const ended = await run("swarm-service-update.yaml", {
        service: "web",
        image: "pawl/ping:bugged",
        "on-failure": "rollback",
      });
      expect(ended.code, ended.said).toBe(EXIT["step-failed"]);
      expect(problemOf(ended.events).code).toBe("update-paused");
      expect(imageOf("web")).toBe("pawl/ping:1.1");
      expect(service("web").UpdateStatus?.State).toBe("completed");
      expect(serving("web")).toBe(4);
    },
  );

  it(
    "the managers roll ten replicas back when more than a fifth fail within 20 s: told with the errors, and no success",
    { timeout: 180_000 },
    async () => {
      const ended = await run("swarm-service-update.yaml", {
        ...{ service: "wide", image: "pawl/ping:bugged", "update-parallelism": "2", "update-monitor": "20s" },
        ...{ "update-max-failure-ratio": "0.2", "update-failure-action": "rollback" },
        ...{ "rollback-parallelism": "0", "rollback-monitor": "2s" },
      });
      expect(ended.code, ended.said).toBe(EXIT["step-failed"]);
      const problem = problemOf(ended.events);
      expect(problem.code).toBe("update-rolled-back");
      expect(problem.observed).toContain("task: non-zero exit (1)");
      expect(notices(ended.events).join("\n")).toContain("THE MANAGERS ROLL IT BACK");
      expect(service("wide").UpdateStatus?.State).toBe("rollback_completed");
      expect(imageOf("wide")).toBe("pawl/ping:1.0");
    },
  );

  it(
    "a threshold for the way back where one for the update was meant is warned about before anything is sent",
    { timeout: 60_000 },
    async () => {
      const ended = await desk.pawl(
        ...["run", "swarm-service-update.yaml", "-i", inventory, ...set({ service: "wide", image: "pawl/ping:1.2" })],
        ...[...set({ "update-max-failure-ratio": "0", "rollback-max-failure-ratio": "0.2" }), "--approve", "service/update"],
      );
      expect(ended.code, ended.out + ended.err).toBe(EXIT.waiting);
      expect(ended.out).toContain("rollback-max-failure-ratio is set and update-max-failure-ratio is not");
      expect(imageOf("wide")).toBe("pawl/ping:1.0");
    },
  );
});
