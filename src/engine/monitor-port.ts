import type { NodeName } from "../domain/inventory.ts";
import type { JsonRecord } from "../domain/json.ts";
import type { Kept, Monitor, Sample } from "../domain/monitor.ts";

/** One source that is to be read now. */
export interface SampleRequest {
  readonly monitor: Monitor;
  /** Name of the source: a node, or `cluster`. */
  readonly subject: string;
  /** The node that is read; null where nodes are asked in turn. */
  readonly node: NodeName | null;
  /** What the reading before was kept as; null where there is none. */
  readonly before: Kept | null;
  /** For placeholders and filters: inputs, and since when (epoch seconds) the node is in hand. */
  readonly context: JsonRecord;
}

/** Reads sources. Readings are shared by all requests of one call: one request per URL. */
export interface Sampler {
  /**
   * `heard` is told of each sample, by the request's index, as soon as it is known: a source that hangs holds back no other.
   * Trouble of a source is a gap; whatever is thrown, or was not heard when the promise resolves, is taken for one.
   */
  sample(requests: readonly SampleRequest[], signal: AbortSignal, heard: (index: number, sample: Sample) => void): Promise<void>;
}

/** What monitors need besides the other ports. */
export interface Monitoring {
  readonly sampler: Sampler;
  /**
   * Least time between two readings of one source in ms, whatever the runbook says: while a node is in hand, and otherwise. Null: the
   * runbook's intervals hold as they are.
   */
  readonly leastGapMs: { readonly inHand: number; readonly otherwise: number } | null;
  /**
   * Resolves when so much time has passed, or the signal aborts. Where time moves only while somebody sleeps it moves none: it
   * resolves when others' sleeps have moved it that far.
   */
  idle(ms: number, signal: AbortSignal): Promise<void>;
}
