import type { ArtifactRecord, RunEvent } from "../domain/events.ts";

/** `manifest.json`: every captured byte of the run, as the journal recorded it up to event `seq`. */
export interface Manifest {
  readonly v: 1;
  readonly seq: number;
  readonly artifacts: readonly ArtifactRecord[];
}

/** Events a manifest is made from; verify keeps only these in memory. */
export type ManifestEvent = Extract<RunEvent, { readonly type: "artifact.recorded" | "check.measured" }>;

/** Whether the event mentions captured bytes. */
export function mentionsArtifact(event: RunEvent): event is ManifestEvent {
  return event.type === "artifact.recorded" || (event.type === "check.measured" && event.evidence !== null);
}

/**
 * The manifest that belongs to the events, in the order of the journal. Evidence that only a measurement refers to gets a
 * line too: every reference in the journal must be found. The journal is the only source, so it can be made again at any time.
 */
export function manifestOf(events: readonly RunEvent[], seq: number): Manifest {
  const artifacts: ArtifactRecord[] = [];
  const seen = new Set<string>();
  for (const event of events) {
    if (event.type !== "artifact.recorded") continue;
    const { sha256, bytes, name, mediaType, step, node, evidenceOf, sealed } = event;
    artifacts.push({ name, sha256, bytes, mediaType, step, node, evidenceOf, sealed });
    seen.add(sha256);
  }
  for (const event of events) {
    if (event.type !== "check.measured" || event.evidence === null || seen.has(event.evidence.sha256)) continue;
    seen.add(event.evidence.sha256);
    const name = `readings/${event.step ?? "watch"}/${event.check}/${event.seq}`;
    const evidenceOf = `what ${event.check} was judged by: ${event.verdict}`;
    artifacts.push({
      name,
      ...event.evidence,
      mediaType: "application/json",
      step: event.step,
      node: null,
      evidenceOf,
      sealed: false,
    });
  }
  return { v: 1, seq, artifacts };
}

/** The bytes of `manifest.json`. */
export function manifestText(manifest: Manifest): string {
  return `${JSON.stringify(manifest, null, 1)}\n`;
}
