import type { ArtifactRef } from "../../../domain/events.ts";
import type { Json, JsonRecord } from "../../../domain/json.ts";
import { number, record, text } from "../../../domain/json-fields.ts";
import { allSteps } from "../../../domain/plan.ts";
import { PawlError } from "../../../domain/errors.ts";
import type { StepContext } from "../../../engine/ports.ts";

/** The kind of the step that shows and keeps what a change is made from. */
export const PREVIEW = "swarm/preview-service";

/** What a preview hands on: small, because it stands in the journal; everything else is in sealed artifacts. */
export interface PreviewOutput {
  readonly service: string;
  /** Null: there is none yet. */
  readonly id: string | null;
  /** `Version.Index` and `UpdateStatus.StartedAt` as they were. */
  readonly index: number | null;
  readonly startedAt: string | null;
  /** How many things differ. */
  readonly changes: number;
  /** The service as it was. */
  readonly kept: ArtifactRef | null;
  /** What is to be sent: a change, or a whole spec. */
  readonly wanted: ArtifactRef | null;
}

export function previewJson(preview: PreviewOutput): JsonRecord {
  const { kept, wanted, ...rest } = preview;
  return { ...rest, kept: kept === null ? null : { ...kept }, wanted: wanted === null ? null : { ...wanted } };
}

function refOf(value: Json | undefined): ArtifactRef | null {
  const [sha256, bytes] = [text(record(value)["sha256"]), number(record(value)["bytes"])];
  return sha256 === null || bytes === null ? null : { sha256, bytes };
}

function previewOf(value: Json): PreviewOutput | null {
  const one = record(value);
  const [service, changes] = [text(one["service"]), number(one["changes"])];
  if (service === null || changes === null) return null;
  return {
    ...{ service, changes, id: text(one["id"]), index: number(one["index"]), startedAt: text(one["startedAt"]) },
    ...{ kept: refOf(one["kept"]), wanted: refOf(one["wanted"]) },
  };
}

/** What the preview of this service has found in this run; null where none is complete. */
export function foundPreview(ctx: Pick<StepContext, "plan" | "record">, service: string): PreviewOutput | null {
  const previews = allSteps(ctx.plan).filter((step) => step.kind === PREVIEW);
  return previews.map((step) => previewOf(ctx.record(step.address).output)).find((one) => one?.service === service) ?? null;
}

/** What the only preview of this run has found. Throws PawlError invalid-document. */
export function onlyPreview(ctx: Pick<StepContext, "plan" | "record" | "step">): PreviewOutput {
  const previews = allSteps(ctx.plan).flatMap((step) =>
    step.kind === PREVIEW ? (previewOf(ctx.record(step.address).output) ?? []) : [],
  );
  const [only] = previews;
  if (only === undefined || previews.length > 1) throw noPreview(ctx, "it");
  return only;
}

function noPreview(ctx: Pick<StepContext, "step">, service: string): PawlError {
  return new PawlError("invalid-document", "no-preview", `${ctx.step.address}: nothing has shown and kept what ${service} was`, {
    expected: `a complete step of kind ${PREVIEW} before it`,
    next: "Correct the runbook.",
  });
}

/** The same where a step cannot do without. Throws PawlError invalid-document. */
export function needPreview(ctx: Pick<StepContext, "plan" | "record" | "step">, service: string): PreviewOutput {
  const found = foundPreview(ctx, service);
  if (found === null) throw noPreview(ctx, service);
  return found;
}
