// The built program: our modules and the small libraries that every command needs, in one script, and what V8 makes of it. Reading
// 300 files one by one costs a third of the start, compiling them another. What loads WebAssembly, or is seldom needed, stays a
// package of its own.
import { execFile } from "node:child_process";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { build, type Plugin } from "esbuild";

const ROOT = fileURLToPath(new URL(".", import.meta.url));

/** ssh2 looks for its native part, which is optional, beside itself: it stays where it is. */
const nativeStays: Plugin = {
  name: "native-stays",
  setup(building) {
    building.onResolve({ filter: /\/sshcrypto\.node$/ }, () => ({
      path: "ssh2/lib/protocol/crypto/build/Release/sshcrypto.node",
      external: true,
    }));
  },
};

/** Builds into `outdir`: `pawl.cjs`, a script for bin/program.js, and `pawl.cache`, the code compiled for one run of it. */
export async function bundle(outdir: string): Promise<void> {
  await build({
    absWorkingDir: ROOT,
    entryPoints: { pawl: "src/cli/main.ts" },
    outdir,
    outExtension: { ".js": ".cjs" },
    bundle: true,
    format: "cjs",
    platform: "node",
    target: "node20.19",
    external: ["undici", "just-bash", "jq-wasm", "cpu-features", "@inquirer/prompts"],
    // A script has no import() of its own without a warning of Node's; every package that stays outside knows require.
    supported: { "dynamic-import": false },
    plugins: [nativeStays],
    define: { "import.meta.url": "importMetaUrl" },
    banner: { js: "(function (exports, require, module, __dirname, importMetaUrl) {" },
    footer: { js: "})" },
    // ASCII, which V8 takes as it is; short, because it is read and digested at every start.
    charset: "ascii",
    minifyWhitespace: true,
    lineLimit: 200,
    legalComments: "eof",
    logLevel: "warning",
  });
  await promisify(execFile)(process.execPath, [join(ROOT, "build", "warm.js"), outdir]);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await bundle("dist");
