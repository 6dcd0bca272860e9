import type { CommandNode, WordNode } from "just-bash";

type Condition = Extract<CommandNode, { type: "ConditionalCommand" }>["expression"];

/** The POSIX classes as the ranges of a regular expression. */
const CLASSES: Readonly<Record<string, string>> = {
  alnum: "a-zA-Z0-9",
  alpha: "a-zA-Z",
  blank: " \\t",
  cntrl: "\\x00-\\x1f\\x7f",
  digit: "0-9",
  graph: "\\x21-\\x7e",
  lower: "a-z",
  print: "\\x20-\\x7e",
  punct: "\\x21-\\x2f\\x3a-\\x40\\x5b-\\x60\\x7b-\\x7e",
  space: " \\t\\n\\r\\f\\v",
  upper: "A-Z",
  xdigit: "0-9A-Fa-f",
};

/** One bracket expression of a shell pattern: negation, an optional `]` that is meant itself, classes and other characters. */
const BRACKET = /\[([!^]?)(\]?(?:\[:[a-z]+:\]|[^\]])*)\]/g;

/**
 * A pattern of `case` or `[[ = ]]` with its bracket expressions as JavaScript writes them. just-bash copies them into its
 * regular expression as they are, up to the first `]`: `[!0-9]` is then "an exclamation mark or a digit", and classes end early.
 */
function scriptPattern(glob: string): string {
  return glob.replaceAll(BRACKET, (_all, negation: string, inner: string) => {
    const text = inner.replaceAll(/\[:([a-z]+):\]|[\]^[]/g, (found, name: string | undefined) =>
      name === undefined ? `\\x${found.charCodeAt(0).toString(16)}` : (CLASSES[name] ?? ""),
    );
    return `[${negation === "" ? "" : "^"}${text}]`;
  });
}

/** The pattern of a `case` item with such bracket expressions. */
export function patternWord(word: WordNode): WordNode {
  return {
    ...word,
    parts: word.parts.map((part) => (part.type === "Glob" ? { ...part, pattern: scriptPattern(part.pattern) } : part)),
  };
}

/** The same for what stands between `[[` and `]]`. */
export function patternCondition(node: Condition): Condition {
  switch (node.type) {
    case "CondBinary":
      return node.operator === "=" || node.operator === "==" || node.operator === "!="
        ? { ...node, right: patternWord(node.right) }
        : node;
    case "CondNot":
      return { ...node, operand: patternCondition(node.operand) };
    case "CondAnd":
    case "CondOr":
      return { ...node, left: patternCondition(node.left), right: patternCondition(node.right) };
    case "CondGroup":
      return { ...node, expression: patternCondition(node.expression) };
    case "CondUnary":
    case "CondWord":
      return node;
  }
}
