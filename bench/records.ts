import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import type { Benchmark } from "./bench.ts";
import { compare, type Contender } from "./compare.ts";
import { inside } from "./inside.ts";
import { measure } from "./measure.ts";
import { stateDocument } from "./state-document.ts";

/** Appends are waited for one by one: this many say enough. */
const APPENDS = 2_000;

export const append: Benchmark = {
  name: "journal-append",
  title: "journal: append, chain and fsync an event, one after the other",
  async run(bench) {
    const folder = mkdtempSync(join(bench.folder, "append-"));
    const count = String(Math.min(APPENDS, bench.sizes.events));
    const [ours, plain] = ["pawl's journal", "write and fdatasync"];
    const medians = await compare(
      [inside(bench, ours, "append-journal", [folder, count]), inside(bench, plain, "append-plainly", [folder, count])],
      bench.sizes.rounds,
    );
    const p95 = medians.get(ours)?.extra["p95, ms"] ?? Number.NaN;
    return { medians, goals: [{ text: "5 ms p95", met: p95 <= 5, measured: `${p95.toFixed(1)} ms` }], notRun: [] };
  },
};

export const verify: Benchmark = {
  name: "journal-verify",
  title: "verify a record of 100,000 events",
  async run(bench) {
    const folder = join(bench.folder, "verify");
    execFileSync(process.execPath, [join(bench.subjects, "write-run.js"), folder, String(bench.sizes.events)]);
    const ours = "pawl verify, in process";
    const sums: Contender = {
      name: "sha256sum -c",
      run: () => measure({ argv: ["sha256sum", "-c", "SHA256SUMS"], cwd: folder }),
    };
    const medians = await compare([inside(bench, ours, "verify-run", [folder]), sums], bench.sizes.rounds);
    const wallS = medians.get(ours)?.wallS ?? Number.NaN;
    return { medians, goals: [{ text: "at most 3 s", met: wallS <= 3, measured: `${wallS.toFixed(2)} s` }], notRun: [] };
  },
};

const MEMORY_MIB = 150;
const BLOCK_MS = 50;

export const state: Benchmark = {
  name: "state",
  title: "a cluster's whole state, fetched, masked and kept",
  async run(bench) {
    const folder = join(bench.folder, "state-artifacts");
    mkdirSync(folder, { recursive: true });
    const document = Buffer.from(stateDocument(bench.sizes.agents));
    const server = createServer(({ url }, response) => {
      response.setHeader("content-type", "application/json").end(url === "/version" ? "{}" : document);
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/state`;
    const ours = "pawl";
    try {
      const medians = await compare(
        [
          inside(bench, ours, "keep-state", [url, folder]),
          inside(bench, "fetch, JSON.parse, write", "parse-state", [url, folder]),
          inside(bench, "nothing", "rest", []),
        ],
        bench.sizes.rounds,
      );
      const found = medians.get(ours);
      const block = found?.extra["longest block, ms"] ?? Number.NaN;
      const wallS = found?.wallS ?? Number.NaN;
      const peak = found?.peakMiB ?? Number.NaN;
      return {
        medians,
        goals: [
          { text: "at most 1 s", met: wallS <= 1, measured: `${wallS.toFixed(2)} s` },
          { text: "no block of the event loop over 50 ms", met: block <= BLOCK_MS, measured: `${block.toFixed(0)} ms` },
          { text: "peak at most 150 MiB", met: peak <= MEMORY_MIB, measured: `${peak.toFixed(0)} MiB` },
        ],
        notRun: [],
      };
    } finally {
      server.close();
    }
  },
};
