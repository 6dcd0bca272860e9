import { join } from "node:path";
import { createJournal } from "../../src/journal/file-journal.ts";
import { percentile, report } from "./clock.ts";
import { movement } from "./events.ts";

const [folder = "", count = "0"] = process.argv.slice(2);

await report(async () => {
  const journal = await createJournal({ folder: join(folder, `journal-${process.pid}`), clock: Date, actor: "engine" });
  const took: number[] = [];
  for (let index = 0; index < Number(count); index++) {
    const begun = performance.now();
    await journal.append(movement(index));
    took.push(performance.now() - begun);
  }
  await journal.close();
  return { "p95, ms": percentile(took, 0.95) };
});
