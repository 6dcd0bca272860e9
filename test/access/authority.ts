import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A server's certificate and key, PEM. */
export interface Leaf {
  readonly cert: string;
  readonly key: string;
}

/** A private certificate authority, made by openssl for one test file. */
export interface Authority {
  /** Its certificate's file. */
  readonly caFile: string;
  readonly ca: string;
  readonly folder: string;
  /** A certificate for these addresses or names; `days` negative: it has run out. */
  leaf(names: readonly string[], days?: number): Leaf;
  remove(): void;
}

const KEY = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];

function openssl(folder: string, args: readonly string[]): void {
  execFileSync("openssl", args, { cwd: folder, stdio: ["ignore", "ignore", "pipe"] });
}

export function createAuthority(): Authority {
  const folder = mkdtempSync(join(tmpdir(), "pawl-authority-"));
  openssl(folder, [
    "req",
    "-x509",
    ...KEY,
    "-keyout",
    "ca.key",
    "-out",
    "ca.pem",
    "-days",
    "30",
    "-subj",
    "/CN=pawl test authority",
  ]);
  let serial = 0;
  return {
    caFile: join(folder, "ca.pem"),
    ca: readFileSync(join(folder, "ca.pem"), "utf8"),
    folder,
    leaf(names, days = 10) {
      serial += 1;
      const name = `leaf-${String(serial)}`;
      const san = names.map((one) => (/^[\d.]+$|:/.test(one) ? `IP:${one}` : `DNS:${one}`)).join(",");
      writeFileSync(join(folder, `${name}.ext`), `subjectAltName=${san}\n`);
      openssl(folder, ["req", ...KEY, "-keyout", `${name}.key`, "-out", `${name}.csr`, "-subj", `/CN=${name}`]);
      const signed = ["-CA", "ca.pem", "-CAkey", "ca.key", "-set_serial", String(serial), "-days", String(days)];
      openssl(folder, ["x509", "-req", "-in", `${name}.csr`, ...signed, "-extfile", `${name}.ext`, "-out", `${name}.pem`]);
      const read = (kind: string): string => readFileSync(join(folder, `${name}.${kind}`), "utf8");
      return { cert: read("pem"), key: read("key") };
    },
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}
