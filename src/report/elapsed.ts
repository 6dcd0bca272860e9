/** Milliseconds from one ISO time to another; 0 where one is missing or the clock went back. */
export function between(from: string, to: string): number {
  const ms = Date.parse(to) - Date.parse(from);
  return Number.isFinite(ms) ? Math.max(0, ms) : 0;
}
