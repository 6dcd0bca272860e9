import type { Check } from "../domain/documents.ts";
import { PawlError } from "../domain/errors.ts";
import type { InventoryNode } from "../domain/inventory.ts";
import type { Json, JsonRecord } from "../domain/json.ts";
import type { HttpAnswer, Remote } from "../engine/ports.ts";
import { fromText } from "./answers.ts";

/** One recorded HTTP answer, or the error instead of one. */
export interface Capture {
  readonly node: string;
  readonly host: string;
  readonly port: number;
  readonly method: string;
  readonly path: string;
  /** What was posted, where something was. */
  readonly call: Json;
  readonly epochSeconds: number | null;
  readonly answer: HttpAnswer;
}

/** What `pawl check --evidence` can be given: readings that were judged, recorded answers, facts of a plan; or several together. */
export interface Evidence {
  readonly subjects: Readonly<Record<string, JsonRecord>>;
  readonly who: Readonly<Record<string, JsonRecord>>;
  readonly facts: JsonRecord | null;
  readonly context: JsonRecord;
  readonly captures: readonly Capture[];
}

/**
 * Reads the files of `--evidence` together; later ones win. Accepted: the evidence of a check as the journal refers to it
 * (`subjects`, `who`), a file of recorded answers (`captures`), and a plan (`facts`). Throws PawlError `invalid-document`
 * for text that is not JSON or holds none of these.
 */
export function parseEvidence(files: readonly { readonly file: string; readonly text: string }[]): Evidence {
  const parsed = files.map(({ file, text }) => ({ file, value: parseJson(file, text) }));
  const useless = parsed.find(({ value }) => !["subjects", "captures", "facts"].some((key) => key in value));
  if (useless !== undefined) throw badEvidence(useless.file, "none of `subjects`, `captures` and `facts` is in it");
  const merged = (key: string): JsonRecord => Object.assign({}, ...parsed.map(({ value }) => record(value[key]))) as JsonRecord;
  const now = parsed.findLast(({ value }) => typeof value["now"] === "number")?.value["now"];
  const facts = parsed.findLast(({ value }) => "facts" in value)?.value["facts"];
  return {
    subjects: merged("subjects") as Evidence["subjects"],
    who: merged("who") as Evidence["who"],
    facts: facts === undefined ? null : record(facts),
    context: { ...(now === undefined ? {} : { now }), ...merged("context") },
    captures: parsed.flatMap(({ file, value }) => list(value["captures"]).map((one) => captureOf(file, record(one)))),
  };
}

/**
 * The raw answer to one reading of a check, as a server or a program gave it: understood as the check's document says. `of`
 * names the subject and the reading. Throws PawlError `invalid-document` for bytes that are no such answer, and `usage` for a
 * reading the check does not have.
 */
export function rawReading(
  check: Check,
  of: { readonly subject: string; readonly reading: string },
  file: string,
  text: string,
): Evidence["subjects"] {
  const spec = check.readings[of.reading];
  const names = Object.keys(check.readings).join(", ");
  if (spec === undefined)
    throw new PawlError("usage", "check.no-such-reading", `${check.name} reads no ${of.reading}`, {
      expected: `one of ${names}`,
      observed: of.reading,
    });
  if (spec.as === "answer" && !text.trimStart().startsWith("{"))
    throw badEvidence(file, `${of.reading} is a whole answer: { status, location, body } or { code, stdout, stderr }`);
  const reading = fromText(spec.as === "answer" ? "json" : spec.as, text);
  if (reading.kind === "no-answer") throw badEvidence(file, `as ${of.reading} of ${check.name}: ${reading.reason}`);
  return { [of.subject]: { [of.reading]: reading.value } };
}

/** A remote that answers from records: the newest answer to that address, method, path and body; otherwise there is none. */
export function recordedRemote(captures: readonly Capture[]): Remote {
  const notRecorded = "not in the recording";
  return {
    http: (request) => {
      const url = new URL(request.url);
      const port = Number(url.port === "" ? 80 : url.port);
      const found = captures.findLast(
        (one) =>
          one.host === url.hostname.replace(/^\[|\]$/g, "") &&
          one.port === port &&
          one.method === request.method &&
          one.path.split("?")[0] === url.pathname &&
          sameCall(one.call, request.body),
      );
      return Promise.resolve(found?.answer ?? { kind: "no-answer", code: "not-recorded", reason: notRecorded });
    },
    run: () => Promise.resolve({ kind: "lost", code: "not-recorded", reason: notRecorded, sent: false }),
    stream: () => Promise.resolve({ kind: "lost", code: "not-recorded", reason: notRecorded, sent: false }),
    tcp: () => Promise.resolve({ kind: "no-answer", code: "not-recorded", reason: notRecorded }),
    close: () => Promise.resolve(),
  };
}

/** The nodes that occur in recorded answers; the service that answered tells the role, and nodes of no such service are left out. */
export function nodesOf(
  captures: readonly Capture[],
  ports: Readonly<Record<string, number>>,
  roleOfService: Readonly<Record<string, string>>,
): readonly InventoryNode[] {
  const nodes = new Map<string, InventoryNode>();
  for (const { node, host, port } of captures) {
    const service = Object.keys(ports).find((name) => ports[name] === port && roleOfService[name] !== undefined);
    const role = service === undefined ? undefined : roleOfService[service];
    if (role !== undefined) nodes.set(node, { name: node, address: host, role, critical: false, ssh: {} });
  }
  return [...nodes.values()].toSorted((a, b) => a.name.localeCompare(b.name));
}

function sameCall(call: Json, body: string | undefined): boolean {
  if (body === undefined) return call === null;
  try {
    return JSON.stringify(JSON.parse(body)) === JSON.stringify(call);
  } catch {
    return body === call;
  }
}

function captureOf(file: string, capture: JsonRecord): Capture {
  const { node, address, path } = capture;
  if (typeof node !== "string" || typeof address !== "string" || typeof path !== "string")
    throw badEvidence(file, "a recorded answer has no node, address or path");
  const cut = address.lastIndexOf(":");
  const epoch = capture["epochSeconds"];
  return {
    node,
    host: address.slice(0, cut).replace(/^\[|\]$/g, ""),
    port: Number(address.slice(cut + 1)),
    method: typeof capture["method"] === "string" ? capture["method"] : "GET",
    path,
    call: capture["call"] ?? null,
    epochSeconds: typeof epoch === "number" ? epoch : null,
    answer: answerOf(capture, `http://${address}${path}`),
  };
}

function answerOf(capture: JsonRecord, url: string): HttpAnswer {
  const { status, head, body, error } = capture;
  if (typeof status !== "number")
    return { kind: "no-answer", code: "recorded-error", reason: typeof error === "string" ? error : "no answer was recorded" };
  const lines = typeof head === "string" ? head.split("\r\n").slice(1) : [];
  const headers = Object.fromEntries(
    lines.map((line) => [line.slice(0, line.indexOf(":")).toLowerCase(), line.slice(line.indexOf(":") + 1).trim()] as const),
  );
  return { kind: "answered", status, headers, body: Buffer.from(typeof body === "string" ? body : ""), url };
}

function parseJson(file: string, text: string): JsonRecord {
  try {
    return record(JSON.parse(text) as Json);
  } catch (cause) {
    throw badEvidence(file, cause instanceof Error ? cause.message : "not JSON");
  }
}

function badEvidence(file: string, observed: string): PawlError {
  return new PawlError("invalid-document", "bad-evidence", `${file} is no recorded evidence`, {
    expected: "the evidence of a check, recorded answers (`captures`), or a plan, as JSON",
    observed,
  });
}

function record(value: Json | undefined): JsonRecord {
  return value !== null && typeof value === "object" && !Array.isArray(value) ? (value as JsonRecord) : {};
}

function list(value: Json | undefined): readonly Json[] {
  return Array.isArray(value) ? (value as readonly Json[]) : [];
}
