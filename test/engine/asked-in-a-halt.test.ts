import { expect, it } from "vitest";
import type { OperatorAnswer } from "../../src/engine/ports.ts";
import { toyRun, yes } from "../toy/toy.ts";

it("a question that is on its way to the disk when the run halts is put to nobody, and the halt does not wait for its answer", async () => {
  const asked: string[] = [];
  let stop: (actor: string) => void = () => undefined;
  const toy = toyRun({
    operator: {
      ask: (question, seq, signal): Promise<OperatorAnswer> => {
        if (question.kind !== "confirm") return yes.ask(question, seq, signal);
        asked.push(question.title);
        return new Promise((resolve) => {
          signal.addEventListener("abort", () => resolve({ kind: "nobody" }), { once: true });
        });
      },
    },
    journal: (own) => ({
      ...own,
      append: async (body, actor) => {
        const event = await own.append(body, actor);
        if (body.type === "decision.asked" && body.question.kind === "confirm") stop("anna");
        return event;
      },
    }),
  });
  const engine = toy.engine();
  stop = (actor) => engine.stop(actor);
  expect(await engine.done).toMatchObject({ exit: "interrupted" });
  expect(asked).toEqual([]);
});
