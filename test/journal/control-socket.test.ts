import { createConnection } from "node:net";
import { mkdir, stat, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { describe, expect, it } from "vitest";
import type { ControlRequest } from "../../src/engine/ports.ts";
import { sendControl } from "../../src/journal/control-client.ts";
import { controlPath } from "../../src/journal/control-path.ts";
import { createControlSocket } from "../../src/journal/control-socket.ts";
import { scratch } from "./material.ts";

const PAUSE = { verb: "pause", target: null, reason: "lunch", answers: null, actor: "ada@desk" } as const;

async function listening(handler: (request: ControlRequest) => void, sub = "") {
  const where = { stateDir: join(await scratch(), sub), runFolder: "/runs/r-1" };
  const control = createControlSocket(where);
  await control.listen(handler);
  return { where, control };
}

describe("the control socket", () => {
  it("hands a verb to the engine with who and why, and brings its answer back", async () => {
    const seen: unknown[] = [];
    const { where, control } = await listening((request) => {
      seen.push({ verb: request.verb, actor: request.actor, answers: request.answers });
      request.reply({ ok: true, text: "nothing new starts" });
      request.reply({ ok: false, text: "a second answer is not sent" });
    });
    expect(await sendControl(where, PAUSE)).toEqual({ kind: "answered", ok: true, text: "nothing new starts" });
    expect(await sendControl(where, { ...PAUSE, verb: "retry", target: "masters/m1/upgrade", answers: 12 })).toMatchObject({
      ok: true,
    });
    expect(seen).toEqual([
      { verb: { verb: "pause", target: null, reason: "lunch" }, actor: "ada@desk", answers: null },
      { verb: { verb: "retry", target: "masters/m1/upgrade", reason: "lunch" }, actor: "ada@desk", answers: 12 },
    ]);
    await control.close();
  });

  it("can be opened by its owner only", async () => {
    const { control } = await listening(() => undefined);
    expect((await stat(control.path)).mode & 0o777).toBe(0o600);
    expect((await stat(dirname(control.path))).mode & 0o777).toBe(0o700);
    await control.close();
  });

  it("says that there is no engine before, after and beside one", async () => {
    const { where, control } = await listening((request) => request.reply({ ok: true, text: "" }));
    expect(await sendControl({ ...where, runFolder: "/runs/r-2" }, PAUSE)).toEqual({ kind: "no-engine" });
    await control.close();
    expect(await sendControl(where, PAUSE)).toEqual({ kind: "no-engine" });
    await writeFile(control.path, "left over");
    expect(await sendControl(where, PAUSE)).toEqual({ kind: "no-engine" });
  });

  it("replaces a socket that a killed engine left, but not one somebody listens on", async () => {
    const { where, control } = await listening((request) => request.reply({ ok: true, text: "first" }));
    await expect(createControlSocket(where).listen(() => undefined)).rejects.toMatchObject({ exit: "locked" });
    await control.close();
    await mkdir(dirname(control.path), { recursive: true });
    await writeFile(control.path, "");
    const second = createControlSocket(where);
    await second.listen((request) => request.reply({ ok: true, text: "second" }));
    expect(await sendControl(where, PAUSE)).toMatchObject({ text: "second" });
    await second.close();
  });

  it("tells an engine that does not answer from one that is not there", async () => {
    const { where, control } = await listening(() => undefined);
    expect(await sendControl(where, PAUSE, 50)).toMatchObject({ kind: "no-answer" });
    const asked = sendControl(where, PAUSE);
    await new Promise((done) => setTimeout(done, 50));
    await control.close();
    expect(await asked).toEqual({ kind: "no-answer", reason: "the engine ended before it answered" });
  });

  it.each([
    ["no JSON", "hello", "not JSON"],
    ["another verb", JSON.stringify({ ...PAUSE, verb: "explode" }), "there is no verb"],
    ["an inherited name as verb", JSON.stringify({ ...PAUSE, verb: "toString" }), "there is no verb"],
    ["nobody", JSON.stringify({ ...PAUSE, actor: "" }), "who asks"],
    ["a wrong answer number", JSON.stringify({ ...PAUSE, answers: "x" }), "number of a question"],
    ["too much", "x".repeat(70_000), "too long"],
  ])("refuses %s and goes on listening", async (_name, line, text) => {
    const { where, control } = await listening((request) => request.reply({ ok: true, text: "fine" }));
    const answer = await new Promise<string>((done, failed) => {
      const socket = createConnection(control.path, () => socket.write(`${line}\n`));
      socket.once("data", (chunk) => {
        socket.destroy();
        done(chunk.toString());
      });
      socket.once("error", failed);
    });
    expect(JSON.parse(answer)).toEqual({ ok: false, text: expect.stringContaining(text) });
    expect(await sendControl(where, PAUSE)).toMatchObject({ text: "fine" });
    await control.close();
  });

  it("finds a path short enough for a socket however deep the state folder lies", async () => {
    const { where, control } = await listening((request) => request.reply({ ok: true, text: "deep" }), "d".repeat(120));
    expect(Buffer.byteLength(control.path)).toBeLessThanOrEqual(100);
    expect(await sendControl(where, PAUSE)).toMatchObject({ text: "deep" });
    await control.close();
    expect(controlPath("/a/state", "/runs/1")).not.toBe(controlPath("/a/state", "/runs/2"));
  });
});
