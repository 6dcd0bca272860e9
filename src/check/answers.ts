import { isUtf8 } from "node:buffer";
import type { ReadingSpec } from "../domain/documents.ts";
import { readJson, type Json } from "../domain/json.ts";
import type { HttpAnswer, Outcome, TcpAnswer } from "../engine/ports.ts";

/** A reading's value, or why there is none. */
export type Reading = { readonly kind: "read"; readonly value: Json } | { readonly kind: "no-answer"; readonly reason: string };

/** An HTTP answer as the check wants it. Anything but 2xx is no answer, except for `as: answer`, which judges it itself. */
export function fromHttp(as: ReadingSpec["as"], answer: HttpAnswer): Reading {
  if (answer.kind === "no-answer") return none(`${answer.code}: ${answer.reason}`);
  // Anything else would come out with some of its characters replaced.
  if (!isUtf8(answer.body)) return none(`HTTP ${answer.status}, but its ${answer.body.length} bytes are not UTF-8 text`);
  const text = answer.body.toString("utf8");
  if (as === "answer") return value({ status: answer.status, location: answer.headers["location"] ?? null, body: text });
  if (answer.status < 200 || answer.status > 299) return none(`HTTP ${answer.status}${text === "" ? "" : `: ${excerpt(text)}`}`);
  return fromText(as, text);
}

/** A command's outcome. A code other than 0 is no answer, except for `as: answer`; lost contact and time-outs always are. */
export function fromCommand(as: ReadingSpec["as"], outcome: Outcome): Reading {
  if (outcome.kind === "lost") return none(`${outcome.code}: ${outcome.reason}`);
  if (outcome.kind === "timed-out") return none(`did not end within ${outcome.afterMs} ms`);
  if (as === "answer") return value({ code: outcome.code, stdout: outcome.stdout, stderr: outcome.stderr });
  if (outcome.code !== 0) return none(`exit code ${outcome.code}${outcome.stderr === "" ? "" : `: ${excerpt(outcome.stderr)}`}`);
  return fromText(as, outcome.stdout);
}

/** A reply to a four-letter word. ZooKeeper answers a word it does not know with nothing at all: that is no answer. */
export function fromTcp(as: ReadingSpec["as"], answer: TcpAnswer): Reading {
  if (answer.kind === "no-answer") return none(`${answer.code}: ${answer.reason}`);
  const text = answer.body.toString("utf8");
  return text === "" ? none("an empty reply") : fromText(as, text);
}

/** The text of a good answer as JSON, text or table. */
export function fromText(as: ReadingSpec["as"], text: string): Reading {
  switch (as) {
    case "json": {
      const read = readJson(text);
      return read.ok ? value(read.value) : none(read.why);
    }
    case "table":
      return value(tableOf(text));
    case "text":
    case "answer":
      return value(text);
  }
}

/**
 * Lines of `key<TAB>value` as an object; whole numbers become numbers. A reply without any such line is a message instead
 * of a table (ZooKeeper without a quorum sends one sentence): it is kept under `message`.
 */
function tableOf(text: string): Json {
  const table: Record<string, Json> = {};
  for (const line of text.split("\n")) {
    const cut = line.indexOf("\t");
    if (cut < 1) continue;
    const cell = line.slice(cut + 1).trim();
    table[line.slice(0, cut)] = /^-?\d{1,15}$/.test(cell) ? Number(cell) : cell;
  }
  return Object.keys(table).length === 0 ? { message: text.trim() } : table;
}

function value(json: Json): Reading {
  return { kind: "read", value: json };
}

/** A reading without an answer. */
export function none(reason: string): Reading {
  return { kind: "no-answer", reason };
}

/** The first line of a text, short enough for a sentence. */
function excerpt(text: string): string {
  const line = text.trim().split("\n")[0] ?? "";
  return line.length > 120 ? `${line.slice(0, 119)}…` : line;
}
