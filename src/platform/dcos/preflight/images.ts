import type { Inventory, InventoryNode } from "../../../domain/inventory.ts";
import type { Json, JsonRecord } from "../../../domain/json.ts";
import type { Facts, Finding } from "../../../domain/plan.ts";
import type { Remote } from "../../../engine/ports.ts";
import { agentsOf } from "../contract.ts";
import { list, number, record, text } from "../../../domain/json-fields.ts";
import { serviceSettings } from "../marathon/read-marathons.ts";
import { finding, type Judgement } from "../../../domain/judgement.ts";
import { HEAD_MS, headArgv } from "./head-request.ts";

/** Forms of a manifest that registries keep: of one image, and of one for several machines. */
const ACCEPT =
  "Accept: application/vnd.docker.distribution.manifest.v2+json, application/vnd.docker.distribution.manifest.list.v2+json, application/vnd.oci.image.manifest.v1+json, application/vnd.oci.image.index.v1+json";

/** The finding about images. */
export const IMAGES = "images-available";
/** The finding about the toolbox's image. */
export const TOOLBOX = "toolbox-image-available";
/** The toolbox, where the inventory names no other (workbook, Execute ZooKeeper backup). */
const TOOLBOX_IMAGE = "mesosphere/dcos-debug:latest";

/** A manifest of a registry (HTTP API v2), or a file by its name; asked for with HEAD, so that nothing is pulled. */
const MANIFEST = /https?:\/\/[A-Za-z0-9.-]+(?::\d+)?\/v2\/[a-z0-9]+(?:[._/-][a-z0-9]+)*\/manifests\/[A-Za-z0-9_][A-Za-z0-9_.:-]*/;

/** The command a node asks a registry with; for the allow-list. */
export const IMAGE_ARGV = headArgv(MANIFEST, [ACCEPT]);

interface Place {
  readonly host: string;
  readonly name: string;
  readonly reference: string;
}

/** Where an image lies: `registry.example:5000/a/b:tag`, or `a/b:tag` in the registry of the inventory. Null: no image's name. */
export function placeOf(image: string, registry: string | null): Place | null {
  const found =
    /^(?:([A-Za-z0-9.-]+(?::\d+)?)\/)?([a-z0-9]+(?:[._/-][a-z0-9]+)*)(?::([A-Za-z0-9_][A-Za-z0-9_.-]*))?(?:@(sha256:[0-9a-f]{64}))?$/.exec(
      image,
    );
  const [, first, rest = "", tag, digest] = found ?? [];
  if (found === null) return null;
  // A first part without dot, colon or being localhost belongs to the name, as Docker reads it.
  const named = first !== undefined && (/[.:]/.test(first) || first === "localhost");
  const host = named ? first : registry;
  const name = named || first === undefined ? rest : `${first}/${rest}`;
  return host === null ? null : { host, name, reference: digest ?? tag ?? "latest" };
}

interface Settings {
  /** Host and port, and how it is spoken to. */
  readonly registry: string | null;
  readonly scheme: "https" | "http";
  readonly images: readonly string[];
  /** Null: the operator says that none is used. */
  readonly toolbox: string | null;
}

/** `settings.registry: { url, images, toolbox }`, and the image each service Marathon gets with this target. Null: nothing is said about images. */
function imageSettings(inventory: Inventory, target: string | undefined): Settings | null {
  const own = record(inventory.settings["registry"]);
  const url = text(own["url"]);
  if (url === null) return null;
  const services = serviceSettings(inventory).flatMap((one) => text(record(one["images"])[target ?? ""]) ?? []);
  const images = [...list(own["images"]).flatMap((one) => text(one) ?? []), ...services];
  return {
    registry: url.replace(/^https?:\/\//, "").replace(/\/.*$/, ""),
    scheme: url.startsWith("http://") ? "http" : "https",
    images: [...new Set(images)],
    toolbox: own["toolbox"] === false ? null : (text(own["toolbox"]) ?? TOOLBOX_IMAGE),
  };
}

async function ask(reader: Remote, node: InventoryNode, image: string, settings: Settings): Promise<JsonRecord> {
  const place = placeOf(image, settings.registry);
  if (place === null) return { image, status: null, why: "not the name of an image" };
  const scheme = place.host === settings.registry ? settings.scheme : "https";
  const url = `${scheme}://${place.host}/v2/${place.name}/manifests/${place.reference}`;
  if (!new RegExp(`^(?:${MANIFEST.source})$`).test(url)) return { image, status: null, why: "not the name of an image" };
  const argv = IMAGE_ARGV.map((word) => (typeof word === "string" ? word : url));
  const outcome = await reader.run(node.name, { argv, timeoutMs: HEAD_MS });
  if (outcome.kind !== "exited")
    return { image, status: null, why: outcome.kind === "lost" ? outcome.reason : "no answer in time" };
  const status = Number(/(\d{3})\s*$/.exec(outcome.stdout)?.[1] ?? "0");
  if (outcome.code !== 0 || status === 0)
    return { image, status: null, why: `curl ended with ${outcome.code}: ${outcome.stderr.trim().slice(0, 200) || "no answer"}` };
  return { image, status, why: null };
}

/** Asks the registry for each image, from the first agent: agents pull, this machine does not. Null: the inventory names no registry. */
export async function readImages(reader: Remote, inventory: Inventory, target: string | undefined): Promise<Json> {
  const settings = imageSettings(inventory, target);
  const [node] = agentsOf(inventory);
  if (settings === null || node === undefined) return null;
  const { toolbox, images } = settings;
  const all = toolbox === null || images.includes(toolbox) ? images : [...images, toolbox];
  const answers = await Promise.all(all.map((image) => ask(reader, node, image, settings)));
  return { from: node.name, registry: settings.registry, toolbox: images.includes(toolbox ?? "") ? null : toolbox, answers };
}

/**
 * Whether the images of the upgrade are in the registry: the toolbox, the target image of each service Marathon, and whatever else the
 * inventory names (workbook, Pre-Upgrade Checklist; pre-21). Asked of the registry, never pulled.
 */
export function imageFindings(facts: Facts, target: string | undefined): readonly Finding[] {
  // Without a target nothing is needed; facts without this part were read by an older pawl.
  if (target === undefined || !("images" in facts.baseline)) return [];
  const read = record(facts.baseline["images"]);
  const toolbox = text(read["toolbox"]);
  const of = (own: boolean) =>
    list(read["answers"])
      .map(record)
      .filter((one) => (one["image"] === toolbox) === own);
  return [imageFinding(read, of(false)), ...(toolbox === null ? [] : [toolboxFinding(read, of(true))])];
}

function told(read: JsonRecord, one: JsonRecord, words: string): { readonly node: string | null; readonly text: string } {
  return { node: text(read["from"]), text: `${text(one["image"]) ?? "?"}: ${words}` };
}

/** What the registry has (200), has not (404), and leaves open. */
function answered(read: JsonRecord, answers: readonly JsonRecord[]): Pick<Judgement, "good" | "bad" | "unknown"> {
  const good = answers.filter((one) => one["status"] === 200);
  return {
    good: `${good.length} of ${answers.length}: ${good.map((one) => text(one["image"]) ?? "").join(", ")}`,
    bad: answers.filter((one) => one["status"] === 404).map((one) => told(read, one, "the registry does not have it")),
    unknown: answers
      .filter((one) => one["status"] !== 200 && one["status"] !== 404)
      .map((one) => told(read, one, text(one["why"]) ?? `the registry answers ${number(one["status"]) ?? "nothing"}`)),
  };
}

/** pawl reads ZooKeeper's tree without the toolbox: people want it when something has gone wrong. */
function toolboxFinding(read: JsonRecord, answers: readonly JsonRecord[]): Finding {
  return finding({
    id: TOOLBOX,
    title: "The toolbox image is in the registry",
    expected: `a manifest in ${text(read["registry"]) ?? ""} for the toolbox, asked from ${text(read["from"]) ?? "an agent"}`,
    ...answered(read, answers),
    severity: "advisory",
    remedy:
      "Push it to the registry the agents pull from, or name another in the inventory (settings.registry.toolbox), or say that none is used: toolbox: false.",
  });
}

function imageFinding(read: JsonRecord, answers: readonly JsonRecord[]): Finding {
  const title = "The images of the upgrade are in the registry";
  const remedy =
    "Push them to the registry the agents pull from. Name it and the images in the inventory: settings: { registry: { url: https://HOST:PORT, images: [mesosphere/dcos-debug:latest] } }.";
  if (answers.length === 0)
    return {
      ...{
        id: IMAGES,
        severity: "advisory",
        verdict: "inconclusive",
        title,
        nodes: [],
        remedy,
        refusal: false,
        byHand: true,
      },
      expected: "a manifest in the registry for the toolbox and for each service Marathon's new image",
      observed: `not evaluated: the inventory names no ${text(read["registry"]) === null ? "registry" : "image"}`,
    };
  return finding({
    id: IMAGES,
    title,
    expected: `a manifest in ${text(read["registry"]) ?? ""} for every image, asked from ${text(read["from"]) ?? "an agent"}`,
    ...answered(read, answers),
    severity: "waivable",
    remedy,
  });
}
