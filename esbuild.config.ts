// The built program: our modules and the small libraries that every command needs, in a few files. Reading 300 files one by one
// costs a third of the start. What loads WebAssembly or native code, or is seldom needed, stays a package of its own.
import { build } from "esbuild";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL(".", import.meta.url));

/** Builds into `outdir`: `cli/main.js` and the pieces it loads when they are needed. */
export async function bundle(outdir: string): Promise<void> {
  await build({
    absWorkingDir: ROOT,
    entryPoints: ["src/cli/main.ts"],
    outbase: "src",
    outdir,
    bundle: true,
    splitting: true,
    format: "esm",
    platform: "node",
    target: "node20.19",
    external: ["ssh2", "undici", "just-bash", "jq-wasm"],
    // Some libraries are CommonJS, and ask for Node's modules by `require`.
    banner: {
      js: 'import { createRequire as createRequireHere } from "node:module"; const require = createRequireHere(import.meta.url);',
    },
    legalComments: "eof",
    logLevel: "warning",
  });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await bundle("dist");
