import type { CommandNode, PipelineNode, ScriptNode, SimpleCommandNode, StatementNode, WordNode } from "just-bash";
import { isComparison } from "./number-test.ts";
import { patternCondition, patternWord } from "./patterns.ts";
import { ERR_PATH, isOwnCommand, OUT_PATH, ownCommand, TARGET_MARK, type OwnCommand } from "./view.ts";

type Redirection = SimpleCommandNode["redirections"][number];
type WordPart = WordNode["parts"][number];
type Group = Extract<CommandNode, { type: "Group" }>;
type Loop = Extract<CommandNode, { type: "For" | "CStyleFor" | "While" | "Until" }>;

/** What the rewriting needs to know. `stream`: top-level statements write to the process's own output as they run. */
export interface Rewriting {
  readonly stream: boolean;
  /** Commands that the process layer runs itself (shells, sudo, programs of the node model). */
  isSpawned(name: string): boolean;
}

const KEPT = new Set(["exit", "return", "set", "shift"]);

function literal(value: string): WordNode {
  return { type: "Word", parts: [{ type: "SingleQuoted", value }] };
}

/** `"$@"` */
const ALL_WORDS: WordNode = {
  type: "Word",
  parts: [{ type: "DoubleQuoted", parts: [{ type: "ParameterExpansion", parameter: "@", operation: null }] }],
};

function simple(name: string, args: readonly WordNode[] = [], redirections: readonly Redirection[] = []): SimpleCommandNode {
  const word: WordNode = { type: "Word", parts: [{ type: "Literal", value: name }] };
  return { type: "SimpleCommand", assignments: [], name: word, args: [...args], redirections: [...redirections] };
}

function statement(command: CommandNode): StatementNode {
  const pipeline: PipelineNode = { type: "Pipeline", commands: [command], negated: false };
  return { type: "Statement", pipelines: [pipeline], operators: [], background: false };
}

/** Commands joined by `&&` and `||`. */
function list(commands: readonly CommandNode[], operators: StatementNode["operators"]): StatementNode {
  const pipelines = commands.map((command): PipelineNode => ({ type: "Pipeline", commands: [command], negated: false }));
  return { type: "Statement", pipelines, operators, background: false };
}

function group(body: StatementNode[], redirections: Redirection[] = []): Group {
  return { type: "Group", body, redirections };
}

function append(fd: number | null, path: string): Redirection {
  return { type: "Redirection", fd, operator: ">>", target: literal(path) };
}

/** The plain text of a word; null when it has anything that is expanded. */
function plainText(word: WordNode | null): string | null {
  if (word === null) return null;
  let text = "";
  for (const part of word.parts) {
    if (part.type === "Literal" || part.type === "SingleQuoted" || part.type === "Escaped") text += part.value;
    else if (part.type === "DoubleQuoted") {
      for (const inner of part.parts) {
        if (inner.type !== "Literal" && inner.type !== "Escaped") return null;
        text += inner.value;
      }
    } else return null;
  }
  return text;
}

function hasSlash(word: WordNode): boolean {
  const inPart = (part: WordPart): boolean => {
    if (part.type === "Literal" || part.type === "SingleQuoted") return part.value.includes("/");
    return part.type === "DoubleQuoted" && part.parts.some(inPart);
  };
  return word.parts.some(inPart);
}

function hasSubstitution(command: SimpleCommandNode): boolean {
  const inPart = (part: WordPart): boolean =>
    part.type === "CommandSubstitution" || (part.type === "DoubleQuoted" && part.parts.some(inPart));
  const words = command.assignments.flatMap((assignment) => [
    ...(assignment.value === null ? [] : [assignment.value]),
    ...(assignment.array ?? []),
  ]);
  return words.some((word) => word.parts.some(inPart));
}

/** Where stdout or stderr of a spawned command goes: `=` back to the caller, `&` with stdout, or a file. */
interface Target {
  readonly mode: "=" | ">" | ">>" | "&";
  readonly path: WordNode;
}

const BACK: Target = { mode: "=", path: literal("") };

/** Marks the files output goes to, so that one that cannot be opened fails its command and not the script (view.ts). */
function marked(redirections: readonly Redirection[]): Redirection[] {
  return redirections.map((item) => {
    const { operator, target } = item;
    if (
      target.type === "HereDoc" ||
      (operator !== ">" && operator !== ">>" && operator !== ">|" && operator !== "&>" && operator !== "&>>")
    )
      return item;
    if (plainText(target)?.startsWith("/dev/") === true) return item;
    return { ...item, target: { ...target, parts: [{ type: "SingleQuoted", value: TARGET_MARK }, ...target.parts] } };
  });
}

/** Reads the redirections of a command that will be spawned. Null: one of them cannot be done outside the shell. */
function targetsOf(redirections: readonly Redirection[], start: { out: Target; err: Target }) {
  let { out, err } = start;
  const rest: Redirection[] = [];
  for (const redirection of redirections) {
    const { operator, target, fd } = redirection;
    if (operator === "<" || operator === "<<" || operator === "<<-" || operator === "<<<") {
      rest.push(redirection);
      continue;
    }
    if (target.type === "HereDoc" || redirection.fdVariable !== undefined) return null;
    if (operator === ">" || operator === ">>" || operator === ">|") {
      const next: Target = { mode: operator === ">>" ? ">>" : ">", path: target };
      // Something follows the old stdout: keep out of what cannot be told apart any more.
      if (err.mode === "&" && fd !== 2) return null;
      if (fd === null || fd === 1) out = next;
      else if (fd === 2) err = next;
      else return null;
    } else if (operator === "&>" || operator === "&>>") {
      out = { mode: operator === "&>" ? ">" : ">>", path: target };
      err = { mode: "&", path: literal("") };
    } else if (operator === ">&" && fd === 2 && plainText(target) === "1")
      err = out.mode === ">>" ? out : { mode: "&", path: literal("") };
    else if (operator === ">&" && (fd === null || fd === 1) && plainText(target) === "2" && err.mode === ">>") out = err;
    else return null;
  }
  return { out, err, rest };
}

const SINKS = { out: { mode: ">>", path: literal(OUT_PATH) }, err: { mode: ">>", path: literal(ERR_PATH) } } as const;

/** `NAME ARGS >F 2>G` as `spawn WAIT MODE F MODE G NAME ARGS`; null when the command stays with the shell. */
function spawned(command: SimpleCommandNode, rewriting: Rewriting, live: boolean, background: boolean): SimpleCommandNode | null {
  if (command.name === null) return null;
  const name = plainText(command.name);
  if (name !== null && isOwnCommand(name)) return null;
  const slash = hasSlash(command.name);
  if (!slash && (name === null || !rewriting.isSpawned(name))) return null;
  const found = targetsOf(command.redirections, live ? SINKS : { out: BACK, err: BACK });
  if (found === null) return null;
  if (found.out.mode === "=" && found.err.mode === "=" && !slash && !background) return null;
  const { out, err, rest } = found;
  const words = [literal(background ? "detach" : "wait"), literal(out.mode), out.path, literal(err.mode), err.path, command.name];
  const line = command.line === undefined ? {} : { line: command.line };
  return { ...simple(ownCommand("spawn"), [...words, ...command.args], rest), assignments: command.assignments, ...line };
}

/** Rewrites a whole script. The four rewritings are described in the module's functions. */
export function rewriteScript(ast: ScriptNode, rewriting: Rewriting): ScriptNode {
  return { ...ast, statements: ast.statements.map((item) => (rewriting.stream ? live(item, rewriting) : deep(item, rewriting))) };
}

/**
 * A statement whose output goes to the process's own output as soon as it is there. Redirections are put on the commands
 * themselves: inside a group, `set -e` of just-bash does not know that it stands before `||`.
 */
function live(item: StatementNode, rewriting: Rewriting): StatementNode {
  const alone = item.pipelines.length === 1;
  return { ...item, pipelines: item.pipelines.map((pipeline) => livePipeline(pipeline, alone, item.background, rewriting)) };
}

function livePipeline(pipeline: PipelineNode, alone: boolean, background: boolean, rewriting: Rewriting): PipelineNode {
  const [only] = pipeline.commands;
  if (only !== undefined && pipeline.commands.length === 1)
    return { ...pipeline, commands: [liveCommand(only, alone, background, rewriting)] };
  const last = pipeline.commands.length - 1;
  const commands = pipeline.commands.map((command, index) => {
    const inner = deepCommand(command, rewriting, false);
    const joined = pipeline.pipeStderr?.[index] === true;
    return redirected(inner, [...(index === last ? [append(null, OUT_PATH)] : []), ...(joined ? [] : [append(2, ERR_PATH)])]);
  });
  return { ...pipeline, commands };
}

/** Redirections before the command's own, so that its own win. */
function redirected(command: CommandNode, redirections: readonly Redirection[]): CommandNode {
  if (command.type === "FunctionDef") return command;
  // just-bash takes 0 for the status of an assignment with a redirection.
  if (command.type === "SimpleCommand" && command.name === null) return command;
  return { ...command, redirections: [...redirections, ...command.redirections] };
}

function liveCommand(command: CommandNode, alone: boolean, background: boolean, rewriting: Rewriting): CommandNode {
  const toSinks = [append(null, OUT_PATH), append(2, ERR_PATH)];
  if (command.type === "FunctionDef") return deepCommand(command, rewriting, false);
  if (command.type !== "SimpleCommand") {
    const plain = command.redirections.length === 0 && command.type !== "Subshell";
    const bodies = (list: StatementNode[]): StatementNode[] => list.map((inner) => live(inner, rewriting));
    if (plain && hasBodies(command)) return mapBodies(command, bodies, bodies);
    return redirected(deepCommand(command, rewriting, false), toSinks);
  }
  const name = plainText(command.name);
  const words = withWords(command, rewriting);
  if (command.name === null && hasSubstitution(command)) return alone ? group([statement(words)], toSinks) : words;
  if (name === "break" || name === "continue") return leaving(words);
  if (name !== null && KEPT.has(name)) return words;
  if (name === "exec") {
    const [first, ...args] = words.args;
    if (first === undefined) return words;
    return group([statement(liveCommand({ ...words, name: first, args }, true, false, rewriting)), statement(simple("exit"))]);
  }
  return spawned(words, rewriting, true, background) ?? redirected(deepCommand(command, rewriting, background), toSinks);
}

function hasBodies(command: CommandNode): boolean {
  return ["If", "For", "CStyleFor", "While", "Until", "Case", "Group"].includes(command.type);
}

/** Applies to every list of statements of a compound command, and lets other work run once a round of each loop. */
function mapBodies(node: CommandNode, body: (list: StatementNode[]) => StatementNode[], condition: typeof body): CommandNode {
  switch (node.type) {
    case "If":
      return {
        ...node,
        clauses: node.clauses.map((clause) => ({ condition: condition(clause.condition), body: body(clause.body) })),
        elseBody: node.elseBody === null ? null : body(node.elseBody),
      };
    case "For":
      // Without words it goes through "$@"; just-bash splits them anew.
      return loop(node.words === null ? { ...node, words: [ALL_WORDS] } : node, body, condition);
    case "CStyleFor":
    case "While":
    case "Until":
      return loop(node, body, condition);
    case "Case":
      return {
        ...node,
        items: node.items.map((item) => ({ ...item, patterns: item.patterns.map(patternWord), body: body(item.body) })),
      };
    case "Subshell":
    case "Group":
      return { ...node, body: body(node.body) };
    case "ConditionalCommand":
      return { ...node, expression: patternCondition(node.expression) };
    case "SimpleCommand":
    case "FunctionDef":
    case "ArithmeticCommand":
      return node;
  }
}

/**
 * A loop with what just-bash lacks: other work may run once a round; `break` and `continue` end a round with 0 (just-bash keeps
 * the status of the statement before); and a round that ended with a failure `set -e` passes over is passed over as a whole.
 * The loop's own commands give back the `$?` they found, which is no failure of the script's: they stand before `&&`.
 */
function loop(node: Loop, body: (list: StatementNode[]) => StatementNode[], condition: typeof body): CommandNode {
  const kept = (name: OwnCommand): StatementNode => list([simple(ownCommand(name)), simple(":")], ["&&"]);
  const inner: Loop =
    node.type === "While" || node.type === "Until"
      ? { ...node, condition: [kept("yield"), ...condition(node.condition)], body: [kept("round"), ...body(node.body)] }
      : { ...node, body: [kept("round"), ...body(node.body)] };
  return group([list([inner, simple(ownCommand("left")), simple(":")], ["||", "&&"])]);
}

/** `break` and `continue`, noted for `loop`. */
function leaving(command: SimpleCommandNode): CommandNode {
  return group([statement(simple(ownCommand("leave"))), statement(command)]);
}

/** `[ A -ge B ]` as a command of our own (number-test.ts). */
function compared(command: SimpleCommandNode): SimpleCommandNode {
  // just-bash reads the name `[` as a pattern.
  const [first] = command.name?.parts ?? [];
  const name = first?.type === "Glob" && first.pattern === "[" ? "[" : plainText(command.name);
  if ((name !== "[" && name !== "test") || (name === "[" && command.name?.parts.length !== 1)) return command;
  const args = name === "[" ? command.args.slice(0, -1) : command.args;
  if (name === "[" && plainText(command.args.at(-1) ?? null) !== "]") return command;
  const words = args.map(plainText);
  const at = words[0] === "!" ? 2 : 1;
  if (args.length !== at + 2 || !isComparison(words[at] ?? "")) return command;
  return { ...command, name: simple(ownCommand("numbers")).name, args: [literal(name), ...args] };
}

function deep(item: StatementNode, rewriting: Rewriting): StatementNode {
  const pipelines = item.pipelines.map((pipeline) => {
    const alone = pipeline.commands.length === 1;
    return {
      ...pipeline,
      commands: pipeline.commands.map((command) => deepCommand(command, rewriting, alone && item.background)),
    };
  });
  return { ...item, pipelines };
}

function deepCommand(node: CommandNode, rewriting: Rewriting, background: boolean): CommandNode {
  const bodies = (list: StatementNode[]): StatementNode[] => list.map((inner) => deep(inner, rewriting));
  if (node.type === "FunctionDef") {
    const body = deepCommand(node.body, rewriting, false);
    return body.type === "SimpleCommand" || body.type === "FunctionDef" ? node : { ...node, body };
  }
  if (node.type !== "SimpleCommand") {
    const mapped = mapBodies(node, bodies, bodies);
    return mapped.type === "FunctionDef" ? mapped : { ...mapped, redirections: marked(mapped.redirections) };
  }
  const command = withWords(node, rewriting);
  // An assignment leaves `$?` as it was in just-bash; in every shell it is 0 (or that of its substitution).
  if (command.name === null) {
    if (command.redirections.length > 0 || hasSubstitution(command)) return command;
    const either: StatementNode = {
      ...statement(command),
      pipelines: [...statement(command).pipelines, ...statement(simple(":")).pipelines],
      operators: ["||"],
    };
    return group([either]);
  }
  const own = plainText(command.name);
  if (own === "break" || own === "continue") return leaving(command);
  // just-bash goes on after `exec COMMAND`.
  if (plainText(command.name) === "exec" && command.args[0] !== undefined) {
    const [name, ...args] = command.args;
    const inner = deepCommand({ ...command, name, args }, rewriting, false);
    return group([statement(inner), statement(simple("exit"))]);
  }
  return spawned(command, rewriting, false, background) ?? { ...command, redirections: marked(command.redirections) };
}

/** Command substitutions inside words hold scripts of their own. */
function withWords(command: SimpleCommandNode, rewriting: Rewriting): SimpleCommandNode {
  const part = (item: WordPart): WordPart => {
    if (item.type === "CommandSubstitution") return { ...item, body: rewriteScript(item.body, { ...rewriting, stream: false }) };
    return item.type === "DoubleQuoted" ? { ...item, parts: item.parts.map(part) } : item;
  };
  const word = (item: WordNode): WordNode => ({ ...item, parts: item.parts.map(part) });
  const assignments = command.assignments.map((item) => ({
    ...item,
    value: item.value === null ? null : word(item.value),
    array: item.array?.map(word) ?? null,
  }));
  return compared({ ...command, assignments, args: command.args.map(word) });
}
