/** JSON kinds as they stand in the text: a number with a fraction is another type than one without. */
export type Shape = string | { readonly [key: string]: Shape } | readonly [Shape] | readonly [];

/** Reads JSON text into its shape. Lists become the merged shape of their elements. */
export function shapeOf(text: string): Shape {
  let at = 0;
  const skip = (): void => {
    while (/\s/.test(text[at] ?? "")) at += 1;
  };
  const word = (): string => {
    const match = /^"(?:[^"\\]|\\.)*"/.exec(text.slice(at));
    if (match === null) throw new Error(`no text at ${at}: ${text.slice(at, at + 30)}`);
    at += match[0].length;
    return JSON.parse(match[0]) as string;
  };
  const value = (): Shape => {
    skip();
    const first = text[at];
    if (first === '"') {
      word();
      return "text";
    }
    if (first === "{") {
      at += 1;
      const fields: Record<string, Shape> = {};
      skip();
      while (text[at] !== "}") {
        if (text[at] === ",") at += 1;
        skip();
        const key = word();
        skip();
        at += 1;
        fields[key] = value();
        skip();
      }
      at += 1;
      return fields;
    }
    if (first === "[") {
      at += 1;
      let element: Shape | null = null;
      skip();
      while (text[at] !== "]") {
        if (text[at] === ",") at += 1;
        const next = value();
        element = element === null ? next : merge(element, next);
        skip();
      }
      at += 1;
      return element === null ? [] : [element];
    }
    const match = /^(true|false|null|-?\d+(\.\d+)?([eE][-+]?\d+)?)/.exec(text.slice(at));
    if (match === null) throw new Error(`no JSON at ${at}: ${text.slice(at, at + 30)}`);
    at += match[0].length;
    if (match[0] === "null") return "null";
    if (match[0] === "true" || match[0] === "false") return "boolean";
    return match[2] === undefined && match[3] === undefined ? "integer" : "double";
  };
  return value();
}

/** Two shapes of the same thing as one: fields of both, the richer of two values. */
export function merge(a: Shape, b: Shape): Shape {
  if (Array.isArray(a) && Array.isArray(b))
    return a.length === 0 ? b : b.length === 0 ? a : [merge(a[0] as Shape, b[0] as Shape)];
  if (typeof a === "object" && typeof b === "object" && !Array.isArray(a) && !Array.isArray(b)) {
    const fields: Record<string, Shape> = { ...(a as Record<string, Shape>) };
    for (const [key, value] of Object.entries(b)) fields[key] = fields[key] === undefined ? value : merge(fields[key], value);
    return fields;
  }
  return a === "null" ? b : a;
}

/** Where the model differs from the recorded answer: `missing`, `extra` or `type`, with the path. */
export function differences(recorded: Shape, modelled: Shape, at = ""): readonly string[] {
  if (Array.isArray(recorded) && Array.isArray(modelled)) {
    return recorded.length === 0 || modelled.length === 0
      ? []
      : differences(recorded[0] as Shape, modelled[0] as Shape, `${at}[]`);
  }
  if (typeof recorded === "object" && typeof modelled === "object" && !Array.isArray(recorded) && !Array.isArray(modelled)) {
    const [left, right] = [recorded as Record<string, Shape>, modelled as Record<string, Shape>];
    const shared = Object.keys(left).filter((key) => key in right);
    return [
      ...Object.keys(left)
        .filter((key) => !(key in right))
        .map((key) => `missing ${at}.${key}`),
      ...Object.keys(right)
        .filter((key) => !(key in left))
        .map((key) => `extra ${at}.${key}`),
      ...shared.flatMap((key) => differences(left[key]!, right[key]!, `${at}.${key}`)),
    ];
  }
  return recorded === modelled
    ? []
    : [`type ${at}: ${JSON.stringify(recorded).slice(0, 40)} recorded, ${JSON.stringify(modelled).slice(0, 40)} here`];
}
