/** One word for a POSIX shell: as it is where that is safe, otherwise in single quotes with `'` as `'\''`. */
function quoteWord(word: string): string {
  if (/^[A-Za-z0-9_@%+=:,./-]+$/.test(word)) return word;
  return `'${word.replaceAll("'", `'\\''`)}'`;
}

/** An argument list as one command line. */
export function quoteLine(argv: readonly string[]): string {
  return argv.map(quoteWord).join(" ");
}
