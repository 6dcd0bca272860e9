import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { describe, expect, it } from "vitest";

const ROOT = resolve(import.meta.dirname, "..");
const SRC = join(ROOT, "src");

interface SourceFile {
  readonly path: string;
  /** First folder below src/. */
  readonly folder: string;
  readonly text: string;
  readonly imports: readonly string[];
}

function filesIn(folder: string): readonly string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) =>
    entry.isDirectory() ? filesIn(join(folder, entry.name)) : entry.name.endsWith(".ts") ? [join(folder, entry.name)] : [],
  );
}

const FILES: readonly SourceFile[] = filesIn(SRC).map((file) => {
  const text = readFileSync(file, "utf8");
  const path = relative(SRC, file);
  const imports = [...text.matchAll(/(?:^|\n)\s*(?:import|export)\b[^;"]*?from\s+"([^"]+)"|import\("([^"]+)"\)/g)].map(
    (match) => match[1] ?? match[2] ?? "",
  );
  return { path, folder: path.split("/")[0] ?? "", text, imports };
});

/** The table of docs/architecture.md: folder → what it may import besides itself and domain/. */
function readTable(): ReadonlyMap<string, readonly string[]> {
  const doc = readFileSync(join(ROOT, "docs/architecture.md"), "utf8");
  const rows = [...doc.matchAll(/^\| `([a-z]+)\/[^|]*\|[^|]*\|([^|]*)\|$/gm)];
  return new Map(
    rows.map((row) => [
      row[1] ?? "",
      (row[2] ?? "")
        .replaceAll("`", "")
        .split(",")
        .map((word) => word.trim()),
    ]),
  );
}

const TABLE = readTable();

/** Where an import leads: `node:fs` → `node:`, a package → its name, a file → folder below src, ports as `engine/ports`. */
function targetOf(file: SourceFile, specifier: string): string {
  if (specifier.startsWith("node:")) return "node:";
  if (!specifier.startsWith("."))
    return specifier
      .split("/")
      .slice(0, specifier.startsWith("@") ? 2 : 1)
      .join("/");
  const target = relative(SRC, resolve(dirname(join(SRC, file.path)), specifier));
  return target === "engine/ports.ts" ? "engine/ports" : (target.split("/")[0] ?? "");
}

const ALIASES: Readonly<Record<string, string>> = { "@inquirer/prompts": "inquirer", "@inquirer/core": "inquirer" };

describe("the layering of docs/architecture.md", () => {
  it("names every folder of src/", () => {
    expect([...new Set(FILES.map((file) => file.folder))].filter((folder) => !TABLE.has(folder))).toEqual([]);
  });

  it("is kept by every import", () => {
    const broken = FILES.flatMap((file) => {
      const allowed = TABLE.get(file.folder) ?? [];
      if (allowed.includes("everything")) return [];
      return file.imports.flatMap((specifier) => {
        const target = targetOf(file, specifier);
        const name = ALIASES[target] ?? target;
        const own = target === file.folder || (file.folder === "engine" && target === "engine/ports");
        return own || target === "domain" || allowed.includes(name) ? [] : [`${file.path} imports ${specifier}`];
      });
    });
    expect(broken).toEqual([]);
  });

  it("lets nobody but cli import cli, view or schedule", () => {
    const broken = FILES.filter((file) => file.folder !== "cli").flatMap((file) =>
      file.imports
        .filter((one) => ["cli", "view", "schedule"].includes(targetOf(file, one)) && targetOf(file, one) !== file.folder)
        .map((one) => `${file.path} imports ${one}`),
    );
    expect(broken).toEqual([]);
  });
});

describe("the engine", () => {
  it("knows no product: domain, plan and engine contain none of their words", () => {
    const words = /\b(mesos|marathon|exhibitor|dcos|dc\/os|docker|swarm|zookeeper|znode|masters?|agents?|kafka)\b/i;
    // The order of words and rules come from the SDK and the workbook; naming a source is not knowing a product.
    const isSource = (line: string): boolean => /^\s*(\*|\/\/|\/\*)/.test(line);
    const found = FILES.filter((file) => ["domain", "plan", "engine"].includes(file.folder)).flatMap((file) =>
      file.text
        .split("\n")
        .flatMap((line, index) =>
          !isSource(line.replace(/^[^/]*\/\/.*$/, "//")) && words.test(line.replace(/\/\*.*?\*\/|\/\/.*$/g, ""))
            ? [`${file.path}:${index + 1}: ${line.trim()}`]
            : [],
        ),
    );
    expect(found).toEqual([]);
  });

  it("takes time and chance from its ports only", () => {
    const found = FILES.filter((file) => ["domain", "plan", "engine", "report"].includes(file.folder)).filter((file) =>
      /\bDate\.now\(|\bnew Date\(\)|Math\.random\(|\bprocess\.|setTimeout\(|setInterval\(/.test(
        file.text.replace(/\/\*[\s\S]*?\*\/|\/\/.*$/gm, ""),
      ),
    );
    expect(found.map((file) => file.path)).toEqual([]);
  });

  it("never asks whether a node belongs to a lab, and neither does any platform", () => {
    const found = FILES.filter((file) =>
      ["engine", "plan", "action", "check", "platform", "domain"].includes(file.folder),
    ).filter((file) => /\b(isLab|inventory\.lab|\.lab\b)/.test(file.text));
    expect(found.map((file) => file.path)).toEqual([]);
  });
});

describe("the files", () => {
  const lengths = FILES.map((file) => ({ path: file.path, lines: file.text.split("\n").length }));

  it("can be read in one sitting: none over 400 lines, the median near 120", () => {
    expect(lengths.filter((file) => file.lines > 400)).toEqual([]);
    const sorted = lengths.map((file) => file.lines).sort((a, b) => a - b);
    expect(sorted[Math.floor(sorted.length / 2)] ?? 0).toBeLessThanOrEqual(125);
  });

  it("switch neither the compiler nor the linter off", () => {
    expect(
      FILES.filter((file) => /@ts-(ignore|nocheck|expect-error)|eslint-disable|\bas any\b/.test(file.text)).map(
        (file) => file.path,
      ),
    ).toEqual([]);
  });
});
