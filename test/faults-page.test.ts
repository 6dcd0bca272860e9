import { expect, it } from "vitest";
import { FAULT_NAMES, parseFault } from "../src/sim/faults.ts";
import { faultsPage } from "./faults-page.ts";
import { FAULT_TABLE, faultArgument, SHOWN } from "./faults.ts";

it("docs/faults.md is the table of faults in words (written anew with: npx vitest run test/faults-page.test.ts -u)", async () => {
  await expect(faultsPage()).toMatchFileSnapshot("../docs/faults.md");
});

it("the table has every fault at every place and time the embedded cluster knows, and no other", () => {
  const nodes = { master: "m1", canary: "a1", agent: "a2", public: "p1", bootstrap: "bootstrap" };
  const possible = FAULT_NAMES.flatMap((fault) =>
    Object.values(nodes).flatMap((node) =>
      ["start", "before", "during", "after"].flatMap((when) => {
        try {
          parseFault(`${fault}@${node}:${when}`);
          return [`${fault}@${node}:${when}`];
        } catch {
          return [];
        }
      }),
    ),
  );
  // The script itself fails or lies at one moment only, whichever of the two is said; a dropped connection needs a running script.
  const same = possible.filter((text) => !/^script-.*:during$|^ssh-drop.*:after$/.test(text));
  expect(
    FAULT_TABLE.filter((row) => row.hop === 1)
      .map(faultArgument)
      .toSorted(),
  ).toEqual(same.toSorted());
});

it("every fault is played in a later hop, at each place where it can be, and every cell of the first", () => {
  const places = new Set(FAULT_TABLE.filter((row) => row.hop === 2).map((row) => `${row.fault} ${row.at}`));
  const played = new Set(SHOWN.filter((row) => row.hop === 2).map((row) => `${row.fault} ${row.at}`));
  // Before a preflight one private agent stands for all.
  const start = (row: { readonly fault: string }): boolean =>
    FAULT_TABLE.every((one) => one.fault !== row.fault || one.when === "start");
  expect([...places].filter((one) => !played.has(one))).toEqual(
    FAULT_TABLE.filter((row) => row.hop === 2 && row.at === "agent" && start(row)).map((row) => `${row.fault} agent`),
  );
  const cells = FAULT_TABLE.filter((row) => row.hop === 1 && !(row.when === "start" && row.at === "agent"));
  expect(SHOWN.filter((row) => row.hop === 1)).toEqual(cells);
});
