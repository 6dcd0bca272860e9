import { createHash } from "node:crypto";
import { connect } from "node:net";
import { openWriter, type WriteClient } from "../../src/zookeeper/client.ts";
import { CREATE, OPEN_ACL, PERMS, type Acl } from "../../src/zookeeper/records.ts";

/** Credentials that only administer what they made. */
const OWNER = { scheme: "digest", secret: "owner:one-secret" } as const;
/** May do everything: servers are started with SUPER_DIGEST. */
export const SUPER = { scheme: "digest", secret: "super:master-key" } as const;

function digestOf(secret: string): string {
  return `${secret.split(":", 1)[0] ?? ""}:${createHash("sha1").update(secret).digest("base64")}`;
}

/** What a server is started with so that SUPER may read whatever an ACL hides. */
export const SUPER_DIGEST = `-Dzookeeper.DigestAuthenticationProvider.superDigest=${digestOf(SUPER.secret)}`;

const OWNED: readonly Acl[] = [{ perms: PERMS.all, scheme: "digest", id: digestOf(OWNER.secret) }];
const READABLE: readonly Acl[] = [
  { perms: PERMS.read, scheme: "world", id: "anyone" },
  { perms: PERMS.all, scheme: "digest", id: digestOf(OWNER.secret) },
];
const NEAR: readonly Acl[] = [{ perms: PERMS.all, scheme: "ip", id: "127.0.0.0/8" }];

/** A session that may write, with all rights. */
export async function writerTo(host: string, port: number): Promise<WriteClient> {
  const socket = connect({ host, port, noDelay: true });
  await new Promise<void>((resolve, reject) => {
    socket.once("connect", resolve);
    socket.once("error", reject);
  });
  return openWriter(socket, { auth: [SUPER] });
}

async function make(
  client: WriteClient,
  path: string,
  data: Buffer | null,
  acl = OPEN_ACL,
  flags: number = CREATE.persistent,
): Promise<void> {
  const reply = await client.ask("create", { path, data, acl, flags });
  if (!reply.ok) throw new Error(`${path}: ${String(reply.err)}`);
}

/**
 * Grows a tree like a cluster's: Mesos, two Marathons, agents' and apps' znodes in folders of a hundred, every kind of data and ACL,
 * and ephemeral znodes that live as long as the client.
 */
export async function growTree(client: WriteClient, folders: number): Promise<void> {
  await make(client, "/cluster-id", Buffer.from("6f1c5f3e-7b1e-4f0e-9a53-6a2d6a3d5b21"));
  for (const marathon of ["/marathon", "/universe", "/universe/mom-dev"]) await make(client, marathon, null);
  for (const marathon of ["/marathon", "/universe/mom-dev"]) {
    for (const part of ["state", "state/apps", "leader-curator"]) await make(client, `${marathon}/${part}`, null);
    await make(
      client,
      `${marathon}/leader-curator/_c_1-latch-0000000000`,
      Buffer.from("10.0.0.1:8080"),
      OPEN_ACL,
      CREATE.ephemeral,
    );
    await make(client, `${marathon}/state/framework:id`, Buffer.from([1, 2, 0, 255]));
  }
  await make(client, "/mesos", null);
  await make(client, "/mesos/json.info_0000000001", Buffer.from('{"hostname":"m1"}'), OPEN_ACL, CREATE.ephemeral);
  await make(client, "/odd", Buffer.from("a parent with data"));
  await make(client, "/odd/empty", Buffer.alloc(0));
  await make(client, "/odd/no data", null);
  await make(client, "/odd/null text", Buffer.from("null"));
  await make(client, "/odd/parent of null", Buffer.from("null"));
  await make(client, "/odd/parent of null/child", Buffer.from([0, 0, 0]));
  await make(client, "/odd/ends_znode", Buffer.from("x"));
  await make(client, "/odd/_znode", Buffer.from("named as guano names data"));
  await make(client, "/odd/_znode/below", Buffer.from("and below it"));
  await make(client, `/odd/${"long-".repeat(60)}`, Buffer.from("a name no file system takes"));
  await make(client, "/odd/Ümläut ☃ %2F", Buffer.from("☃"));
  await make(client, "/secrets", Buffer.from("hidden"), OWNED);
  await make(client, "/secrets/key", Buffer.from("very hidden"), OWNED);
  await make(client, "/readable", Buffer.from("anyone reads"), READABLE);
  await make(client, "/near", null, NEAR);
  const all: Promise<void>[] = [];
  for (let folder = 0; folder < folders; folder += 1) {
    const path = `/marathon/state/apps/${folder.toString(16).padStart(2, "0")}`;
    all.push(make(client, path, null));
    for (let app = 0; app < 99; app += 1)
      all.push(make(client, `${path}/app-${String(app)}`, Buffer.alloc(200, folder + app), app % 10 === 0 ? READABLE : OPEN_ACL));
  }
  await Promise.all(all);
}
