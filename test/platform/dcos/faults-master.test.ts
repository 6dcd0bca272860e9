import { describeFaults } from "./fault-table.ts";

describeFaults((row) => row.when !== "start" && row.at === "master");
