import { leaderOf } from "./election.ts";
import type { Model } from "./state.ts";

/**
 * Text of a znode the model keeps; null: there is none. Only what a reader asks for by name: the cluster id, the leader
 * entries, Marathon's framework id. `/marathon/state/migration-in-progress` is absent on a healthy cluster (dcos.md 7.1).
 */
export function znodeText(model: Model, path: string): string | null {
  switch (path) {
    case "/cluster-id":
      return model.clusterId;
    case "/marathon/state/framework:id":
      return model.ids.marathon;
    case "/marathon/leader-curator":
      return leaderOf(model.marathon)?.address ?? null;
    default: {
      const entry = /^\/mesos\/json\.info_(\d+)$/.exec(path);
      const candidate = entry === null ? undefined : model.mesos.candidates.find((one) => one.seq === Number(entry[1]));
      return candidate === undefined
        ? null
        : JSON.stringify({ hostname: candidate.node.address, pid: `master@${candidate.node.address}:5050`, port: 5050 });
    }
  }
}
