/** The parts of a script's output that its lines \`=== name\` begin, by name; text without the white space around it. */
export function sectionsOf(output: string): ReadonlyMap<string, string> {
  const sections = new Map<string, string>();
  for (const part of output.split(/^=== /m).slice(1)) {
    const cut = part.indexOf("\n");
    sections.set(part.slice(0, cut).trim(), part.slice(cut + 1).trim());
  }
  return sections;
}
