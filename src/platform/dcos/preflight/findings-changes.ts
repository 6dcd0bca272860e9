import type { Inventory } from "../../../domain/inventory.ts";
import type { Json } from "../../../domain/json.ts";
import type { Facts, Finding } from "../../../domain/plan.ts";
import type { About, Difference } from "./configuration.ts";
import { list, record, text } from "../../../domain/json-fields.ts";
import { finding, notEvaluated } from "../../../domain/judgement.ts";
import { genconfOf } from "./read-configuration.ts";

const ABOUT: readonly About[] = ["security", "masters", "place", "installer", "demanded", "added", "setting"];

function differencesOf(value: Json | undefined): readonly Difference[] {
  return list(value)
    .map(record)
    .flatMap((one) => {
      const about = ABOUT.find((word) => word === one["about"]);
      const key = text(one["key"]);
      return about === undefined || key === null
        ? []
        : [{ key, about, installed: text(one["installed"]), target: text(one["target"]) }];
    });
}

function told({ key, installed, target }: Difference): string {
  if (installed === null) return `${key}: not installed, ${target ?? ""} for the target`;
  if (target === null) return `${key}: ${installed} installed, not there for the target`;
  return installed === target ? `${key}: differs` : `${key}: ${installed} installed, ${target} for the target`;
}

const NEVER_TWO = "workbook, FAQ: a configuration change and an upgrade are never done together";

/**
 * The configuration that is installed against the one the target is generated with (design rule 10; workbook FAQ; dcos.md 14.5,
 * pre-15, pre-35): changed settings, another security mode, other masters are refused by name; keys that the hop itself asks for
 * and where packages come from are told; other new keys are a person's decision, because no list of what a release asks for is
 * complete.
 */
export function configurationFindings(facts: Facts, inventory: Inventory, target: string | undefined): readonly Finding[] {
  if (target === undefined || Object.values(facts.nodes).every((node) => node.version === target)) return [];
  const genconf = genconfOf(inventory, target);
  const title = "The target is generated with the configuration that is installed";
  const remedy =
    "Put config.yaml of the target's genconf back to what is installed, upgrade, and change the configuration afterwards by an upgrade to the same version.";
  if (genconf === null)
    return [
      notEvaluated({
        id: "configuration-unchanged",
        title,
        expected: NEVER_TWO,
        why: `the inventory names no installer for ${target}, so nobody can read its config.yaml`,
        remedy: "Compare the config.yaml that the script was generated from with user.config.yaml of a node.",
      }),
    ];
  const read = record(record(facts.baseline)["configuration"]);
  const why = read["why"] === null ? null : (text(read["why"]) ?? "the configuration was not read");
  const all = differencesOf(read["differences"]);
  const keys = typeof read["keys"] === "number" ? read["keys"] : 0;
  const hidden = list(read["hidden"]).flatMap((one) => text(one) ?? []);
  const of = (...about: readonly About[]): readonly Difference[] => all.filter((one) => about.includes(one.about));
  const unknown = why === null ? [] : [{ node: null, text: why }];
  const bad = (some: readonly Difference[]): readonly { readonly node: null; readonly text: string }[] =>
    why === null ? some.map((one) => ({ node: null, text: told(one) })) : [];
  const beside = [
    hidden.length === 0 ? "" : `${hidden.join(", ")} not compared: hidden on the nodes`,
    ...of("place", "installer", "demanded").map((one) => `${told(one)} (${REASON[one.about] ?? ""})`),
  ].filter((part) => part !== "");
  const good = [`${keys} keys alike in ${genconf}/config.yaml and on ${text(read["node"]) ?? "the node"}`, ...beside].join("; ");
  const expected = `the same settings in ${genconf}/config.yaml as in user.config.yaml of the nodes`;
  const detect = record(read["ipDetect"]);
  return [
    finding({ id: "configuration-unchanged", title, expected, good, unknown, bad: bad(of("setting")), remedy, refusal: true }),
    finding({
      id: "security-mode-unchanged",
      title: "The security mode stays as it is",
      expected: "one mode, installed and for the target (permissive where none is named)",
      good: "the same mode",
      unknown,
      bad: bad(of("security")),
      remedy: "Change the mode before or after the upgrade, one step at a time: disabled, permissive, strict.",
      refusal: true,
    }),
    finding({
      id: "master-list-unchanged",
      title: "The masters and Exhibitor's back end stay as they are",
      expected: "the same masters and the same back end, installed and for the target",
      good: "the same",
      unknown,
      bad: bad(of("masters")),
      remedy:
        "Masters are never added, removed or replaced together with an upgrade. Put the list back; change it before or after.",
      refusal: true,
    }),
    finding({
      id: "configuration-keys-added",
      title: "The target's configuration has no new key that nobody asked for",
      expected: "no key that is not installed, apart from those this hop asks for",
      good: "none",
      unknown,
      bad: bad(of("added")),
      remedy:
        "Take these keys out; or, where the release notes of the target ask for them, waive this with the place that says so.",
      severity: "waivable",
    }),
    finding({
      id: "ip-detect-unchanged",
      title: "The target is generated with the ip-detect script that is installed",
      expected: `${genconf}/ip-detect as on the nodes`,
      good: "the same text",
      unknown: typeof detect["same"] === "boolean" ? [] : [{ node: null, text: text(detect["why"]) ?? "not read" }],
      bad:
        detect["same"] === false
          ? [{ node: null, text: `${genconf}/ip-detect is another text than detect_ip on the nodes` }]
          : [],
      remedy: "Put the installed script into the target's genconf: another one may give nodes other addresses.",
      severity: "waivable",
    }),
  ];
}

const REASON: Readonly<Partial<Record<About, string>>> = {
  place: "where packages come from goes with the version",
  installer: "only the installer's own SSH reads it",
  demanded: "this hop asks for it",
};

/** Enterprise and open are two products; an upgrade leads from neither to the other (dcos.md 4.1: the Enterprise installer's own name). */
export function editionFinding(facts: Facts, inventory: Inventory, target: string | undefined): readonly Finding[] {
  if (target === undefined) return [];
  const editions = Object.entries(facts.nodes).flatMap(([node, one]) => {
    const edition = text(one.details["edition"]);
    return edition === null ? [] : [{ node, edition }];
  });
  const known = [...new Set(editions.map((one) => one.edition))];
  const title = "The edition stays as it is";
  const expected = "one edition, Enterprise or open, on the nodes and for the target";
  const remedy = "Use the installer of the edition that is installed. A change of edition is an installation, not an upgrade.";
  if (known.length === 0)
    return [
      notEvaluated({
        id: "edition-unchanged",
        title,
        expected,
        why: "no master tells its edition before 1.12",
        remedy: "Look which edition it is.",
      }),
    ];
  const installer = inventory.bootstrap?.installers[target];
  const wanted = installer === undefined ? null : /\.ee\.sh$/.test(installer) ? "enterprise" : "open";
  const own = known[0] ?? "";
  return [
    finding({
      id: "edition-unchanged",
      title,
      expected,
      good: `${own}, told by ${editions.length} ${editions.length === 1 ? "node" : "nodes"}${wanted === null ? "; the target's installer is not known" : ""}`,
      unknown: [],
      bad: [
        ...(known.length > 1 ? editions.map(({ node, edition }) => ({ node, text: `${node}: ${edition}` })) : []),
        ...(known.length === 1 && wanted !== null && wanted !== own && namesEdition(installer)
          ? [{ node: null, text: `the nodes are ${own}, the installer of the target is ${installer ?? ""}` }]
          : []),
      ],
      remedy,
      refusal: true,
    }),
  ];
}

/** Only under its own name does an installer say which edition it is. */
function namesEdition(installer: string | undefined): boolean {
  return /\/dcos_generate_config(?:\.ee)?\.sh$/.test(installer ?? "");
}
