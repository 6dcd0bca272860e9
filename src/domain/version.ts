/** A product version: dotted numbers of any length and an optional tag (`1.5.1.2`, `1.10`, `17.06.2-ee`). Not semver. */
export interface Version {
  /** As it was written; leading zeros and the tag are kept. */
  readonly text: string;
  readonly numbers: readonly number[];
  readonly tag: string | null;
}

/** What a version may look like: up to nine digits a part, so that every part is an exact number. */
export const VERSION_PATTERN = /^\d{1,9}(?:\.\d{1,9})*(?:-[0-9A-Za-z][0-9A-Za-z._+-]*)?$/;

/** Tags of builds that come before the release they are named after. Every other tag names an edition or a later build. */
const BEFORE_RELEASE = /^(?:alpha|beta|dev|m\d|pre|rc|snapshot)/i;

/** The version a text stands for, or null where it is none. */
export function parseVersion(text: string): Version | null {
  if (text.length > 100 || !VERSION_PATTERN.test(text)) return null;
  const dash = text.indexOf("-");
  const dotted = dash === -1 ? text : text.slice(0, dash);
  return { text, numbers: dotted.split(".").map(Number), tag: dash === -1 ? null : text.slice(dash + 1) };
}

/** Minor series of a version: its first two numbers (`1.10` of `1.10.8`). A missing second number counts as 0. */
export function seriesOf(version: Version): string {
  return `${version.numbers[0] ?? 0}.${version.numbers[1] ?? 0}`;
}

/**
 * Negative, zero or positive as `a` is older than, equal to or newer than `b`. Part by part as numbers, so 1.10 is newer than 1.9;
 * missing parts count as 0. A pre-release tag comes before the untagged version, any other tag after it.
 */
export function compareVersions(a: Version, b: Version): number {
  for (let part = 0; part < Math.max(a.numbers.length, b.numbers.length); part += 1) {
    const difference = (a.numbers[part] ?? 0) - (b.numbers[part] ?? 0);
    if (difference !== 0) return difference;
  }
  return rankOfTag(a.tag) - rankOfTag(b.tag) || compareTags(a.tag ?? "", b.tag ?? "");
}

/**
 * Whether a move passes a boundary: it begins below `boundary` and ends at it or above. A boundary such as `1.12` is passed by
 * every move into that minor, and by one that skips it. False where one of the texts is no version.
 */
export function crosses(from: string, to: string, boundary: string): boolean {
  const below = compareVersionTexts(from, boundary);
  const reached = compareVersionTexts(to, boundary);
  return below !== null && reached !== null && below < 0 && reached >= 0;
}

/** `compareVersions` for texts; null where one of them is no version. */
export function compareVersionTexts(a: string, b: string): number | null {
  const left = parseVersion(a);
  const right = parseVersion(b);
  return left === null || right === null ? null : compareVersions(left, right);
}

function rankOfTag(tag: string | null): number {
  if (tag === null) return 0;
  return BEFORE_RELEASE.test(tag) ? -1 : 1;
}

/** Tags compare piece by piece, runs of digits as numbers: `rc2` before `rc10`. */
function compareTags(a: string, b: string): number {
  const left = a.match(/\d+|\D+/g) ?? [];
  const right = b.match(/\d+|\D+/g) ?? [];
  for (let index = 0; index < Math.max(left.length, right.length); index += 1) {
    const one = left[index];
    const other = right[index];
    if (one === undefined || other === undefined) return one === undefined ? -1 : 1;
    const bothNumbers = /^\d/.test(one) && /^\d/.test(other);
    const difference = bothNumbers ? compareNumberTexts(one, other) : compareTexts(one, other);
    if (difference !== 0) return difference;
  }
  return 0;
}

/** Digits of any length by value (a build tag can be a long number), then by text so that `01` and `1` differ. */
function compareNumberTexts(a: string, b: string): number {
  const left = a.replace(/^0+/, "");
  const right = b.replace(/^0+/, "");
  return left.length - right.length || compareTexts(left, right) || compareTexts(a, b);
}

function compareTexts(a: string, b: string): number {
  return a === b ? 0 : a < b ? -1 : 1;
}
