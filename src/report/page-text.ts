/** ISO time as people read it in a report, in UTC, to the second. */
export function moment(iso: string): string {
  return iso.replace("T", " ").replace(/(?:\.\d+)?Z$/, "");
}

/** Bytes for people, decimal units. */
export function size(bytes: number): string {
  const units = ["B", "kB", "MB", "GB", "TB"] as const;
  let value = bytes;
  let unit = 0;
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${unit === 0 ? value : value.toFixed(1)} ${units[unit] ?? "B"}`;
}

/** `1 gate`, `3 gates`. */
export function number(count: number, noun: string, plural = `${noun}s`): string {
  return `${count} ${count === 1 ? noun : plural}`;
}
