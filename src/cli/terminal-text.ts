/** A colour as pawl's own views write it. */
const COLOUR = /\u001b\[[0-9;]*m/;
/** Control characters but newline and tab, the C1 range that terminals obey as well, and signs that turn the reading direction. */
const UNSAFE = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;
const EITHER = new RegExp(`${COLOUR.source}|${UNSAFE.source}`, "g");

/**
 * Text that is safe to print whatever it was made from: a name, an answer or a message can move no cursor, repaint no line and
 * set no title. What is taken out is shown as `\\u001b`, which in JSON is the same character written safely. Colours pass where
 * they are wanted.
 */
export function safeText(text: string, colour: boolean): string {
  if (colour) return text.replaceAll(EITHER, (found) => (found.length > 1 ? found : escaped(found)));
  return text.replaceAll(UNSAFE, escaped);
}

function escaped(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
}
