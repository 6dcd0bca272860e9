import { once } from "node:events";
import { connect } from "node:net";
import { createMasker } from "../../src/artifact/mask.ts";
import { openArtifactStore } from "../../src/artifact/store.ts";
import { openReader } from "../../src/zookeeper/client.ts";
import { featuresOf, readTree } from "../../src/zookeeper/read-tree.ts";
import { openSpool } from "../../src/zookeeper/tree.ts";
import { writeDump } from "../../src/zookeeper/write-dump.ts";
import { report } from "./clock.ts";

/** What the step `dcos/zookeeper-dump` does once its tunnel stands: reads the tree, and keeps it as one sealed artifact. */
const [host = "", port = "0", folder = "", version = "", secret = ""] = process.argv.slice(2);
const artifacts = await openArtifactStore({ folder, masker: createMasker({ key: Buffer.alloc(32, 1) }) });
const socket = connect({ host, port: Number(port), noDelay: true });
await once(socket, "connect");
const client = await openReader(socket, { auth: [{ scheme: "digest", secret }] });

await report(async () => {
  const reading = await readTree(client, { spool: await openSpool(folder), features: featuresOf(version) });
  if (reading.tree.unreadable.size > 0) throw new Error("not every znode was read");
  const meta = { name: "zookeeper/m1.znodes.tar", mediaType: "application/x-tar", step: null, node: null, evidenceOf: "znodes" };
  const sink = await artifacts.sink({ ...meta, sealed: true });
  const { znodes } = await writeDump(reading, { node: "m1", version, readAt: "2026-11-20T15:00:00.000Z" }, (chunk) =>
    sink.write(chunk),
  );
  const { bytes } = await sink.finish();
  await reading.tree.spool.close();
  return { znodes, MiB: bytes / (1 << 20) };
});
await client.close();
