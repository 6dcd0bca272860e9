import { createMasker } from "../../src/artifact/mask.ts";
import { openArtifactStore } from "../../src/artifact/store.ts";
import { createHttpClient } from "../../src/transport/http.ts";
import { report } from "./clock.ts";

/** What a snapshot does with a cluster's whole state: asks for it, masks its secrets, keeps it. */
const [url = "", folder = ""] = process.argv.slice(2);
const http = createHttpClient();
const artifacts = await openArtifactStore({ folder, masker: createMasker({ key: Buffer.alloc(32, 1) }) });
// A run has asked many short questions by the time it asks for the whole state: the HTTP library is loaded.
await http.ask({ method: "GET", url: new URL("/version", url).href, timeoutMs: 10_000, followRedirects: 0 });

await report(async () => {
  const sink = await artifacts.sink({
    name: "state.json",
    mediaType: "application/json",
    step: null,
    node: null,
    evidenceOf: "state",
  });
  const answer = await http.ask({
    method: "GET",
    url,
    timeoutMs: 90_000,
    followRedirects: 1,
    maxBytes: 256 << 20,
    take: (chunk) => sink.write(chunk),
  });
  if (answer.kind !== "answered") throw new Error(answer.reason);
  if (answer.taken !== true) await sink.write(answer.body);
  const kept = await sink.finish();
  return { MiB: kept.bytes / (1 << 20) };
});
await http.close();
