import { PawlError } from "../../domain/errors.ts";
import type { LocalRunner, Platform } from "../../engine/ports.ts";
import { ALLOW } from "./allow.ts";
import { captureState } from "./capture/capture-state.ts";
import { compareState } from "./capture/compare-state.ts";
import { captures } from "./capture/captures.ts";
import { configBackup } from "./capture/config-backup.ts";
import { CONTRACT, LOCK_PATH, PORTS, WEB } from "./contract.ts";
import { FILES } from "./facts/facts-script.ts";
import { findings } from "./preflight/findings.ts";
import { ANSIBLE, readAnsible } from "./preflight/ansible.ts";
import { TARBALL } from "./preflight/executor-tarball.ts";
import { IMAGES, TOOLBOX } from "./preflight/images.ts";
import { questionSubjects } from "./preflight/question-subjects.ts";
import { readLast } from "./facts/leadership.ts";
import { readMachine } from "./facts/machine-facts.ts";
import { readChecks } from "./facts/node-checks.ts";
import { readNode, reportJson } from "./facts/node-facts.ts";
import { deployApp } from "./marathon/deploy-app.ts";
import { removeApp } from "./marathon/remove-app.ts";
import { upgradeService } from "./marathon/upgrade-service.ts";
import { observe } from "./facts/observe.ts";
import { isCostly, permission } from "./upgrade/permission.ts";
import { explainSnapshots } from "./capture/explain-snapshots.ts";
import { summarise } from "./capture/summary.ts";
import { upgradeNode } from "./upgrade/upgrade-node.ts";
import { upgradeScript } from "./upgrade/upgrade-script.ts";
import { zookeeperDump } from "./zookeeper/dump.ts";
import { PROVABLE, provableFinding, zookeeperProof, type ScratchOf } from "./zookeeper/proof.ts";
import { scratchSettings } from "./zookeeper/settings.ts";
import { zookeeperTar } from "./zookeeper/tar.ts";
import { createScratch } from "../../zookeeper/scratch-server.ts";

/** What the platform does on the machine pawl runs on. */
export interface DcosMeans {
  /** Servers to prove backups with; by default this machine's Java and ZooKeeper, or what the inventory names. */
  readonly scratch?: ScratchOf;
  /** The operator's own programs, asked before an upgrade only. */
  readonly local?: LocalRunner;
}

/** DC/OS as the engine knows it: facts, order, step kinds, permission, captures. */
export function createDcosPlatform(means: DcosMeans = {}): Platform {
  const scratch: ScratchOf = means.scratch ?? ((ctx) => createScratch(scratchSettings(ctx.inventory)));
  return {
    name: "dcos",
    contract: CONTRACT,
    kinds: [
      captureState,
      compareState,
      zookeeperTar,
      configBackup,
      upgradeScript,
      upgradeNode,
      deployApp,
      removeApp,
      upgradeService,
      zookeeperDump,
      zookeeperProof(scratch),
    ],
    allow: ALLOW,
    ports: PORTS,
    web: WEB,
    lockPath: LOCK_PATH,
    identityFile: FILES.clusterId,
    async observe(reader, inventory, inputs, clock) {
      const found = await observe(reader, inventory, inputs, clock);
      const ansible = inputs["target"] === undefined ? null : await readAnsible(means.local ?? null, inventory);
      const baseline = {
        ...found.facts.baseline,
        scratch: { ...scratch({ inventory }).find() },
        ...(ansible === null ? {} : { ansible }),
      };
      return { ...found, facts: { ...found.facts, baseline } };
    },
    async nodeFacts(reader, inventory, node, about = "node") {
      if (about === "machine") return readMachine(reader, node);
      if (about === "checks") return readChecks(reader, node);
      const answer = await readNode(reader, inventory, node);
      if (answer.kind === "read") return reportJson(answer.report);
      throw new PawlError("said-no", answer.code, `${node.name} cannot be read`, { node: node.name, observed: answer.reason });
    },
    findings: (facts, inventory, inputs, before) => [
      ...findings(facts, inventory, inputs, before),
      ...provableFinding(facts, inputs["target"]),
    ],
    questionSubjects: (question, facts) => questionSubjects(question, facts),
    alsoMeasured: {
      "nodes-answer": "ssh-and-sudo",
      "roles-as-planned": "role-file",
      "masters-counted": "masters-present",
      "agents-counted": "agents-registered",
      "agents-covered": "agents-registered",
      "activation-finished": "no-half-done-activation",
      "config-alike": "config-equal",
    },
    occasional: [IMAGES, TOOLBOX, TARBALL, ANSIBLE, PROVABLE],
    readLast,
    permission: (ctx) => permission(ctx, scratch),
    isCostly,
    captures,
    summarise,
    explain: explainSnapshots,
  };
}
