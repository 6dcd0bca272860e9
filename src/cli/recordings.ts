import { readArtifact } from "../artifact/store.ts";
import type { Check } from "../domain/documents.ts";
import { PawlError } from "../domain/errors.ts";
import type { RunEvent } from "../domain/events.ts";
import type { Inventory } from "../domain/inventory.ts";
import type { Json, JsonRecord } from "../domain/json.ts";
import { allSteps, type Plan } from "../domain/plan.ts";
import type { CaptureItem, HttpAnswer, Platform, Remote } from "../engine/ports.ts";

/** What a platform tells about its records: which answer each captured file is, and how a node's facts are read from one. */
export type RecordedPlatform = Pick<Platform, "ports" | "nodeFacts" | "captures">;

type Kept = Extract<RunEvent, { readonly type: "artifact.recorded" }>;

/** A run or snapshot as evidence: its plan, its journal, and what it captured, oldest first. */
export interface RunRecordings {
  readonly folder: string;
  readonly plan: Plan;
  readonly events: readonly RunEvent[];
  readonly kept: readonly Kept[];
}

/** Opens a folder as evidence. Throws PawlError `usage` for one that is no run's, `said-no` for a record that cannot be read. */
export async function readRecordings(folder: string): Promise<RunRecordings> {
  const { hasJournal } = await import("../journal/file-journal.ts");
  const { readJournal } = await import("../journal/read.ts");
  const { readPlan } = await import("../journal/plan-file.ts");
  if (!(await hasJournal(folder)))
    throw new PawlError("usage", "check.no-run", `${folder} is a folder, but not that of a run or a snapshot`, {
      expected: "a folder with journal.jsonl, plan.json and artifacts, such as a snapshot leaves behind",
      next: "pawl runs",
    });
  const { events } = await readJournal(folder);
  const kept = events.filter((event): event is Kept => event.type === "artifact.recorded");
  return { folder, plan: await readPlan(folder), events, kept };
}

/**
 * What the check itself was judged by when it was last measured in that run, as text; with `node`, in a step of that node. Null
 * where it was not measured there. Throws PawlError `said-no` where the bytes are not what was recorded.
 */
export async function lastReading(
  { folder, kept }: RunRecordings,
  check: Check,
  node: string | null,
): Promise<{ readonly name: string; readonly time: string; readonly text: string } | null> {
  const found = kept.findLast(
    (one) =>
      one.name.endsWith(`/${check.name}.json`) &&
      one.evidenceOf.startsWith(`reading of ${check.name}: `) &&
      (node === null || one.node === node),
  );
  if (found === undefined) return null;
  return { name: found.name, time: found.time, text: (await readArtifact(folder, found)).toString("utf8") };
}

/** Answers by what was asked, as a capture asked it. */
interface Answer {
  readonly kept: Kept;
  readonly read: CaptureItem["read"];
  readonly whole: boolean;
}

/** A door that gives out what a run captured, and nothing else. */
export interface RecordedDoor {
  readonly remote: Remote;
  /** Names of the captures that were asked for so far. */
  readonly used: () => readonly string[];
  /** When the last of the captures was taken, epoch ms. */
  readonly takenMs: number;
  /** Reads a node's facts, with the moments between which they were captured. */
  readonly platform: Pick<Platform, "ports" | "nodeFacts">;
}

/**
 * What was captured the last time a run captured the state. A node that was silent then has no answer: what it had said before, in
 * another step or an attempt that was broken off, says nothing about that moment.
 */
function lastCaptured({ plan, events, kept }: RunRecordings, names: ReadonlySet<string>): readonly Kept[] {
  // Sealed bytes are not masked: they belong into no answer.
  const captured = kept.filter((one) => names.has(one.name) && !one.sealed);
  const steps = allSteps(plan);
  const kinds = new Set(steps.filter((step) => captured.some((one) => one.step === step.address)).map((step) => step.kind));
  const capturing = new Set(steps.filter((step) => kinds.has(step.kind)).map((step) => step.address));
  const begun = events.findLast((event) => event.type === "step.moved" && event.to === "starting" && capturing.has(event.step));
  return begun?.type === "step.moved" ? captured.filter((one) => one.step === begun.step && one.seq > begun.seq) : [];
}

/** The last captures of a run, as answers to the requests they were the answers to. Null where there are none. */
export function openRecordings(recordings: RunRecordings, inventory: Inventory, platform: RecordedPlatform): RecordedDoor | null {
  const { folder, plan, events } = recordings;
  const items = platform.captures(inventory, plan.facts);
  const captured = lastCaptured(recordings, new Set(items.map((item) => item.name)));
  const answers = items.flatMap(({ name, node, read, whole }): readonly Answer[] => {
    const newest = captured.findLast((one) => one.name === name && one.node === node);
    return newest === undefined ? [] : [{ kept: newest, read, whole: whole === true }];
  });
  if (answers.length === 0) return null;
  const missing = "nothing of this was captured";
  const used = new Set<string>();
  const find = (fits: (read: CaptureItem["read"]) => boolean): Kept | undefined => answers.find((one) => fits(one.read))?.kept;
  const bytesOf = async (fits: (read: CaptureItem["read"]) => boolean): Promise<Buffer | null> => {
    const found = find(fits);
    if (found === undefined) return null;
    used.add(found.name);
    return readArtifact(folder, found);
  };
  const remote: Remote = {
    async http({ method, url, body: posted }) {
      const fits = (read: CaptureItem["read"]): boolean =>
        read.kind === "http" && read.request.method === method && read.request.url === url && read.request.body === posted;
      const body = await bytesOf(fits);
      if (body === null) return { kind: "no-answer", code: "not-recorded", reason: missing };
      const whole = answers.find((one) => fits(one.read))?.whole === true;
      return whole ? answerOf(url, body) : { kind: "answered", status: 200, headers: {}, body, url };
    },
    async run(target, { argv }) {
      const stdout = await bytesOf(
        (read) => read.kind === "command" && read.target === target && sameWords(read.command.argv, argv),
      );
      if (stdout === null) return { kind: "lost", code: "not-recorded", reason: missing, sent: false };
      return { kind: "exited", code: 0, stdout: stdout.toString("utf8"), stderr: "" };
    },
    async tcp(host, port, send) {
      const body = await bytesOf((read) => read.kind === "tcp" && read.host === host && read.port === port && read.send === send);
      return body === null ? { kind: "no-answer", code: "not-recorded", reason: missing } : { kind: "answered", body };
    },
    stream: () => Promise.resolve({ kind: "lost", code: "not-recorded", reason: missing, sent: false }),
    close: () => Promise.resolve(),
  };
  /** Epoch seconds between which this was captured: from the beginning of its step to the event that recorded it. */
  const between = (one: Kept): readonly number[] => {
    const begun = events.findLast(
      (event) => event.type === "step.moved" && event.step === one.step && event.to === "starting" && event.seq < one.seq,
    );
    return [Date.parse(begun?.time ?? plan.facts.observedAt) / 1_000, Date.parse(one.time) / 1_000];
  };
  return {
    remote,
    used: () => [...used],
    takenMs: Math.max(...answers.map((one) => Date.parse(one.kept.time))),
    platform: {
      ports: platform.ports,
      async nodeFacts(_reader, _inventory, node, about) {
        let from: Kept | undefined;
        const door: Remote = {
          ...remote,
          run(target, command) {
            from = find(
              (read) => read.kind === "command" && read.target === target && sameWords(read.command.argv, command.argv),
            );
            return remote.run(target, command);
          },
        };
        const facts = await platform.nodeFacts(door, inventory, node, about);
        return isRecord(facts) && from !== undefined ? { ...facts, readBetween: between(from) } : facts;
      },
    },
  };
}

function isRecord(value: Json): value is JsonRecord {
  return value !== null && typeof value === "object" && !Array.isArray(value);
}

/** An answer that was kept whole, as it came. */
function answerOf(url: string, bytes: Buffer): HttpAnswer {
  const { status, location, body } = JSON.parse(bytes.toString("utf8")) as {
    readonly status: number;
    readonly location: string | null;
    readonly body: string;
  };
  return { kind: "answered", status, headers: location === null ? {} : { location }, body: Buffer.from(body), url };
}

function sameWords(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((word, index) => word === b[index]);
}
