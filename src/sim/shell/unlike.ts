import type { ScriptNode } from "just-bash";

/** A form that the interpreter underneath would do otherwise than every real shell; it is refused, never done in its way. */
class UnlikeARealShell extends Error {
  override readonly name = "UnlikeARealShell";

  constructor(what: string) {
    super(`a node of the lab cannot do this as a real shell does: ${what}`);
  }
}

interface Node {
  readonly type?: unknown;
  readonly [key: string]: unknown;
}

/** What a script has that matters to its other parts. */
interface Around {
  /** `set -e` is somewhere in it. */
  readonly endsAtFailure: boolean;
  readonly functions: ReadonlySet<string>;
}

/**
 * Throws UnlikeARealShell for a script with such a form (held against dash, bash and busybox in the tests): handlers of `trap`,
 * which would never run; `wait` for one process, which would give 0; below `set -e`, a compound command or a function whose failure
 * is handled (`||`, `&&`, `!`), which would end the script all the same; patterns that come from a variable, whose negated classes
 * would match the contrary; `exec` that joins two outputs.
 */
export function refuseUnlike(ast: ScriptNode): void {
  const nodes = [...walk(ast)];
  const commands = nodes.filter((node) => node.type === "SimpleCommand");
  const around: Around = {
    endsAtFailure: commands.some((node) => textOf(node["name"]) === "set" && listOf(node["args"]).some(asksForErrexit)),
    functions: new Set(nodes.filter((node) => node.type === "FunctionDef").map((node) => String(node["name"]))),
  };
  for (const node of nodes) {
    const why = whyUnlike(node, around);
    if (why !== null) throw new UnlikeARealShell(why);
  }
}

function whyUnlike(node: Node, around: Around): string | null {
  switch (node.type) {
    case "SimpleCommand":
      return unlikeCommand(node);
    case "Statement":
      return around.endsAtFailure ? unlikeList(node, around.functions) : null;
    case "Case": {
      const patterns = listOf(node["items"]).flatMap((item) => listOf(item["patterns"]));
      return patterns.some(isExpanded) ? "a pattern of case that comes from a variable (quote it, or write it out)" : null;
    }
    case "CondBinary": {
      const matches = node["operator"] === "=" || node["operator"] === "==" || node["operator"] === "!=";
      return matches && isExpanded(nodeOf(node["right"])) ? "a pattern in [[ ]] that comes from a variable" : null;
    }
    default:
      return null;
  }
}

function unlikeCommand(node: Node): string | null {
  const args = listOf(node["args"]);
  switch (textOf(node["name"])) {
    case "trap": {
      const first = args[0] === undefined ? "-" : textOf(args[0]);
      return first === "-" || first === "-l" || first === "-p" || args.length === 1 ? null : "trap with a handler";
    }
    case "wait":
      return args.length === 0 ? null : "wait for one process";
    case "exec": {
      const joins = listOf(node["redirections"]).some(
        (item) => (item["operator"] === ">&" || item["operator"] === "&>") && textOf(item["target"]) !== "-",
      );
      return args.length === 0 && joins ? "exec that joins one output with another" : null;
    }
    case null:
    default:
      return null;
  }
}

/** `A || B`, `A && B`, `! A`, where A is more than one plain command. */
function unlikeList(node: Node, functions: ReadonlySet<string>): string | null {
  const pipelines = listOf(node["pipelines"]);
  const handled = pipelines.filter((pipeline, at) => at < pipelines.length - 1 || pipeline["negated"] === true);
  const many = handled.flatMap((pipeline) => listOf(pipeline["commands"]).slice(-1)).some((one) => isMany(one, functions));
  return many ? "set -e before a group, a loop or a function whose failure is handled by || && or !" : null;
}

function isMany(command: Node, functions: ReadonlySet<string>): boolean {
  if (command.type !== "SimpleCommand") {
    if (command.type === "ConditionalCommand" || command.type === "ArithmeticCommand") return false;
    // A subshell of one plain command fails as that command does.
    const [only, ...more] = listOf(command["body"]);
    const inner = only === undefined ? [] : listOf(only["pipelines"]).flatMap((pipeline) => listOf(pipeline["commands"]));
    return command.type !== "Subshell" || more.length > 0 || inner.length !== 1 || inner.some((one) => isMany(one, functions));
  }
  const name = textOf(command["name"]);
  return name !== null && (functions.has(name) || name === "eval" || name === "." || name === "source");
}

function asksForErrexit(word: Node): boolean {
  const text = textOf(word);
  return text !== null && (/^-[a-zA-Z]*e/.test(text) || text === "errexit");
}

/** Whether something in it is expanded outside of quotes. */
function isExpanded(word: Node): boolean {
  return listOf(word["parts"]).some((part) => part.type === "ParameterExpansion" || part.type === "CommandSubstitution");
}

/** The text of a word without expansions; null for any other. */
function textOf(word: unknown): string | null {
  const parts = listOf(nodeOf(word)["parts"]);
  if (parts.length === 0) return null;
  let text = "";
  for (const part of parts) {
    if (part.type === "DoubleQuoted") text += textOf(part) ?? "\0";
    else if (typeof part["value"] === "string") text += part["value"];
    else return null;
  }
  return text;
}

function nodeOf(value: unknown): Node {
  return value !== null && typeof value === "object" && !Array.isArray(value) ? (value as Node) : {};
}

function listOf(value: unknown): readonly Node[] {
  return Array.isArray(value) ? value.map(nodeOf) : [];
}

/** Every node of a tree, whatever it hangs on: words hold scripts too. */
function* walk(value: unknown): Generator<Node> {
  if (Array.isArray(value)) for (const item of value) yield* walk(item);
  else if (value !== null && typeof value === "object") {
    yield value as Node;
    for (const field of Object.values(value)) yield* walk(field);
  }
}
