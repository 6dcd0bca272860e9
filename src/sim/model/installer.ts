import type { Program, SimHttpAnswer, SimHttpRequest } from "../ports.ts";
import { bootstrapId, configYaml, IP_DETECT, packageIds } from "./files.ts";
import { answer, jsonAnswer } from "./http.ts";
import { hexOf } from "./random.ts";
import { RELEASE_VERSIONS } from "./releases.ts";
import type { Model } from "./state.ts";
import { scriptText } from "./upgrade-script.ts";

/** Where the installers of all releases lie on the bootstrap machine. */
const INSTALLERS = "/opt/dcos";
/** Port of the bootstrap machine's web server. */
export const BOOTSTRAP_PORT = 8090;

/** Marks an installer file, so that the bootstrap machine's model knows whom to run. */
export interface Installer {
  readonly installer: string;
}

/** The text of `dcos_generate_config.sh` of a release; the real one is a gigabyte. */
function installerText(version: string): string {
  return `#!/bin/bash\n# DC/OS ${version} installer\n# options: --genconf --generate-node-upgrade-script <installed_version>\nexit 1\n`;
}

/** Recognises an installer file by its text. */
export function readInstaller(text: string): Installer | null {
  const version = /^#!\/bin\/bash\n# DC\/OS (\S+) installer\n/.exec(text)?.[1];
  return version === undefined ? null : { installer: version };
}

/** Puts the installers, their genconf folders and what they serve onto the bootstrap machine. */
export function writeInstallers(model: Model): void {
  const { fs } = model.bootstrap;
  const config = configYaml(model);
  for (const version of RELEASE_VERSIONS) {
    const folder = `${INSTALLERS}/${version}`;
    fs.writeFileSync(`${folder}/dcos_generate_config.sh`, installerText(version), undefined, { mode: 0o755 });
    fs.writeFileSync(`${folder}/genconf/config.yaml`, config);
    fs.writeFileSync(`${folder}/genconf/ip-detect`, IP_DETECT, undefined, { mode: 0o755 });
    fs.mkdirSync(`${folder}/genconf/serve/upgrade`, { recursive: true });
    fs.writeFileSync(`${folder}/genconf/serve/bootstrap.latest`, bootstrapId(version));
    fs.writeFileSync(`${folder}/genconf/serve/cluster-package-list.latest`, `${hexOf(0, `list ${version}`, 40)}\n`);
  }
}

/**
 * `dcos_generate_config.sh --generate-node-upgrade-script <installed>` of a release: generates, writes the script into a fresh folder
 * and prints its URL last. Any text is taken as installed version, as in the real one (dcos.md 4.1).
 */
export function installerProgram(model: Model, { installer: version }: Installer): Program {
  return async (io) => {
    const at = io.argv.indexOf("--generate-node-upgrade-script");
    const installed = at < 0 ? undefined : io.argv[at + 1];
    const pause = async (ms: number): Promise<boolean> => {
      await io.sleep(ms);
      return !io.signal.aborted;
    };
    if (installed === undefined || installed === "") {
      await io.err(
        at < 0
          ? "usage: dcos_generate_config.sh --generate-node-upgrade-script <installed_cluster_version>\n"
          : "Must provide the installed cluster version\n",
      );
      return 1;
    }
    await io.out("====> EXECUTING CONFIGURATION GENERATION\n");
    if (!(await pause(9_000))) return 143;
    await io.out("Generating configuration files...\n");
    if (!(await pause(12_000))) return 143;
    const { fs } = model.bootstrap;
    const folder = `${INSTALLERS}/${version}/genconf/serve`;
    const known = await fs.readdir(`${folder}/upgrade`).catch(() => []);
    const id = hexOf(model.seed, `upgrade ${version} ${installed} ${known.length}`, 32);
    await fs.mkdir(`${folder}/upgrade/${id}`, { recursive: true });
    await fs.writeFile(`${folder}/upgrade/${id}/dcos_node_upgrade.sh`, scriptText(model, installed, version));
    await io.out(
      `Node upgrade script URL: http://${model.bootstrap.address}:${BOOTSTRAP_PORT}/${version}/upgrade/${id}/dcos_node_upgrade.sh\n`,
    );
    return 0;
  };
}

const MISSING =
  "<html>\r\n<head><title>404 Not Found</title></head>\r\n<body>\r\n<center><h1>404 Not Found</h1></center>\r\n<hr><center>nginx/1.15.0</center>\r\n</body>\r\n</html>\r\n";

/** The web server of the bootstrap machine: `genconf/serve` of each release under `/<version>/`, and of the newest asked for at the root. */
export async function bootstrapHttp(model: Model, request: SimHttpRequest): Promise<SimHttpAnswer> {
  if (model.faults.bootstrapDown) return { kind: "refused" };
  const { pathname } = new URL(request.path, "http://bootstrap");
  const nginx = { Server: "nginx/1.15.0" };
  const missing = answer(404, "text/html", MISSING, nginx);
  const parts = pathname.split("/").filter((part) => part !== "" && part !== "..");
  const [first = "", ...rest] = parts;
  // At the root: what the nodes run, so that a bootstrap_url without a version works too.
  const current = model.faults.targets.at(-1) ?? model.masters[0]?.version ?? "";
  const [version, inside] = RELEASE_VERSIONS.includes(first) ? [first, rest] : [current, parts];
  if (inside[0] === "packages" && inside.length === 3) {
    const id = (inside[2] ?? "").replace(/\.tar\.xz$/, "");
    return packageIds(version).includes(id) ? answer(200, "application/x-xz", `package ${id}`, nginx) : missing;
  }
  if (inside[0] === "cluster-package-info.json")
    return jsonAnswer(
      Object.fromEntries(packageIds(version).map((id) => [id.split("--")[0] ?? id, { id, filename: `packages/${id}.tar.xz` }])),
      200,
      nginx,
    );
  const file = `${INSTALLERS}/${version}/genconf/serve/${inside.join("/")}`;
  const bytes = await model.bootstrap.fs.readFileBuffer(file).catch(() => null);
  if (bytes === null) return missing;
  const said = answer(200, "application/octet-stream", Buffer.from(bytes), { ...nginx, "Accept-Ranges": "bytes" });
  return request.method === "HEAD" && said.kind === "answered" ? { ...said, body: "" } : said;
}
