import { describe, expect, it } from "vitest";
import { plainWords, quoteLine } from "../../../src/sim/shell/quote.ts";
import { createFakeClock } from "../../../src/sim/clock.ts";
import { toyCluster } from "../toy-cluster.ts";
import { run, type Ran } from "./toy-run.ts";

function setUp(): (line: string, stdin?: string) => Promise<Ran> {
  const cluster = toyCluster("127.77.0", ["m1"], createFakeClock(Date.UTC(2026, 10, 21)));
  const [node] = cluster.nodes;
  if (node === undefined) throw new Error("no node");
  node.programs.set("greet", async (io) => {
    await io.out(`${io.argv.join("|")} ${io.user} ${io.cwd} ${JSON.stringify(Object.entries(io.env).toSorted())}\n`);
    await io.err(io.stdin);
    return 5;
  });
  node.fs.writeFileSync("/opt/run.sh", 'echo "$0 $# $PWD"; exit 4\n', undefined, { mode: 0o755 });
  return (line, stdin = "") => run(node, cluster.clock, line, { stdin, user: "core" });
}

describe("a line with nothing to expand", () => {
  it.each([
    "env",
    "greet a 'b c' 'it'\\''s'",
    "sudo -n -- greet x",
    "sudo -n -- env",
    "sudo -n -- sh -c 'echo \"$0|$1|$PWD|$OLDPWD|$HOME\"; cat; exit 3' name 'a  b'",
    "env A=1 nohup sh -c 'echo $A'",
    "/opt/run.sh one two",
    "/no/such/program",
    "/etc",
    "sh -c 'kill -TERM $$'",
    "kill -0 1",
    "umask",
    "sh -c",
    "tail -n 1 /no/such/file",
    "timeout 5 greet z",
  ])("does the same without the shell that would read it: %s", async (line) => {
    const sh = setUp();
    const numbered = ({ code, signal, out, err }: Ran): unknown => ({ code, signal, out, err });
    expect(plainWords(line)).not.toBeNull();
    expect(numbered(await sh(line, "in\n"))).toEqual(numbered(await sh(`{ ${line}; }`, "in\n")));
  });

  it("is what `quoteLine` writes, whatever the words are", () => {
    for (const words of [["a"], ["sh", "-c", "it's $x\n* `y`"], ["a", "", "'"], ["--x=1", "/a/b:c@d"]])
      expect(plainWords(quoteLine(words))).toEqual(words);
  });

  it.each(["a $x", "a;b", "a >f", "a | b", "a *", "a ~", 'a "b"', "A=1 b", "a\\ b", "a 'b", "a &", "a #b", "{ a; }", "a  b"])(
    "is not one that needs a shell: %s",
    (line) => {
      expect(plainWords(line)).toBeNull();
    },
  );
});

describe("a script that is run again", () => {
  it("does what it did, whatever it changed the first time", async () => {
    const sh = setUp();
    const text = `f() { f() { echo second; }; echo first; }; n=0; for i in 1 2 3; do n=$((n + i)); [ $n -ge 3 ] && break; done
      case $1 in x*) shift ;; esac; set -- "$@" end; f; f; echo "$n $# $1"; echo "\${u:=set} $(echo $u)"`;
    const line = quoteLine(["sh", "-c", text, "name", "x1", "y"]);
    const first = await sh(line);
    expect(first).toMatchObject({ code: 0, out: "first\nsecond\n3 2 y\nset set\n", err: "" });
    expect(await sh(line)).toMatchObject({ code: 0, out: first.out, err: "" });
    expect(await sh(line)).toMatchObject({ code: 0, out: first.out, err: "" });
  });
});
