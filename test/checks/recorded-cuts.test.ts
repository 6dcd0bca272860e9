import { existsSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { fromHttp, fromText } from "../../src/check/answers.ts";
import type { Check, ReadingSpec, Recording } from "../../src/domain/documents.ts";
import type { Json, JsonRecord } from "../../src/domain/json.ts";
import { captured, checks } from "./material.ts";

/** Whether `part` is what is left of `whole` when things are left out: keys of objects, elements of lists, lines of text. */
function isCut(part: Json, whole: Json): boolean {
  if (Array.isArray(part)) {
    if (!Array.isArray(whole)) return false;
    let from = 0;
    return (part as readonly Json[]).every((one) => {
      const at = (whole as readonly Json[]).findIndex((other, index) => index >= from && isCut(one, other));
      from = at + 1;
      return at !== -1;
    });
  }
  if (part !== null && typeof part === "object")
    return (
      whole !== null &&
      typeof whole === "object" &&
      !Array.isArray(whole) &&
      Object.entries(part as JsonRecord).every(([key, one]) => isCut(one, (whole as JsonRecord)[key] ?? null))
    );
  if (typeof part === "string" && typeof whole === "string" && part.includes("\n")) {
    const lines = whole.split("\n");
    return part.split("\n").every((line) => lines.includes(line));
  }
  return part === whole;
}

/** What a capture has for one reading: a value, no answer, or nothing (that was not asked then). */
type Found = { readonly kind: "value"; readonly value: Json } | { readonly kind: "no-answer" } | { readonly kind: "not-asked" };

function mesosReading(from: readonly string[], check: Check, subject: string, spec: ReadingSpec): Found {
  if (spec.kind !== "http") return { kind: "not-asked" };
  const path = spec.url.replace(/^https?:\/\/[^/]+/, "").split("?")[0];
  const whoever = check.scope.kind === "cluster" || spec.url.includes("{address@");
  const found = captured(...from).filter(
    (one) => one.path === path && one.method === spec.method && (whoever ? one.node.startsWith("m") : one.node === subject),
  );
  const readings = found.map((one) => fromHttp(spec.as, one.answer));
  const read = readings.find((one) => one.kind === "read");
  if (read?.kind === "read") return { kind: "value", value: read.value };
  return { kind: found.length === 0 ? "not-asked" : "no-answer" };
}

function checkRunnerReading(file: string, value: Json): Found {
  if (value === null || typeof value !== "object") return { kind: "not-asked" };
  const { exitCode, stdout, stderr } = JSON.parse(readFileSync(`test/fixture/dcos-checks/${file}.json`, "utf8")) as {
    readonly exitCode: number;
    readonly stdout: string;
    readonly stderr: string;
  };
  return { kind: "value", value: { code: exitCode, stdout: JSON.parse(stdout) as Json, stderr } };
}

/** The same as the platform hands it over: what was recorded is one type of the checks; which were listed is told by their results. */
function checksFacts(file: string): Found {
  const { exitCode, stdout } = JSON.parse(readFileSync(`test/fixture/dcos-checks/${file}.json`, "utf8")) as {
    readonly exitCode: number;
    readonly stdout: string;
  };
  return { kind: "value", value: { types: { "node-poststart": { code: exitCode, stdout: JSON.parse(stdout) as Json } } } };
}

/** What the capture has of the checks: their names and the other types were not captured with it. */
function capturedPart(value: Json): Json {
  const ran = ((value as JsonRecord)["types"] as JsonRecord)["node-poststart"] as JsonRecord;
  return { types: { "node-poststart": { code: ran["code"] ?? null, stdout: JSON.parse(ran["stdout"] as string) as Json } } };
}

function zookeeperReading(from: readonly string[], index: number, spec: ReadingSpec): Found {
  if (spec.kind !== "four-letter") return { kind: "not-asked" };
  const base = from[index];
  if (base === undefined) return { kind: "not-asked" };
  const file = [`test/fixture/zookeeper/${base}-${spec.word}.txt`, `test/fixture/zookeeper/${base}.txt`].find((one) =>
    existsSync(one),
  );
  if (file === undefined || (file.includes(`/${base}.txt`) && !base.includes(spec.word))) return { kind: "not-asked" };
  const reading = fromText(spec.as, readFileSync(file, "utf8"));
  return reading.kind === "read" ? { kind: "value", value: reading.value } : { kind: "no-answer" };
}

function readingOf(recording: Recording, check: Check, subject: string, index: number, name: string, value: Json): Found {
  const spec = check.readings[name];
  const from = recording.from ?? [];
  if (spec === undefined) return { kind: "not-asked" };
  if (existsSync(`test/fixture/mesos-real/${from[0] ?? ""}.json`)) return mesosReading(from, check, subject, spec);
  if (existsSync(`test/fixture/dcos-checks/${from[0] ?? ""}.json`))
    return spec.kind === "command"
      ? checkRunnerReading(from[0] ?? "", value)
      : spec.kind === "facts" && spec.about === "checks"
        ? checksFacts(from[0] ?? "")
        : { kind: "not-asked" };
  return zookeeperReading(from, index, spec);
}

/** The JSON that a program printed is compared as JSON: a recording may leave checks out of it. */
function comparable(value: Json): Json {
  if (value === null || typeof value !== "object" || Array.isArray(value)) return value;
  const record = value as JsonRecord;
  if ("types" in record && "program" in record) return capturedPart(value);
  return typeof record["stdout"] === "string" && record["stdout"].trimStart().startsWith("{")
    ? { ...record, stdout: JSON.parse(record["stdout"]) as Json }
    : value;
}

const all = checks.flatMap((check) =>
  [...check.refuses, ...(check.accepts ?? [])].map((recording) => ({
    check,
    recording,
    title: `${check.name}: ${recording.name}`,
  })),
);
const recorded = all.filter(({ recording }) => recording.from !== undefined);

describe("a reading that calls itself recorded", () => {
  it("names its capture, and one that names a capture calls itself recorded", () => {
    expect(
      all
        .filter(({ recording }) => recording.name.includes("recorded") !== (recording.from !== undefined))
        .map(({ title }) => title),
    ).toEqual([]);
    expect(recorded.length).toBeGreaterThan(30);
  });

  it.each(recorded.map((one) => [one.title, one] as const))("%s", (_title, { check, recording }) => {
    const compared = Object.entries(recording.subjects).flatMap(([subject, readings], index) =>
      Object.keys(check.readings).map((name) => {
        const value = readings[name];
        const found = readingOf(recording, check, subject, index, name, value ?? null);
        // What was recorded as answered may not be left out: that would be another moment than the captured one.
        if (value === undefined) expect([subject, name, found.kind]).not.toEqual([subject, name, "value"]);
        else if (value !== null) expect([subject, name, found.kind]).not.toEqual([subject, name, "no-answer"]);
        if (found.kind !== "value" || value === undefined || value === null) return found.kind === "no-answer";
        expect(
          isCut(comparable(value), found.value),
          `${subject}.${name}: ${JSON.stringify(value)} is no cut of ${JSON.stringify(found.value).slice(0, 600)}`,
        ).toBe(true);
        return true;
      }),
    );
    expect(compared).toContain(true);
  });
});

it("a cut is told from what was never there", () => {
  expect(isCut({ a: [1, { b: 2 }] }, { a: [0, 1, { b: 2, c: 3 }], d: 4 })).toBe(true);
  expect(isCut({ a: [{ b: 2 }, 1] }, { a: [1, { b: 2 }] })).toBe(false);
  expect(isCut({ a: 2 }, { a: 1 })).toBe(false);
  expect(isCut("x\ny", "x\nz\ny")).toBe(true);
  expect(isCut("x\ny", "x\nz")).toBe(false);
});
