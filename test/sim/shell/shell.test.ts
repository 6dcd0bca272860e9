import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { createFakeClock, createScaledClock } from "../../../src/sim/clock.ts";
import type { SimClock } from "../../../src/sim/ports.ts";
import { toyCluster } from "../toy-cluster.ts";
import { run, type Ran } from "./toy-run.ts";

const START_MS = Date.UTC(2026, 10, 21);

function setUp(clock: SimClock = createFakeClock(START_MS)) {
  const cluster = toyCluster("127.77.0", ["m1"], clock);
  const node = cluster.nodes[0]!;
  node.fs.writeFileSync("/etc/version.json", '{"version":"1.9.4"}\n');
  return {
    cluster,
    node,
    clock: cluster.clock,
    sh: (line: string, options = {}): Promise<Ran> => run(node, cluster.clock, line, options),
  };
}

/** Each was a trap of the interpreter underneath. Only relative paths, so that a real shell can be asked the same. */
const LINES: readonly (readonly [name: string, line: string, expected: string])[] = [
  ["an assignment resets $?", "false; R=1; echo $?", "0\n"],
  ["an assignment sees the $? before it", "(exit 7); R=$?; echo $R", "7\n"],
  ["set -e passes over a failure that is handled", "set -e; false || R=1; echo on $R", "on 1\n"],
  ["a failed substitution is handled the same way", "set -e; x=$(false) || x=none; echo $x", "none\n"],
  ["set -e ends at a failure", "set -e; echo in; false; echo never", "in\n"],
  ["a failed test in a list does not end it", "set -e; [ a = b ] && echo no; echo end", "end\n"],
  ["exec replaces the shell", "exec echo replaced; echo no", "replaced\n"],
  ["each process has its own pid", 'a=$$; b=$(sh -c "echo \\$\\$"); [ "$a" != "$b" ] && echo other', "other\n"],
  ["sh -c has its own words", `sh -c 'echo "$0|$1|$2"' name a 'b c'`, "name|a|b c\n"],
  ["sh -e -c ends at a failure", "sh -ec 'false; echo no'; echo $?", "1\n"],
  ["a here-document keeps its indentation", "cat <<E\n  two\nE\n", "  two\n"],
  ["tail -c +N begins at byte N", "printf abcdef | tail -c +3", "cdef"],
  ["tail -n +N begins at line N", "printf '1\\n2\\n3\\n' | tail -n +2", "2\n3\n"],
  ["tail -n N gives the last lines", "printf '1\\n2\\n3\\n' | tail -n 2", "2\n3\n"],
  ["what goes to /dev/null is gone", "echo x >/dev/null; cat /dev/null; echo end", "end\n"],
  ["the status of a pipeline is that of its end", "false | true; echo $? ${PIPESTATUS[0]}", "0 1\n"],
  [
    "functions, cases and loops stay what they are",
    'f() { case $1 in a*) echo "A $1" ;; *) return 3 ;; esac; }; for i in ab b; do f $i || echo $?; done',
    "A ab\n3\n",
  ],
  ["while reads its input line by line", "printf 'a b\\nc\\n' | while read x y; do echo \"$x:$y\"; done", "a:b\nc:\n"],
  ["mkdir -m is a lock", "mkdir -m 0755 lock && echo got; mkdir -m 0755 lock 2>/dev/null || echo held", "got\nheld\n"],
  ["a redirection into a missing folder fails", "echo x 2>/dev/null >/no/such/file || echo refused", "refused\n"],
  [
    "a redirection that fails ends its command and not the script",
    "echo x >/no/file; echo $?; { echo a; echo b; } >/no/file; echo on",
    "1\non\n",
  ],
  ["numbers of processes appear in /proc", 'read -r line </proc/$$/stat; case $line in "$$ ("*) echo yes ;; esac', "yes\n"],
  ["a killed child shows 128 and its signal", "sh -c 'kill -TERM $$'; echo $?", "143\n"],
  ["cmp and sha512sum exist", "printf a >a; printf a >b; cmp a b && sha512sum a | cut -c1-8", "1f40fc92\n"],
  ["mktemp makes a private file", "f=$(mktemp x.XXXXXX); stat -c %a $f; [ -f $f ] && echo there", "600\nthere\n"],
  ["a moved folder keeps its mode", "mkdir -m 0700 d; touch d/f; mv d e; stat -c %a e", "700\n"],
  ["what is written over keeps its mode", "touch s; chmod 755 s; echo x >s; stat -c %a s", "755\n"],
  ["writing through a linked folder lands behind it", "mkdir -p real; ln -s real link; echo x >link/f; cat real/f", "x\n"],
  [
    "loops run whatever PATH is",
    "for i in 1 2; do echo $i; done 2>&1; export PATH=/nowhere; for i in 1; do :; done 2>&1; sed() { :; }; for i in 1; do sed; done 2>&1",
    "1\n2\n",
  ],
  ["a loop finds the status its round began with", "for i in 1 2; do echo $?; (exit 3); done; echo $?", "0\n3\n3\n"],
  ["set -e passes over a handled failure in a loop", "set -e; for i in 1 2; do [ $i = 3 ] && echo x; done; echo end", "end\n"],
  [
    "set -e passes over one at the end of a while loop too",
    "set -e; i=; while [ _$i != _11 ]; do i=1$i; [ $i = 3 ] && echo x; done; echo end",
    "end\n",
  ],
  ["a break after a failure is a success", "for i in 1 2; do false; break; done; echo $?", "0\n"],
  ["so is a continue", "i=; while [ ${#i} != 2 ]; do i=1$i; false; continue; done; echo $?", "0\n"],
  ["so is leaving two loops", "for i in 1; do for j in 1; do false; break 2; done; done; echo $?", "0\n"],
  ["a loop that ends by itself keeps its failure", "for i in 1 2; do (exit 4); done; echo $?", "4\n"],
  [
    "a function whose grep found something after a miss is a success",
    'printf "a\\nroot\\n" >q; echo root >p; f() { while read -r l; do grep -q "$l" p && break; done <q; }; f; echo $?',
    "0\n",
  ],
  [
    "a negated class in case",
    'for x in 5 a 1a "" !; do case $x in [!0-9]) echo one ;; *[!0-9]*) echo in ;; "") echo empty ;; *) echo number ;; esac; done',
    "number\none\nin\nempty\none\n",
  ],
  [
    "classes by name and brackets in case",
    'for x in 5 A " " "[" "]" ^ -; do case $x in [[:digit:]]) echo d ;; [[:upper:]]) echo u ;; [[:space:]]) echo s ;; []!]) echo r ;; [[^]) echo l ;; *) echo o ;; esac; done',
    "d\nu\ns\nl\nr\nl\no\n",
  ],
  ["a negated class in [[ ]]", "[[ 5 == [!0-9]* ]] || echo number; [[ a = [!0-9] ]] && echo letter", "number\nletter\n"],
  ["an empty word is no number", '[ "" -ge 0 ] 2>/dev/null; echo $?; [ ! 3 -ge "" ] 2>/dev/null; echo $?', "2\n2\n"],
  ["a word is no number", "[ x -ge 0 ] 2>/dev/null; echo $?; x=; [ $x -ge 0 ] 2>/dev/null || echo no", "2\nno\n"],
  ["numbers have signs", "[ -1 -lt 0 ] && [ +1 -eq 1 ] && [ ! 1 -gt 2 ] && test 3 -ne 4 && echo ok", "ok\n"],
  ["an if takes no empty word for a number", 'if [ "" -ge 0 ] 2>/dev/null; then echo yes; else echo no; fi', "no\n"],
  [
    "touch takes the times it is given",
    "touch -d @86400 u; touch -r u v; touch -c none; stat -c %Y u v; ls none 2>/dev/null || echo none",
    "86400\n86400\nnone\n",
  ],
];

describe("the shell of a simulated node", () => {
  it.each(LINES)("%s", async (_name, line, expected) => {
    const { sh } = setUp();
    expect((await sh(line)).out).toBe(expected);
  });

  it.runIf(process.platform === "linux")("does all of that as a real bash does", async () => {
    for (const [name, line, expected] of LINES) {
      const folder = await mkdtemp(join(tmpdir(), "pawl-bash-"));
      try {
        const out = await new Promise<string>((resolve) => {
          const child = execFile("bash", ["-c", line], { cwd: folder }, (_error, stdout) => resolve(stdout));
          child.stdin?.end();
        });
        expect([name, out]).toEqual([name, expected]);
      } finally {
        await rm(folder, { recursive: true, force: true });
      }
    }
  });

  it("says which word is no number", async () => {
    const { sh } = setUp();
    expect(await sh('[ "" -ge 0 ]')).toMatchObject({ code: 2, err: "sh: [: : integer expression expected\n" });
  });

  it("touches files in the cluster's time", async () => {
    const { clock, sh } = setUp();
    const seconds = String(Math.floor(clock.now() / 1000));
    expect((await sh("touch /tmp/new; stat -c %Y /tmp/new")).out).toBe(`${seconds}\n`);
    expect((await sh("touch -d @0 /tmp/new; touch /tmp/new; stat -c %Y /tmp/new")).out).toBe(`${seconds}\n`);
    expect(await sh("touch /tmp/no/file")).toMatchObject({ code: 1 });
  });

  it("reads files of the node with jq", async () => {
    const { sh } = setUp();
    expect((await sh("jq -r .version /etc/version.json")).out).toBe("1.9.4\n");
  });

  it("gives exit codes and keeps the two outputs apart", async () => {
    const { sh } = setUp();
    expect(await sh("echo out; echo err >&2; exit 3")).toMatchObject({ code: 3, out: "out\n", err: "err\n" });
    expect(await sh("nosuch")).toMatchObject({ code: 127 });
    expect(await sh("/etc/version.json")).toMatchObject({ code: 126 });
    expect(await sh("if")).toMatchObject({ code: 2 });
  });

  it("carries every byte through input, pipes, files and output", async () => {
    const { sh } = setUp();
    const bytes = Buffer.from(Array.from({ length: 4096 }, (_, index) => index % 256));
    const ran = await sh("cat | tee /tmp/copy | cat; sh -c 'cat /tmp/copy'; sudo cat /tmp/copy", { stdin: bytes });
    expect(ran.bytes.equals(Buffer.concat([bytes, bytes, bytes]))).toBe(true);
  });

  it("gives output away while it runs, in order", async () => {
    const { node, clock } = setUp();
    const { runCommandLine } = await import("../../../src/sim/shell/command-line.ts");
    const seen: string[] = [];
    const startMs = clock.now();
    const note = (chunk: Buffer): void =>
      void seen.push(`${String(Math.round((clock.now() - startMs) / 1000))} ${chunk.toString().trim()}`);
    const line =
      "for i in 1 2; do echo loop $i; sleep 60; done; if true; then echo if >&2; sleep 60; fi; sh -c 'echo inner; sleep 60; echo late'";
    await runCommandLine(node, line, { stdin: Buffer.alloc(0), out: note, err: note, user: "root", clock });
    expect(seen).toEqual(["0 loop 1", "60 loop 2", "120 if", "180 inner", "240 late"]);
  });

  it("sleeps in the cluster's time", async () => {
    const { clock, sh } = setUp();
    const before = clock.now();
    await sh("sleep 3600");
    expect(clock.now() - before).toBe(3_600_000);
    expect((await sh("timeout 5 sleep 100; echo $?")).out).toBe("124\n");
    expect(clock.now() - before).toBe(3_605_000);
    expect((await sh("date -u +%Y-%m-%dT%H:%M:%SZ")).out).toBe("2026-11-21T01:00:05Z\n");
  });

  it("stops a busy loop when its connection is given up", async () => {
    const { sh } = setUp();
    const giveUp = new AbortController();
    const ran = sh("while :; do :; done", { signal: giveUp.signal });
    setTimeout(() => giveUp.abort(), 20);
    expect((await ran).signal).toBe("HUP");
  });

  it("ends by the signal that killed it", async () => {
    const { sh } = setUp();
    expect(await sh("echo before; kill -9 $$; echo after")).toMatchObject({ signal: "KILL", out: "before\n" });
  });

  it("leaves no process behind", async () => {
    const { sh } = setUp();
    await sh("sh -c 'sudo sh -c true'; nosuch; (exit 3)");
    expect((await sh("ls -d /proc/[0-9]* | wc -l")).out.trim()).toBe("1");
  });

  it("runs programs of the model by name, by path, through sudo, in pipes and as scripts", async () => {
    const { node, sh } = setUp();
    node.programs.set("show", async (io) => {
      await io.out(`${io.user} ${io.argv.slice(1).join(",")} ${io.stdin.toString().trim()}\n`);
      return io.argv.length;
    });
    node.programs.set("/opt/bin/deep", async (io) => {
      await io.out(`${io.cwd} ${io.env["COLOUR"] ?? "none"}\n`);
      return 4;
    });
    node.scripts.set("/opt/script.sh", async (io) => {
      await io.out(`${io.argv.join(" ")}\n`);
      await io.err("to err\n");
      return 5;
    });
    await node.fs.writeFile("/opt/script.sh", "#!/bin/bash\n");
    expect(await sh("echo in | show a 'b c'", { user: "core" })).toMatchObject({ code: 3, out: "core a,b c in\n" });
    expect((await sh('sudo -n -- show x | tr a-z A-Z; x=$(/usr/bin/show y); echo "[$x]"', { user: "core" })).out).toBe(
      "ROOT X \n[core y ]\n",
    );
    expect(await sh("cd /etc; COLOUR=red /opt/bin/deep")).toMatchObject({ code: 4, out: "/etc red\n" });
    expect(await sh("sudo bash /opt/script.sh --now >/tmp/o 2>/tmp/e; echo $?; cat /tmp/o /tmp/e")).toMatchObject({
      out: "5\nbash /opt/script.sh --now\nto err\n",
    });
    expect(await sh("/opt/script.sh a")).toMatchObject({ code: 5, out: "/opt/script.sh a\n" });
  });

  it("does not feed a loop's input to programs that do not read", async () => {
    const { node, sh } = setUp();
    node.programs.set("deaf", async () => 0);
    expect((await sh("printf '1\\n2\\n3\\n' | while read n; do deaf; echo $n; done")).out).toBe("1\n2\n3\n");
  });
});

/** What real shells do otherwise than the interpreter underneath: it is said, and nothing of the script runs. */
const REFUSED: readonly (readonly [line: string, why: RegExp])[] = [
  ["echo in; trap 'echo bye' EXIT; echo hi", /trap with a handler/],
  ["echo in; trap '' TERM; kill -TERM $$", /trap with a handler/],
  ["trap 'echo bye' EXIT", /trap with a handler/],
  ["(trap 'echo sub' 0; echo in)", /trap with a handler/],
  ["sh -c 'exit 3' & wait $!; echo $?", /wait for one process/],
  ["set -e; { false; echo in; } || echo out", /set -e before a group/],
  ["set -e; ! { false; echo in; }", /set -e before a group/],
  ["set -eu; (false; echo in) || echo out", /set -e before a group/],
  ["set -o errexit; for i in 1; do false; echo in; done && echo out", /set -e before a group/],
  ["f() { false; echo in; }; set -e; f || echo out", /set -e before a group/],
  ["sh -ec '{ false; echo in; } || echo out' && exit 3", /set -e before a group/],
  ["set -e; eval 'false; echo in' || echo out", /set -e before a group/],
  ["p='[!a]'; case b in $p) echo in ;; esac", /pattern of case that comes from a variable/],
  ["p='[!a]'; [[ b == $p ]] && echo in", /pattern in \[\[ \]\] that comes from a variable/],
  ["x=$(case b in $1) echo in ;; esac); echo $x", /pattern of case/],
  ["exec 2>&1; echo in", /exec that joins/],
];

describe("a form that the simulated node could only do in its own way", () => {
  it.each(REFUSED)("%s", async (line, why) => {
    const { sh } = setUp();
    const ran = await sh(line);
    expect(ran).toMatchObject({ code: 126, out: "", err: expect.stringMatching(why) });
    expect(ran.err).toContain("as a real shell does");
  });

  it("of grep is refused by grep", async () => {
    const { sh } = setUp();
    expect(await sh("printf 'aab\\n' | grep -o 'a*'")).toMatchObject({
      code: 2,
      out: "",
      err: expect.stringContaining("cannot do"),
    });
    expect(await sh("printf 'aab\\n' | grep -F -e a -e b")).toMatchObject({ code: 2, out: "" });
  });

  it("is not refused where nothing differs", async () => {
    const { sh } = setUp();
    const line =
      'f() { echo f; }; set -e; f && (exit 3) || echo $?; [[ a = a ]] && ! false; trap; wait; case a in "$0"|a) echo end ;; esac';
    expect((await sh(line.replace("f && ", "f; "))).out).toBe("f\n3\nend\n");
  });
});

describe("rights in a simulated node", () => {
  it("refuse what belongs to root to everybody else", async () => {
    const { node, sh } = setUp();
    const user = { user: "core" };
    await node.fs.writeFile("/etc/secret", "s\n");
    await node.fs.chmod("/etc/secret", 0o600);
    expect((await sh("echo x >/etc/new", user)).code).not.toBe(0);
    expect((await sh("echo x >>/etc/version.json", user)).code).not.toBe(0);
    expect((await sh("rm /etc/version.json", user)).code).not.toBe(0);
    expect((await sh("mkdir /var/lib-x", user)).code).not.toBe(0);
    expect((await sh("cat /etc/secret", user)).out).toBe("");
    expect((await sh("sudo cat /etc/secret", user)).out).toBe("s\n");
    expect(await node.fs.exists("/etc/version.json")).toBe(true);
  });

  it("let users have their homes and what they made in /tmp", async () => {
    const { sh } = setUp();
    expect(
      await sh("echo x >~/f && mkdir /tmp/mine && echo y >/tmp/mine/g && cat ~/f /tmp/mine/g && rm -r /tmp/mine", {
        user: "core",
      }),
    ).toMatchObject({ code: 0, out: "x\ny\n" });
  });

  it("keep processes of root from being killed by others", async () => {
    const { sh } = setUp(createScaledClock({ startMs: START_MS, scale: 1000 }));
    const root = sh("sleep 600; echo slept");
    const [, pid = ""] = /(\d+)/.exec((await sh("ps | grep 'sleep 600' | grep -v grep")).out) ?? [];
    expect((await sh(`kill ${pid}`, { user: "core" })).code).toBe(1);
    expect(await root).toMatchObject({ code: 0, out: "slept\n" });
  });
});
