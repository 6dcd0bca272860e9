import { describeFaults } from "./fault-table.ts";

describeFaults((row) => row.hop > 1 && row.when !== "start" && row.at !== "master");
