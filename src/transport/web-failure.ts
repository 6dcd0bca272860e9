import { failureOf, type Failure } from "./failure.ts";

const UNTRUSTED: readonly string[] = [
  "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
  "UNABLE_TO_GET_ISSUER_CERT",
  "UNABLE_TO_GET_ISSUER_CERT_LOCALLY",
  "SELF_SIGNED_CERT_IN_CHAIN",
  "DEPTH_ZERO_SELF_SIGNED_CERT",
  "CERT_SIGNATURE_FAILURE",
  "CERT_UNTRUSTED",
  "CERT_REJECTED",
  "CERT_REVOKED",
  "INVALID_CA",
  "INVALID_PURPOSE",
];
/** A TLS client that reads anything but a TLS record. */
const NO_TLS = /^ERR_SSL_(?:WRONG_VERSION_NUMBER|PACKET_LENGTH_TOO_LONG|HTTP_REQUEST|UNEXPECTED_MESSAGE|RECORD_LAYER_FAILURE)$/;

/** What a server's trouble with TLS or HTTP is called: code and what to do about it; null for troubles of the network. */
function protocolTrouble(code: string, error: Error): Failure | null {
  const fail = (name: string, advice: string): Failure => ({ code: name, reason: `${error.message}. ${advice}` });
  if (UNTRUSTED.includes(code))
    return fail(
      "certificate-untrusted",
      "Name the certificates of the cluster's own authority in the inventory, http: { ca: FILE }",
    );
  if (code === "CERT_HAS_EXPIRED")
    return fail("certificate-expired", "Renew the server's certificate (or look at this machine's clock)");
  if (code === "CERT_NOT_YET_VALID")
    return fail("certificate-not-yet-valid", "Look at the clocks of this machine and the server");
  if (code === "ERR_TLS_CERT_ALTNAME_INVALID")
    return fail(
      "certificate-name",
      "Another server answers there, or its certificate does not name the address the inventory gives",
    );
  if (NO_TLS.test(code))
    return fail(
      "not-tls",
      "Something answers there that does not speak TLS: is this port plain http, or the cluster not in this security mode?",
    );
  if (code === "EPROTO" || code.startsWith("ERR_SSL_") || code.startsWith("ERR_TLS_"))
    return fail("tls-refused", "The server and pawl could not agree on TLS");
  if (code === "UND_ERR_HEADERS_OVERFLOW" || code === "HPE_HEADER_OVERFLOW")
    return fail("too-large", "The headers of the answer are larger than any component's");
  if (code === "UND_ERR_RES_CONTENT_LENGTH_MISMATCH") return fail("cut-off", "The answer does not have the length it says");
  if (code.startsWith("HPE_") || error.name === "HTTPParserError")
    return isTlsRecord(error)
      ? fail("tls-expected", "The server speaks TLS: the inventory's http: { security: … } does not fit the cluster")
      : fail("not-http", "What answers there does not speak HTTP");
  return null;
}

/** The parser keeps the bytes it stumbled over; TLS alerts and handshakes begin with 0x15 or 0x16 and version 3. */
function isTlsRecord(error: Error): boolean {
  const data = "data" in error ? error.data : undefined;
  const bytes = typeof data === "string" ? Buffer.from(data, "latin1") : Buffer.isBuffer(data) ? data : Buffer.alloc(0);
  return (bytes[0] === 0x15 || bytes[0] === 0x16) && bytes[1] === 3;
}

/** A failure as an error's own, for connections that were never made: keeps its code on the way through the HTTP library. */
export class WayError extends Error {
  override readonly name = "WayError";
  readonly failure: Failure;

  constructor(failure: Failure) {
    super(failure.reason);
    this.failure = failure;
  }
}

/** Codes of `failureOf`, and those of TLS and HTTP: `certificate-…`, `not-tls`, `tls-expected`, `tls-refused`, `not-http`, `cut-off`, `too-large`. */
export function webFailureOf(error: unknown): Failure {
  for (let one: unknown = error; one instanceof Error; one = one.cause) {
    if (one instanceof WayError) return one.failure;
    const trouble = protocolTrouble("code" in one && typeof one.code === "string" ? one.code : "", one);
    if (trouble !== null) return trouble;
  }
  return failureOf(error);
}
