import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { createScratch } from "../../src/zookeeper/scratch-server.ts";

// Lays something secret into the folder of a scratch server, says where, and waits to be killed.
const folder = await createScratch({}).folder();
writeFileSync(join(folder.path, "snapshot.1"), "a secret");
process.stdout.write(`${folder.path}\n`);
setInterval(() => undefined, 1_000);
