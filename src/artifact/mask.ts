import { createHmac } from "node:crypto";
import { setImmediate } from "node:timers/promises";
import { literalMask, type Mark } from "./mask-literals.ts";
import { maskJson, type Marks } from "./mask-json.ts";
import { isSuspicious, maskText } from "./mask-text.ts";

/** Replaces secrets by `masked:<12 hex>`: an HMAC with a key of the cluster, so that a changed secret still shows in a diff. */
export interface Masker {
  /** A text of unknown form: journal fields, messages, output. JSON inside is recognised. */
  text(text: string): string;
  /** Bytes of a media type, giving the event loop a turn now and then. Bytes without a secret come back unchanged. */
  bytes(bytes: Buffer, mediaType: string): Promise<Buffer>;
}

export interface MaskerOptions {
  /** The cluster's own key (`loadMaskKey`). */
  readonly key: Buffer;
  /**
   * Secrets that are known (a sudo password, a token): replaced wherever and however encoded they appear. At least 4 characters.
   * A set may grow while the masker is used: tokens are renewed.
   */
  readonly secrets?: readonly string[] | ReadonlySet<string>;
}

/** A masker. Deterministic: the same bytes give the same result in every run that uses the same key. */
export function createMasker(options: MaskerOptions): Masker {
  const mark: Mark = (secret) => `masked:${createHmac("sha256", options.key).update(secret).digest("hex").slice(0, 12)}`;
  const secrets = options.secrets instanceof Set ? options.secrets : new Set(options.secrets);
  let count = -1;
  let literals: (text: string) => string = (text) => text;
  const known = (text: string): string => {
    if (secrets.size !== count) {
      count = secrets.size;
      literals = literalMask([...secrets], mark);
    }
    return literals(text);
  };

  /** Collects what it masks by name, so that the same secret is then found elsewhere in the document too. */
  function* pass(text: string): Generator<undefined, string> {
    const learned = new Set<string>();
    const markAndLearn: Mark = (secret) => {
      if (isDistinctive(secret)) learned.add(secret);
      for (const word of secret.split(/[\s=,;"']+/)) if (word.length >= 12 && isDistinctive(word)) learned.add(word);
      return mark(secret);
    };
    const first = yield* walk(text, { secret: markAndLearn, environment: mark }, (value) => {
      const plain = known(value);
      return isSuspicious(plain) ? maskText(plain, markAndLearn) : plain;
    });
    return learned.size === 0 ? first : yield* walk(first, { secret: mark, environment: mark }, literalMask([...learned], mark));
  }

  return {
    text: (text) => runToEnd(pass(text)),
    bytes: async (bytes) => {
      const text = bytes.toString("utf8");
      const steps = pass(text);
      for (let step = steps.next(); ; step = steps.next()) {
        if (step.done === true) return step.value === text ? bytes : Buffer.from(step.value);
        await setImmediate();
      }
    },
  };
}

/** JSON string by string, JSON inside strings too; anything else as one text. */
function* walk(text: string, marks: Marks, maskString: (text: string) => string): Generator<undefined, string> {
  const inString = (value: string, depth: number): string => {
    const inner =
      depth < 4 && /^\s*[{[]/.test(value) ? runToEnd(maskJson(value, marks, (one) => inString(one, depth + 1))) : null;
    return inner ?? maskString(value);
  };
  const structured = /^\s*[{["]/.test(text) ? yield* maskJson(text, marks, (value) => inString(value, 0)) : null;
  return structured ?? maskString(text);
}

function runToEnd<T>(steps: Generator<undefined, T>): T {
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value;
  }
}

/** Long and mixed enough that its other appearances are the same secret, not a common word, a path or an address. */
function isDistinctive(secret: string): boolean {
  return (
    secret.length >= 8 &&
    secret.length <= 4096 &&
    /\d/.test(secret) &&
    /[A-Za-z]/.test(secret) &&
    !/\s|^[./~]|:\/\/|^[\w.-]+:\d+$/.test(secret)
  );
}
