/**
 * Which names promise a secret. Words, not guesses about values: a value that merely looks random (a framework id, a
 * digest) is evidence and must stay readable.
 */
const WORDS = [
  "pass(?:word|wd|phrase)",
  "secret",
  "token",
  "credential",
  "(?:api|private|access|signing|encryption|master)[-_. ]?key",
  "authorization",
  "cookie",
  "unlock[-_. ]?key",
] as const;

/** Short words that count only as a whole segment of a name: `DB_PASS`, not `bypass`. */
const SEGMENTS = ["pass", "pwd", "psk", "auth"] as const;

/** As a part of a regular expression: a secret word, standing where a name may contain it. */
export const SECRET_WORD = `(?:${WORDS.join("|")}|(?<![A-Za-z])(?:${SEGMENTS.join("|")})(?![A-Za-z]))`;

/** Every secret word holds one of these: three letters are found faster than a word. */
export const SECRET_WORD_PARTS = ["pas", "cre", "tok", "key", "uth", "ook", "pwd", "psk"] as const;

const IN_NAME = new RegExp(SECRET_WORD, "i");
/** Names about a secret that do not hold it. */
const ABOUT =
  /(?:path|file|dir|folder|enabled|required|type|expires?|expiry|ttl|count|length|policy|provider|principal|source|class|module)s?["']?$/i;

/** A copy: a piece of a text holds the whole text in memory for as long as the piece is kept. */
export function detached(text: string): string {
  return Buffer.from(text, "utf16le").toString("utf16le");
}

/** A function that remembers its answers: a document asks the same few names a million times. */
function remembered(ask: (name: string) => boolean): (name: string) => boolean {
  const known = new Map<string, boolean>();
  return (name) => {
    const before = known.get(name);
    if (before !== undefined) return before;
    const answer = ask(name);
    if (name.length > 256) return answer;
    if (known.size >= 4096) known.clear();
    known.set(detached(name), answer);
    return answer;
  };
}

/** Whether a name promises a secret value. */
export const isSecretName = remembered((name) => name.length <= 1024 && IN_NAME.test(name) && !ABOUT.test(name));

/** Whether a name promises a secret although its value is a number; names with `/` or `.` are metrics, which count things. */
export function isSecretNumberName(name: string): boolean {
  return isSecretName(name) && !/[/.]/.test(name);
}

/** Names whose direct values are environment variables; all of them are masked, because any may hold a secret. */
export const isEnvironmentName = remembered((name) =>
  /^(?:env|environment|environment[-_]?variables|env[-_]?vars?)$/i.test(name),
);

/** A command-line flag whose next word is a secret. */
export function isSecretFlag(word: string): boolean {
  return /^--?[A-Za-z][\w-]*$/.test(word) && isSecretName(word);
}

/** Values that are masked already, or are a switch rather than a secret. */
export function isHarmless(value: string): boolean {
  return value === "" || /^(?:masked:[0-9a-f]{12}|true|false|yes|no|null|none|~|\*+)$/i.test(value);
}
