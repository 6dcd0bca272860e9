import { describe, expect, it } from "vitest";
import { createMasker } from "../../src/artifact/mask.ts";

const TOKEN = "SWMTKN-1-2s0q7xk1dbv9fyn4gq0z8ecm3a6t5hjw1lr7upi4ko2x9vb8nd-5fq8w2m1z7c4t0y6k3j9h2g1d";
const KEY = "SWMKEY-1-q1W2e3R4t5Y6u7I8o9P0a+S/dFgHjKlZxCvBnM12345";

describe("keys of a Swarm in text that gives them no name", () => {
  const masker = createMasker({ key: Buffer.alloc(32, 1), secrets: [] });

  it.each([
    ["a join token in a log", `level=info msg="node joined by ${TOKEN}"`, TOKEN],
    ["an unlock key in an answer", `Please store ${KEY} safely\n`, KEY],
    ["one in a list of words", JSON.stringify({ Args: ["join", TOKEN, "10.0.0.1:2377"] }), TOKEN],
  ])("%s is masked, and the rest stays", (_what, text, secret) => {
    const shown = masker.text(text);
    expect(shown).toBe(text.replace(secret, /masked:[0-9a-f]{12}/.exec(shown)?.[0] ?? "nothing"));
  });

  it("a word that only begins so is none", () => {
    expect(masker.text("SWMTKN is what join tokens begin with")).toBe("SWMTKN is what join tokens begin with");
  });
});
