import { report } from "./clock.ts";

/** The process without any work: what runtime and loader take by themselves. */
await report(() => Promise.resolve({}));
