import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import type { Inventory } from "../../src/domain/inventory.ts";
import type { Json } from "../../src/domain/json.ts";
import type { Facts } from "../../src/domain/plan.ts";
import { EMPTY_RUN, stepRecord } from "../../src/domain/run-state.ts";
import type { Effect, StepKind } from "../../src/engine/ports.ts";
import { zookeeperDump } from "../../src/platform/dcos/zookeeper/dump.ts";
import { zookeeperProof } from "../../src/platform/dcos/zookeeper/proof.ts";
import { zookeeperTar } from "../../src/platform/dcos/zookeeper/tar.ts";
import { createRemote, type WiredRemote } from "../../src/transport/remote.ts";
import type { WriteClient } from "../../src/zookeeper/client.ts";
import { createScratch } from "../../src/zookeeper/scratch-server.ts";
import { createClock } from "../../src/transport/clock.ts";
import { settle, testSteps, type TestSteps } from "../platform/dcos/step.ts";
import { describeReal } from "../real/requires.ts";
import { startFleet, type Fleet } from "../real/sshd.ts";
import { mayMount, MOUNTS } from "../real/sudo-users.ts";
import { startEnsemble, type Ensemble } from "../real/zookeeper.ts";
import { growTree, SUPER, SUPER_DIGEST, writerTo } from "./grown-tree.ts";

const NAMES = ["n1", "n2", "n3"];
const HOSTS = ["127.82.1.1", "127.82.1.2", "127.82.1.3"];
const FACTS: Facts = { clusterId: "c", observedAt: "", nodes: {}, last: {}, counts: {}, baseline: {} };

/** Starts a server where DC/OS's own folder is that of the node the server is for: its name is in the path of the last word. */
const ENTER = `set -e
data=$1; shift
for last; do :; done
name=$(basename "$(dirname "$last")")
mount -t tmpfs none /var/lib
mkdir -p /var/lib/dcos
mount --bind "$data/$name/var/lib/dcos" /var/lib/dcos
exec "$@"`;

describeReal(
  "The steps of a backup, through real sshd to a real ensemble that keeps its data where DC/OS does",
  ["openssh-server", "openssh-client", "zookeeper", "util-linux"],
  () => {
    let ensemble: Ensemble;
    let fleet: Fleet;
    let remote: WiredRemote;
    let inventory: Inventory;
    let owner: WriteClient;
    let steps: TestSteps;

    const proof = zookeeperProof(() => createScratch({}));

    beforeAll(async () => {
      ensemble = await startEnsemble(HOSTS, { names: NAMES, asInDcos: true, samePort: true, java: [SUPER_DIGEST] });
      const enter = join(ensemble.folder, "enter");
      writeFileSync(enter, ENTER);
      fleet = await startFleet(3, [], {
        wrap: ["unshare", "--mount", "--propagation", "private", "sh", enter, ensemble.folder],
        address: (number) => HOSTS[number - 1] ?? "",
      });
      const plain = fleet.inventory();
      mkdirSync(join(fleet.folder, "own"));
      writeFileSync(join(fleet.folder, "own", "zookeeper-secret"), SUPER.secret, { mode: 0o600 });
      inventory = {
        ...plain,
        platform: "dcos",
        folder: join(fleet.folder, "own"),
        ports: { zookeeper: ensemble.servers[0]?.clientPort ?? 0 },
        settings: { zookeeper: { auth: { scheme: "digest", file: "zookeeper-secret" } } },
        nodes: plain.nodes.map((node) => ({ ...node, role: "master" })),
      };
      remote = createRemote({ inventory, env: {}, home: fleet.folder });
      owner = await writerTo(HOSTS[0] ?? "", ensemble.servers[0]?.clientPort ?? 0);
      await growTree(owner, 3);
      steps = testSteps(
        { remote, inventory, clock: createClock() } as unknown as Parameters<typeof testSteps>[0],
        FACTS,
        "1.11.3",
      );
    }, 180_000);
    afterAll(async () => {
      await owner.close();
      await remote.close();
      await fleet.stop();
      await ensemble.stop();
    }, 60_000);

    /** Runs a step, and leaves in its record what it came to. */
    async function doIt(kind: StepKind, node: string | null): Promise<Effect> {
      const context = steps.context(kind, node);
      const effect = await kind.doIt(context);
      settle(steps, context.step.address, effect.kind === "done" ? (effect.output ?? null) : null);
      return effect;
    }
    const keptJson = (name: string): Readonly<Record<string, Json>> => {
      const found = [...steps.kept.values()].findLast((one) => one.meta.name === name);
      return JSON.parse(found?.bytes.toString() ?? "{}") as Readonly<Record<string, Json>>;
    };
    const setAcl = async (path: string, perms: number): Promise<void> => {
      const reply = await owner.ask("setACL", { path, acl: [{ perms, scheme: "world", id: "anyone" }], version: -1 });
      expect(reply.ok).toBe(true);
    };

    it("copies each master's folders, dumps a follower's tree and proves all four copies", { timeout: 120_000 }, async () => {
      for (const name of NAMES) expect(await doIt(zookeeperTar, name)).toMatchObject({ kind: "done" });
      const dumped = await doIt(zookeeperDump, null);
      expect(dumped, JSON.stringify(dumped)).toMatchObject({ kind: "done", output: { consistency: "exact" } });
      const proven = await doIt(proof, null);
      expect(proven, JSON.stringify(proven)).toMatchObject({
        kind: "done",
        note: "proven: 4 copies came back",
        output: { verdict: "proven", copies: 4, absent: [] },
      });
      const told = keptJson("all/zookeeper-proof/zookeeper-proof.json");
      expect(told).toMatchObject({ verdict: "proven", faults: [], absent: [] });
      // Nothing of what the ACLs hide is told.
      expect(JSON.stringify(told)).not.toContain("hidden");
    });

    it(
      "says which copy is missing where a person let it be, and is not proven where nobody did",
      { timeout: 120_000 },
      async () => {
        const address = "all/n2/zookeeper-tar";
        const { output } = steps.records.get(address) ?? stepRecord(EMPTY_RUN, address);
        const record = (status: "complete" | "set-aside", actor: string, note: string | null): void =>
          void steps.records.set(address, { ...stepRecord(EMPTY_RUN, address), status, actor, note, output: null });

        record("set-aside", "policy", null);
        const undecided = await doIt(proof, null);
        expect(undecided).toMatchObject({ kind: "failed", problem: { code: "zookeeper-copy-missing" } });
        expect(undecided.kind === "failed" && undecided.problem.observed).toContain("no tar of n2");
        expect(undecided.kind === "failed" && undecided.problem.next).toContain(
          "retry 20261120T150000Z-upgrade all/n2/zookeeper-tar",
        );

        record("complete", "ann@ops", "forced: the disk of n2 is being replaced");
        const decided = await doIt(proof, null);
        expect(decided).toMatchObject({ kind: "done", output: { verdict: "proven", copies: 3 } });
        expect(decided.kind === "done" && decided.note).toContain(
          "no tar of n2: all/n2/zookeeper-tar was let stand without one by ann@ops: forced: the disk of n2 is being replaced",
        );
        expect(keptJson("all/zookeeper-proof/zookeeper-proof.json")["absent"]).toHaveLength(1);
        settle(steps, address, output);
      },
    );

    it(
      "does not pass with an ACL that was set between copy and dump: no zxid tells that from damage",
      { timeout: 120_000 },
      async () => {
        await setAcl("/odd/empty", 1);
        expect(await doIt(zookeeperDump, null)).toMatchObject({ kind: "done" });
        const differs = await doIt(proof, null);
        expect(differs).toMatchObject({ kind: "failed", problem: { code: "zookeeper-backup-differs" } });
        const observed = differs.kind === "failed" ? (differs.problem.observed ?? "") : "";
        expect(observed).toContain("/odd/empty: acl: expected world:anyone:r (version 1), found world:anyone:rwcda (version 0)");
        expect(observed.split("; ").every((one) => one.includes("/odd/empty: acl"))).toBe(true);
        // Copies made again after it hold it too.
        for (const name of NAMES) expect(await doIt(zookeeperTar, name)).toMatchObject({ kind: "done" });
        expect(await doIt(proof, null)).toMatchObject({ kind: "done", output: { verdict: "proven", copies: 4 } });
      },
    );

    it("is refused by what an ACL hides, where nobody gave credentials", { timeout: 60_000 }, async () => {
      const bare: Inventory = { ...inventory, settings: {} };
      const context = { ...steps.context(zookeeperDump, null), inventory: bare };
      expect(await zookeeperDump.doIt(context)).toMatchObject({ kind: "failed", problem: { code: "zookeeper-hidden" } });
    });
  },
  mayMount() ? null : MOUNTS,
);
