import { createHmac } from "node:crypto";
import { setImmediate } from "node:timers/promises";
import { literalForms, literalMask, type Mark } from "./mask-literals.ts";
import type { Marks } from "./mask-frame.ts";
import { maskJson } from "./mask-json.ts";
import { createMaskScan, type MaskScan } from "./mask-stream.ts";
import { isSuspicious, maskText, SUSPICIOUS_PARTS } from "./mask-text.ts";
import { detached, SECRET_WORD_PARTS } from "./secret-words.ts";
import { createTelltale, type Telltale } from "./telltale.ts";

/** Replaces secrets by `masked:<12 hex>`: an HMAC with a key of the cluster, so that a changed secret still shows in a diff. */
export interface Masker {
  /** A text of unknown form: journal fields, messages, output. JSON inside is recognised. */
  text(text: string): string;
  /** Bytes of a media type, giving the event loop a turn now and then. Bytes without a secret come back unchanged. */
  bytes(bytes: Buffer, mediaType: string): Promise<Buffer>;
  document(): DocumentMasker;
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

/** Masks one JSON document that comes in pieces and is never held whole: the same bytes as `Masker.bytes` gives for it. */
export interface DocumentMasker {
  /** What is to be replaced in the document as it came. */
  first(): MaskScan;
  /**
   * After the first scan has seen everything: what is to be replaced besides in the document as the first scan leaves it, because a
   * secret found by its name in one place may stand without it in another. Null: no such secret.
   */
  second(): MaskScan | null;
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

  let told: { readonly count: number; readonly telltale: Telltale } | null = null;
  /** Words of everything that `masking` would change. */
  const suspicious = (): Telltale => {
    if (told?.count !== secrets.size)
      told = { count: secrets.size, telltale: createTelltale([...SUSPICIOUS_PARTS, ...literalForms(secrets)]) };
    return told.telltale;
  };

  /** Masks a text by names and known secrets; what it masks by name is collected, so that it is then found elsewhere too. */
  const masking = (learned: Set<string>): { readonly marks: Marks; readonly mask: Mark } => {
    const markAndLearn: Mark = (secret) => {
      if (isDistinctive(secret)) learned.add(detached(secret));
      for (const word of secret.split(/[\s=,;"']+/)) if (word.length >= 12 && isDistinctive(word)) learned.add(detached(word));
      return mark(secret);
    };
    const mask: Mark = (value) => {
      const plain = known(value);
      return isSuspicious(plain) ? maskText(plain, markAndLearn) : plain;
    };
    return { marks: { secret: markAndLearn, environment: mark }, mask };
  };
  const learnedMarks: Marks = { secret: mark, environment: mark };

  function* pass(text: string): Generator<undefined, string> {
    const learned = new Set<string>();
    const { marks, mask } = masking(learned);
    const first = yield* walk(text, marks, mask);
    return learned.size === 0 ? first : yield* walk(first, learnedMarks, literalMask([...learned], mark));
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
    document: () => {
      const learned = new Set<string>();
      const { marks, mask } = masking(learned);
      const scan = (by: Marks, one: Mark, telltale: () => Telltale): MaskScan =>
        createMaskScan({ marks: by, mask: (value) => inString(value, by, one, 0), telltale });
      return {
        first: () => scan(marks, mask, suspicious),
        second: () => {
          if (learned.size === 0) return null;
          const telltale = createTelltale([...SECRET_WORD_PARTS, ...literalForms(learned)]);
          return scan(learnedMarks, literalMask([...learned], mark), () => telltale);
        },
      };
    },
  };
}

/** JSON string by string, JSON inside strings too; anything else as one text. */
function* walk(text: string, marks: Marks, maskString: Mark): Generator<undefined, string> {
  const structured = beginsDocument(text) ? yield* maskJson(text, marks, (value) => inString(value, marks, maskString, 0)) : null;
  return structured ?? maskString(text);
}

/** Whether a text is looked at as JSON, by how it begins. */
export function beginsDocument(text: string): boolean {
  return /^\s*[{["]/.test(text);
}

function inString(value: string, marks: Marks, maskString: Mark, depth: number): string {
  const inner =
    depth < 4 && /^\s*[{[]/.test(value)
      ? runToEnd(maskJson(value, marks, (one) => inString(one, marks, maskString, depth + 1)))
      : null;
  return inner ?? maskString(value);
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
