import type { Scratch } from "../../../src/zookeeper/scratch-server.ts";
import { memoryScratch } from "../../sim/zookeeper/restored.ts";

/** A machine whose Java can be taken away, and put back. */
export function fickleScratch(): Scratch & { present: boolean } {
  const scratch = memoryScratch();
  return {
    present: true,
    folder: () => scratch.folder(),
    find() {
      return this.present ? scratch.find() : { kind: "missing", reason: "there is no java on this machine" };
    },
  };
}
