import type { Looking } from "../../../engine/ports.ts";
import { historySheet } from "./history.ts";
import { nodesSheet } from "./nodes.ts";
import { serviceSheet } from "./service.ts";
import { servicesSheet } from "./services.ts";

/** What there is to look at in a Swarm. */
export const looking: Looking = {
  nodes: nodesSheet,
  services: servicesSheet,
  service: serviceSheet,
  history: historySheet,
};
