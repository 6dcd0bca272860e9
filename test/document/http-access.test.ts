import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { loadInventory } from "../../src/document/load.ts";
import type { HttpAccess } from "../../src/domain/inventory.ts";
import { change, complaints, INVENTORY } from "./material.ts";

const folders: string[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

const withHttp = (http: string): string => change(INVENTORY, "nodes:", `http: ${http}\nnodes:`);

async function load(http: string): Promise<{ readonly folder: string; readonly http: HttpAccess | undefined }> {
  const folder = mkdtempSync(join(tmpdir(), "pawl-http-"));
  folders.push(folder);
  writeFileSync(join(folder, "inventory.yaml"), withHttp(http));
  return { folder, http: (await loadInventory(join(folder, "inventory.yaml"))).document.http };
}

describe("how web servers are reached", () => {
  it("is direct and plain where nothing is said", async () => {
    expect((await load("{}")).http).toEqual({ through: { kind: "direct" }, security: "disabled" });
  });

  it("is read with files relative to the inventory", async () => {
    const { folder, http } = await load(
      "{ through: ssh, security: strict, ca: ca.pem, token: { uid: pawl, private-key: keys/pawl.pem }, admin-router: { port: 8443 } }",
    );
    expect(http).toEqual({
      through: { kind: "ssh", by: null },
      security: "strict",
      caFile: join(folder, "ca.pem"),
      token: { kind: "login", uid: "pawl", secret: "private-key", file: join(folder, "keys/pawl.pem") },
      gateway: { kind: "port", port: 8443 },
    });
    const { http: other } = await load(
      '{ through: { ssh: bastion }, security: permissive, token: { env: DCOS_TOKEN }, admin-router: { url: "https://dcos.example.com/" } }',
    );
    expect(other).toEqual({
      through: { kind: "ssh", by: "bastion" },
      security: "permissive",
      token: { kind: "environment", variable: "DCOS_TOKEN" },
      gateway: { kind: "url", url: "https://dcos.example.com" },
    });
  });

  it.each([
    [
      "no source of a token",
      "{ security: strict, token: {} }",
      "http.token has none of file, env, uid: it must have exactly one",
    ],
    ["two sources", "{ security: strict, token: { file: a, env: B } }", "http.token has file and env: it must have exactly one"],
    ["a login without a secret", "{ security: strict, token: { uid: a } }", "http.token has none of password-file, private-key"],
    ["a secret without a login", "{ security: strict, token: { env: A, password-file: b } }", "`password-file` belongs to `uid`"],
    ["a token that would never be sent", "{ token: { env: A } }", "http.token would never be used"],
    ["a password in the document", "{ security: strict, token: { uid: a, password: b } }", 'unknown key "password"'],
    ["verification switched off", "{ security: strict, verify: false }", 'unknown key "verify"'],
    ["an unknown mode", "{ security: stict }", "http.security must be one of disabled, permissive, strict"],
    ["a front door nowhere", "{ admin-router: {} }", "http.admin-router has none of port, url"],
    [
      "a front door with a path",
      '{ admin-router: { url: "https://a/mesos" } }',
      "http.admin-router.url must be scheme, host and port only",
    ],
    [
      "a token over plain http",
      '{ token: { env: A }, admin-router: { url: "http://a" } }',
      "http.admin-router.url must be https where there is a token",
    ],
    ["another way through", "{ through: carrier-pigeon }", "http.through must be"],
  ])("complains about %s", (_what, http, expected) => {
    const found = complaints(withHttp(http));
    expect(found.join("\n")).toContain(expected);
    for (const one of found) expect(one).toMatch(/^f:6:\d+: /);
  });
});
