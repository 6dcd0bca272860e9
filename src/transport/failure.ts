/** Why nobody answered: a stable code for machines and a sentence for people. */
export interface Failure {
  readonly code: string;
  readonly reason: string;
}

const CODES: Readonly<Record<string, string>> = {
  ECONNREFUSED: "refused",
  ECONNRESET: "reset",
  EPIPE: "reset",
  UND_ERR_SOCKET: "reset",
  UND_ERR_RES_CONTENT_LENGTH_MISMATCH: "reset",
  ETIMEDOUT: "timed-out",
  UND_ERR_CONNECT_TIMEOUT: "timed-out",
  UND_ERR_HEADERS_TIMEOUT: "timed-out",
  UND_ERR_BODY_TIMEOUT: "timed-out",
  ENOTFOUND: "not-resolved",
  EAI_AGAIN: "not-resolved",
  EHOSTUNREACH: "unreachable",
  ENETUNREACH: "unreachable",
  EHOSTDOWN: "unreachable",
  EADDRNOTAVAIL: "unreachable",
};

/** Node's and undici's error codes as pawl's own: refused, reset, timed-out, not-resolved, unreachable, else failed. */
export function failureOf(error: unknown): Failure {
  if (!(error instanceof Error)) return { code: "failed", reason: String(error) };
  // Several addresses were tried at once: the first answer tells as much as all of them.
  if (error instanceof AggregateError && error.errors.length > 0) return failureOf(error.errors[0]);
  const raw = "code" in error && typeof error.code === "string" ? error.code : "";
  if (CODES[raw] === undefined && error.cause instanceof Error) return failureOf(error.cause);
  return { code: CODES[raw] ?? "failed", reason: error.message === "" ? raw : error.message };
}
