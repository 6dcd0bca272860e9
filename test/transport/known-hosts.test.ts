import { execFileSync } from "node:child_process";
import { createHmac } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { fingerprint, judgeHostKey, knownHostsName, linesByHost, parseKnownHosts } from "../../src/transport/known-hosts.ts";
import { describeReal } from "../real/requires.ts";
import { makeKey } from "../real/sshd.ts";

const ED = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIIrY+3sBSMEVm7uUQHOYuwKMfNnubiDQH8J9bSZotCCK";
const OTHER = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGJjZGVmZ2hpamtsbW5vcHFyc3R1dnd4eXowMTIzNDU2";
const blobOf = (key: string): Buffer => Buffer.from(key.split(" ")[1] ?? "", "base64");

function judge(text: string, host: string, port: number, key: string): string {
  return judgeHostKey(linesByHost(parseKnownHosts(text, "known_hosts"))(knownHostsName(host, port)), blobOf(key)).kind;
}

describe("known hosts", () => {
  it("knows a host by its name, one of several names, or a pattern", () => {
    expect(judge(`m1 ${ED} comment\n`, "m1", 22, ED)).toBe("known");
    expect(judge(`m1,10.0.0.1 ${ED}\n`, "10.0.0.1", 22, ED)).toBe("known");
    expect(judge(`10.0.0.* ${ED}\n`, "10.0.0.7", 22, ED)).toBe("known");
    expect(judge(`M1.example.ORG ${ED}\n`, "m1.EXAMPLE.org", 22, ED)).toBe("known");
  });

  it("does not take a dot of a name for any character", () => {
    expect(judge(`10.0.0.? ${ED}\n`, "10x0y0z7", 22, ED)).toBe("unknown");
  });

  it("excludes a host by a negated pattern, wherever it stands", () => {
    expect(judge(`10.0.0.*,!10.0.0.7 ${ED}\n`, "10.0.0.7", 22, ED)).toBe("unknown");
    expect(judge(`!10.0.0.7,10.0.0.* ${ED}\n`, "10.0.0.8", 22, ED)).toBe("known");
  });

  it("keeps the ports of one address apart", () => {
    expect(judge(`[127.0.0.1]:2201 ${ED}\n`, "127.0.0.1", 2201, ED)).toBe("known");
    expect(judge(`[127.0.0.1]:2201 ${ED}\n`, "127.0.0.1", 2202, ED)).toBe("unknown");
    expect(judge(`127.0.0.1 ${ED}\n`, "127.0.0.1", 2201, ED)).toBe("unknown");
  });

  it("calls another key of a known host changed, also when it is of another type", () => {
    expect(judge(`m1 ${ED}\n`, "m1", 22, OTHER)).toBe("changed");
    const rsaBlob = Buffer.concat([Buffer.from([0, 0, 0, 7]), Buffer.from("ssh-rsa"), Buffer.from([0, 0, 0, 1, 3])]);
    expect(judgeHostKey(linesByHost(parseKnownHosts(`m1 ${ED}\n`, "f"))("m1"), rsaBlob).kind).toBe("changed");
  });

  it("gives a host's lines in the order of the file, by whatever name, pattern or hash they speak about it", () => {
    const salt = Buffer.from("salt");
    const hashed = `|1|${salt.toString("base64")}|${createHmac("sha1", salt).update("m1").digest("base64")}`;
    const hosts = ["m*", "M1,m1,m2", hashed, "m2", "m1", "!m1,m*", "?1"];
    const lines = parseKnownHosts(hosts.map((host) => `${host} ${ED}\n`).join(""), "f");
    expect(linesByHost(lines)("m1").map(({ line }) => line)).toEqual([1, 2, 3, 5, 7]);
    expect(linesByHost(lines)("m2").map(({ line }) => line)).toEqual([1, 2, 4, 6]);
    expect(linesByHost(lines)("x")).toEqual([]);
  });

  it("accepts any of several keys of a host", () => {
    expect(judge(`m1 ${OTHER}\nm1 ${ED}\n`, "m1", 22, ED)).toBe("known");
  });

  it("refuses a revoked key even where another line knows it", () => {
    expect(judge(`m1 ${ED}\n@revoked * ${ED}\n`, "m1", 22, ED)).toBe("revoked");
  });

  it("does not let a revoked key make a host known", () => {
    expect(judge(`@revoked m1 ${OTHER}\n`, "m1", 22, ED)).toBe("unknown");
  });

  it("lets comments, damaged lines and certificate authorities vouch for nobody", () => {
    const text = `# m1 ${ED}\n\nm1\nm1 ssh-ed25519\nm1 ssh-rsa ${ED.split(" ")[1] ?? ""}\n@other m1 ${ED}\n`;
    expect(parseKnownHosts(text, "f")).toEqual([]);
    expect(judge(`@cert-authority m1 ${ED}\n`, "m1", 22, ED)).toBe("unknown");
    expect(judge(`@cert-authority m1 ${OTHER}\nm1 ${ED}\n`, "m1", 22, ED)).toBe("known");
  });

  it("says where a line stands", () => {
    expect(parseKnownHosts(`# first\nm1 ${ED}\n`, "/etc/hosts-known")[0]).toMatchObject({ file: "/etc/hosts-known", line: 2 });
  });
});

describeReal("known hosts as OpenSSH writes them", ["openssh-client"], () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "pawl-known-"));
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it.each(["ed25519", "ecdsa", "rsa"])("reads %s keys in files hashed by ssh-keygen, and prints the same fingerprint", (type) => {
    const key = makeKey(join(folder, `key-${type}`), { type });
    const publicKey = readFileSync(`${key}.pub`, "utf8").split(" ").slice(0, 2).join(" ");
    const file = join(folder, `known-${type}`);
    writeFileSync(file, `m1.example.org ${publicKey}\n[10.0.0.1]:2222 ${publicKey}\n`);
    execFileSync("ssh-keygen", ["-q", "-H", "-f", file], { stdio: "ignore" });
    const text = readFileSync(file, "utf8");
    expect(text).not.toContain("m1.example.org");
    expect(judge(text, "m1.example.org", 22, publicKey)).toBe("known");
    expect(judge(text, "10.0.0.1", 2222, publicKey)).toBe("known");
    expect(judge(text, "10.0.0.1", 22, publicKey)).toBe("unknown");
    expect(judge(text, "m2.example.org", 22, publicKey)).toBe("unknown");
    expect(execFileSync("ssh-keygen", ["-l", "-f", `${key}.pub`], { encoding: "utf8" })).toContain(
      fingerprint(blobOf(publicKey)),
    );
  });
});
