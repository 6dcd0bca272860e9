import { mkdtemp, readdir, readFile, stat, writeFile } from "node:fs/promises";
import { createHash, randomBytes } from "node:crypto";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { createMasker } from "../../src/artifact/mask.ts";
import { loadMaskKey } from "../../src/artifact/mask-key.ts";
import { openArtifactStore } from "../../src/artifact/store.ts";
import type { ArtifactMeta } from "../../src/engine/ports.ts";

const sha256 = (bytes: Buffer | string): string => createHash("sha256").update(bytes).digest("hex");
const masker = createMasker({ key: Buffer.alloc(32, 1) });
const meta = (over: Partial<ArtifactMeta> = {}): ArtifactMeta => ({
  name: "p/m1/s/out",
  mediaType: "text/plain",
  step: "p/m1/s",
  node: "m1",
  evidenceOf: "a test",
  ...over,
});

async function newStore(maskedBytes?: number) {
  const folder = await mkdtemp(join(tmpdir(), "pawl-store-"));
  const store = await openArtifactStore({ folder, masker, ...(maskedBytes === undefined ? {} : { maskedBytes }) });
  return { folder, store, files: async () => readdir(join(folder, "artifacts")) };
}

describe("the artifact store", () => {
  it("names bytes by their hash, keeps equal bytes once, and lets only the owner read them", async () => {
    const { folder, store, files } = await newStore();
    const first = await store.put(meta(), "hello\n");
    const second = await store.put(meta({ name: "another" }), Buffer.from("hello\n"));
    expect(first).toEqual({ ...meta(), sha256: sha256("hello\n"), bytes: 6, sealed: false });
    expect(second.sha256).toBe(first.sha256);
    expect(await files()).toEqual([first.sha256]);
    expect((await stat(join(folder, "artifacts"))).mode & 0o777).toBe(0o700);
    expect((await stat(join(folder, "artifacts", first.sha256))).mode & 0o777).toBe(0o600);
    expect((await store.read(first)).toString()).toBe("hello\n");
  });

  it("hashes what it stores: the masked text, not the secret", async () => {
    const { folder, store, files } = await newStore();
    const record = await store.put(meta({ mediaType: "application/json; charset=utf-8" }), '{"password":"hunter2-hunter2"}');
    const stored = await readFile(join(folder, "artifacts", record.sha256));
    expect(stored.toString()).toMatch(/^\{"password":"masked:[0-9a-f]{12}"\}$/);
    expect([record.sha256, record.bytes]).toEqual([sha256(stored), stored.length]);
    expect(await files()).toHaveLength(1);
  });

  it("leaves sealed bytes and bytes that are no text alone", async () => {
    const { store } = await newStore();
    const text = "password=hunter2-hunter2";
    expect(await store.put(meta({ sealed: true }), text)).toMatchObject({ sealed: true, sha256: sha256(text) });
    expect(await store.put(meta({ mediaType: "application/x-tar" }), text)).toMatchObject({
      sealed: false,
      sha256: sha256(text),
    });
  });

  it("writes a stream in order, also for a sender that does not wait, and names it when it is whole", async () => {
    const { store, files } = await newStore();
    const chunks = Array.from({ length: 300 }, () => randomBytes(Math.floor(Math.random() * 30_000)));
    const sink = await store.sink(meta({ mediaType: "application/x-tar", sealed: true }));
    for (const chunk of chunks) void sink.write(chunk);
    expect((await files()).every((name) => name.startsWith("."))).toBe(true);
    const whole = Buffer.concat(chunks);
    expect(sink.bytes).toBe(whole.length);
    const record = await sink.finish();
    expect(record).toMatchObject({ sha256: sha256(whole), bytes: whole.length, sealed: true });
    expect(await files()).toEqual([record.sha256]);
    expect((await store.read(record)).equals(whole)).toBe(true);
  });

  it("does not keep a reference to a chunk that its sender uses again", async () => {
    const { store } = await newStore();
    const sink = await store.sink(meta({ mediaType: "application/octet-stream" }));
    const chunk = Buffer.from("one");
    await sink.write(chunk);
    chunk.write("two");
    await sink.write(chunk);
    expect((await store.read(await sink.finish())).toString()).toBe("onetwo");
  });

  it("leaves nothing behind when a stream is abandoned", async () => {
    const { store, files } = await newStore();
    for (const mediaType of ["application/x-tar", "text/plain"]) {
      const sink = await store.sink(meta({ mediaType }));
      await sink.write(randomBytes(3_000_000));
      await sink.abandon();
    }
    expect(await files()).toEqual([]);
  });

  it("removes what a killed writer left half written when the run is taken up again, and nothing else", async () => {
    const { folder, store, files } = await newStore();
    const kept = await store.put(meta(), "whole");
    await writeFile(join(folder, "artifacts", ".part.5f6c2a52-7a0e-4b3e-9c55-3d1f6a3f3b10.tmp"), "half a st");
    await openArtifactStore({ folder, masker });
    expect(await files()).toEqual([kept.sha256]);
  });

  it("masks a streamed text although the secret lies across chunks", async () => {
    const { store } = await newStore();
    const sink = await store.sink(meta());
    for (const part of ["log\npass", "word=hunt", "er2-hunter2\nend\n"]) await sink.write(Buffer.from(part));
    const record = await sink.finish();
    expect((await store.read(record)).toString()).toMatch(/^log\npassword=masked:[0-9a-f]{12}\nend\n$/);
    expect(record.sealed).toBe(false);
  });

  it("seals text that is too large to be masked", async () => {
    const { store } = await newStore(100);
    const text = `password=hunter2-hunter2\n${"x".repeat(200)}`;
    expect(await store.put(meta(), text)).toMatchObject({ sealed: true, sha256: sha256(text) });
    const sink = await store.sink(meta());
    for (let at = 0; at < text.length; at += 30) await sink.write(Buffer.from(text.slice(at, at + 30)));
    expect(await sink.finish()).toMatchObject({ sealed: true, sha256: sha256(text), bytes: text.length });
  });

  it.each(["put", "sent"])(
    "masks a long JSON that is %s as it comes: same bytes, also beyond the size text is held up to",
    async (how) => {
      const { folder, store, files } = await newStore(1_000);
      const apps = Array.from({ length: 20_000 }, (_, index) => ({
        id: `/app-${index}`,
        cmd: "run --with S3cr3t-Value42",
        env: { A: `${index}` },
      }));
      const text = JSON.stringify({ apps, password: "S3cr3t-Value42" });
      const about = meta({ mediaType: "application/json" });
      let record;
      if (how === "put") record = await store.put(about, text);
      else {
        const sink = await store.sink(about);
        for (let at = 0; at < text.length; at += 60_000) await sink.write(Buffer.from(text.slice(at, at + 60_000)));
        // Nothing of it is on the disk where somebody could read it.
        expect(await files()).toEqual([]);
        record = await sink.finish();
      }
      const whole = await masker.bytes(Buffer.from(text), "application/json");
      expect(whole.toString()).not.toContain("S3cr3t-Value42");
      expect(record).toMatchObject({ sealed: false, bytes: whole.length, sha256: sha256(whole) });
      expect((await readFile(join(folder, "artifacts", record.sha256))).equals(whole)).toBe(true);
      expect(await files()).toEqual([record.sha256]);
    },
  );

  it("keeps what turns out not to be JSON after a megabyte as text: masked, or sealed where it is too large", async () => {
    const text = `{"a":"${"x".repeat(2_000_000)}", password=hunter2-hunter2 ?!`;
    const about = meta({ mediaType: "application/json" });
    const whole = await masker.bytes(Buffer.from(text), "application/json");
    expect(whole.toString()).not.toContain("hunter2-hunter2");
    for (const [limit, expected] of [
      [10_000_000, { sealed: false, sha256: sha256(whole) }],
      [1_500_000, { sealed: true, sha256: sha256(text) }],
    ] as const) {
      const { store, files } = await newStore(limit);
      const record = await store.put(about, text);
      expect(record).toMatchObject(expected);
      expect(await files()).toEqual([record.sha256]);
    }
  });

  it("leaves nothing behind of a long JSON that is abandoned", async () => {
    const { store, files } = await newStore();
    const sink = await store.sink(meta({ mediaType: "application/json" }));
    await sink.write(Buffer.from(`["${"x".repeat(3_000_000)}`));
    await sink.abandon();
    expect(await files()).toEqual([]);
  });

  it("says when bytes were changed or are gone", async () => {
    const { folder, store } = await newStore();
    const record = await store.put(meta(), "hello\n");
    await writeFile(join(folder, "artifacts", record.sha256), "HELLO\n");
    await expect(store.read(record)).rejects.toMatchObject({ code: "artifact-changed", exit: "said-no" });
    await expect(store.read({ sha256: "0".repeat(64) })).rejects.toMatchObject({ code: "no-artifact" });
  });

  it("puts a damaged copy right when the same bytes come again", async () => {
    const { folder, store } = await newStore();
    const record = await store.put(meta(), "hello\n");
    await writeFile(join(folder, "artifacts", record.sha256), "");
    await store.put(meta(), "hello\n");
    expect((await store.read(record)).toString()).toBe("hello\n");
  });
});

describe("the masking key", () => {
  it("is made once for each cluster, also when many ask at once, and kept to its owner", async () => {
    const stateDir = await mkdtemp(join(tmpdir(), "pawl-key-"));
    const keys = await Promise.all(Array.from({ length: 8 }, () => loadMaskKey(stateDir, "cluster/../1")));
    expect(new Set(keys.map((key) => key.toString("hex"))).size).toBe(1);
    const [name = ""] = await readdir(join(stateDir, "keys"));
    expect(name).toBe("cluster%2F..%2F1.key");
    expect((await stat(join(stateDir, "keys", name))).mode & 0o777).toBe(0o600);
    expect((await loadMaskKey(stateDir, "other")).equals(keys[0] ?? Buffer.alloc(0))).toBe(false);
  });

  it("is refused when others can read it or when it is damaged", async () => {
    const stateDir = await mkdtemp(join(tmpdir(), "pawl-key-"));
    await loadMaskKey(stateDir, "c");
    const path = join(stateDir, "keys", "c.key");
    await writeFile(path, "short\n");
    await expect(loadMaskKey(stateDir, "c")).rejects.toMatchObject({ code: "bad-mask-key" });
    await (await import("node:fs/promises")).chmod(path, 0o644);
    await expect(loadMaskKey(stateDir, "c")).rejects.toMatchObject({ code: "open-mask-key" });
  });
});
