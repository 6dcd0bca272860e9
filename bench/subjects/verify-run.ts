import { verifyRun } from "../../src/journal/verify.ts";
import { report } from "./clock.ts";

const [folder = ""] = process.argv.slice(2);

await report(async () => ({ events: (await verifyRun(folder)).events }));
