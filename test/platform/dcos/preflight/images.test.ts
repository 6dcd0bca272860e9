import { describe, expect, it } from "vitest";
import { guard } from "../../../../src/check/guard.ts";
import type { Outcome, Remote } from "../../../../src/engine/ports.ts";
import { ALLOW } from "../../../../src/platform/dcos/allow.ts";
import { imageFindings, placeOf, readImages } from "../../../../src/platform/dcos/preflight/images.ts";
import { facts, inventory } from "../sample.ts";

const NAMES = ["m1", "m2", "m3", "a1"];
const settings = {
  registry: { url: "https://registry.example:5000", images: ["mesosphere/dcos-debug:latest", "no such image"] },
  "service-marathon": [{ app: "/mom", images: { "1.11.3": "registry.example:5000/marathon:v1.6.496" } }],
};

/** A node whose curl gives these statuses by the image's name, behind pawl's own list of what may be asked. */
function asked(statuses: Readonly<Record<string, string>>): { readonly remote: Remote; readonly sent: string[] } {
  const sent: string[] = [];
  const nowhere = async (): Promise<never> => {
    throw new Error("only commands here");
  };
  const run = async (_node: string, { argv }: { readonly argv: readonly string[] }): Promise<Outcome> => {
    const url = argv.at(-1) ?? "";
    sent.push(url);
    const status = Object.entries(statuses).find(([name]) => url.includes(name))?.[1];
    if (status === undefined) return { kind: "exited", code: 6, stdout: "000", stderr: "could not resolve host" };
    return { kind: "exited", code: 0, stdout: status, stderr: "" };
  };
  return {
    remote: guard({ run, stream: nowhere, http: nowhere, tcp: nowhere, close: async () => undefined }, ALLOW),
    sent,
  };
}

async function found(statuses: Readonly<Record<string, string>>, own = settings) {
  const { remote, sent } = asked(statuses);
  const images = await readImages(remote, { ...inventory(NAMES), settings: own }, "1.11.3");
  const base = facts(NAMES, "1.10.8");
  const [finding, toolbox] = imageFindings({ ...base, baseline: { ...base.baseline, images } }, "1.11.3");
  return { sent, finding, toolbox };
}

describe("the images of an upgrade", () => {
  it("are asked of the registry from an agent, by HEAD of their manifests, and one that is missing is named", async () => {
    const { sent, finding } = await found({ "dcos-debug": "200", marathon: "404" });
    expect(sent).toEqual([
      "https://registry.example:5000/v2/mesosphere/dcos-debug/manifests/latest",
      "https://registry.example:5000/v2/marathon/manifests/v1.6.496",
    ]);
    expect(finding).toMatchObject({
      verdict: "fail",
      severity: "waivable",
      nodes: ["a1"],
      observed: "registry.example:5000/marathon:v1.6.496: the registry does not have it",
    });
  });

  it("are not known to be there where the registry wants a login, is not found, or the name is none", async () => {
    const { finding } = await found({ "dcos-debug": "401" });
    expect(finding).toMatchObject({ verdict: "inconclusive" });
    expect(finding?.observed).toMatch(
      /dcos-debug:latest: the registry answers 401; no such image: not the name of an image; .*could not resolve host/,
    );
  });

  it("are there where every manifest is; without a registry nothing is evaluated, and that is said", async () => {
    const plain = { registry: { url: "http://registry.example:5000", images: ["mesosphere/dcos-debug:latest"] } };
    expect((await found({ "dcos-debug": "200" }, plain as typeof settings)).finding).toMatchObject({
      verdict: "pass",
      observed: "1 of 1: mesosphere/dcos-debug:latest",
    });
    expect((await found({}, {} as typeof settings)).finding).toMatchObject({
      verdict: "inconclusive",
      severity: "advisory",
      byHand: true,
      observed: "not evaluated: the inventory names no registry",
    });
  });

  it("are the toolbox's too, unless none is used: missed, it stops nobody", async () => {
    const registry = { url: "https://registry.example:5000", images: ["busybox:1.36"] };
    const ask = (more: object) =>
      found({ busybox: "200", other: "200" }, { registry: { ...registry, ...more } } as typeof settings);
    expect(await ask({})).toMatchObject({
      finding: { verdict: "pass", observed: "1 of 1: busybox:1.36" },
      toolbox: { id: "toolbox-image-available", severity: "advisory", verdict: "inconclusive" },
    });
    expect((await ask({ toolbox: "other/box:2" })).toolbox).toMatchObject({ verdict: "pass" });
    expect(await ask({ toolbox: false })).toMatchObject({ toolbox: undefined, sent: [expect.stringContaining("busybox")] });
  });

  it.each([
    ["mesosphere/dcos-debug", { host: "r:1", name: "mesosphere/dcos-debug", reference: "latest" }],
    ["other.example/a/b:c", { host: "other.example", name: "a/b", reference: "c" }],
    ["a@sha256:" + "0".repeat(64), { host: "r:1", name: "a", reference: `sha256:${"0".repeat(64)}` }],
    ["A B", null],
    ["a;b", null],
  ])("%s lies at %j", (image, place) => {
    expect(placeOf(image, "r:1")).toEqual(place);
  });
});
