import { Command } from "commander";
import type { Io } from "../io.ts";
import { paperOf } from "../options.ts";
import { upgradeOptions, withUpgrade, type UpgradeOptions } from "./upgrade.ts";

/** `pawl plan`: the tree of phases and steps for the next hop, made from what is observed now. Writes nothing anywhere. */
export function planCommand(io: Io): Command {
  return upgradeOptions(new Command("plan")).action(async (options: UpgradeOptions) => {
    const { refusalLines } = await import("../waivers.ts");
    const { surveyHop } = await import("../upgrade-flow.ts");
    const { historyOf } = await import("../history.ts");
    const { renderPlan } = await import("../../view/plan-tree.ts");
    const { renderFindings } = await import("../../view/findings.ts");
    const { speaksUnicode } = await import("../../view/paper.ts");
    await withUpgrade(io, options, async ({ cluster, request }) => {
      const found = await surveyHop(io, cluster, request, 1);
      const paper = paperOf(io, speaksUnicode(io.env));
      if (options.json !== true) for (const line of refusalLines(found.refusals)) io.out(line);
      if (options.json === true)
        io.out(
          JSON.stringify({
            exit: found.exit,
            plan: found.plan,
            waivers: { honoured: found.plan?.waivers ?? [], refused: found.refusals },
            findings: found.findings.filter((one) => one.verdict !== "pass"),
          }),
        );
      else if (found.plan === null)
        io.out(
          renderFindings(
            found.findings.filter((one) => one.verdict !== "pass"),
            paper,
          ),
        );
      else
        io.out(
          renderPlan(found.plan, {
            ...paper,
            verbose: options.verbose === true,
            estimate: historyOf(io, options.outputDir, cluster, found.plan).estimate,
          }),
        );
      io.exit(found.plan === null ? found.exit : "ok");
    });
  });
}
