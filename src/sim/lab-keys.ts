import { createHmac, createPrivateKey, sign, type KeyObject } from "node:crypto";

/** An ed25519 key in the forms SSH wants. */
export interface LabKey {
  /** An OpenSSH private key file. */
  readonly file: string;
  /** The public key as it goes over the wire. */
  readonly blob: Buffer;
  /** `ssh-ed25519 BASE64`, for known_hosts and authorized_keys. */
  readonly line: string;
  /** Plain ed25519 signature (64 bytes) of the text's bytes. */
  sign(text: string): Buffer;
}

/** PKCS#8 of an ed25519 key up to its 32 bytes of seed (RFC 8410). */
const PKCS8 = Buffer.from("302e020100300506032b657004220420", "hex");
const COLUMNS = 70;

function field(content: Buffer | string): Buffer {
  const bytes = Buffer.from(content as string);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(bytes.length);
  return Buffer.concat([length, bytes]);
}

function publicPart(key: KeyObject): Buffer {
  const { x } = key.export({ format: "jwk" });
  return Buffer.from(x ?? "", "base64url");
}

/**
 * The ed25519 key that a secret and a name stand for: the same ones give the same key. Written by hand in the format of
 * OpenSSH (PROTOCOL.key), because ssh2 reads no PKCS#8 and its own generator now and then gives a malformed key.
 */
export function labKey(secret: Buffer, name: string): LabKey {
  const seed = createHmac("sha256", secret).update(name).digest();
  const key = createPrivateKey({ key: Buffer.concat([PKCS8, seed]), format: "der", type: "pkcs8" });
  const pub = publicPart(key);
  const blob = Buffer.concat([field("ssh-ed25519"), field(pub)]);
  const check = Buffer.alloc(8, 1);
  const open = Buffer.concat([check, blob, field(Buffer.concat([seed, pub])), field(`pawl lab ${name}`)]);
  const padding = Buffer.from([1, 2, 3, 4, 5, 6, 7]).subarray(0, (8 - (open.length % 8)) % 8);
  const secretPart = Buffer.concat([open, padding]);
  const head = [Buffer.from("openssh-key-v1\0"), field("none"), field("none"), field(""), Buffer.from([0, 0, 0, 1])];
  const base64 = Buffer.concat([...head, field(blob), field(secretPart)]).toString("base64");
  const lines = base64.match(new RegExp(`.{1,${COLUMNS}}`, "g")) ?? [];
  return {
    file: `-----BEGIN OPENSSH PRIVATE KEY-----\n${lines.join("\n")}\n-----END OPENSSH PRIVATE KEY-----\n`,
    blob,
    line: `ssh-ed25519 ${blob.toString("base64")}`,
    sign: (text) => sign(null, Buffer.from(text), key),
  };
}
