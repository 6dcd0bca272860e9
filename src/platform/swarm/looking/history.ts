import type { Json } from "../../../domain/json.ts";
import type { LookingWorld, Sheet, SheetCell, Tone } from "../../../engine/ports.ts";
import { byPlace, isServing, isWanted, type TaskEntry } from "../entries/task-entry.ts";
import { ago, serviceNamed, shortImage, viewSwarm, type SwarmView } from "./world.ts";

/** Attempts at one place within this time that ended by themselves are a crash loop, whatever the newest says (swarm.md, "Task fields"). */
const LOOP_MS = 60_000;
const LOOP_ATTEMPTS = 3;

/** How long after it began a task ended badly: what is counted for a crash loop. `complete` can be a failure too. */
function endedByItself(task: TaskEntry): boolean {
  return task.state === "failed" || task.state === "rejected" || (task.state === "complete" && !isWanted(task));
}

/** Places whose tasks end again and again, by the place. */
export function crashLoops(tasks: readonly TaskEntry[], nowMs: number): readonly string[] {
  return [...byPlace(tasks)].flatMap(([place, attempts]) => {
    const lately = attempts.filter((task) => endedByItself(task) && nowMs - Date.parse(task.at) <= LOOP_MS);
    return lately.length >= LOOP_ATTEMPTS ? [place] : [];
  });
}

function toneOf(task: TaskEntry, view: SwarmView): Tone {
  if (isServing(task, view.nodes)) return "good";
  if (endedByItself(task) || task.error !== null) return "bad";
  return isWanted(task) ? "waiting" : "quiet";
}

function stateText(task: TaskEntry, nowMs: number): string {
  return `${task.state} ${ago(task.at, nowMs)}`;
}

function errorText({ error, exitCode }: TaskEntry): string {
  if (error !== null) return error;
  return exitCode === null || exitCode === 0 ? "" : `exit code ${exitCode}`;
}

/** Each error in full, as there is seldom room for it beside its task. */
function errorLines(tasks: readonly TaskEntry[], nowMs: number): readonly SheetCell[] {
  const errors = [...new Set(tasks.map(errorText))].filter((one) => one !== "");
  return errors.map((error) => {
    const same = tasks.filter((task) => errorText(task) === error).map((task) => task.at);
    const newest = same.toSorted().at(-1) ?? null;
    const times = same.length === 1 ? "once" : `${same.length} times`;
    return { text: `${error} (${times}, ${same.length === 1 ? "" : "last "}${ago(newest, nowMs)})`, tone: "bad" };
  });
}

/** `pawl service history`: what `docker service ps` tells, place by place with what was tried there before, newest first. */
export async function historySheet(world: LookingWorld, name: string): Promise<Sheet> {
  const view = await viewSwarm(world);
  const service = serviceNamed(view, name);
  const own = view.tasks.filter((task) => task.serviceId === service.id);
  const nodeOf = (task: TaskEntry): string => (task.nodeId === null ? "" : (view.names.get(task.nodeId) ?? task.nodeId));
  const places = [...byPlace(own)].map(([place, attempts]) => {
    const perNode = attempts.find((task) => task.slot === null || task.slot === 0);
    return { place: perNode === undefined ? place : nodeOf(perNode), attempts };
  });
  const loops = crashLoops(own, view.nowMs);
  const row = (place: string, task: TaskEntry, index: number): readonly SheetCell[] => [
    { text: `${service.name}.${place}`, ...(index === 0 ? {} : { branch: true as const }) },
    { text: shortImage(task.image).replace(/^.*\//, ""), ...(index === 0 ? {} : { tone: "quiet" as const }) },
    { text: nodeOf(task) },
    { text: task.desired, tone: index === 0 ? "plain" : "quiet" },
    { text: stateText(task, view.nowMs), tone: toneOf(task, view) },
    { text: errorText(task), tone: "bad" },
  ];
  const unheard = own.filter((task) => task.state === "running" && task.desired === "running" && !isServing(task, view.nodes));
  return {
    clusterId: view.clusterId,
    document: {
      cluster: view.clusterId,
      service: service.name,
      crashLoops: loops,
      places: places.map(({ place, attempts }) => ({
        place,
        attempts: attempts.map((task): Json => {
          const { id, image, desired, state, at, createdAt, message, error, exitCode } = task;
          const node = nodeOf(task) === "" ? null : nodeOf(task);
          return {
            id,
            image,
            node,
            desired,
            state,
            at,
            createdAt,
            message,
            error,
            exitCode,
            serving: isServing(task, view.nodes),
          };
        }),
      })),
    },
    parts: [
      {
        kind: "table",
        empty: `${service.name} has no tasks.`,
        columns: [
          { title: "TASK" },
          { title: "IMAGE" },
          { title: "NODE" },
          { title: "DESIRED" },
          { title: "STATE" },
          { title: "ERROR", flexible: true },
        ],
        rows: places.flatMap(({ place, attempts }) => attempts.map((task, index) => row(place, task, index))),
      },
      {
        kind: "lines",
        lines: [
          ...errorLines(own, view.nowMs),
          ...loops.map((place) => ({
            text: `${service.name}.${place} ends again and again: ${LOOP_ATTEMPTS} or more times within the last minute.`,
            tone: "bad" as const,
          })),
          ...(unheard.length === 0
            ? []
            : [
                {
                  text: `Running by the last word heard of a node that is not ready: ${unheard.length}.`,
                  tone: "waiting" as const,
                },
              ]),
        ],
      },
    ],
  };
}
