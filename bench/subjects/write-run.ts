import { createJournal } from "../../src/journal/file-journal.ts";
import { movement } from "./events.ts";

/** Writes a run folder of so many events, as a very long rollout leaves it, but without waiting for each of them. */
const [folder = "", count = "0"] = process.argv.slice(2);
const journal = await createJournal({ folder, clock: Date, actor: "engine" });
await journal.append({ type: "run.opened", pid: 1, host: "bench", boot: "bench", resumed: false });
const batch = 5_000;
for (let index = 0; index < Number(count); index += batch)
  await Promise.all(
    Array.from({ length: Math.min(batch, Number(count) - index) }, (_, more) => journal.append(movement(index + more))),
  );
await journal.seal();
await journal.close();
