// The dump a good programmer would write with node-zookeeper-client: so many requests out at once, every znode's data and ACL, children
// where its stat says there are any, one JSON line each to a file. Nothing is compared, hashed, synced or said of the moment it is of.
import { createWriteStream } from "node:fs";
import { once } from "node:events";
import zookeeper from "node-zookeeper-client";

const [address, file, inFlight, secret] = process.argv.slice(2);
const client = zookeeper.createClient(address, { sessionTimeout: 30_000, retries: 0 });
client.connect();
await once(client, "connected");
client.addAuthInfo("digest", Buffer.from(secret));

const cpu = process.cpuUsage();
const begun = process.hrtime.bigint();
const out = createWriteStream(file, { mode: 0o600 });
const ask = (name, path) =>
  new Promise((resolve, reject) =>
    client[name](path, (error, value, stat) => (error ? reject(error) : resolve({ value, stat }))),
  );

const paths = ["/"];
let busy = 0;
let znodes = 0;
let room = null;

async function dump(path) {
  const { value: data, stat } = await ask("getData", path);
  const { value: acls } = await ask("getACL", path);
  if (stat.numChildren > 0)
    for (const name of (await ask("getChildren", path)).value) paths.push(path === "/" ? `/${name}` : `${path}/${name}`);
  znodes += 1;
  const acl = acls.map(({ permission, id }) => [permission, id.scheme, id.id]);
  if (!out.write(`${JSON.stringify({ path, data: data?.toString("base64") ?? null, acl })}\n`))
    await (room ??= once(out, "drain").then(() => (room = null)));
}

await new Promise((resolve, reject) => {
  const more = () => {
    if (paths.length === 0 && busy === 0) resolve();
    for (; paths.length > 0 && busy < Number(inFlight); busy++)
      dump(paths.pop()).then(() => {
        busy -= 1;
        more();
      }, reject);
  };
  more();
});
out.end();
await once(out, "close");
const wallS = Number(process.hrtime.bigint() - begun) / 1e9;
const { user, system } = process.cpuUsage(cpu);
process.stdout.write(JSON.stringify({ wallS, cpuS: (user + system) / 1e6, extra: { znodes } }));
client.close();
