const DAYS = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];
const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

function two(value: number, pad = "0"): string {
  return String(value).padStart(2, pad);
}

/** The formats of date(1) that scripts use, for `ms` since the epoch, in UTC. What it does not know stays as it is. */
export function formatTime(format: string, ms: number): string {
  const at = new Date(ms);
  const seconds = Math.floor(ms / 1000);
  const clock = `${two(at.getUTCHours())}:${two(at.getUTCMinutes())}:${two(at.getUTCSeconds())}`;
  const day = `${at.getUTCFullYear()}-${two(at.getUTCMonth() + 1)}-${two(at.getUTCDate())}`;
  const start = Date.UTC(at.getUTCFullYear(), 0, 1);
  const values: Record<string, string> = {
    "%": "%",
    s: String(seconds),
    N: String((((ms % 1000) + 1000) % 1000) * 1_000_000).padStart(9, "0"),
    Y: String(at.getUTCFullYear()),
    y: two(at.getUTCFullYear() % 100),
    m: two(at.getUTCMonth() + 1),
    d: two(at.getUTCDate()),
    e: two(at.getUTCDate(), " "),
    H: two(at.getUTCHours()),
    M: two(at.getUTCMinutes()),
    S: two(at.getUTCSeconds()),
    T: clock,
    F: day,
    a: DAYS[at.getUTCDay()] ?? "",
    b: MONTHS[at.getUTCMonth()] ?? "",
    j: String(Math.floor((ms - start) / 86_400_000) + 1).padStart(3, "0"),
    u: String(at.getUTCDay() === 0 ? 7 : at.getUTCDay()),
    Z: "UTC",
    z: "+0000",
    n: "\n",
  };
  return format.replaceAll(/%(3N|.)/g, (all, letter: string) =>
    letter === "3N" ? (values["N"] ?? "").slice(0, 3) : (values[letter] ?? all),
  );
}
