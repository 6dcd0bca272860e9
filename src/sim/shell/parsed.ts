import type { ScriptNode } from "just-bash";
import { rewriteScript } from "./syntax.ts";
import { refuseUnlike } from "./unlike.ts";

/** Texts kept; pawl sends some forty different ones. */
const KEPT = 400;
/** A longer text is no command of pawl's and is parsed each time. */
const LONGEST_CHARS = 64 * 1024;

const parsed = new Map<string, ScriptNode>();

/** Freezes a tree, so that no shell can change what the next one runs. */
function frozen<T>(value: T): T {
  if (typeof value !== "object" || value === null || Object.isFrozen(value)) return value;
  Object.freeze(value);
  for (const inner of Object.values(value)) frozen(inner);
  return value;
}

/**
 * A script as it is run (syntax.ts), parsed once per text: nodes are asked the same questions all day. `spawned` names the
 * commands the process layer runs itself. Throws what `parse` throws, and UnlikeARealShell.
 */
export function parsedScript(text: string, spawned: ReadonlySet<string>, parse: (text: string) => ScriptNode): ScriptNode {
  const rewritten = (): ScriptNode => {
    const ast = parse(text);
    refuseUnlike(ast);
    return rewriteScript(ast, { stream: true, isSpawned: (name) => spawned.has(name) });
  };
  if (text.length > LONGEST_CHARS) return rewritten();
  const key = `${[...spawned].join(" ")}\n${text}`;
  const known = parsed.get(key);
  if (known !== undefined) {
    parsed.delete(key);
    parsed.set(key, known);
    return known;
  }
  const made = frozen(rewritten());
  parsed.set(key, made);
  const [oldest] = parsed.keys();
  if (parsed.size > KEPT && oldest !== undefined) parsed.delete(oldest);
  return made;
}
