import type { Json } from "../../../domain/json.ts";
import type { LookingWorld, Sheet, SheetCell, Tone } from "../../../engine/ports.ts";
import { stacksOf } from "../capture/summary.ts";
import type { ServiceEntry } from "../entries/service-entry.ts";
import { isServing, isWanted, type TaskEntry } from "../entries/task-entry.ts";
import { shortImage, viewSwarm, type SwarmView } from "./world.ts";

/** How many tasks serve, of how many that should. */
export interface Replicas {
  readonly serving: number;
  readonly desired: number;
}

export function replicasOf(service: ServiceEntry, { tasks, nodes }: Pick<SwarmView, "tasks" | "nodes">): Replicas {
  const own = tasks.filter((task) => task.serviceId === service.id);
  return {
    serving: own.filter((task) => isServing(task, nodes)).length,
    desired: service.replicas ?? service.desiredTasks ?? own.filter((task) => isWanted(task)).length,
  };
}

export function replicasCell({ serving, desired }: Replicas): SheetCell {
  return { text: `${serving}/${desired}`, tone: serving >= desired ? "good" : "bad" };
}

/** What an update's state means for whoever looks: completed is not healthy, and a rollback is news. */
export function updateTone(state: string | null): Tone {
  if (state === null || state === "completed") return "plain";
  return state === "updating" || state === "rollback_started" ? "waiting" : "bad";
}

/** The newest error of the service's tasks that is not older than its running ones. */
export function lastError(service: ServiceEntry, tasks: readonly TaskEntry[]): TaskEntry | null {
  const own = tasks.filter((task) => task.serviceId === service.id && task.error !== null);
  return own.toSorted((a, b) => (a.at < b.at ? 1 : -1))[0] ?? null;
}

/** `pawl service list`: what `docker service ls` and `docker stack ls` tell, counted by tasks that serve on nodes that are ready. */
export async function servicesSheet(world: LookingWorld): Promise<Sheet> {
  const view = await viewSwarm(world);
  const { services, tasks, clusterId } = view;
  const stacks = [...stacksOf(services)];
  const short = services.flatMap((service) => {
    const { serving, desired } = replicasOf(service, view);
    const error = serving < desired ? lastError(service, tasks) : null;
    return error === null ? [] : [{ text: `${service.name}: ${error.error ?? ""}`, tone: "bad" as const }];
  });
  return {
    clusterId,
    document: {
      cluster: clusterId,
      services: services.map((service): Json => {
        const { id, name, image, mode, stack, ports, updateStatus } = service;
        return {
          id,
          name,
          image,
          mode,
          stack,
          ports,
          ...replicasOf(service, view),
          updateStatus: updateStatus === null ? null : { ...updateStatus },
        };
      }),
      stacks: stacks.map(([name, members]) => ({ name, services: members })),
    },
    parts: [
      {
        kind: "table",
        empty: "This Swarm has no services.",
        columns: [
          { title: "SERVICE" },
          { title: "MODE" },
          { title: "TASKS", align: "right" },
          { title: "UPDATE" },
          { title: "IMAGE", flexible: true },
          ...(services.some((one) => one.ports.length > 0) ? [{ title: "PORTS" }] : []),
        ],
        rows: services.map((service) => [
          { text: service.name },
          { text: service.mode },
          replicasCell(replicasOf(service, view)),
          { text: service.updateStatus?.state ?? "", tone: updateTone(service.updateStatus?.state ?? null) },
          { text: shortImage(service.image) },
          ...(services.some((one) => one.ports.length > 0) ? [{ text: service.ports.join(", ") }] : []),
        ]),
      },
      ...(short.length > 0 ? [{ kind: "lines" as const, lines: short }] : []),
      ...(stacks.length > 0
        ? [
            {
              kind: "table" as const,
              empty: "",
              columns: [{ title: "STACK" }, { title: "SERVICES", flexible: true }],
              rows: stacks.map(([name, members]) => [{ text: name }, { text: members.join(", ") }]),
            },
          ]
        : []),
    ],
  };
}
