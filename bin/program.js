// The built program: one script, and beside it what V8 made of it, so that a start does not compile everything again.
import { hash } from "node:crypto";
import { readFileSync, renameSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { Script } from "node:vm";

const DIGEST_BYTES = 32;

/** SHA-256, as bytes. */
function digest(bytes) {
  return hash("sha256", bytes, "buffer");
}

/**
 * The compiled code that was kept for exactly this source; undefined where there is none, or it is damaged. Of another Node or
 * other flags V8 itself takes none. It is believed no more than the script beside it, and only as a whole: V8 does not look.
 */
function kept(file, source) {
  let bytes;
  try {
    bytes = readFileSync(file);
  } catch {
    return undefined;
  }
  const code = bytes.subarray(2 * DIGEST_BYTES);
  const sameSource = digest(source).equals(bytes.subarray(0, DIGEST_BYTES));
  return sameSource && digest(code).equals(bytes.subarray(DIGEST_BYTES, 2 * DIGEST_BYTES)) ? code : undefined;
}

/** Opens the program in `folder`. `keepCode` writes down what is compiled by then; `compiled` says whether that of a build was used. */
export function openProgram(folder) {
  const file = join(folder, "pawl.cjs");
  const cache = join(folder, "pawl.cache");
  const source = readFileSync(file);
  const cachedData = kept(cache, source);
  const script = new Script(source.latin1Slice(), {
    filename: file,
    cachedData,
  });
  const { href } = pathToFileURL(file);
  const module = { exports: {} };
  script.runInThisContext()(module.exports, createRequire(href), module, folder, href);
  return {
    main: module.exports.main,
    compiled: cachedData !== undefined && script.cachedDataRejected === false,
    keepCode() {
      const code = script.createCachedData();
      writeFileSync(`${cache}.new`, Buffer.concat([digest(source), digest(code), code]));
      renameSync(`${cache}.new`, cache);
    },
  };
}
