import { allSteps, type Step } from "../domain/plan.ts";
import { stepRecord } from "../domain/run-state.ts";
import { isSettled } from "../domain/status.ts";
import type { Look } from "./ports.ts";
import type { Desk } from "./decide.ts";
import type { Session } from "./session.ts";
import { contextOf, move } from "./step.ts";

/** What a look at the node means for a step whose engine died in mid-effect. */
async function apply(session: Session, step: Step, look: Look): Promise<void> {
  const from = session.status(step.address);
  switch (look.kind) {
    case "not-begun":
      return move(session, step, "pending", { note: "looked: nothing had begun" });
    case "running":
      if (from === "unknown") await move(session, step, "starting", { note: `looked: ${look.note}` });
      return;
    case "done":
      return move(session, step, "started", {
        note: `looked: ${look.note}`,
        ...(look.output === undefined ? {} : { output: look.output }),
      });
    case "failed":
      return move(session, step, "error", { problem: look.problem });
    case "cannot-tell":
      if (from !== "unknown") await move(session, step, "unknown", { problem: look.problem });
  }
}

/**
 * Before a resumed run does anything: every step that was in hand is looked at (design rule 3). Nothing is repeated blindly:
 * reading steps are simply done again, the others are asked through their probe; one that cannot tell stays unknown. A step
 * whose permission was refused had not begun: the cluster is asked again.
 */
export async function reconcile(session: Session, desk: Desk): Promise<void> {
  const { plan } = session.parts;
  for (const step of allSteps(plan)) {
    const status = session.status(step.address);
    // Undo that a halt was in the middle of, or that failed there, is due when the run ends; it is safe to repeat.
    if (step.with["on-halt"] === true && plan.finally.includes(step) && status !== "pending" && !isSettled(status)) {
      await move(session, step, "pending", { note: "due when the run ends" });
      continue;
    }
    if (status === "prepared" || (status === "error" && stepRecord(session.state, step.address).denied))
      await move(session, step, "pending", { note: "nothing had begun" });
    if (status !== "starting" && status !== "unknown") continue;
    const kind = session.parts.kinds.get(step.kind);
    if (step.effect === "read") {
      await move(session, step, "pending", { note: "reads only; done again" });
    } else if (kind?.probe === undefined) {
      const problem = {
        code: "no-probe",
        text: `nobody can tell whether ${step.address} has happened`,
        next: `Look at it yourself, then: ${session.spell("force-complete", `${step.address} --reason TEXT`)}, or: ${session.spell("retry", `${step.address} --reason TEXT`)}`,
      };
      if (status !== "unknown") await move(session, step, "unknown", { problem });
    } else {
      await apply(session, step, await kind.probe(contextOf(session, desk, step)));
    }
  }
}
