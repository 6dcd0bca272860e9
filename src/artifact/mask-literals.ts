/** Replaces one secret; the same secret always gives the same mark. */
export type Mark = (secret: string) => string;

/** Shorter ones would tear harmless words apart. */
const SHORTEST_LITERAL = 4;

const escapeRegExp = (text: string): string => text.replaceAll(/[.*+?^${}()|[\]\\/-]/g, "\\$&");

/**
 * The part of a secret's base64 that is the same wherever it stands in a longer encoded text: the secret shifted by 0, 1
 * and 2 bytes, without the characters it shares with its neighbours. Too short a core would match anything.
 */
function base64Cores(secret: Buffer): readonly string[] {
  const cores: string[] = [];
  for (const shift of [0, 1, 2]) {
    const encoded = Buffer.concat([Buffer.alloc(shift), secret])
      .toString("base64")
      .replace(/=+$/, "");
    const from = Math.ceil((shift * 8) / 6);
    const to = Math.floor(((shift + secret.length) * 8) / 6);
    const core = encoded.slice(from, to);
    if (core.length >= 6) cores.push(core);
  }
  return cores;
}

/** A character as HTML, JSON or a URL may write it. */
function inUrl(secret: string): readonly string[] {
  try {
    const encoded = encodeURIComponent(secret);
    return [
      encoded,
      encoded.replaceAll("%20", "+"),
      encoded.replaceAll(/[!'()*]/g, (one) => `%${one.charCodeAt(0).toString(16).toUpperCase()}`),
    ];
  } catch {
    return [];
  }
}

function inHtml(secret: string): readonly string[] {
  const basic = secret.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
  return [
    basic,
    basic.replaceAll('"', "&quot;").replaceAll("'", "&#39;"),
    basic.replaceAll('"', "&#34;").replaceAll("'", "&apos;"),
  ];
}

function inJson(secret: string): readonly string[] {
  const once = JSON.stringify(secret).slice(1, -1);
  const ascii = once.replaceAll(/[\u0080-\uffff]/g, (one) => `\\u${one.charCodeAt(0).toString(16).padStart(4, "0")}`);
  const nested = JSON.stringify(once).slice(1, -1);
  return [once, ascii, nested, once.replaceAll("/", "\\/")];
}

/** How a secret may stand in a text: exactly so, in any case, or as the core of a longer base64 text. */
interface Forms {
  readonly plain: ReadonlyMap<string, string>;
  readonly loose: ReadonlyMap<string, string>;
  readonly cores: ReadonlyMap<string, string>;
}

/** All forms of the secrets, each with the secret it stands for; those in any case are in lower case here. */
function formsOf(secrets: Iterable<string>): Forms {
  const plain = new Map<string, string>();
  const cores = new Map<string, string>();
  const loose = new Map<string, string>();
  for (const secret of secrets) {
    const bytes = Buffer.from(secret);
    for (const form of [secret, ...inJson(secret), ...inHtml(secret), secret.replaceAll("'", String.raw`'\''`)])
      plain.set(form, secret);
    for (const form of [...inUrl(secret), bytes.toString("hex")]) loose.set(form.toLowerCase(), secret);
    for (const core of base64Cores(bytes)) {
      cores.set(core, secret);
      cores.set(core.replaceAll("+", "-").replaceAll("/", "_"), secret);
    }
  }
  return { plain, loose, cores };
}

/** Words of which every text holds one that `literalMask` of the same secrets would change; in any case. */
export function literalForms(secrets: Iterable<string>): readonly string[] {
  const { plain, loose, cores } = formsOf([...secrets].filter((one) => one.length >= SHORTEST_LITERAL));
  return [...plain.keys(), ...loose.keys(), ...cores.keys()];
}

/** More than this many secrets are looked up in an index: a pattern tries each of them at each place of a text. */
const FEW = 24;
/** Characters of a form the index knows it by. */
const HEAD = 6;
/** Patterns that are kept for the next text with the same secrets in it. */
const KEPT_MASKS = 256;

/** A function that replaces the given secrets in any text: as they are and in the encodings in which they travel. */
export function literalMask(secrets: readonly string[], mark: Mark): (text: string) => string {
  const wanted = [...new Set(secrets)].filter((one) => one.length >= SHORTEST_LITERAL);
  return wanted.length <= FEW ? maskByPattern(wanted, mark) : maskByIndex(wanted, mark);
}

function maskByPattern(secrets: readonly string[], mark: Mark): (text: string) => string {
  if (secrets.length === 0) return (text) => text;
  const { plain, loose, cores } = formsOf(secrets);
  const any = (forms: Iterable<string>): string =>
    [...forms]
      .sort((a, b) => b.length - a.length)
      .map(escapeRegExp)
      .join("|");
  const plainPattern = new RegExp(any(plain.keys()), "g");
  const loosePattern = new RegExp(any(loose.keys()), "gi");
  const corePattern =
    cores.size === 0 ? null : new RegExp(`[A-Za-z0-9+/_-]{0,2}(${any(cores.keys())})[A-Za-z0-9+/_-]{0,2}={0,2}`, "g");
  // Not `Math.min(...)`: a text may hold more secrets than a call takes arguments.
  const shortest = [...plain.keys(), ...loose.keys(), ...cores.keys()].reduce(
    (least, form) => Math.min(least, form.length),
    Number.POSITIVE_INFINITY,
  );
  const exact = new RegExp(any([...plain.keys(), ...cores.keys()]));
  const caseless = new RegExp(any(loose.keys()), "i");
  return (text) => {
    if (text.length < shortest || !(exact.test(text) || caseless.test(text))) return text;
    let masked = text;
    // A mark beside what follows may spell a secret anew; one or two rounds settle it.
    for (let round = 0; round < 4; round += 1) {
      const before = masked;
      masked = masked.replace(plainPattern, (found) => mark(plain.get(found) ?? found));
      masked = masked.replace(loosePattern, (found) => mark(loose.get(found.toLowerCase()) ?? found));
      if (corePattern !== null) masked = masked.replace(corePattern, (_found, core: string) => mark(cores.get(core) ?? core));
      if (masked === before) break;
    }
    return masked;
  };
}

/** Looks which secrets may stand in a text by how their forms begin, and masks only those: linear in the text, however many there are. */
function maskByIndex(secrets: readonly string[], mark: Mark): (text: string) => string {
  const heads = new Map<string, string[]>();
  // Forms in any case are those of URLs and hexadecimal digits: plain ASCII.
  const looseHeads = new Map<string, string[]>();
  const short: string[] = [];
  for (const secret of secrets) {
    const { plain, loose, cores } = formsOf([secret]);
    const forms = [...plain.keys(), ...cores.keys()];
    if ([...forms, ...loose.keys()].some((form) => form.length < HEAD)) short.push(secret);
    enter(heads, forms, secret);
    enter(looseHeads, [...loose.keys()], secret);
  }
  const masks = new Map<string, (text: string) => string>();
  const maskOf = (found: ReadonlySet<string>): ((text: string) => string) => {
    const key = JSON.stringify([...found]);
    const known = masks.get(key);
    if (known !== undefined) return known;
    const fresh = maskByPattern([...found], mark);
    if (masks.size < KEPT_MASKS) masks.set(key, fresh);
    return fresh;
  };
  return (text) => {
    const found = new Set(short);
    const lower = text.toLowerCase();
    for (let at = 0; at + HEAD <= text.length; at += 1)
      for (const secret of heads.get(text.slice(at, at + HEAD)) ?? []) found.add(secret);
    for (let at = 0; at + HEAD <= lower.length; at += 1)
      for (const secret of looseHeads.get(lower.slice(at, at + HEAD)) ?? []) found.add(secret);
    return found.size === 0 ? text : maskOf(found)(text);
  };
}

function enter(heads: Map<string, string[]>, forms: readonly string[], secret: string): void {
  for (const head of new Set(forms.map((form) => form.slice(0, HEAD)))) {
    const there = heads.get(head);
    if (there === undefined) heads.set(head, [secret]);
    else there.push(secret);
  }
}
