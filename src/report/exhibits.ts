import type { ArtifactRecord } from "../domain/events.ts";
import { DOCUMENT_TYPE, FIGURE_TYPE } from "../domain/exhibit.ts";
import { readJson, type Json, type JsonRecord } from "../domain/json.ts";
import { say, section, type Block, type Section, type Words } from "./page.ts";

/** What a report holds at most of one document; longer ones are only listed. */
const MOST_BYTES = 4 << 20;
/** Rows of one table that a report prints; all of them are in the artifact. */
const MOST_ROWS = 500;

/** A captured document or picture with its bytes. */
export interface Exhibit {
  readonly artifact: ArtifactRecord;
  readonly text: string;
}

/**
 * Captured documents and pictures that a report shows. Of each name what its first step left in the end (a worksheet is filled
 * in before anything is changed), of pictures also what the last step left: before and after. Sealed ones never.
 */
export function exhibited(artifacts: readonly ArtifactRecord[]): readonly ArtifactRecord[] {
  const names = new Map<string, Map<string | null, ArtifactRecord>>();
  for (const artifact of artifacts) {
    if (artifact.sealed || artifact.bytes > MOST_BYTES) continue;
    if (artifact.mediaType !== DOCUMENT_TYPE && artifact.mediaType !== FIGURE_TYPE) continue;
    const name = artifact.name.slice(artifact.name.lastIndexOf("/") + 1);
    const steps = names.get(name) ?? new Map<string | null, ArtifactRecord>();
    names.set(name, steps.set(artifact.step, artifact));
  }
  return [...names.values()].flatMap((steps) => {
    const [first, ...later] = steps.values();
    const last = later.at(-1);
    if (first === undefined) return [];
    return last === undefined || first.mediaType === DOCUMENT_TYPE || first.sha256 === last.sha256 ? [first] : [first, last];
  });
}

/** A section for each document; pictures of one subject stand in one section. A document that is none is left out. */
export function exhibitSections(exhibits: readonly Exhibit[]): readonly Section[] {
  const figures = exhibits.filter(({ artifact }) => artifact.mediaType === FIGURE_TYPE);
  return [
    ...section(
      "Pictures",
      figures.map(({ artifact, text }): Block => ({
        kind: "figure",
        figure: { title: figureTitle(artifact), svg: text },
        file: `artifacts/${artifact.sha256}`,
      })),
    ),
    ...exhibits.filter(({ artifact }) => artifact.mediaType === DOCUMENT_TYPE).flatMap(({ text }) => documentSection(text)),
  ];
}

function isRecord(value: Json): value is JsonRecord {
  return value !== null && typeof value === "object" && !Array.isArray(value);
}

function figureTitle(artifact: ArtifactRecord): string {
  return artifact.step === null ? artifact.evidenceOf : `${artifact.evidenceOf} (${artifact.step})`;
}

function documentSection(text: string): readonly Section[] {
  const read = readJson(text);
  if (!read.ok || !isRecord(read.value)) return [];
  const { title, ...parts } = read.value;
  return section(
    typeof title === "string" ? title : "Document",
    Object.entries(parts).flatMap(([name, value]) => partBlocks(name, value)),
  );
}

/** `note` stands by itself, rows become a table, plain lists a list; anything else is a line with its name. */
function partBlocks(name: string, value: Json): readonly Block[] {
  if (value === null || value === "") return [];
  if (name === "note" || name === "verdict") return [{ kind: "text", words: [cell(value)] }];
  const heading: Block = { kind: "heading", words: [label(name)] };
  if (Array.isArray(value)) {
    const list: readonly Json[] = value;
    const rows = list.filter(isRecord);
    const block: Block =
      rows.length === list.length ? tableOf(rows) : { kind: "list", items: list.slice(0, MOST_ROWS).map((one) => [cell(one)]) };
    return list.length === 0 ? [] : [heading, block, ...more(list.length)];
  }
  if (isRecord(value)) {
    const pairs = Object.entries(value).map(([key, one]) => [label(key), [cell(one) || "none"]] as const);
    return pairs.length === 0 ? [] : [heading, { kind: "pairs", pairs }];
  }
  return [{ kind: "pairs", pairs: [[label(name), [cell(value)]]] }];
}

function more(rows: number): readonly Block[] {
  return rows <= MOST_ROWS ? [] : [{ kind: "text", words: say`${rows - MOST_ROWS} more in the artifact.` }];
}

function tableOf(rows: readonly JsonRecord[]): Block {
  const keys = [...new Set(rows.flatMap((row) => Object.keys(row)))];
  return {
    kind: "table",
    head: keys.map(label),
    rows: rows.slice(0, MOST_ROWS).map((row) => keys.map((key): Words => [cell(row[key] ?? null)])),
  };
}

/** `pinnedTasks` and `pinned-tasks` as people read them. */
function label(key: string): string {
  return key
    .replaceAll(/[-_]/g, " ")
    .replaceAll(/(?<=[a-z])(?=[A-Z])/g, " ")
    .toLowerCase();
}

function cell(value: Json): string {
  if (value === null) return "";
  if (Array.isArray(value)) return value.map(cell).join(", ");
  if (typeof value === "object")
    return Object.entries(value)
      .map(([key, one]) => `${key}: ${cell(one)}`)
      .join(", ");
  return typeof value === "boolean" ? (value ? "yes" : "no") : String(value);
}
