import { describe, expect, it } from "vitest";
import { fold } from "../../src/domain/run-state.ts";
import { nextCommands } from "../../src/view/next-command.ts";
import { viewPhase } from "../../src/view/phase-status.ts";
import { renderStatus, statusJson } from "../../src/view/status.ts";
import { cells } from "../../src/view/text.ts";
import { eventsOf, fakeRun, START_MS, type Script } from "./fake-run.ts";
import { samplePlan } from "./sample-plan.ts";

const golden = (name: string): string => `../golden/view/${name}.txt`;
const plan = samplePlan();

function at(script: Script): { readonly state: ReturnType<typeof fold>; readonly nowMs: number } {
  const told = fakeRun(plan, script);
  return { state: fold(eventsOf(told)), nowMs: START_MS + (told.at(-1)?.atMs ?? 0) + 5_000 };
}

describe("the status of a run", () => {
  it("shows what is in flight and who it waits for", async () => {
    const { state, nowMs } = at({ stopAfter: "agents-1/confirm" });
    const text = renderStatus(state, plan, nowMs, { columns: 80, colour: false, alive: true });
    expect(text.split("\n").every((line) => cells(line) <= 80)).toBe(true);
    await expect(`${text}\n`).toMatchFileSnapshot(golden("status-waiting"));
  });

  it("shows the halt with its problem and what can be done", async () => {
    const { state, nowMs } = at({ refuses: "masters/m3/upgrade" });
    await expect(`${renderStatus(state, plan, nowMs, { columns: 80, colour: false })}\n`).toMatchFileSnapshot(
      golden("status-halted"),
    );
  });

  it("names the nodes that were set aside and how to finish them", async () => {
    const { state, nowMs } = at({ setsAside: "agents-2/a3/upgrade" });
    await expect(`${renderStatus(state, plan, nowMs, { columns: 140, colour: false })}\n`).toMatchFileSnapshot(
      golden("status-set-aside-140"),
    );
  });

  it("is the same as data", () => {
    const { state, nowMs } = at({ stopAfter: "agents-1/confirm" });
    const data = statusJson(state, plan, nowMs, { alive: true });
    expect(JSON.parse(JSON.stringify(data))).toEqual(data);
    expect(data.phases.map((phase) => [phase.name, phase.status])).toEqual([
      ["backup", "complete"],
      ["masters", "complete"],
      ["agents-1", "waiting"],
      ["agents-2", "pending"],
      ["validation", "pending"],
    ]);
    expect(data.inFlight).toEqual([{ step: "agents-1/confirm", status: "starting", node: null, forMs: 5_000 }]);
    expect(data.asked?.question.title).toBe("The canary holds: go on with the rollout?");
    expect(data.next.map((one) => one.command)).toContain("pawl approve 20261120T150000Z-upgrade-1.10.8 agents-1/confirm");
  });

  it("says when no engine is alive for an open run", () => {
    const { state, nowMs } = at({ stopAfter: "masters/m1/upgrade" });
    expect(renderStatus(state, plan, nowMs, { columns: 80, colour: false, alive: false })).toContain("no engine is alive");
  });
});

describe("the colours of an end", () => {
  it.each([
    [5, "\u001b[31m"],
    [6, "\u001b[31m"],
    [7, "\u001b[31m"],
    [8, "\u001b[33m"],
    [130, "\u001b[33m"],
  ])("exit %i", (exit, colour) => {
    const { state, nowMs } = at({ refuses: "masters/m3/upgrade" });
    expect(renderStatus({ ...state, exit }, plan, nowMs, { columns: 80, colour: true }).split("\n")[0]).toContain(
      `${colour}halted, exit ${exit}`,
    );
  });
});

describe("a phase from outside", () => {
  it("does not count a node that was set aside as done, nor wait for what is left of it", () => {
    const { state } = at({ setsAside: "agents-2/a3/upgrade" });
    const view = viewPhase(plan.phases[3]!, state);
    expect([view.status, view.nodesDone, view.nodes, view.setAside]).toEqual(["complete", 3, 4, ["a3"]]);
  });

  it("is waiting while the run is interrupted", () => {
    const { state } = at({ stopAfter: "masters/m1/upgrade" });
    expect(viewPhase(plan.phases[1]!, state).status).toBe("in-progress");
    expect(viewPhase(plan.phases[1]!, { ...state, interrupted: "pawl pause" }).status).toBe("waiting");
  });
});

describe("the next commands", () => {
  it("offer resume for a paused run and pause for one that goes on", () => {
    const { state } = at({ stopAfter: "masters/m1/upgrade" });
    const verbs = (of: typeof state): readonly string[] => nextCommands(of, plan).map((one) => one.command.split(" ")[1] ?? "");
    expect(verbs(state)).toEqual(["pause", "stop"]);
    expect(verbs({ ...state, interrupted: "pawl pause" })).toEqual(["resume", "stop"]);
  });

  it("look before they touch where an outcome is unknown", () => {
    const { state } = at({ stopAfter: "masters/m1/upgrade" });
    const record = state.steps["masters/m1/upgrade"]!;
    const unknown = {
      ...state,
      phase: "halted" as const,
      exit: 7,
      steps: { ...state.steps, "masters/m3/upgrade": { ...record, status: "unknown" as const } },
    };
    expect(nextCommands(unknown, plan)).toEqual([
      { command: "pawl resume 20261120T150000Z-upgrade-1.10.8", does: "looks at m3 before it decides about masters/m3/upgrade" },
    ]);
  });

  it("are spelled as the caller wants", () => {
    const { state } = at({ refuses: "masters/m3/upgrade" });
    expect(nextCommands(state, plan, { spell: (verb, rest) => `./p ${verb} ${rest}` })[0]?.command).toBe(
      "./p retry masters/m3/upgrade",
    );
  });
});
