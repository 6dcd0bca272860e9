import { describe, expect, it } from "vitest";
import { createJsonLines } from "../../src/view/json-lines.ts";
import { createPlainLines } from "../../src/view/plain-lines.ts";
import { eventsOf, fakeRun, START_MS, type Script, type Timed } from "./fake-run.ts";
import { samplePlan } from "./sample-plan.ts";

const golden = (name: string): string => `../golden/view/${name}.txt`;
const plan = samplePlan();

function plain(told: readonly Timed[], over: { readonly verbose?: boolean; readonly colour?: boolean; readonly unicode?: boolean } = {}): string {
  const lines: string[] = [];
  let atMs = 0;
  const view = createPlainLines({
    plan, out: (text) => void lines.push(text), now: () => START_MS + atMs, verbose: over.verbose ?? false,
    paper: { columns: 80, colour: over.colour ?? false, unicode: over.unicode ?? true },
  });
  for (const one of told) {
    atMs = one.atMs;
    view.show(one.news);
  }
  return `${lines.join("\n")}\n`;
}

const told = (script: Script = {}): readonly Timed[] => fakeRun(plan, script);

describe("plain lines", () => {
  it("tell a whole run with a node set aside", async () => {
    await expect(plain(told({ setsAside: "agents-2/a3/upgrade" }))).toMatchFileSnapshot(golden("lines-set-aside"));
  });

  it("end a halted run with the whole problem", async () => {
    await expect(plain(told({ refuses: "masters/m3/upgrade" }))).toMatchFileSnapshot(golden("lines-halted"));
  });

  it("begin every event with its time, and keep what nodes say from the terminal", () => {
    const text = plain(told(), { verbose: true });
    expect(text).toContain("| Starting services\n");
    expect(text).not.toContain("\u001b");
    expect(text.trimEnd().split("\n").every((line) => /^\d\d:\d\d:\d\d {2}\S/.test(line))).toBe(true);
  });

  it("stay ASCII where the terminal does", () => {
    expect(plain(told({ refuses: "masters/m3/upgrade" }), { unicode: false })).toMatch(/^[\n\x20-\x7e]*$/);
  });

  it("paint green only what was proven", () => {
    const text = plain(told({ setsAside: "agents-2/a3/upgrade" }), { colour: true });
    const green = [...text.matchAll(/\u001b\[32m(.*?)\u001b\[39m/g)].map(([, words]) => words);
    expect(new Set(green)).toEqual(new Set(["✓", "✓ complete"]));
    expect(plain(told(), { colour: true })).toContain("\u001b[32m✓ completed\u001b[39m");
  });

  it("say so when a stop was asked for, which is no trouble", () => {
    const [first] = eventsOf(told());
    const halted = { ...first!, type: "run.halted" as const, exit: 0, step: "masters/soak", problem: { code: "stopped-as-asked", text: "--stop-after masters" } };
    const text = plain([{ atMs: 0, news: { type: "event", event: halted } }], { colour: true });
    expect(text).toContain("stopped as asked");
    expect(text).not.toContain("\u001b[31m");
  });
});

describe("JSON lines", () => {
  it("are the journal's events as they are, one per line, and nothing else", () => {
    const lines: string[] = [];
    const view = createJsonLines((line) => void lines.push(line));
    const all = told({ setsAside: "agents-2/a3/upgrade" });
    for (const one of all) view.show(one.news);
    expect(all.some((one) => one.news.type !== "event")).toBe(true);
    expect(lines.map((line): unknown => JSON.parse(line))).toEqual(eventsOf(all));
    expect(lines.some((line) => line.includes("\n"))).toBe(false);
  });
});
