import { isHarmless, isSecretFlag, isSecretName, SECRET_WORD, SECRET_WORD_PARTS } from "./secret-words.ts";
import type { Mark } from "./mask-literals.ts";

/** A quick look that most strings of a big document do not pass. */
const SUSPICIOUS = new RegExp(
  `${SECRET_WORD}|-----BEGIN|://[^\\s/]*@|\\beyJ|\\bAKIA|\\bSWM(?:TKN|KEY)-|\\bBearer\\b|(?:^|\\s)-u\\b|--user\\b`,
  "i",
);

/** Of these, in any case, every suspicious text holds one. They stand for whole words because they are rare in others. */
export const SUSPICIOUS_PARTS = [...SECRET_WORD_PARTS, "-be", "://", "eyj", "kia", "swm", "rer", "-u"] as const;

const PEM = /-----BEGIN ((?:[A-Z0-9]+ ){0,3}PRIVATE KEY(?: BLOCK)?)-----[\s\S]*?(?:-----END \1-----|$(?![\s\S]))/g;
/** Everything up to the last @ of the authority: a password may hold an @ itself. */
const USERINFO = /\b([a-z][a-z0-9+.-]{0,20}:\/\/)([^\s/?#"'<>\\]{1,512})@/gi;
const JWT = /\beyJ[\w-]{5,}\.[\w-]{5,}\.[\w-]*/g;
const BEARER = /\b(Bearer[ \t]+)([\w.~+/=-]{8,})/gi;
const AWS_KEY = /\bAKIA[0-9A-Z]{16}\b/g;
/** Join tokens and unlock keys of a Swarm. */
const SWARM_KEY = /\bSWM(?:TKN|KEY)-\d{1,2}-[\w+/=-]{8,}/g;
const CURL_USER = /((?:^|\s)(?:-u|--user)(?:[ \t]+|=))(["']?)([^\s"':]{1,128}:[^\s"']+)\2/g;
const FLAG = /(?<!\S)["']?--?[A-Za-z][\w-]{0,80}["']?[ \t]+/g;
const FLAG_VALUE = /"(?:[^"\\\n]|\\.)*"|'[^'\n]*'|(?!-)\S+/y;

/** Optional closing quote of the name, then `=`, `:` or `=>`. */
const ASSIGN = String.raw`(\\*["']?[ \t]*(?:=>|[:=])[ \t]*)`;
/** Quoted values of both kinds, quotes that are themselves escaped, then bare ones to the end of the line. */
const QUOTED = /"(?:[^"\\\n]|\\.)*"|'(?:[^'\n]|'')*'|\\+"[^\n]*?\\+"/y;
const NAMED = `(${SECRET_WORD})([\\w.-]{0,64})${ASSIGN}`;
const BLOCK = new RegExp(
  `^([ \\t]*)(?:- )?["']?([\\w.-]{0,64}${SECRET_WORD}[\\w.-]{0,64})["']?[ \\t]*:[ \\t]*([|>][-+0-9]*)?[ \\t]*$`,
  "i",
);

/** Whether the text may hold something to mask. */
export function isSuspicious(text: string): boolean {
  return SUSPICIOUS.test(text);
}

/**
 * Text of any kind (logs, YAML, env files, headers, command lines) with its secrets replaced. Where it cannot be told
 * where a bare value ends, the rest of the line goes: evidence may lose a word, never keep a secret.
 */
export function maskText(text: string, mark: Mark): string {
  if (!isSuspicious(text)) return text;
  const flagged = maskBlocks(text, mark)
    .replace(PEM, (block) => mark(block))
    .replace(USERINFO, (whole, scheme: string, userinfo: string) => maskUserinfo(whole, scheme, userinfo, mark))
    .replace(JWT, (token) => mark(token))
    .replace(AWS_KEY, (key) => mark(key))
    .replace(SWARM_KEY, (key) => mark(key))
    .replace(CURL_USER, (_whole, flag: string, quote: string, pair: string) => {
      const [user = ""] = pair.split(":", 1);
      return `${flag}${quote}${user}:${markOnce(pair.slice(user.length + 1), mark)}${quote}`;
    });
  const masked = maskFlags(flagged, mark).replace(
    BEARER,
    (_whole, word: string, token: string) => `${word}${markOnce(token, mark)}`,
  );
  return maskNamed(masked, mark);
}

/** `--password VALUE`. The word behind any other flag is looked into: `sh -c 'run --password VALUE'` is one command in another. */
function maskFlags(text: string, mark: Mark): string {
  const flags = new RegExp(FLAG);
  const out: string[] = [];
  let copied = 0;
  for (let found = flags.exec(text); found !== null; found = flags.exec(text)) {
    if (!isSecretFlag(found[0].trim().replaceAll(/["']/g, ""))) continue;
    const from = flags.lastIndex;
    FLAG_VALUE.lastIndex = from;
    const value = FLAG_VALUE.exec(text)?.[0];
    if (value === undefined) continue;
    out.push(text.slice(copied, from), maskValue(value, mark));
    copied = from + value.length;
    flags.lastIndex = copied;
  }
  out.push(text.slice(copied));
  return out.join("");
}

/** `name = value` and `name: value`. One walk over the text: a long line with many names costs no more than its length. */
function maskNamed(text: string, mark: Mark): string {
  const named = new RegExp(NAMED, "gi");
  const out: string[] = [];
  let copied = 0;
  for (let found = named.exec(text); found !== null; found = named.exec(text)) {
    const [, word = "", rest = "", assign = ""] = found;
    if (!isSecretName(`${word}${rest}`)) continue;
    const from = named.lastIndex;
    const alone = startsLine(text, found.index);
    if (isProse(word, assign, text[found.index - 1] ?? "") && !alone) continue;
    QUOTED.lastIndex = from;
    const quoted = QUOTED.exec(text)?.[0];
    const value = quoted ?? bareValue(text, from, assign.includes("="), alone, /^(?:authorization|cookie)$/i.test(word));
    if (value === "") continue;
    out.push(text.slice(copied, from), quoted === undefined ? markOnce(value, mark) : maskValue(value, mark));
    copied = from + value.length;
    named.lastIndex = copied;
  }
  out.push(text.slice(copied));
  return out.join("");
}

function markOnce(value: string, mark: Mark): string {
  return isHarmless(value) ? value : mark(value);
}

function maskUserinfo(whole: string, scheme: string, userinfo: string, mark: Mark): string {
  const colon = userinfo.indexOf(":");
  if (colon >= 0) return `${scheme}${userinfo.slice(0, colon)}:${markOnce(userinfo.slice(colon + 1), mark)}@`;
  return /^https?:/i.test(scheme) ? `${scheme}${markOnce(userinfo, mark)}@` : whole;
}

/** `3 checks pass: …` in the middle of a sentence: the short words are names only behind `_`, `.` or `-`, in quotes, or with `=`. */
function isProse(word: string, assign: string, before: string): boolean {
  return word.length <= 4 && /^[ \t]*:/.test(assign) && !/[\w.-]/.test(before);
}

/** Whether only indentation, list and quote marks stand before the name on its line: a line of YAML, a header, an env file. */
function startsLine(text: string, at: number): boolean {
  const near = text.slice(Math.max(0, at - 200), at);
  const line = near.slice(near.lastIndexOf("\n") + 1);
  return (line.length < near.length || at <= 200) && /^[ \t>+#"'-]*(?:export[ \t]+|set[ \t]+)?[\w.-]*$/.test(line);
}

function maskValue(value: string, mark: Mark): string {
  const [, open = "", inner = "", close = ""] = /^(\\*["']?)([\s\S]*?)(\\*["']?)$/.exec(value) ?? [];
  return `${open}${markOnce(inner, mark)}${close}`;
}

/** A value without quotes: the rest of the line where it has a line of its own or is a header, else up to its neighbours. */
function bareValue(text: string, from: number, assigned: boolean, alone: boolean, header: boolean): string {
  const extent = alone || header ? /[^\n]+/y : assigned ? /[^\s]+/y : /[^,}\]\n]+/y;
  extent.lastIndex = from;
  const value = extent.exec(text)?.[0] ?? "";
  return value.replace((alone || header) && !assigned ? /[\s,]+$/ : /[\s,;)}\]"']+$/, "");
}

/** YAML's `password: |` and `tokens:` with a list or a mapping below: the secrets are in the lines that stand deeper. */
function maskBlocks(text: string, mark: Mark): string {
  if (!/:[ \t]*(?:[|>][-+0-9]*)?[ \t]*\r?\n/.test(text)) return text;
  const out: string[] = [];
  const lines = text.split("\n");
  for (let at = 0; at < lines.length; at += 1) {
    const line = lines[at] ?? "";
    out.push(line);
    const [, indent, name, style] = BLOCK.exec(line.trimEnd()) ?? [];
    if (indent === undefined || name === undefined || !isSecretName(name)) continue;
    const block: string[] = [];
    while (at + 1 < lines.length && standsBelow(lines[at + 1] ?? "", indent.length)) {
      at += 1;
      block.push(lines[at] ?? "");
    }
    if (style === undefined) out.push(...block.map((one) => maskScalar(one, mark)));
    else if (block.join("").trim() !== "") out.push(`${indent}  ${mark(block.join("\n"))}`);
  }
  return out.join("\n");
}

function standsBelow(line: string, indent: number): boolean {
  const own = /^[ \t]*/.exec(line)?.[0].length ?? 0;
  return own === line.length || own > indent || (own === indent && /^[ \t]*- /.test(line));
}

/** `- value`, `key: value` and plain lines of a secret's block: the value is masked, the structure stays. */
function maskScalar(line: string, mark: Mark): string {
  const [, lead = "", value = "", end = ""] =
    /^([ \t]*(?:- )*(?:["']?[\w.-]+["']?:(?=[ \t]|$)[ \t]*)?)(.*?)(\s*)$/.exec(line) ?? [];
  return value === "" || /^[|>][-+0-9]*$/.test(value) ? line : `${lead}${maskValue(value, mark)}${end}`;
}
