import { EventEmitter } from "node:events";
import { expect, it } from "vitest";
import { readInput } from "../../../src/sim/wire/channel.ts";

/** Nothing of the event loop runs meanwhile. */
function block(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}

it("input that arrived while the machine was busy elsewhere is not taken for silence", async () => {
  const channel = new EventEmitter();
  const read = readInput(channel, 100);
  // The timer is overdue when the loop turns again, and fires before what has arrived meanwhile is read.
  setImmediate(() => {
    channel.emit("data", Buffer.from("the whole "));
    channel.emit("data", Buffer.from("input"));
    channel.emit("end");
  });
  block(150);
  expect((await read).toString()).toBe("the whole input");
});

it("a client that sends nothing and never ends its input has none", async () => {
  expect(await readInput(new EventEmitter(), 50)).toEqual(Buffer.alloc(0));
});
