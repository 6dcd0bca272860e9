/** How long the other server may take, in s. */
const TIMEOUT_S = 20;

/** How long the node may take to ask, in ms: the request's own limit, and the way there. */
export const HEAD_MS = (TIMEOUT_S + 10) * 1_000;

/**
 * The command a node asks another server with, for the allow-list: a HEAD, so that nothing is fetched or pulled. What it writes is the
 * status. `url`: addresses that may be asked.
 */
export function headArgv(url: RegExp, headers: readonly string[] = []): readonly (string | RegExp)[] {
  const asked = headers.flatMap((header) => ["-H", header]);
  return ["curl", "-sI", "-o", "/dev/null", "-w", "%{http_code}", "--max-time", String(TIMEOUT_S), ...asked, url];
}
