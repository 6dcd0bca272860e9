import { promptOperator } from "../../src/view/operator.ts";
import { createTerminalView } from "../../src/view/terminal.ts";
import { speaksUnicode } from "../../src/view/paper.ts";
import { fakeRun, MONOTONIC_MS, START_MS } from "./fake-run.ts";
import { samplePlan } from "./sample-plan.ts";

/**
 * Plays a fake run in a real terminal, to be looked at: tsx test/view/demo.ts [agents] [simulated seconds per second] [script as JSON].
 * The clock of the run moves `scale` times as fast as the wall clock. With ASK=1 in the environment every stop asks.
 */
const [agents = "5", scale = "200", script = "{}"] = process.argv.slice(2);
const plan = samplePlan({ agents: Number(agents) });
const began = { ms: performance.now() };
const simulatedMs = (): number => (performance.now() - began.ms) * Number(scale);
const clock = { now: () => START_MS + simulatedMs(), monotonic: () => MONOTONIC_MS + simulatedMs() };
const unicode = speaksUnicode(process.env);
const colour = !process.env.NO_COLOR;
const view = createTerminalView({
  plan, clock, stream: process.stdout, input: process.stdin, columns: () => process.stdout.columns, rows: () => process.stdout.rows, colour, unicode,
});
const io = { out: (text: string) => void process.stdout.write(`${text}\n`), stdinTty: true, stdoutTty: true, columns: process.stdout.columns, colour };
const operator = promptOperator({ view, io, unicode, actor: "ada@desk" });
for (const { atMs, news } of fakeRun(plan, JSON.parse(script) as object)) {
  const waitMs = (atMs - simulatedMs()) / Number(scale);
  if (waitMs > 1) await new Promise((resolve) => setTimeout(resolve, waitMs));
  view.show(news);
  if (process.env.ASK === undefined || news.type !== "event" || news.event.type !== "decision.asked") continue;
  const asked = performance.now();
  await operator.ask(news.event.question, news.event.seq, new AbortController().signal);
  began.ms += performance.now() - asked;
}
if (process.env.HOLD !== undefined) await new Promise((resolve) => setTimeout(resolve, Number(process.env.HOLD)));
await view.stop();
