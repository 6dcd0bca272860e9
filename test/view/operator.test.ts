import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { describe, expect, it } from "vitest";
import type { Choice, Question } from "../../src/domain/events.ts";
import { operatorChain, policyOperator, promptOperator } from "../../src/view/operator.ts";
import { createPrompts, PromptEnded, type Prompts } from "../../src/view/prompt.ts";
import { renderChoices, renderQuestion } from "../../src/view/question.ts";

const golden = (name: string): string => `../golden/view/${name}.txt`;
const PAPER = { columns: 80, colour: false };
const never = new AbortController().signal;

const announced: Question = {
  kind: "confirm", step: "masters/confirm", title: "The masters are done. Go on with the agents?", announced: true, problem: null,
  choices: [{ choice: "approve", does: "go on", needsReason: false }, { choice: "stop", does: "halt here; everything stays as it is", needsReason: false }],
};

const start: Question = { ...announced, kind: "start", step: null, title: "Start dcos-upgrade on production?" };

const failed: Question = {
  kind: "gate-refused", step: "agents-2/a3/upgrade", title: "A gate of agents-2/a3/upgrade refused", announced: false,
  problem: { code: "gate.agent-registered", text: "The agent is registered again: still refused after 5m", expected: "active on the leader", observed: "a3 is not among 4 active agents", node: "a3", evidence: ["artifacts/ab12"], next: "Look at the agent's log on a3." },
  choices: [
    { choice: "measure-again", does: "measure the gates again; nothing is repeated", needsReason: false },
    { choice: "set-aside", does: "leave a3 as it is and go on without it", needsReason: true },
    { choice: "stop", does: "halt here; everything stays as it is", needsReason: false },
  ],
};

describe("the policy of --yes and --approve", () => {
  it("approves what the plan announced and nothing else", async () => {
    const operator = policyOperator({ yes: true, approve: [], phases: [] });
    expect(await operator.ask(announced, 1, never)).toEqual({ kind: "answered", choice: "approve", actor: "policy:--yes", reason: null });
    expect(await operator.ask(start, 1, never)).toMatchObject({ choice: "approve", actor: "policy:--yes" });
    expect(await operator.ask(failed, 1, never)).toEqual({ kind: "nobody" });
    expect(await operator.ask({ ...failed, announced: true }, 1, never)).toEqual({ kind: "nobody" });
    expect(await operator.ask({ ...announced, choices: failed.choices }, 1, never)).toEqual({ kind: "nobody" });
  });

  it("approves the named stops and, with them, the start", async () => {
    const operator = policyOperator({ yes: false, approve: ["masters", "agents-1/confirm"], phases: [] });
    expect(await operator.ask(start, 1, never)).toMatchObject({ choice: "approve", actor: "policy:--approve" });
    expect(await operator.ask(announced, 1, never)).toMatchObject({ choice: "approve", actor: "policy:--approve" });
    expect(await operator.ask({ ...announced, step: "agents-1/confirm" }, 1, never)).toMatchObject({ choice: "approve" });
    expect(await operator.ask({ ...announced, step: "agents-2/confirm" }, 1, never)).toEqual({ kind: "nobody" });
    expect(await operator.ask({ ...announced, kind: "order-changed", step: null }, 1, never)).toEqual({ kind: "nobody" });
  });

  it("takes the name of a phase for all of its waves, and of no phase that only sounds alike", async () => {
    const wave = (of: string, index: number) => ({ name: `${of}-${index}`, wave: { of } });
    const phases = [wave("agents", 1), wave("agents", 2), wave("agents-2", 1), { name: "agents-old", wave: null }];
    const operator = policyOperator({ yes: false, approve: ["agents"], phases });
    for (const step of ["agents-1/confirm", "agents-2/confirm"]) expect(await operator.ask({ ...announced, step }, 1, never), step).toMatchObject({ choice: "approve", actor: "policy:--approve" });
    for (const step of ["agents-2-1/confirm", "agents-old/confirm", "masters/confirm"]) expect(await operator.ask({ ...announced, step }, 1, never), step).toEqual({ kind: "nobody" });
  });

  it("decides nothing where nothing was given", async () => {
    const operator = policyOperator({ yes: false, approve: [], phases: [] });
    expect(await operator.ask(start, 1, never)).toEqual({ kind: "nobody" });
    expect(await operator.ask(announced, 1, never)).toEqual({ kind: "nobody" });
  });

  it("leaves what it does not decide to the next one", async () => {
    const person = promptOperator({ ...desk(), prompts: answering(["stop"]) });
    const chain = operatorChain([policyOperator({ yes: true, approve: [], phases: [] }), person]);
    expect(await chain.ask(announced, 1, never)).toMatchObject({ actor: "policy:--yes" });
    expect(await chain.ask(failed, 2, never)).toMatchObject({ choice: "stop", actor: "ada@desk" });
    expect(await operatorChain([]).ask(failed, 2, never)).toEqual({ kind: "nobody" });
  });
});

interface Said {
  readonly text: string[];
}

function desk(over: { readonly stdinTty?: boolean; readonly stdoutTty?: boolean; readonly said?: Said } = {}) {
  const said = over.said ?? { text: [] };
  return {
    view: { pause: () => void said.text.push("<pause>"), resume: () => void said.text.push("<resume>") },
    io: { out: (text: string) => void said.text.push(text), stdinTty: over.stdinTty ?? true, stdoutTty: over.stdoutTty ?? true, ...PAPER },
    actor: "ada@desk",
  };
}

/** Prompts that answer from lists. */
function answering(choices: readonly Choice[], reasons: readonly string[] = []): Prompts {
  const left = { choices: [...choices], reasons: [...reasons] };
  return {
    select: async () => left.choices.shift() ?? Promise.reject(new PromptEnded("closed")),
    reason: async () => left.reasons.shift() ?? Promise.reject(new PromptEnded("closed")),
  };
}

describe("a person at the terminal", () => {
  it("is shown what happened while the view is silent, and then asked", async () => {
    const said: Said = { text: [] };
    const operator = promptOperator({ ...desk({ said }), prompts: answering(["measure-again"]) });
    expect(await operator.ask(failed, 7, never)).toEqual({ kind: "answered", choice: "measure-again", actor: "ada@desk", reason: null });
    expect(said.text[0]).toBe("<pause>");
    expect(said.text.at(-1)).toBe("<resume>");
    expect(said.text.join("\n")).toContain("observed  a3 is not among 4 active agents");
  });

  it("gives a reason where one is needed; an empty one leads back to the choices", async () => {
    const operator = promptOperator({ ...desk(), prompts: answering(["set-aside", "set-aside"], ["  ", "disk is broken "]) });
    expect(await operator.ask(failed, 7, never)).toEqual({ kind: "answered", choice: "set-aside", actor: "ada@desk", reason: "disk is broken" });
  });

  it("is nobody without a terminal on both sides", async () => {
    for (const half of [{ stdinTty: false }, { stdoutTty: false }]) {
      const said: Said = { text: [] };
      const operator = promptOperator({ ...desk({ ...half, said }), prompts: answering(["approve"]) });
      expect(await operator.ask(announced, 1, never)).toEqual({ kind: "nobody" });
      expect(said.text).toEqual([]);
    }
  });

  it("is nobody when the terminal goes away, and the view goes on", async () => {
    const said: Said = { text: [] };
    const operator = promptOperator({ ...desk({ said }), prompts: answering([]) });
    expect(await operator.ask(announced, 1, never)).toEqual({ kind: "nobody" });
    expect(said.text.at(-1)).toBe("<resume>");
  });

  it("stops by Ctrl-C where stopping is offered", async () => {
    const interrupting: Prompts = { select: () => Promise.reject(new PromptEnded("interrupted")), reason: () => Promise.resolve("") };
    const operator = promptOperator({ ...desk(), prompts: interrupting });
    expect(await operator.ask(failed, 1, never)).toEqual({ kind: "answered", choice: "stop", actor: "ada@desk", reason: "interrupted at the prompt" });
    expect(await operator.ask({ ...failed, choices: failed.choices.slice(0, 1) }, 1, never)).toEqual({ kind: "nobody" });
  });

  it("does not answer a question that was settled elsewhere meanwhile", async () => {
    const elsewhere = new AbortController();
    const slow: Prompts = {
      select: () => {
        elsewhere.abort();
        return Promise.resolve("approve");
      },
      reason: () => Promise.resolve(""),
    };
    const first: Said = { text: [] };
    expect(await promptOperator({ ...desk({ said: first }), prompts: slow }).ask(announced, 1, elsewhere.signal)).toEqual({ kind: "nobody" });
    expect(first.text).toContain("  decided elsewhere");
    const said: Said = { text: [] };
    expect(await promptOperator({ ...desk({ said }), prompts: slow }).ask(announced, 1, elsewhere.signal)).toEqual({ kind: "nobody" });
    expect(said.text).toEqual([]);
  });

  it("is asked one question at a time", async () => {
    let open = 0;
    const counting: Prompts = {
      select: async () => {
        open += 1;
        expect(open).toBe(1);
        await new Promise((resolve) => setImmediate(resolve));
        open -= 1;
        return "stop";
      },
      reason: () => Promise.resolve(""),
    };
    const operator = promptOperator({ ...desk(), prompts: counting });
    const answers = await Promise.all([operator.ask(announced, 1, never), operator.ask(failed, 2, never)]);
    expect(answers.map((answer) => answer.kind)).toEqual(["answered", "answered"]);
  });

  it("lets a fault of the prompt through and can be asked again", async () => {
    const broken: Prompts = { select: () => Promise.reject(new TypeError("broken")), reason: () => Promise.resolve("") };
    const operator = promptOperator({ ...desk(), prompts: broken });
    await expect(operator.ask(announced, 1, never)).rejects.toThrow("broken");
    await expect(operator.ask(announced, 1, never)).rejects.toThrow("broken");
  });
});

describe("a question", () => {
  it("says what happened before it asks", async () => {
    await expect(`${renderQuestion(failed, PAPER)}\n\n${renderChoices(failed, PAPER)}\n\n${renderQuestion(announced, PAPER)}\n`).toMatchFileSnapshot(golden("question-80"));
  });
});

/** The real prompts on streams: what is typed goes in, what is shown comes out. */
function typewriter(settleMs = 0) {
  const input = new PassThrough();
  const output = new PassThrough();
  const shown: string[] = [];
  output.on("data", (chunk: Buffer) => void shown.push(chunk.toString()));
  const prompts = createPrompts(PAPER, { input, output, settleMs });
  const type = async (...keys: readonly string[]): Promise<void> => {
    for (const key of keys) {
      input.write(key);
      await new Promise((resolve) => setTimeout(resolve, 30));
    }
  };
  const until = async (words: string): Promise<void> => {
    while (!shown.join("").includes(words)) await new Promise((resolve) => setTimeout(resolve, 10));
  };
  return { input, prompts, shown, type, until };
}

const DOWN = "\u001b[B";
const UP = "\u001b[A";
const ENTER = "\r";

describe("the prompts of the terminal", () => {
  it("take the choice the cursor is on", async () => {
    const { prompts, type, until } = typewriter();
    const chosen = prompts.select(announced, never);
    await until("What now?");
    await type(DOWN, ENTER);
    expect(await chosen).toBe("stop");
  });

  it("rest on stop where something went wrong", async () => {
    const { prompts, type, until, shown } = typewriter();
    const chosen = prompts.select(failed, never);
    await until("What now?");
    await type(ENTER);
    expect(await chosen).toBe("stop");
    expect(shown.join("")).toContain("measure the gates again; nothing is repeated");
    const again = typewriter();
    const other = again.prompts.select(failed, never);
    await again.until("What now?");
    await again.type(UP, ENTER);
    expect(await other).toBe("set-aside");
  });

  it("use no colour where none is wanted", async () => {
    const { prompts, type, until, shown } = typewriter();
    const chosen = prompts.select(failed, never);
    await until("What now?");
    await type(DOWN, ENTER);
    await chosen;
    expect(shown.join("")).not.toMatch(/\u001b\[[0-9;]*m/);
  });

  it("throw away what was typed before the question was shown", async () => {
    const { prompts, type, until, input } = typewriter(80);
    input.write(`${ENTER}${ENTER}${DOWN}${ENTER}`);
    const chosen = prompts.select(announced, never);
    await until("What now?");
    const early = await Promise.race([chosen, new Promise((resolve) => setTimeout(() => resolve("still open"), 100))]);
    expect(early).toBe("still open");
    await type(ENTER);
    expect(await chosen).toBe("approve");
  });

  it("take a reason", async () => {
    const { prompts, type, until } = typewriter();
    const reason = prompts.reason("set-aside", never);
    await until("Reason");
    await type("disk is broken", ENTER);
    expect(await reason).toBe("disk is broken");
  });

  it("end without an answer when the input closes, was closed, is interrupted, or the question is settled", async () => {
    const closing = typewriter();
    const closed = closing.prompts.select(announced, never);
    await closing.until("What now?");
    closing.input.end();
    await expect(closed).rejects.toMatchObject({ how: "closed" });
    await expect(closing.prompts.select(announced, never)).rejects.toMatchObject({ how: "closed" });

    const interrupting = typewriter();
    const interrupted = interrupting.prompts.select(announced, never);
    await interrupting.until("What now?");
    await Promise.all([expect(interrupted).rejects.toMatchObject({ how: "interrupted" }), interrupting.type("\u0003")]);

    const settled = new AbortController();
    const aborting = typewriter();
    const aborted = aborting.prompts.select(announced, settled.signal);
    await aborting.until("What now?");
    settled.abort();
    await expect(aborted).rejects.toMatchObject({ how: "aborted" });
    await expect(aborting.prompts.select(announced, settled.signal)).rejects.toMatchObject({ how: "aborted" });
  });

  it("do not let a process end quietly with exit 0 when its input closes", async () => {
    const child = spawn(process.execPath, ["--import", "tsx", join(import.meta.dirname, "closed-input.ts")], { stdio: ["pipe", "pipe", "inherit"] });
    const said: string[] = [];
    child.stdout.on("data", (chunk: Buffer) => {
      said.push(chunk.toString());
      if (said.join("").includes("What now?")) child.stdin.end();
    });
    const [code] = (await once(child, "close")) as [number];
    expect(said.join("")).toContain("nobody answered");
    expect(code).toBe(8);
  });
});
