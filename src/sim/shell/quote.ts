/** One word for a POSIX shell: as it is where that is safe, otherwise in single quotes with `'` as `'\''`. */
function quoteWord(word: string): string {
  if (/^[A-Za-z0-9_@%+=:,./-]+$/.test(word)) return word;
  return `'${word.replaceAll("'", `'\\''`)}'`;
}

/** An argument list as one command line. */
export function quoteLine(argv: readonly string[]): string {
  return argv.map(quoteWord).join(" ");
}

/** A part of a word: safe characters, something in single quotes, or an escaped quote. */
const PART = /[A-Za-z0-9_@%+=:,./-]+|'([^']*)'|\\(')/y;

/** The words of a line as `quoteLine` writes it: nothing in it is expanded or redirected. Null: it takes a shell to read it. */
export function plainWords(line: string): readonly string[] | null {
  if (/^[A-Za-z_]\w*\+?=/.test(line)) return null;
  const words: string[] = [];
  let word: string | null = null;
  for (let at = 0; at < line.length;) {
    PART.lastIndex = at;
    const part = PART.exec(line);
    if (part !== null) {
      word = (word ?? "") + (part[1] ?? part[2] ?? part[0]);
      at += part[0].length;
    } else if (line[at] === " " && word !== null) {
      words.push(word);
      word = null;
      at += 1;
    } else return null;
  }
  return word === null ? words : [...words, word];
}
