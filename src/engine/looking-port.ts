import type { Inventory } from "../domain/inventory.ts";
import type { JsonRecord } from "../domain/json.ts";
import type { Clock } from "./ports.ts";
import type { Remote } from "./remote-port.ts";

/** What a text means, for its colour: good only for what was measured. */
export type Tone = "plain" | "good" | "waiting" | "bad" | "quiet";

/** A text in a sheet. */
export interface SheetCell {
  readonly text: string;
  readonly tone?: Tone;
  /** `NAME=value` as a container's environment has them, shown behind the text: any value may be a secret, and is masked as such. */
  readonly environment?: readonly string[];
  /** It follows from the line above: drawn as its branch. */
  readonly branch?: true;
}

/** A part of what is shown to somebody who looks at a cluster. */
export type SheetPart =
  | {
      readonly kind: "table";
      readonly columns: readonly { readonly title: string; readonly align?: "left" | "right"; readonly flexible?: boolean }[];
      readonly rows: readonly (readonly SheetCell[])[];
      /** Shown instead of a table without rows. */
      readonly empty: string;
    }
  | { readonly kind: "pairs"; readonly title?: string; readonly pairs: readonly (readonly [string, SheetCell])[] }
  | { readonly kind: "lines"; readonly lines: readonly SheetCell[] };

/** What somebody sees who looks: parts for a terminal, and the same as one document. */
export interface Sheet {
  /** The cluster's own identity: its secrets are masked in its own way. */
  readonly clusterId: string;
  readonly document: JsonRecord;
  readonly parts: readonly SheetPart[];
}

/** What is looked at, and by when. */
export interface LookingWorld {
  readonly reader: Remote;
  readonly inventory: Inventory;
  readonly clock: Clock;
}

/** What a product has to look at between two changes. Only reads; throws PawlError where nobody answers or nothing has the name. */
export interface Looking {
  nodes(world: LookingWorld): Promise<Sheet>;
  services(world: LookingWorld): Promise<Sheet>;
  service(world: LookingWorld, name: string): Promise<Sheet>;
  /** How one service came to where it is: every attempt at each of its places. */
  history(world: LookingWorld, name: string): Promise<Sheet>;
}
