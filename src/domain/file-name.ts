/** Longest name made here. File systems allow 255 bytes; what is put before and behind (a time, `.lock`, `.takeover`) needs room. */
const LONGEST = 160;

/**
 * A text (a cluster's identity, say) as one safe file name: everything but letters, digits, `.`, `_` and `-` becomes %XX; so does
 * a leading dot. A name that would be too long is cut and ends in a number made from the whole text, so that two long texts
 * that begin alike do not share a file. Never throws.
 */
export function fileNameOf(text: string): string {
  // Half a surrogate pair is no text that can be encoded: it becomes the replacement character, as everywhere in a file.
  const name =
    encodeURIComponent(text.replaceAll(/\p{Surrogate}/gu, "\uFFFD"))
      .replaceAll(/[!'()*~]/g, percent)
      .replace(/^\./, percent) || "%00";
  if (name.length <= LONGEST) return name;
  const cut = name.slice(0, LONGEST - 12).replace(/%[0-9A-F]?$/, "");
  return `${cut}-${numberOf(text).toString(36)}`;
}

function percent(character: string): string {
  return `%${character.charCodeAt(0).toString(16).toUpperCase().padStart(2, "0")}`;
}

/** FNV-1a over the text's UTF-16 units, kept to 52 bits: not for security, only to tell long texts apart. */
function numberOf(text: string): number {
  let hash = 0xcbf29ce484222325n;
  for (let at = 0; at < text.length; at += 1) hash = BigInt.asUintN(64, (hash ^ BigInt(text.charCodeAt(at))) * 0x100000001b3n);
  return Number(hash >> 12n);
}
