import * as z from "zod";
import type { HttpAccess, TokenSource } from "../domain/inventory.ts";
import { host, nodeName, path, port, remotePath, text, url, WORDS } from "./fields.ts";

const token = z
  .strictObject({
    file: path.describe("File that holds the token; read again when the token has run out.").optional(),
    env: z
      .string()
      .regex(/^[A-Za-z_][A-Za-z0-9_]{0,99}$/)
      .register(WORDS, { what: "the name of an environment variable" })
      .describe("Environment variable that holds the token.")
      .optional(),
    uid: text.max(200).describe("Login name; with `password-file` or, for a service account, `private-key`.").optional(),
    "password-file": path.describe("File whose first line is the password.").optional(),
    "private-key": path.describe("Private key of the service account, PEM.").optional(),
  })
  .register(WORDS, { what: "{ file: … }, { env: … }, { uid: …, password-file: … } or { uid: …, private-key: … }" });

/** The form of an inventory's `http` (docs/access.md). */
export const httpForm = z.strictObject({
  through: z
    .union([z.enum(["direct", "ssh"]), z.strictObject({ ssh: host })])
    .register(WORDS, { what: "direct, ssh, or { ssh: NAME } for connections that all begin at that machine" })
    .describe("Where connections to the nodes' web servers begin: here, at the node itself by SSH, or at a named machine.")
    .optional(),
  security: z
    .enum(["disabled", "permissive", "strict"])
    .describe("The cluster's security mode: strict asks every component by https with a token.")
    .optional(),
  ca: path
    .describe("Certificates to trust, PEM; relative to the inventory's folder. Verification is never switched off.")
    .optional(),
  client: z
    .strictObject({
      certificate: path.describe("Certificate, PEM."),
      key: path.describe("Its private key, PEM; readable by nobody else."),
    })
    .describe("Who pawl is to servers that want to see a certificate (TLS both ways).")
    .optional(),
  socket: remotePath
    .describe("Where a service that listens at a socket does so on the nodes, if not at its usual place.")
    .optional(),
  "local-sockets": z
    .record(nodeName, path)
    .describe("Sockets on this machine that lead to a node's service, by node; relative to the inventory's folder.")
    .optional(),
  token: token.describe("Who pawl is to the cluster: Authorization: token=….").optional(),
  "admin-router": z
    .strictObject({
      port: port.describe("Its port on every master.").optional(),
      url: url.describe("One address for all masters, such as a load balancer's.").optional(),
    })
    .describe("Only the front door is open: what it cannot say about a single node is not asked.")
    .optional(),
});

export type HttpForm = z.infer<typeof httpForm>;

/** The access a valid form stands for; `resolve` makes a written path absolute. */
export function toHttpAccess(form: HttpForm, resolve: (written: string) => string): HttpAccess {
  const { through, security, ca, client, socket, "local-sockets": local, token, "admin-router": router } = form;
  return {
    through:
      through === undefined || through === "direct"
        ? { kind: "direct" }
        : { kind: "ssh", by: through === "ssh" ? null : through.ssh },
    security: security ?? "disabled",
    ...(ca === undefined ? {} : { caFile: resolve(ca) }),
    ...(client === undefined ? {} : { client: { certificateFile: resolve(client.certificate), keyFile: resolve(client.key) } }),
    ...(socket === undefined ? {} : { socket }),
    ...(local === undefined
      ? {}
      : { localSockets: Object.fromEntries(Object.entries(local).map(([node, file]) => [node, resolve(file)])) }),
    ...(token === undefined ? {} : { token: toSource(token, resolve) }),
    ...(router === undefined
      ? {}
      : {
          gateway:
            router.url === undefined
              ? { kind: "port" as const, port: router.port ?? 443 }
              : { kind: "url" as const, url: router.url.replace(/\/+$/, "") },
        }),
  };
}

function toSource(form: z.infer<typeof token>, resolve: (written: string) => string): TokenSource {
  if (form.file !== undefined) return { kind: "file", file: resolve(form.file) };
  if (form.env !== undefined) return { kind: "environment", variable: form.env };
  const password = form["password-file"];
  return {
    kind: "login",
    uid: form.uid ?? "",
    secret: password === undefined ? "private-key" : "password",
    file: resolve(password ?? form["private-key"] ?? ""),
  };
}
