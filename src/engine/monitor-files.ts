import { formatDuration } from "../domain/duration.ts";
import type { NodeName } from "../domain/inventory.ts";
import { seriesName, type Monitor, type Sample } from "../domain/monitor.ts";
import { createSegment, type Segment } from "../domain/series.ts";
import type { ArtifactMeta } from "./ports.ts";

/** What a crash may lose of a file: the last quarter of an hour. */
const WRITTEN_EVERY_MS = 15 * 60_000;
/** Where readings are far apart in time that runs fast, so many wait for each other: a segment is a line of the journal. */
const FEWEST_ROWS = 60;
/** Writes that go on at once. */
const WRITERS = 8;

/** What may wait to be written: rows of one source, and cells (a number each) of all. Half of it begins a write. */
export interface BufferBounds {
  readonly rows: number;
  readonly cells: number;
}

const BUFFER_BOUNDS: BufferBounds = { rows: 8_192, cells: 1_000_000 };

/** Whose file: a monitor's, of one subject. */
export interface SeriesOwner {
  readonly monitor: Monitor;
  readonly subject: string;
  readonly node: NodeName | null;
}

/** The files of all sources: rows wait in bounded memory and are written in segments, each an artifact on record. */
export interface SeriesFiles {
  /** Where there is no room, a reading is not kept, and the file has a gap. */
  add(owner: SeriesOwner, sample: Sample): void;
  /** When the next write is due, on the monotonic clock; now where much is waiting. */
  dueMs(): number;
  /** Writes what waits. One write at a time; never rejects. */
  write(): Promise<void>;
  /** What waits now. */
  waiting(): BufferBounds;
}

/** Where segments go. */
export interface SeriesShelf {
  /** Keeps a text and puts it on record; what it throws is told in the file. */
  keep(meta: ArtifactMeta, text: string): Promise<void>;
  monotonic(): number;
}

interface File {
  readonly owner: SeriesOwner;
  readonly segment: Segment;
  cells: number;
  /** A reading was not kept: the next that is follows a gap. */
  lost: string | null;
}

/**
 * Files of a session. Each session writes segments of its own; those before it stay as they are. `spaced`: readings are far apart, so
 * that more time passes before they are worth a segment.
 */
export function createSeriesFiles(shelf: SeriesShelf, spaced: boolean, bounds: BufferBounds = BUFFER_BOUNDS): SeriesFiles {
  const files = new Map<string, File>();
  let writtenMs = shelf.monotonic();
  let writing: Promise<void> | null = null;
  let cells = 0;

  const fileOf = (owner: SeriesOwner): File => {
    const key = seriesName(owner.monitor.name, owner.subject);
    const file = files.get(key) ?? { owner, segment: createSegment(), cells: 0, lost: null };
    files.set(key, file);
    return file;
  };

  const put = (file: File, sample: Sample): void => {
    const grown = file.segment.add(sample);
    file.cells += grown;
    cells += grown;
  };

  const writeFile = async (file: File): Promise<void> => {
    const { monitor, subject, node } = file.owner;
    const rows = file.segment.rows;
    const text = file.segment.take();
    cells -= file.cells;
    file.cells = 0;
    if (text === null) return;
    const meta = {
      name: seriesName(monitor.name, subject),
      mediaType: "text/csv",
      step: null,
      node,
      evidenceOf: `${monitor.title}, ${spaced ? "as often as this clock allows" : `every ${formatDuration(monitor.intervalMs)}`}`,
    };
    try {
      await shelf.keep(meta, text);
    } catch (error) {
      file.lost = `${rows} readings could not be written: ${error instanceof Error ? error.message : String(error)}`;
    }
  };

  const writeAll = async (): Promise<void> => {
    writtenMs = shelf.monotonic();
    const waiting = [...files.values()].filter((file) => file.segment.rows > 0);
    const next = async (): Promise<void> => {
      for (let file = waiting.shift(); file !== undefined; file = waiting.shift()) await writeFile(file);
    };
    await Promise.all(Array.from({ length: WRITERS }, next));
  };

  const most = (): number => Math.max(0, ...[...files.values()].map((file) => file.segment.rows));

  return {
    add(owner, sample) {
      const file = fileOf(owner);
      const room = file.segment.rows + 2 <= bounds.rows && cells + 64 <= bounds.cells;
      if (!room) {
        if (sample.kind === "kept") file.lost = "not kept: what was read before is not written yet";
        return;
      }
      if (file.lost !== null && sample.kind === "kept") put(file, { kind: "gap", atMs: sample.atMs, reason: file.lost });
      if (sample.kind === "kept") file.lost = null;
      put(file, sample);
    },
    dueMs() {
      if (cells > bounds.cells / 2 || most() > bounds.rows / 2) return shelf.monotonic();
      if (spaced && most() < FEWEST_ROWS) return Number.POSITIVE_INFINITY;
      return writtenMs + WRITTEN_EVERY_MS;
    },
    write() {
      writing ??= writeAll().finally(() => void (writing = null));
      return writing;
    },
    waiting: () => ({ rows: most(), cells }),
  };
}
