import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "vitest";
import { FIXTURE, SHARED, captures, type Capture } from "../model/support.ts";
import { merge, shapeOf, type Shape } from "../model/shape.ts";

/** Every answer recorded from real Mesos processes, with the moment it belongs to. */
export const RECORDED: readonly (Capture & { readonly moment: string })[] = readdirSync(join(FIXTURE, "mesos-real"), {
  recursive: true,
  encoding: "utf8",
})
  .filter((file) => /\/\d\d-.*\.json$/.test(file))
  .toSorted()
  .flatMap((file) => captures(file).map((one) => ({ ...one, moment: file.replace(/\.json$/, "") })));

/** Recorded 200 answers of a path, merged into one shape: what may be there, and of which type. `moments` begins their names. */
export function recordedShape(kind: "master" | "agent", path: string, type?: string, moments = ""): Shape {
  const found = RECORDED.filter(
    (one) =>
      one.status === 200 &&
      one.moment.startsWith(moments) &&
      one.node.startsWith(kind === "master" ? "m" : "a") &&
      one.path.replace(/^\/master\//, "/") === path &&
      (type === undefined ? one.method === "GET" : one.call?.type === type),
  );
  const [first, ...others] = found.map((one) => shapeOf(one.body));
  if (first === undefined) throw new Error(`no answer to ${path} was recorded of any ${kind}`);
  return others.reduce((all, one) => merge(all, one), first);
}

/** Whether the published captures are beside the repository; without them a run in CI fails, any other says so and goes on. */
export function published(): boolean {
  const there = existsSync(SHARED);
  expect(!there && process.env["CI"] === "true" ? "the published captures beside the repository are missing" : "").toBe("");
  return there;
}

/** Text of a published capture. */
export function publishedText(file: string): string {
  return readFileSync(join(SHARED, file), "utf8");
}

/** Published answers of one endpoint, merged into one shape. */
export function publishedShape(files: readonly string[]): Shape {
  const [first, ...others] = files.map((file) => shapeOf(publishedText(file)));
  if (first === undefined) throw new Error("no published file is named");
  return others.reduce((all, one) => merge(all, one), first);
}
