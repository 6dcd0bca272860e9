const NUMBERED = /^(.*?)(\d+)(\D*)$/;

interface Numbered {
  readonly prefix: string;
  readonly digits: string;
  readonly suffix: string;
}

function numbered(name: string): Numbered | null {
  const found = NUMBERED.exec(name);
  return found === null ? null : { prefix: found[1] ?? "", digits: found[2] ?? "", suffix: found[3] ?? "" };
}

function follows(before: string, after: string): boolean {
  const a = numbered(before);
  const b = numbered(after);
  if (a === null || b === null || a.prefix !== b.prefix || a.suffix !== b.suffix) return false;
  const padded = a.digits.startsWith("0") || b.digits.startsWith("0");
  return (!padded || a.digits.length === b.digits.length) && Number(b.digits) === Number(a.digits) + 1;
}

/** Names sorted the way people count: a2 before a10. */
export function sortNames(names: readonly string[]): readonly string[] {
  return names.toSorted((a, b) => {
    const left = numbered(a);
    const right = numbered(b);
    if (left === null || right === null || left.prefix !== right.prefix) return a < b ? -1 : a > b ? 1 : 0;
    return Number(left.digits) - Number(right.digits) || (left.suffix < right.suffix ? -1 : left.suffix > right.suffix ? 1 : 0);
  });
}

/** Names in the given order, runs of three or more that count upwards folded: `a1–a20, p1, p2`. Sort first where order means nothing. */
export function foldNames(names: readonly string[], dash = "–"): string {
  const parts: string[] = [];
  let run: string[] = [];
  const flush = (): void => {
    const first = run[0];
    const last = run.at(-1);
    if (run.length > 2 && first !== undefined && last !== undefined) parts.push(`${first}${dash}${last}`);
    else parts.push(...run);
    run = [];
  };
  for (const name of names) {
    const last = run.at(-1);
    if (last !== undefined && !follows(last, name)) flush();
    run.push(name);
  }
  flush();
  return parts.join(", ");
}
