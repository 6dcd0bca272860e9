import type { Mark } from "./mask-literals.ts";
import { detached, isEnvironmentName, isHarmless, isSecretFlag, isSecretName, isSecretNumberName } from "./secret-words.ts";

/**
 * What a container's place says about the values inside.
 * `plain`; `secret`: every text and number; `env`: direct texts are environment values, lists hold `K=v` or name/value pairs;
 * `env-pair`: an object of such a list, of which only `value` is one.
 */
type Mode = "plain" | "secret" | "env" | "env-list" | "env-pair";

/** An open object or list of a JSON document, as far as masking needs to know it. `Place` says where the value of a pair is found again. */
export interface Frame<Place> {
  readonly mode: Mode;
  readonly list: boolean;
  key: Key;
  /** The list's element before was a flag whose next word is a secret. */
  afterFlag: boolean;
  /** `name` or `key` of a name/value pair, and where its value went, in whichever order they came. */
  pairName: string | null;
  pairValue: { readonly place: Place; readonly value: string } | null;
}

/** What a member's name says. */
export interface Key {
  readonly secret: boolean;
  /** Secret although the value is a number. */
  readonly secretNumber: boolean;
  readonly environment: boolean;
  /** `name` or `key`: it names the pair. */
  readonly namesPair: boolean;
  /** `value`, in any case: what it holds may be asked for again by the pair's name. */
  readonly holdsPair: boolean;
  /** Exactly `value`. */
  readonly isValue: boolean;
}

/** Replaces a value: one that a secret name held, or an environment value under a name that promises nothing. */
export interface Marks {
  readonly secret: Mark;
  readonly environment: Mark;
}

const NO_KEY = judgeKey("");
const KEPT_KEYS = 4096;
const LONGEST_KEPT = 256;
const keys = new Map<string, Key>();

/** What a name says; remembered, because a document asks the same few names a million times. */
export function keyOf(name: string): Key {
  const known = keys.get(name);
  if (known !== undefined) return known;
  const fresh = judgeKey(name);
  if (name.length > LONGEST_KEPT) return fresh;
  if (keys.size >= KEPT_KEYS) keys.clear();
  keys.set(detached(name), fresh);
  return fresh;
}

function judgeKey(name: string): Key {
  return {
    secret: isSecretName(name),
    secretNumber: isSecretNumberName(name),
    environment: isEnvironmentName(name),
    namesPair: /^(?:name|key)$/i.test(name),
    holdsPair: /^value$/i.test(name),
    isValue: name === "value",
  };
}

/** The frame of an object or list that opens inside of another, or outermost. */
export function openFrame<Place>(above: Frame<Place> | undefined, list: boolean): Frame<Place> {
  const mode = above === undefined ? "plain" : modeInside(above, list);
  return { mode, list, key: NO_KEY, afterFlag: false, pairName: null, pairValue: null };
}

function modeInside(above: Frame<unknown>, list: boolean): Mode {
  if (above.mode === "secret" || (!above.list && above.key.secret)) return "secret";
  if (!above.list && above.key.environment) return list ? "env-list" : "env";
  if (above.mode === "env") return list ? "env-list" : "plain";
  if (above.mode === "env-list") return list ? "env-list" : "env-pair";
  return "plain";
}

/** How the value at this place is replaced because of its name alone; null where the name says nothing. */
export function markFor(frame: Frame<unknown>, marks: Marks): Mark | null {
  if (frame.mode === "secret") return marks.secret;
  if (frame.list) return frame.afterFlag ? marks.secret : null;
  if (frame.key.secret) return marks.secret;
  if (frame.mode === "env") return marks.environment;
  if (frame.mode !== "env-pair" || !frame.key.isValue) return null;
  return frame.pairName !== null && isSecretName(frame.pairName) ? marks.secret : marks.environment;
}

/** A number at this place is replaced because of its name alone. */
export function isSecretNumber(frame: Frame<unknown> | undefined): boolean {
  return frame !== undefined && (frame.mode === "secret" || frame.key.secretNumber);
}

/** A text at this place, masked by its name or by what it holds. */
export function maskValue(
  frame: Frame<unknown> | undefined,
  value: string,
  marks: Marks,
  maskString: (text: string) => string,
): string {
  if (frame === undefined) return maskString(value);
  const mark = markFor(frame, marks);
  if (mark !== null) {
    frame.afterFlag = false;
    return isHarmless(value) ? value : mark(value);
  }
  if (frame.list) frame.afterFlag = isSecretFlag(value);
  if (frame.mode === "env-list") {
    const [, name, content] = /^([^=]*)=([\s\S]*)$/.exec(value) ?? [];
    if (name !== undefined && content !== undefined)
      return isHarmless(content) ? value : `${name}=${isSecretName(name) ? marks.secret(content) : marks.environment(content)}`;
  }
  return maskString(value);
}

/** `{"name": "DB_PASSWORD", "value": "…"}`, in either order: calls back for a value that is only now known to be a secret. */
export function closePair<Place>(frame: Frame<Place>, mark: Mark, replace: (place: Place, masked: string) => void): void {
  if (frame.pairName === null || frame.pairValue === null || !isSecretName(frame.pairName)) return;
  const { place, value } = frame.pairValue;
  if (!isHarmless(value)) replace(place, mark(value));
  frame.pairValue = null;
}

/** What a JSON string says between its quotes; null where it is not one. */
export function decodeString(raw: string): string | null {
  if (!raw.includes("\\")) return raw;
  try {
    return JSON.parse(`"${raw.replaceAll("\n", "\\n")}"`) as string;
  } catch {
    return null;
  }
}
