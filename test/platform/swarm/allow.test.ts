import { describe, expect, it } from "vitest";
import { takeCapture } from "../../../src/action/take-capture.ts";
import type { HttpRequest } from "../../../src/engine/ports.ts";
import { filtersOf } from "../../../src/platform/swarm/access/change-spec.ts";
import { createManagers } from "../../../src/platform/swarm/access/managers.ts";
import { captures } from "../../../src/platform/swarm/capture/captures.ts";
import { engineUrl } from "../../../src/platform/swarm/contract.ts";
import { observe } from "../../../src/platform/swarm/facts/observe.ts";
import { good, infoOf, inventoryOf, recorded, recordedRemote, standingClock } from "./recorded.ts";

const NODES = recorded("nodes-three-managers");
const INVENTORY = inventoryOf(NODES);
const [NODE = { address: "" }] = INVENTORY.nodes;
const { reader, asked } = recordedRemote(INVENTORY, (node, path) => (path === "/info" ? good(infoOf(NODES, node)) : good([])));
const ask = (method: string, path: string, body?: string): Promise<unknown> => {
  const request: HttpRequest = { method, url: engineUrl(INVENTORY, NODE, path), timeoutMs: 1_000, followRedirects: 0 };
  return reader.http(body === undefined ? request : { ...request, body });
};

describe("what looking at a Swarm may send", () => {
  it("is everything that observing and a snapshot ask", async () => {
    const { facts } = await observe(reader, INVENTORY, {}, standingClock());
    for (const item of captures(INVENTORY, facts)) expect((await takeCapture(reader, item)).ok, item.name).toBe(true);
    expect(new Set(asked.map((one) => one.split(" ")[1]))).toEqual(new Set(["GET"]));
  });

  it.each([
    ["the join tokens", "GET", "/swarm"],
    ["the unlock key", "GET", "/swarm/unlockkey"],
    ["a change of a service", "POST", "/services/ping/update?version=1"],
    ["a new service", "POST", "/services/create"],
    ["a change of a node", "POST", "/nodes/n/update?version=1"],
    ["the removal of a node", "DELETE", "/nodes/n?force=true"],
    ["the end of a container", "POST", "/containers/c/stop"],
    ["a pull", "POST", "/images/create?fromImage=x"],
    ["a file of a container", "GET", "/containers/c/archive?path=/etc/shadow"],
    ["a config with its content", "GET", "/configs/c1"],
    ["a way out of a path", "GET", "/nodes/..%2fswarm"],
  ])("is never %s", async (_what, method, path) => {
    const before = asked.length;
    await expect(ask(method, path)).rejects.toMatchObject({ exit: "refused", code: "not-allowed" });
    expect(asked).toHaveLength(before);
  });

  it("is no change through the managers either", async () => {
    await expect(createManagers(reader, INVENTORY).post("/services/create", {})).rejects.toMatchObject({ code: "not-allowed" });
  });

  it("is a list by filters, whatever the names are made of", async () => {
    await expect(
      ask("GET", `/tasks?${filtersOf({ service: ["shop_web.1"], "desired-state": ["running"] })}`),
    ).resolves.toMatchObject({
      kind: "answered",
    });
  });
});
