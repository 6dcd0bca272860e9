import { createPublicKey, randomBytes, verify } from "node:crypto";
import type { Agent } from "undici";
import { PawlError } from "../domain/errors.ts";
import type { NodeName } from "../domain/inventory.ts";
import type { Clock } from "../engine/ports.ts";
import { failureOf } from "./failure.ts";

/** Wall time a control address has for an answer that does not wait for simulated time. */
const ANSWER_MS = 10_000;
/** A kept connection is closed long before the lab closes it (after 120 s): a sleep is never sent into one that is gone. */
const KEEP_ALIVE_MS = 10_000;

/** The clock of a lab; `hold` keeps the sleeps of every other process from moving it until the returned function is called. */
export interface LabClock extends Clock {
  hold(): Promise<() => void>;
}

/**
 * The clock of an embedded cluster that runs in another process. Simulated time moves only while somebody sleeps on it, so
 * `now` and `monotonic` are the time the lab told last. `GET control` gives `{lab, timeScale, now}`, `POST control/sleep {ms}`
 * answers `{now}` when that much simulated time has passed; `now` is epoch ms. An aborted sleep takes its request back.
 * Throws PawlError when the lab does not answer.
 */
export async function createLabClock(control: string): Promise<LabClock> {
  const { Agent } = await import("undici");
  const agent = new Agent({ pipelining: 1, keepAliveMaxTimeout: KEEP_ALIVE_MS });
  let known = await timeOf(agent, control, "", null, AbortSignal.timeout(ANSWER_MS));
  const learn = (now: number): void => {
    known = Math.max(known, now);
  };
  return {
    now: () => known,
    monotonic: () => known,
    async sleep(ms, signal) {
      const aborted = (): boolean => signal?.aborted === true;
      if (ms <= 0 || aborted()) return;
      try {
        learn(await timeOf(agent, control, "/sleep", { ms }, signal));
      } catch (error) {
        if (!aborted()) throw error;
        learn(await timeOf(agent, control, "", null, AbortSignal.timeout(ANSWER_MS)));
      }
    },
    async hold() {
      const over = new AbortController();
      try {
        await holdAt(agent, control, over.signal);
        learn(await timeOf(agent, control, "", null, AbortSignal.timeout(ANSWER_MS)));
      } catch (error) {
        over.abort();
        throw error;
      }
      return () => over.abort();
    },
  };
}

/** Returns when the lab holds time; it does so until the signal aborts. */
async function holdAt(agent: Agent, control: string, over: AbortSignal): Promise<void> {
  const url = new URL(control);
  const request = { origin: url.origin, path: "/hold", method: "POST" as const, bodyTimeout: 0, signal: over };
  const { body, statusCode } = await agent.request({ ...request, headersTimeout: ANSWER_MS });
  // The body never ends by itself; it breaks off with the hold.
  body.on("error", () => undefined).resume();
  if (statusCode !== 200) throw new PawlError("outcome-unknown", "lab-gone", `The lab at ${control} does not hold its time.`);
}

/** A node of the inventory with the host key that known_hosts holds for it (`type base64`), null for none. */
export interface LabNode {
  readonly name: NodeName;
  readonly hostKey: string | null;
}

/**
 * Proves that the machines of an inventory are the lab that `control` controls: for a random nonce (64 hex characters, signed
 * as that text) `POST control/prove {nonce}` must answer `{signatures: {node: base64}}`, each by exactly the ed25519 host key
 * under which SSH trusts that node. A real node cannot give such a signature, so simulated time can never shorten a soak on a
 * real cluster. Throws PawlError `lab-not-proven` (exit 3) otherwise.
 */
export async function proveLab(lab: { readonly control: string; readonly nodes: readonly LabNode[] }): Promise<void> {
  if (lab.nodes.length === 0) throw notProven(lab.control, null, "an inventory without nodes");
  const nonce = randomBytes(32).toString("hex");
  const { Agent } = await import("undici");
  const agent = new Agent({ pipelining: 0 });
  let signatures: unknown;
  try {
    const answer = await ask(agent, lab.control, "/prove", { nonce }, AbortSignal.timeout(ANSWER_MS));
    signatures = isRecord(answer) ? answer["signatures"] : undefined;
  } catch (error) {
    throw notProven(lab.control, null, failureOf(error).reason);
  } finally {
    await agent.destroy();
  }
  for (const node of lab.nodes) {
    const signature = isRecord(signatures) ? signatures[node.name] : undefined;
    if (typeof signature !== "string") throw notProven(lab.control, node.name, "no signature of this node in the lab's answer");
    if (node.hostKey === null) throw notProven(lab.control, node.name, "no host key of this node in known_hosts");
    if (!isSignedBy(node.hostKey, nonce, signature))
      throw notProven(lab.control, node.name, "a signature that is not by the host key in known_hosts");
  }
}

/** SubjectPublicKeyInfo of ed25519 up to the 32 bytes of the key (RFC 8410). */
const ED25519_SPKI = Buffer.from("302a300506032b6570032100", "hex");

function isSignedBy(hostKey: string, text: string, signature: string): boolean {
  const [type, base64 = ""] = hostKey.split(" ");
  const blob = Buffer.from(base64, "base64");
  // The blob is two fields with 4 bytes of length each: "ssh-ed25519" and the key.
  if (type !== "ssh-ed25519" || blob.length !== 4 + 11 + 4 + 32) return false;
  const key = createPublicKey({ key: Buffer.concat([ED25519_SPKI, blob.subarray(-32)]), format: "der", type: "spki" });
  return verify(null, Buffer.from(text), key, Buffer.from(signature, "base64"));
}

function notProven(control: string, node: NodeName | null, observed: string): PawlError {
  return new PawlError(
    "invalid-document",
    "lab-not-proven",
    `The inventory says it describes an embedded cluster, but ${node === null ? "none of its nodes has proved it" : `${node} has not proved it`}.`,
    {
      expected: `every node's host key signs for the lab at ${control}`,
      observed,
      ...(node === null ? {} : { node }),
      next: "For a real cluster remove the lab block from the inventory; for a lab run `pawl lab up` again and use the inventory it writes.",
    },
  );
}

async function timeOf(
  agent: Agent,
  control: string,
  path: string,
  body: unknown,
  signal: AbortSignal | undefined,
): Promise<number> {
  let observed: string;
  try {
    const answer = await ask(agent, control, path, body, signal);
    if (isRecord(answer) && typeof answer["now"] === "number") return answer["now"];
    observed = `an answer without the time: ${JSON.stringify(answer).slice(0, 200)}`;
  } catch (error) {
    observed = failureOf(error).reason;
  }
  throw new PawlError("outcome-unknown", "lab-gone", `The lab at ${control} does not answer.`, {
    expected: "the lab's control address tells the simulated time",
    observed,
    next: "See whether `pawl lab up` still runs, then resume.",
  });
}

async function ask(
  agent: Agent,
  control: string,
  path: string,
  body: unknown,
  signal: AbortSignal | undefined,
): Promise<unknown> {
  const url = new URL(control);
  const response = await agent.request({
    origin: url.origin,
    path: `${url.pathname.replace(/\/$/, "")}${path}` || "/",
    method: body === null ? "GET" : "POST",
    headers: { "content-type": "application/json" },
    body: body === null ? null : JSON.stringify(body),
    headersTimeout: 0,
    bodyTimeout: 0,
    ...(signal === undefined ? {} : { signal }),
  });
  const text = await response.body.text();
  if (response.statusCode !== 200) throw new Error(`HTTP ${String(response.statusCode)}: ${text.slice(0, 200)}`);
  return JSON.parse(text) as unknown;
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
