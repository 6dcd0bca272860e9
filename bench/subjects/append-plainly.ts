import { open } from "node:fs/promises";
import { join } from "node:path";
import { percentile, report } from "./clock.ts";
import { movement } from "./events.ts";

const [folder = "", count = "0"] = process.argv.slice(2);

await report(async () => {
  const file = await open(join(folder, `plain-${process.pid}`), "a", 0o600);
  const took: number[] = [];
  for (let index = 0; index < Number(count); index++) {
    const begun = performance.now();
    await file.writeFile(`${JSON.stringify(movement(index))}\n`);
    await file.datasync();
    took.push(performance.now() - begun);
  }
  await file.close();
  return { "p95, ms": percentile(took, 0.95) };
});
