import type { Platform } from "../../engine/ports.ts";
import { ALLOW } from "./allow.ts";
import { captureState } from "./capture/capture-state.ts";
import { captures } from "./capture/captures.ts";
import { explainSnapshots } from "./capture/explain-snapshots.ts";
import { summarise } from "./capture/summary.ts";
import { CONTRACT, LOCK_PATH, PORTS, WEB } from "./contract.ts";
import { discover } from "./facts/discover.ts";
import { infoDetails, readInfo } from "./facts/engine-info.ts";
import { findings } from "./facts/findings.ts";
import { observe, readLast } from "./facts/observe.ts";
import { permission } from "./facts/permission.ts";
import { looking } from "./looking/looking.ts";
import { activateNode } from "./node/activate-node.ts";
import { backUpRaft } from "./node/back-up-raft.ts";
import { drainNode } from "./node/drain-node.ts";
import { MOVE_FINDINGS, moveFindings, movesBaseline } from "./node/moves-finding.ts";
import { rebalanceService } from "./node/rebalance-service.ts";
import { upgradeEngine } from "./node/upgrade-engine.ts";
import { SERVICE_KINDS } from "./service/kinds.ts";

/** Gates and watches whose refusal means that services lost tasks: such a node is never set aside (design rule 8). */
const COSTLY = /^(?:gate|watch)\.(?:services-settled|services-whole|tasks-serve|service-)/;

/** Docker Swarm as the engine knows it: facts, order, step kinds, permission, captures, and what there is to look at. */
export function createSwarmPlatform(): Platform {
  return {
    name: "swarm",
    contract: CONTRACT,
    kinds: [captureState, drainNode, activateNode, rebalanceService, backUpRaft, upgradeEngine, ...SERVICE_KINDS],
    allow: ALLOW,
    ports: PORTS,
    web: WEB,
    lockPath: LOCK_PATH,
    async observe(reader, inventory, inputs, clock) {
      const found = await observe(reader, inventory, inputs, clock);
      const moves = movesBaseline(found, inventory, inputs);
      return moves === null ? found : { ...found, facts: { ...found.facts, baseline: { ...found.facts.baseline, moves } } };
    },
    async nodeFacts(reader, inventory, node, about = "node") {
      if (about !== "node") return null;
      const answer = await readInfo(reader, inventory, node, null);
      return answer.kind === "read"
        ? { reachable: true, ...infoDetails(answer.info) }
        : { reachable: false, reason: answer.reason };
    },
    findings: (facts, inventory, inputs) => [...findings(facts, inventory, inputs), ...moveFindings(facts)],
    occasional: MOVE_FINDINGS,
    readLast,
    permission,
    isCostly: (problem) => COSTLY.test(problem.code),
    captures,
    summarise: (captured) => summarise(captured),
    explain: explainSnapshots,
    looking,
    discover,
  };
}
