const NUMBERS: Readonly<Record<string, number>> = {
  HUP: 1,
  INT: 2,
  QUIT: 3,
  KILL: 9,
  USR1: 10,
  USR2: 12,
  PIPE: 13,
  ALRM: 14,
  TERM: 15,
};

/** A signal's name without SIG, from `TERM`, `SIGTERM` or `15`; `0` stays `0`. Null: no such signal. */
export function signalName(word: string): string | null {
  if (word === "0") return "0";
  const name = word.toUpperCase().replace(/^SIG/, "");
  if (name in NUMBERS) return name;
  return Object.entries(NUMBERS).find(([, number]) => String(number) === word)?.[0] ?? null;
}

/** The exit code a shell shows for a child that a signal ended: 128 + its number. */
export function signalCode(name: string): number {
  return 128 + (NUMBERS[name] ?? 15);
}
