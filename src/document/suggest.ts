/** The candidate a person most likely meant, or null where none is near enough to be a typing error. */
export function nearestWord(word: string, candidates: readonly string[]): string | null {
  const wanted = flat(word);
  let best: { readonly candidate: string; readonly distance: number } | null = null;
  for (const candidate of candidates) {
    const distance = editDistance(wanted, flat(candidate));
    if (distance <= Math.max(1, Math.floor(wanted.length / 3)) && (best === null || distance < best.distance))
      best = { candidate, distance };
  }
  return best?.candidate ?? null;
}

/** "did you mean `x`?" or the list of what is accepted; undefined where neither says anything. */
export function suggest(word: string, candidates: readonly string[]): string | undefined {
  const nearest = nearestWord(word, candidates);
  if (nearest !== null) return `did you mean \`${nearest}\`?`;
  return candidates.length === 0 || candidates.length > 30 ? undefined : `accepted: ${candidates.join(", ")}`;
}

/** `haltAfter`, `halt_after` and `Halt-After` are all `halt-after` written in another house style. */
function flat(word: string): string {
  return word
    .slice(0, 80)
    .replace(/[-_\s]/g, "")
    .toLowerCase();
}

/** Insertions, deletions, replacements and swaps of neighbours that turn one word into the other. */
function editDistance(a: string, b: string): number {
  let before: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i += 1) {
    const row = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const cost = a[i - 1] === b[j - 1] ? 0 : 1;
      let least = Math.min((last[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1, (last[j - 1] ?? 0) + cost);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) least = Math.min(least, (before[j - 2] ?? 0) + 1);
      row.push(least);
    }
    before = last;
    last = row;
  }
  return last[b.length] ?? 0;
}
