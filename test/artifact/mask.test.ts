import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { literalMask } from "../../src/artifact/mask-literals.ts";
import { createMasker } from "../../src/artifact/mask.ts";

const KEY = Buffer.alloc(32, 7);
const masker = createMasker({ key: KEY });
const SECRET = "S3cr3t-Value+42";

type Tree = { readonly [key: string]: Tree } & string;

/** Masks as the store does, with the media type's bytes. */
async function json(value: unknown, secrets: readonly string[] = []): Promise<Tree> {
  const bytes = await createMasker({ key: KEY, secrets }).bytes(Buffer.from(JSON.stringify(value, null, 2)), "application/json");
  return JSON.parse(bytes.toString()) as Tree;
}

describe("masking by name", () => {
  it.each([
    ["an assignment", `DB_PASSWORD=${SECRET}`],
    ["an exported variable", `export API_TOKEN="${SECRET}"`],
    ["a line of YAML", `superuser_password_hash: ${SECRET}`],
    ["a line of YAML with spaces in the value", `  password: my ${SECRET} here`],
    ["a YAML block", `tls_key:\nprivate-key: |\n  ${SECRET}\n  more\nnext: 1`],
    ["a YAML list", `tokens:\n- ${SECRET}\n- other`],
    ["a YAML mapping below a secret name", `credentials:\n  principal: ${SECRET}\nnext: 1`],
    ["a header", `GET / HTTP/1.1\r\nAuthorization: token=${SECRET}\r\nHost: x`],
    ["a bearer token", `curl -H 'Authorization: Bearer ${SECRET}' http://x`],
    ["a cookie", `Set-Cookie: dcos-acs-auth-cookie=${SECRET}; Path=/`],
    ["a flag", `run --secret-key ${SECRET} --verbose`],
    ["a flag with =", `run --password=${SECRET} --verbose`],
    ["a flag of a command inside a command", `Command Executor (Command: sh -c 'run --password ${SECRET} --verbose')`],
    ["a flag behind a flag without a value", `run --verbose --password ${SECRET}`],
    ["curl's user", `curl -u admin:${SECRET} http://x`],
    ["a URL's userinfo", `zk://super:${SECRET}@10.0.0.1:2181,10.0.0.2:2181/mesos`],
    ["a URL's userinfo that holds an @", `http://u:p@${SECRET}@host/`],
    ["a URL's query", `http://host/v1?token=${SECRET}&x=1`],
    ["a private key", `-----BEGIN RSA PRIVATE KEY-----\n${SECRET}\n-----END RSA PRIVATE KEY-----`],
    ["a private key that was cut off", `-----BEGIN PRIVATE KEY-----\nabc${SECRET}\nxyz`],
    ["JSON inside a line", `posting {"uid":"x","password":"${SECRET}"} now`],
    ["escaped JSON inside a line", `posting {\\"password\\":\\"${SECRET}\\"} now`],
    ["a quoted value with an escaped quote", `password = "a\\"${SECRET}"`],
    ["a value that appears again without its name", `password=${SECRET}\nsaid ${SECRET} again`],
  ])("hides it in %s", (_name, text) => {
    const masked = masker.text(text);
    expect(masked).not.toContain(SECRET);
    expect(masked).toMatch(/masked:[0-9a-f]{12}/);
  });

  it("hides a JSON web token wherever it stands", () => {
    const token = `eyJhbGciOiJIUzI1NiJ9.eyJ1aWQiOiJib290In0.${"a1".repeat(20)}`;
    expect(masker.text(`logged in with ${token}.`)).toMatch(/^logged in with masked:[0-9a-f]{12}/);
  });

  it.each([
    ["a log line", "I1120 15:00:01.000000 replica.cpp:384] Replica recovered, position 1234"],
    ["an identity", "framework 6b8d5d8e-2a2e-4f6d-9bb6-3f6f9a5d0a3e-0001 at scheduler-6c@10.0.0.1:15101"],
    ["a digest", `sha256 ${"ab12".repeat(16)}`],
    ["an ssh address", "ssh://core@10.0.0.11:22"],
    ["a path about a secret", "secret_path=/etc/pawl/secret"],
    ["a switch", "authentication enabled; require_password: true"],
    ["a sentence with a short word", "2 checks pass: log-recovered and one-leader; auth: not asked"],
    ["a word that contains a short one", "bypass: 1, author: someone, compass: north"],
  ])("leaves %s as it is", (_name, text) => {
    expect(masker.text(text)).toBe(text);
  });

  it.each([
    `Command Executor (Task: web.1) (Command: sh -c 'run --password ${SECRET} && curl -H 'x')`,
    `bash -c "run --password ${SECRET}"`,
    `ssh -t 'sudo -S run --api-key "${SECRET}"'`,
  ])("looks into a command line that is quoted behind a flag: %s", (text) => {
    expect(masker.text(text)).not.toContain(SECRET);
    expect(masker.text(text)).toContain("masked:");
  });

  it("gives the same mark for the same secret, another for another and another under another key", () => {
    expect(masker.text("token=alpha-1")).toBe(masker.text("token=alpha-1"));
    expect(masker.text("token=alpha-1")).not.toBe(masker.text("token=alpha-2"));
    expect(createMasker({ key: Buffer.alloc(32, 8) }).text("token=alpha-1")).not.toBe(masker.text("token=alpha-1"));
  });

  it("leaves what is masked already", () => {
    const once = masker.text("password=abc123456\npassword: x y z");
    expect(masker.text(once)).toBe(once);
  });

  it("takes time in proportion to the text, also on hostile lines", () => {
    for (const text of [
      "token=a ".repeat(50_000),
      "token:".repeat(100_000),
      "a-".repeat(300_000),
      "-a '-a \"-a ".repeat(50_000),
      '-c "'.repeat(100_000),
      "://".repeat(200_000),
      "-----BEGIN PRIVATE KEY-----".repeat(20_000),
      '\\"'.repeat(200_000),
    ]) {
      expect(masker.text(text).length).toBeGreaterThan(0);
    }
  });
});

describe("masking JSON", () => {
  it("masks what secret names hold, at any depth, and keeps the rest byte for byte", async () => {
    const text = `{ "id": 12345678901234567890, "n": 1.0,  "nested": [ { "dbPassword": "${SECRET}" , "u": "\\u00e9\\/" } ], "id": 2 }\n`;
    const masked = (await masker.bytes(Buffer.from(text), "application/json")).toString();
    expect(masked).toBe(text.replace(SECRET, /masked:[0-9a-f]{12}/.exec(masked)?.[0] ?? ""));
  });

  it("masks every environment variable, in the forms the products use", async () => {
    const marathon = await json({ env: { HOME: "/root", REF: { secret: "s0" } }, cpus: 1 });
    expect(marathon).toEqual({
      env: { HOME: expect.stringMatching(/^masked:/), REF: { secret: expect.stringMatching(/^masked:/) } },
      cpus: 1,
    });
    const mesos = await json({ command: { environment: { variables: [{ name: "A", type: "VALUE", value: SECRET }] } } });
    expect(mesos.command?.environment?.variables).toEqual([
      { name: "A", type: "VALUE", value: expect.stringMatching(/^masked:/) },
    ]);
    const swarm = await json({ Spec: { Env: ["A=1 2", `B=${SECRET}`, "C="] } });
    expect(swarm.Spec?.Env).toEqual([expect.stringMatching(/^A=masked:/), expect.stringMatching(/^B=masked:/), "C="]);
  });

  it("masks name and value pairs in either order, but only those with a secret name", async () => {
    expect(
      await json([
        { key: "DB_PASSWORD", value: SECRET },
        { value: SECRET, name: "auth-token" },
        { name: "colour", value: "blue" },
      ]),
    ).toEqual([
      { key: "DB_PASSWORD", value: expect.stringMatching(/^masked:/) },
      { value: expect.stringMatching(/^masked:/), name: "auth-token" },
      { name: "colour", value: "blue" },
    ]);
  });

  it("masks the word behind a secret flag and secrets in JSON inside strings", async () => {
    const masked = await json({
      args: ["run", "--password", SECRET, "x"],
      text: JSON.stringify({ token: SECRET, deep: JSON.stringify({ secret: SECRET, n: 1 }) }),
    });
    expect(masked.args).toEqual(["run", "--password", expect.stringMatching(/^masked:/), "x"]);
    expect(JSON.stringify(masked)).not.toContain(SECRET);
    expect(JSON.parse((JSON.parse(masked.text ?? "") as { deep: string }).deep)).toMatchObject({ n: 1 });
  });

  it("masks numbers only where they are a secret, never metrics", async () => {
    const masked = await json({ password: 123456, "master/token_refreshes": 3, uptime_secs: 12, "registrar/log/recovered": 1 });
    expect(masked).toEqual({
      password: expect.stringMatching(/^masked:/),
      "master/token_refreshes": 3,
      uptime_secs: 12,
      "registrar/log/recovered": 1,
    });
  });

  it("keeps null, true, false and empty values of secret names", async () => {
    const value = { password: null, token: "", secret: true, credentials: {} };
    expect(await json(value)).toEqual(value);
  });

  it("masks an answer that was cut off", async () => {
    for (const end of [SECRET.length, 5]) {
      const text = `{"a": [1, {"password": "${SECRET}", "token": "${SECRET.slice(0, end)}`;
      const masked = (await masker.bytes(Buffer.from(text), "application/json")).toString();
      expect(masked).not.toContain(SECRET.slice(0, 5));
    }
  });

  it("masks an answer that claims to be JSON and is not", async () => {
    const masked = (await masker.bytes(Buffer.from(`<html> password=${SECRET} "x"`), "application/json")).toString();
    expect(masked).not.toContain(SECRET);
  });

  it("hands back the same bytes where nothing is secret, also when they are no UTF-8", async () => {
    const bytes = Buffer.from([0x7b, 0x7d, 0xff, 0xfe, 0x0a]);
    expect(await masker.bytes(bytes, "text/plain")).toBe(bytes);
  });

  it("never lets any JSON document keep a seeded secret, and never breaks the document", async () => {
    const secret = fc.stringMatching(/^[A-Za-z0-9!#$%&*+/=?@^_~-]{6,30}$/).map((text) => `Q7${text}`);
    await fc.assert(
      fc.asyncProperty(
        fc.json({ maxDepth: 4 }),
        secret,
        fc.constantFrom("password", "DB_TOKEN", "clientSecret", "credentials", "x-api-key"),
        async (document, value, name) => {
          const text = JSON.stringify({
            document: JSON.parse(document),
            holder: { [name]: value, list: [{ name, value }] },
            again: `seen ${value} here`,
            inner: JSON.stringify({ [name]: value }),
          });
          const masked = (await masker.bytes(Buffer.from(text), "application/json")).toString();
          const parsed = JSON.parse(masked) as object;
          expect(Object.keys(parsed)).toEqual(["document", "holder", "again", "inner"]);
          expect(JSON.stringify(parsed)).not.toContain(JSON.stringify(value).slice(1, -1));
        },
      ),
      { numRuns: 300 },
    );
  });
});

describe("masking known secrets", () => {
  const anySecret = fc
    .string({ minLength: 8, maxLength: 40, unit: "grapheme" })
    .filter((text) => text.trim().length >= 8 && new Set(text).size > 4 && !"masked:".includes(text));

  it("removes them as they are, and as JSON, URL, HTML, hex and base64 write them", () => {
    fc.assert(
      fc.property(anySecret, fc.string({ maxLength: 20 }), fc.string({ maxLength: 20 }), (secret, before, after) => {
        const mask = createMasker({ key: KEY, secrets: [secret] });
        const forms = [
          secret,
          JSON.stringify(secret).slice(1, -1),
          encodeURIComponent(secret),
          encodeURIComponent(secret).toLowerCase(),
          Buffer.from(secret).toString("hex"),
          Buffer.from(secret).toString("base64"),
          Buffer.from(secret).toString("base64url"),
        ];
        for (const form of forms) {
          const masked = mask.text(`note ${before} ${form} ${after}`);
          expect(masked).not.toContain(form);
          expect(masked).not.toContain(secret);
        }
      }),
      { numRuns: 300 },
    );
  });

  it("removes them from longer encoded texts, at any alignment", () => {
    fc.assert(
      fc.property(anySecret, fc.string({ minLength: 0, maxLength: 7 }), fc.string({ maxLength: 7 }), (secret, before, after) => {
        const mask = createMasker({ key: KEY, secrets: [secret] });
        for (const encoding of ["base64", "base64url"] as const) {
          const masked = mask.text(`said ${Buffer.from(before + secret + after).toString(encoding)} here`);
          for (const run of masked.split(/[^A-Za-z0-9+/=_-]+/))
            expect(Buffer.from(run, encoding).toString()).not.toContain(secret);
          expect(masked).toContain("masked:");
        }
      }),
      { numRuns: 300 },
    );
  });

  it("removes them from JSON without breaking it, in keys, values and numbers", async () => {
    expect(
      await json({ nabc1: "\nabc1", k: "xhunter2x", hunter2: 1, n: 98765432, t: `a\thunter2` }, ["nabc1", "hunter2", "98765432"]),
    ).toEqual({
      [masker.text("password=nabc1").slice(9)]: "\nabc1",
      k: expect.stringMatching(/^xmasked:[0-9a-f]{12}x$/),
      [masker.text("password=hunter2").slice(9)]: 1,
      n: expect.stringMatching(/^masked:/),
      t: expect.stringMatching(/^a\tmasked:/),
    });
  });

  it("does not tear words apart for a secret too short to be one", () => {
    expect(createMasker({ key: KEY, secrets: ["a", "", "the"] }).text("the cat sat")).toBe("the cat sat");
  });
});

describe("secrets that become known", () => {
  it("while the masker is used are masked from then on: tokens are renewed in mid-run", () => {
    const secrets = new Set<string>();
    const masker = createMasker({ key: Buffer.alloc(32, 1), secrets });
    expect(masker.text("the word is sesame-open")).toBe("the word is sesame-open");
    secrets.add("sesame-open");
    expect(masker.text("the word is sesame-open")).toMatch(/^the word is masked:[0-9a-f]{12}$/);
  });

  it("by the ten thousand are more than a call takes arguments, and still masked", () => {
    const secrets = Array.from({ length: 12_000 }, (_, index) => `secret-number-${index}-x`);
    const mask = literalMask(secrets, () => "masked");
    expect(mask("a secret-number-11999-x b")).toBe("a masked b");
  }, 30_000);
});
