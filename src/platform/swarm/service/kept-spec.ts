import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { isAbsolute, join, resolve } from "node:path";
import { PawlError } from "../../../domain/errors.ts";
import type { ArtifactRef } from "../../../domain/events.ts";
import { readJson, type Json, type JsonRecord } from "../../../domain/json.ts";
import { number, parseJson, record, text } from "../../../domain/json-fields.ts";
import type { StepContext } from "../../../engine/ports.ts";

/** How artifacts with a service's spec are called, behind the address of their step. */
const KEPT = "spec-before";

/** A service as it was before a change, kept to go back to. */
export interface KeptSpec {
  readonly service: string;
  readonly id: string;
  /** Whether the managers had called it good: no update of it was under way, paused or on its way back. */
  readonly good: boolean;
  readonly keptAt: string;
  readonly spec: JsonRecord;
}

/** Puts something that holds secrets in the clear into the run's store, sealed, and hands on where it is. */
export async function seal(ctx: StepContext, name: string, evidenceOf: string, body: Json): Promise<ArtifactRef> {
  const meta = {
    ...{ name: `${ctx.step.address}/${name}`, mediaType: "application/json", step: ctx.step.address, node: null },
    ...{ evidenceOf, sealed: true },
  };
  const kept = await ctx.artifacts.put(meta, `${JSON.stringify(body)}\n`);
  await ctx.recorded(kept);
  return { sha256: kept.sha256, bytes: kept.bytes };
}

/** Keeps a service's spec as it is now, sealed: environment variables hold passwords. */
export async function keepSpec(ctx: StepContext, kept: KeptSpec): Promise<ArtifactRef> {
  return seal(ctx, KEPT, `${kept.service} before the change, to go back to`, { ...kept });
}

/** Reads a sealed artifact of this run. Throws PawlError where it is gone or not what was kept. */
export async function unseal(ctx: StepContext, ref: Json | undefined): Promise<JsonRecord> {
  const sha256 = text(record(ref)["sha256"]);
  const read = sha256 === null ? undefined : parseJson((await ctx.artifacts.read({ sha256 })).toString("utf8"));
  if (read === undefined)
    throw new PawlError("step-failed", "kept-unreadable", "what an earlier step of this run has kept cannot be read", {
      expected: `artifacts/${sha256 ?? "?"}`,
      next: "pawl verify RUN tells what is missing.",
    });
  return record(read);
}

/** The spec in a kept artifact's bytes; null where it is none. */
function keptOf(value: JsonRecord): KeptSpec | null {
  const [service, id, spec] = [text(value["service"]), text(value["id"]), record(value["spec"])];
  if (service === null || id === null || Object.keys(spec).length === 0) return null;
  return { service, id, spec, good: value["good"] === true, keptAt: text(value["keptAt"]) ?? "" };
}

function unreadable(run: string, service: string, observed: string): PawlError {
  return new PawlError("step-failed", "kept-unreadable", `no spec of ${service} can be taken from ${run}`, {
    expected: `the folder of a run that has changed ${service}, with the spec it kept before`,
    observed,
    next: "pawl runs lists the runs; --set run= takes the folder that it was printed with.",
  });
}

/**
 * The folder of a run: as it is named, else by its name below the output folder of the run that asks (`spell` says where that is).
 */
export function folderOfRun(run: string, ctx: Pick<StepContext, "spell" | "plan">): string {
  if (isAbsolute(run) || run.includes("/")) return resolve(run);
  return resolve(outputFolder(ctx), ctx.plan.cluster.name, run);
}

/** Where this run's folder and those of its cluster lie, relative to where pawl was called. */
export function outputFolder(ctx: Pick<StepContext, "spell">): string {
  const [, quoted, plain] = /--output-dir (?:'(.*)'|(\S+))$/.exec(ctx.spell("status")) ?? [];
  return quoted?.replaceAll(`'\\''`, "'") ?? plain ?? "backups";
}

/**
 * The spec of a service that another run had kept, from that run's journal and store. The bytes must be those of the journal's digest.
 * Throws PawlError where there is none.
 */
export async function readKeptSpec(folder: string, service: string): Promise<KeptSpec> {
  let journal: string;
  try {
    journal = await readFile(join(folder, "journal.jsonl"), "utf8");
  } catch {
    throw unreadable(folder, service, "no journal.jsonl there");
  }
  const recorded = journal.split("\n").flatMap((line) => {
    const read = readJson(line);
    const event = read.ok ? record(read.value) : {};
    const name = text(event["name"]) ?? "";
    return event["type"] === "artifact.recorded" && name.endsWith(`/${KEPT}`) ? [event] : [];
  });
  for (const event of recorded) {
    const [sha256, bytes] = [text(event["sha256"]) ?? "", number(event["bytes"])];
    if (!/^[0-9a-f]{64}$/.test(sha256)) continue;
    const body = await readFile(join(folder, "artifacts", sha256)).catch(() => null);
    if (body === null) throw unreadable(folder, service, `artifacts/${sha256} is missing`);
    if (body.length !== bytes || createHash("sha256").update(body).digest("hex") !== sha256)
      throw unreadable(folder, service, `artifacts/${sha256} is not what was kept`);
    const kept = keptOf(record(parseJson(body.toString("utf8"))));
    // The first is from before the run changed anything.
    if (kept?.service === service) return kept;
  }
  throw unreadable(
    folder,
    service,
    recorded.length === 0 ? "that run has kept no spec" : "that run has kept specs of other services",
  );
}

/** The kept spec in a sealed artifact of this run. Throws PawlError. */
export async function unsealSpec(ctx: StepContext, ref: Json | undefined): Promise<KeptSpec> {
  const kept = keptOf(await unseal(ctx, ref));
  if (kept === null) throw unreadable(ctx.run, "the service", "the artifact holds no spec");
  return kept;
}
