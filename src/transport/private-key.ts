import { createPrivateKey, type KeyObject } from "node:crypto";
import ssh2 from "ssh2";
import type { ParsedKey } from "ssh2";

/** What the bytes of an identity file are. */
export type PrivateKey =
  | { readonly kind: "key"; readonly key: ParsedKey }
  | { readonly kind: "encrypted" | "wrong-passphrase" | "public" | "unreadable"; readonly why: string };

/**
 * Reads a private key: OpenSSH's own format, PEM (PKCS#1, SEC1) and PKCS#8, which ssh2 does not know and which is brought into one
 * of the others. Never throws.
 */
export function readPrivateKey(bytes: Buffer, passphrase?: string): PrivateKey {
  try {
    const text = bytes.toString("latin1");
    const pem = /-----BEGIN (?:ENCRYPTED )?PRIVATE KEY-----/.test(text) ? fromPkcs8(text, passphrase) : bytes;
    if (pem === null) return { kind: "encrypted", why: "encrypted PKCS#8 private key" };
    return judge(ssh2.utils.parseKey(pem, pem === bytes ? passphrase : undefined), passphrase !== undefined);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    return { kind: passphrase === undefined ? "unreadable" : "wrong-passphrase", why };
  }
}

function judge(parsed: ParsedKey | Error, hadPassphrase: boolean): PrivateKey {
  if (parsed instanceof Error) {
    const why = parsed.message;
    if (/no passphrase given/i.test(why)) return { kind: "encrypted", why };
    return { kind: hadPassphrase ? "wrong-passphrase" : "unreadable", why };
  }
  // The typings promise one key; files of old formats may give several.
  const keys: readonly ParsedKey[] = [parsed].flat();
  const key = keys[0];
  if (key === undefined) return { kind: "unreadable", why: "the file holds no key" };
  return key.isPrivateKey() ? { kind: "key", key } : { kind: "public", why: "the file holds a public key" };
}

/** The public half of a key file as agents name it: from FILE.pub, or from what OpenSSH's format leaves readable. Null: not told. */
export function publicHalf(bytes: Buffer, pub: Buffer | null): Buffer | null {
  if (pub !== null) {
    const parsed = ssh2.utils.parseKey(pub);
    const [key] = parsed instanceof Error ? [] : [parsed].flat();
    if (key !== undefined) return key.getPublicSSH();
  }
  const body = /-----BEGIN OPENSSH PRIVATE KEY-----([A-Za-z0-9+/=\s]+)-----END/.exec(bytes.toString("latin1"))?.[1];
  if (body === undefined) return null;
  const raw = Buffer.from(body, "base64");
  let at = "openssh-key-v1\0".length;
  const field = (): Buffer => {
    const length = raw.readUInt32BE(at);
    at += 4 + length;
    return raw.subarray(at - length, at);
  };
  try {
    for (let skipped = 0; skipped < 3; skipped++) field();
    at += 4;
    const blob = field();
    return blob.length === 0 ? null : blob;
  } catch {
    return null;
  }
}

/** A PKCS#8 key in a format ssh2 reads; null where it is encrypted and no passphrase is given. Throws for a wrong one. */
function fromPkcs8(text: string, passphrase: string | undefined): string | null {
  if (text.includes("BEGIN ENCRYPTED") && passphrase === undefined) return null;
  const key = createPrivateKey({ key: text, format: "pem", ...(passphrase === undefined ? {} : { passphrase }) });
  const type = key.asymmetricKeyType;
  if (type === "rsa") return key.export({ type: "pkcs1", format: "pem" }).toString();
  if (type === "ec") return key.export({ type: "sec1", format: "pem" }).toString();
  if (type === "ed25519") return opensshOf(key);
  throw new Error(`no SSH key type: ${type ?? "unknown"}`);
}

/** An Ed25519 key in OpenSSH's format (PROTOCOL.key), unencrypted; it never leaves memory. */
function opensshOf(key: KeyObject): string {
  const { d = "", x = "" } = key.export({ format: "jwk" });
  const [seed, point] = [Buffer.from(d, "base64url"), Buffer.from(x, "base64url")];
  const string = (value: Buffer | string): Buffer => {
    const bytes = Buffer.from(value);
    const length = Buffer.alloc(4);
    length.writeUInt32BE(bytes.length);
    return Buffer.concat([length, bytes]);
  };
  const type = "ssh-ed25519";
  const half = Buffer.concat([string(type), string(point)]);
  const check = Buffer.alloc(8, 1);
  const secret = Buffer.concat([check, half, string(Buffer.concat([seed, point])), string("")]);
  const padding = Buffer.from(Array.from({ length: (8 - (secret.length % 8)) % 8 }, (_, index) => index + 1));
  const one = Buffer.from([0, 0, 0, 1]);
  const whole = Buffer.concat([
    Buffer.from("openssh-key-v1\0"),
    string("none"),
    string("none"),
    string(""),
    one,
    string(half),
    string(Buffer.concat([secret, padding])),
  ]);
  const lines = whole.toString("base64").match(/.{1,70}/g) ?? [];
  return `-----BEGIN OPENSSH PRIVATE KEY-----\n${lines.join("\n")}\n-----END OPENSSH PRIVATE KEY-----\n`;
}
