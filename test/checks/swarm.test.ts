import { afterAll, describe } from "vitest";
import { createJq } from "../../src/check/jq.ts";
import { loadChecks } from "../../src/document/load.ts";
import { itProves } from "./proven.ts";

const jq = createJq();
afterAll(() => jq.close());

const checks = (await loadChecks("checks/swarm")).map((one) => one.document);

describe("the checks of a Swarm", () => {
  itProves(checks, jq);
});
