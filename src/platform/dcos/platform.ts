import { PawlError } from "../../domain/errors.ts";
import type { Platform } from "../../engine/ports.ts";
import { ALLOW } from "./allow.ts";
import { captureState } from "./capture-state.ts";
import { captures } from "./captures.ts";
import { configBackup } from "./config-backup.ts";
import { CONTRACT, LOCK_PATH, PORTS, WEB } from "./contract.ts";
import { FILES } from "./facts-script.ts";
import { findings } from "./findings.ts";
import { readLast } from "./leadership.ts";
import { readNode, reportJson } from "./node-facts.ts";
import { observe } from "./observe.ts";
import { isCostly, permission } from "./permission.ts";
import { summarise } from "./summary.ts";
import { upgradeNode } from "./upgrade-node.ts";
import { upgradeScript } from "./upgrade-script.ts";
import { zookeeperTar } from "./zookeeper-tar.ts";

/** DC/OS as the engine knows it: facts, order, step kinds, permission, captures. */
export function createDcosPlatform(): Platform {
  return {
    name: "dcos",
    contract: CONTRACT,
    kinds: [captureState, zookeeperTar, configBackup, upgradeScript, upgradeNode],
    allow: ALLOW,
    ports: PORTS,
    web: WEB,
    lockPath: LOCK_PATH,
    identityFile: FILES.clusterId,
    observe,
    async nodeFacts(reader, inventory, node) {
      const answer = await readNode(reader, inventory, node);
      if (answer.kind === "read") return reportJson(answer.report);
      throw new PawlError("said-no", answer.code, `${node.name} cannot be read`, { node: node.name, observed: answer.reason });
    },
    findings,
    alsoMeasured: {
      "nodes-answer": "ssh-and-sudo",
      "roles-as-planned": "role-file",
      "masters-counted": "masters-present",
      "agents-counted": "agents-registered",
      "agents-covered": "agents-registered",
      "activation-finished": "no-half-done-activation",
      "config-alike": "config-equal",
    },
    readLast,
    permission,
    isCostly,
    captures,
    summarise,
  };
}
