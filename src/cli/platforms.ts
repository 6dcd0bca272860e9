import { PawlError } from "../domain/errors.ts";
import type { Platform } from "../engine/ports.ts";

const LOADERS: Readonly<Record<string, () => Promise<Platform>>> = {
  dcos: async () => {
    const [{ createDcosPlatform }, { createLocalRunner }] = await Promise.all([
      import("../platform/dcos/platform.ts"),
      import("../transport/local.ts"),
    ]);
    return createDcosPlatform({ local: createLocalRunner() });
  },
  swarm: async () => (await import("../platform/swarm/platform.ts")).createSwarmPlatform(),
  hosts: async () => (await import("../platform/hosts/platform.ts")).createHostsPlatform(),
};

export const PLATFORM_NAMES = Object.keys(LOADERS);

/** The platform an inventory names. Throws PawlError invalid-document for one pawl does not know. */
export async function loadPlatform(name: string): Promise<Platform> {
  const load = LOADERS[name];
  if (load === undefined)
    throw new PawlError("invalid-document", "platform.unknown", `there is no platform named ${name}`, {
      expected: PLATFORM_NAMES.join(", "),
      observed: name,
    });
  return load();
}
