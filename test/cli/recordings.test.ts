import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createMasker } from "../../src/artifact/mask.ts";
import { openArtifactStore } from "../../src/artifact/store.ts";
import { openRecordings, type RecordedDoor, type RecordedPlatform } from "../../src/cli/recordings.ts";
import type { ArtifactRecord, RunEvent } from "../../src/domain/events.ts";
import type { Inventory } from "../../src/domain/inventory.ts";
import type { Plan } from "../../src/domain/plan.ts";

const START = Date.UTC(2026, 10, 20, 15);
const NODES = ["m1", "m2"];
const [BEFORE, AFTER] = ["before/capture", "after/capture"];
const request = (node: string) => ({
  method: "GET",
  url: `http://${node}:5050/metrics`,
  timeoutMs: 1_000,
  followRedirects: 0,
});

const PLATFORM: RecordedPlatform = {
  ports: {},
  nodeFacts: async () => null,
  captures: () =>
    NODES.map((node) => ({
      name: `masters/${node}/metrics.json`,
      node,
      mediaType: "application/json",
      evidenceOf: "metrics",
      read: { kind: "http", request: request(node) },
    })),
};

/** A plan in which the state is captured twice, as an upgrade does. */
const step = (address: string) => ({ address, kind: "dcos/capture-state", node: null, effect: "read", with: {}, gates: [] });
const PLAN = {
  phases: [BEFORE, AFTER].map((address) => ({ name: address, units: [], after: [step(address)] })),
  finally: [],
  facts: { observedAt: new Date(START).toISOString() },
} as unknown as Plan;

let folder: string;

/** What happened in the run: a step began, or a node's answer was kept in it. */
type Happening = { readonly began: string } | { readonly step: string; readonly node: string };

async function doorOver(happenings: readonly Happening[]): Promise<RecordedDoor | null> {
  const store = await openArtifactStore({ folder, masker: createMasker({ key: Buffer.alloc(32) }) });
  const events: RunEvent[] = [];
  const tell = (body: object): void => {
    const time = new Date(START + events.length * 1_000).toISOString();
    events.push({ v: 1, seq: events.length + 1, time, actor: "test", prev: "", ...body } as RunEvent);
  };
  for (const one of happenings) {
    if ("began" in one) {
      tell({ type: "step.moved", step: one.began, to: "starting", problem: null, note: null, output: null });
      continue;
    }
    const meta = { name: `masters/${one.node}/metrics.json`, mediaType: "application/json", evidenceOf: "metrics" };
    const bytes = JSON.stringify({ in: one.step, at: events.length });
    const kept: ArtifactRecord = await store.put({ ...meta, step: one.step, node: one.node }, bytes);
    tell({ type: "artifact.recorded", ...kept });
  }
  const kept = events.filter((event) => event.type === "artifact.recorded");
  return openRecordings({ folder, plan: PLAN, events, kept }, {} as Inventory, PLATFORM);
}

const said = async (door: RecordedDoor | null, node: string): Promise<unknown> => {
  const answer = await door?.remote.http(request(node));
  return answer?.kind === "answered" ? (JSON.parse(answer.body.toString()) as unknown) : answer;
};

describe("the captures of a run as evidence", () => {
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "pawl-recordings-"));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  it("are those of the last time the state was captured", async () => {
    const door = await doorOver([
      { began: BEFORE },
      ...NODES.map((node) => ({ step: BEFORE, node })),
      { began: AFTER },
      ...NODES.map((node) => ({ step: AFTER, node })),
    ]);
    expect(await said(door, "m1")).toMatchObject({ in: AFTER });
    expect(await said(door, "m2")).toMatchObject({ in: AFTER });
  });

  it("never stand in for a node that was silent the last time: what it said before the upgrade is no answer", async () => {
    const door = await doorOver([
      { began: BEFORE },
      ...NODES.map((node) => ({ step: BEFORE, node })),
      { began: AFTER },
      { step: AFTER, node: "m1" },
    ]);
    expect(await said(door, "m1")).toMatchObject({ in: AFTER });
    expect(await said(door, "m2")).toMatchObject({ kind: "no-answer", code: "not-recorded" });
  });

  it("never come from an attempt that was broken off", async () => {
    const door = await doorOver([
      { began: BEFORE },
      ...NODES.map((node) => ({ step: BEFORE, node })),
      { began: BEFORE },
      { step: BEFORE, node: "m1" },
    ]);
    expect(await said(door, "m1")).toMatchObject({ in: BEFORE, at: 4 });
    expect(await said(door, "m2")).toMatchObject({ kind: "no-answer" });
  });

  it("are none where nobody answered the last time", async () => {
    const door = await doorOver([{ began: BEFORE }, ...NODES.map((node) => ({ step: BEFORE, node })), { began: AFTER }]);
    expect(door).toBeNull();
  });
});
