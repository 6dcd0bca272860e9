import { describeDeaths } from "./every-event.ts";

describeDeaths(1);
