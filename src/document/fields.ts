import * as z from "zod";
import { DURATION_PATTERN, parseDuration } from "../domain/duration.ts";
import type { JsonRecord } from "../domain/json.ts";
import { VERSION_PATTERN } from "../domain/version.ts";

/**
 * What a field is, in words that complete "must be …". Kept beside zod's own metadata so that a field can be described for
 * editors as well; copies made by `describe` inherit it.
 */
export const WORDS = z.registry<{ readonly what: string }>();

/** Single-line text that says something. */
export const text = z.string().min(1).register(WORDS, { what: "text, and not empty" });

/** Names of documents, inputs, phases and steps: they become parts of addresses and file names. */
export const name = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/)
  .register(WORDS, { what: "a name of letters, digits, dots, dashes and underscores" });

/** Node names: `bootstrap` is the word for the machine that serves packages. */
export const nodeName = z
  .string()
  .regex(/^(?!bootstrap$)[A-Za-z0-9_][A-Za-z0-9._-]{0,99}$/)
  .register(WORDS, { what: "a name of letters, digits, dots, dashes and underscores, other than `bootstrap`" });

/** Names of readings: they are used in jq filters as `.name`. */
export const readingName = z
  .string()
  .regex(/^[A-Za-z_][A-Za-z0-9_]{0,49}$/)
  .register(WORDS, { what: "a name that jq can use as `.name`: letters, digits and underscores" });

/** A step kind: `soak`, or `platform/kind`. */
export const kindName = z
  .string()
  .regex(/^[a-z0-9-]+(?:\/[a-z0-9-]+)?$/)
  .register(WORDS, { what: "a step kind such as `soak` or `dcos/upgrade-node`" });

export const version = z.string().regex(VERSION_PATTERN).register(WORDS, { what: 'a version in quotes, such as "1.11.3"' });

export const duration = z
  .string()
  .min(2)
  .regex(DURATION_PATTERN)
  .register(WORDS, { what: "a duration such as 30s, 10m or 1h30m" });

export const port = z.int().min(1).max(65_535).register(WORDS, { what: "a port number from 1 to 65535" });

export const flag = z.boolean().register(WORDS, { what: "true or false" });

export const date = z
  .string()
  .regex(/^\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])$/)
  .register(WORDS, { what: "a date such as 2018-07-24" });

/** A moment in UTC, to the second or finer. */
export const moment = z
  .string()
  .regex(/^\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])T(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.\d{1,9})?Z$/)
  .register(WORDS, { what: "a time in UTC such as 2018-07-24T12:00:00Z" });

/** Host names and IP addresses only: no white space, no shell characters, no leading dash. */
export const host = z
  .string()
  .max(253)
  .regex(/^(?:[A-Za-z0-9](?:[A-Za-z0-9_.-]*[A-Za-z0-9])?|(?=[:.]*[0-9A-Fa-f])[0-9A-Fa-f]{0,4}(?::[0-9A-Fa-f.]{0,15}){2,7})$/)
  .register(WORDS, { what: "a host name or an IP address" });

/** A machine to go through: no white space, no shell characters, no leading dash. */
export const jumpHop = z
  .string()
  .max(400)
  .regex(
    /^(?:[A-Za-z0-9_][A-Za-z0-9_.@-]{0,99}@)?(?:[A-Za-z0-9](?:[A-Za-z0-9_.-]*[A-Za-z0-9])?(?::\d{1,5})?|\[[0-9A-Fa-f:.]+\](?::\d{1,5})?|[0-9A-Fa-f:.]*:[0-9A-Fa-f.]*:[0-9A-Fa-f:.]*)$/,
  )
  .register(WORDS, { what: "a jump host: `[user@]host[:port]`, the name of a machine of the inventory, or `none`" });

export const user = z
  .string()
  .regex(/^[A-Za-z0-9_][A-Za-z0-9_.@-]{0,99}$/)
  .register(WORDS, { what: "a user name" });

/** http or https, without a user or password (they would be printed with it), and without characters a shell, a header or curl's own patterns (`[1-9]`, `{a,b}`) could take for their own. */
export const url = z
  .string()
  .max(2_000)
  .regex(/^https?:\/\/(?:[A-Za-z0-9_.~:-]+|\[[0-9A-Fa-f:.]+\](?::\d{1,5})?)(?:[\/?#][A-Za-z0-9_.~:\/?&#%@+=,-]*)?$/)
  .register(WORDS, { what: "an http or https URL without user, white space or shell characters" });

/** A URL of a check: may contain `{address}`-like places. */
export const urlTemplate = z
  .string()
  .max(2_000)
  .regex(/^(?:https?:\/\/|\{url\}\/)[^\s'"`\\]+$/)
  .register(WORDS, { what: "an http or https URL, in which {address} and {port.NAME} may stand" });

/** No control characters, so that a path is one word everywhere. */
export const path = z
  .string()
  .max(1_000)
  .regex(/^[^\u0000-\u001f\u007f]+$/)
  .register(WORDS, { what: "a path" });

/** A path on a node: absolute, so that no program takes it for an option of its own. */
export const remotePath = z
  .string()
  .max(1_000)
  .regex(/^\/[^\u0000-\u001f\u007f]*$/)
  .register(WORDS, { what: "an absolute path" });

export const sha256 = z
  .string()
  .regex(/^[0-9a-f]{64}$/)
  .register(WORDS, { what: "a SHA-256 digest: 64 hexadecimal digits, lower case" });

/** An argument list, never a shell line; the first word is the program. */
export const argv = z
  .array(z.string().register(WORDS, { what: "text (quote numbers)" }))
  .min(1)
  .register(WORDS, { what: "a list of words, the program first" });

/** Any mapping: the parser has made sure that it is plain data. */
export const jsonRecord = z
  .record(z.string(), z.unknown())
  .register(WORDS, { what: "a mapping" }) as unknown as z.ZodType<JsonRecord>;

/** Keys every document begins with. */
export function envelope<K extends string>(kind: K) {
  return {
    apiVersion: z.literal("pawl/v1").describe("Form of the document."),
    kind: z.literal(kind).describe("What the document is."),
  };
}

/** Milliseconds of a duration that the schema has accepted. */
export function durationMs(accepted: string): number {
  const ms = parseDuration(accepted);
  if (ms === null) throw new RangeError(`not a duration: ${accepted}`);
  return ms;
}
