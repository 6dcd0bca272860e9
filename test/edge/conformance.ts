import { createHash } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  killJob,
  pollJob,
  readJobOutput,
  removeJob,
  startJob,
  type JobAnswer,
  type JobPlace,
} from "../../src/action/remote-job.ts";
import type { Clock, Command, Outcome, Remote } from "../../src/engine/ports.ts";

/** A node behind some `Remote`, as the suite sees it. */
export interface Subject {
  readonly remote: Remote;
  readonly target: string;
  /** The time commands on the node live in: the wall's, or a lab's. */
  readonly clock: Clock;
  /** Cuts every connection to the node, as a broken network does. */
  cut(): void | Promise<void>;
  close(): Promise<void>;
}

const LIMIT_MS = 50_000;

/**
 * What every node must do for pawl, whatever is behind it: the same commands, the same answers. It knows nothing of the node
 * but the port; a difference between two kinds of nodes is a failing test.
 */
export function conforms(name: string, open: () => Promise<Subject>): void {
  describe(`${name} does what a node does:`, () => {
    let subject: Subject;
    let home = "";

    const run = (command: Partial<Command> & { readonly argv: readonly string[] }): Promise<Outcome> =>
      subject.remote.run(subject.target, { timeoutMs: LIMIT_MS, ...command });
    const sh = (text: string, ...words: readonly string[]): Promise<Outcome> =>
      run({ argv: ["sh", "-c", text, "test", ...words] });
    const out = async (text: string, ...words: readonly string[]): Promise<string> => {
      const outcome = await sh(text, ...words);
      if (outcome.kind !== "exited" || outcome.code !== 0) throw new Error(JSON.stringify(outcome));
      return outcome.stdout;
    };
    async function eventually(isSo: () => Promise<boolean>, what: string): Promise<void> {
      for (let tries = 0; !(await isSo()); tries++) {
        if (tries > 300) throw new Error(`never so: ${what}`);
        await subject.clock.sleep(100);
      }
    }

    beforeAll(async () => {
      subject = await open();
      home = `/var/tmp/pawl-conformance-${String(process.pid)}-${String(Date.now())}`;
      await out('mkdir "$1"', home);
    });
    afterAll(async () => {
      await sh('rm -rf "$1"', home);
      await subject.close();
    });

    describe("words", () => {
      const words = [
        "",
        " ",
        "'",
        '"',
        "\\",
        "$HOME",
        "$(id)",
        "`id`",
        "a b",
        "-rf",
        "*",
        "~",
        "!",
        "#",
        ";",
        "&",
        "|",
        ">f",
        "a\nb",
        "\t",
        "é",
        "日本",
        "'; rm -rf / #",
        "{a,b}",
        "[x]",
      ];

      it("arrive as they were sent", async () => {
        expect(await out('for word in "$@"; do printf "<%s>" "$word"; done', ...words)).toBe(
          words.map((word) => `<${word}>`).join(""),
        );
      });

      it("are not split, expanded or run when they name a file", async () => {
        for (const word of ["two words", "quo'te", "$dollar", "semi;colon", "star*"]) {
          await out('printf %s "$2" >"$1/$2"', home, word);
          expect(await run({ argv: ["cat", `${home}/${word}`] })).toMatchObject({ kind: "exited", code: 0, stdout: word });
        }
      });
    });

    describe("programs", () => {
      it.each([0, 1, 7, 126, 255])("end with exit code %i", async (code) => {
        expect(await sh('exit "$1"', String(code))).toMatchObject({ kind: "exited", code });
      });

      it("that do not exist end with 127", async () => {
        expect(await run({ argv: ["no-such-program-here"] })).toMatchObject({ kind: "exited", code: 127 });
      });

      it("write to two outputs that are kept apart, with their line ends", async () => {
        expect(await sh("echo out; echo err >&2; printf end")).toEqual({
          kind: "exited",
          code: 0,
          stdout: "out\nend",
          stderr: "err\n",
        });
      });

      it("read their input to its end, and find it empty when there is none", async () => {
        expect(await run({ argv: ["cat"], stdin: "two\nlines é\n" })).toMatchObject({ stdout: "two\nlines é\n" });
        expect(await run({ argv: ["cat"] })).toMatchObject({ kind: "exited", code: 0, stdout: "" });
        expect(await run({ argv: ["wc", "-c"], stdin: "x".repeat(300_000) })).toMatchObject({
          stdout: expect.stringMatching(/^\s*300000\s*$/),
        });
      });

      it("are joined by pipes, whose last one gives the exit code", async () => {
        expect(await out("printf 'b\\na\\nb\\n' | sort | uniq | tr '\\n' ,")).toBe("a,b,");
        expect(await sh("false | true")).toMatchObject({ code: 0 });
        expect(await sh("true | false")).toMatchObject({ code: 1 });
      });

      it("that die by a signal end with 128 and its number", async () => {
        expect(await sh("kill -TERM $$; sleep 5")).toMatchObject({ kind: "exited", code: 143 });
        expect(await sh("kill -9 $$; sleep 5")).toMatchObject({ kind: "exited", code: 137 });
      });

      it("that take too long are timed out with what they wrote", async () => {
        expect(await run({ argv: ["sh", "-c", "echo begun; sleep 3600"], timeoutMs: 700 })).toMatchObject({
          kind: "timed-out",
          afterMs: 700,
          stdout: "begun\n",
        });
      });

      it("may run many at a time", async () => {
        const outcomes = await Promise.all(Array.from({ length: 14 }, (_, index) => out('echo "$1"', String(index))));
        expect(outcomes).toEqual(Array.from({ length: 14 }, (_, index) => `${String(index)}\n`));
      });

      it("have more output than is kept only in the middle", async () => {
        const outcome = await run({
          argv: ["sh", "-c", "i=0; while [ $i -lt 2000 ]; do echo line-$i; i=$((i+1)); done"],
          maxOutputBytes: 1_000,
        });
        const text = outcome.kind === "exited" ? outcome.stdout : "";
        expect(text).toMatch(/^line-0\nline-1\n[\s\S]*\n\[\d+ bytes left out\]\n[\s\S]*line-1999\n$/);
      });
    });

    describe("a shell", () => {
      const FORMS: readonly (readonly [what: string, text: string, expected: string])[] = [
        ["goes on after a handled failure", "set -e; false || echo a; false && echo b; ! true; echo c", "a\nc\n"],
        ["ends at one that is not", "set -e; true && false; echo never", ""],
        ["ends at a failed subshell", "set -e; (false; echo in); echo never", ""],
        ["ends at a failed function", "set -e; f() { false; echo in; }; f; echo never", ""],
        ["ends at a failed substitution", "set -e; x=$(false); echo never", ""],
        ["takes a failed substitution that is handled", "set -e; x=$(false) || x=none; echo $x", "none\n"],
        ["lets conditions fail", "set -e; if ! grep -q x /dev/null; then echo y; fi; while false; do :; done; echo z", "y\nz\n"],
        ["passes a failure in front of a pipe", "set -e; false | true; echo on", "on\n"],
        ["takes a quoted variable in a pattern as it is", "p='a*'; case abc in \"$p\") echo m ;; a?c) echo n ;; esac", "n\n"],
        ["cuts by patterns, negated classes too", "x=12ab; echo ${x%%[!0-9]*} ${x##*[0-9]} ${x#?}", "12 ab 2ab\n"],
        ["cuts by a pattern in a variable", "p='a*b'; x=abcb; echo ${x#$p} ${x##$p}.", "cb .\n"],
        ["joins tests", "[ -d / -a ! -e /nowhere ] && [ a = b -o -n x ] && [ ! a = b ] && echo all", "all\n"],
        ["goes through its own words", 'set -- "a b" c; for i; do echo "<$i>"; done', "<a b>\n<c>\n"],
        ["keeps a subshell's variables inside", "x=1; (x=2); echo a | { read -r x; echo $x; }; echo $x", "a\n1\n"],
        ["reads a last line without end", "printf 'a\\nb' | while read -r l || [ -n \"$l\" ]; do echo $l; done", "a\nb\n"],
        ["searches quietly", 'cd "$1"; grep -s a none; [ $? = 2 ] && echo 2; printf "aab\\n" | grep -qs b && echo b', "2\nb\n"],
        [
          "knows GNU's basic expressions",
          "printf 'aab\\nc|d\\n' | grep 'a\\+b'; printf 'aab\\nc\\n' | grep 'x\\|c'; printf 'ab\\n' | grep 'x\\?ab'; printf 'a+\\nb\\n' | grep -e b -e 'a+'",
          "aab\nc\nab\na+\nb\n",
        ],
        ["replaces with them", "printf 'aab\\n' | sed 's/a\\+/X/; s/\\(b\\)/[\\1]/'", "X[b]\n"],
        ["takes a handler of trap away", "trap - EXIT; echo end", "end\n"],
        ["waits for all", 'cd "$1"; (sleep 0.2; echo late >waited) & wait; cat waited', "late\n"],
        ["is replaced by exec", "exec printf %s replaced; echo never", "replaced"],
        ["tells a missing program", "no-such-program 2>/dev/null; echo $?", "127\n"],
      ];

      it.each(FORMS)("%s", async (_what, text, expected) => {
        const outcome = await sh(text, home);
        expect(outcome.kind === "exited" ? outcome.stdout : outcome).toBe(expected);
      });
    });

    describe("files", () => {
      it("are locked by mkdir, which only one can do", async () => {
        const codes = await Promise.all(Array.from({ length: 5 }, () => sh('mkdir "$1/lock" 2>/dev/null', home)));
        expect(codes.filter((one) => one.kind === "exited" && one.code === 0)).toHaveLength(1);
      });

      it("are replaced by mv in one step, and read in parts", async () => {
        expect(await out('cd "$1"; printf old >f; printf newer >f.new; mv f.new f; cat f; ls', home)).toMatch(/^newer/);
        expect(await out('tail -c +3 "$1/f" | head -c 2; wc -c <"$1/f"', home)).toMatch(/^we\s*5\n$/);
      });

      it("have the rights the umask leaves", async () => {
        expect(
          await out(
            'cd "$1"; umask 077; : >secret; mkdir closed; umask 022; : >open; for file in secret closed open; do ls -ld "$file" | cut -c1-10; done',
            home,
          ),
        ).toBe("-rw-------\ndrwx------\n-rw-r--r--\n");
      });

      it("are owned by whoever made them", async () => {
        expect(await sh('[ -O "$1" ] && [ ! -L "$1" ]', home)).toMatchObject({ code: 0 });
      });
    });

    it("sudo gives the rights of root without asking", async () => {
      expect(await run({ argv: ["id", "-u"], sudo: true })).toMatchObject({ kind: "exited", code: 0, stdout: "0\n" });
      expect(await run({ argv: ["sh", "-c", 'printf "%s|" "$@"', "x", "a b", "$HOME", "-n"], sudo: true })).toMatchObject({
        stdout: "a b|$HOME|-n|",
      });
    });

    it("the boot id is a UUID that stays while the machine runs", async () => {
      const first = await out("cat /proc/sys/kernel/random/boot_id");
      expect(first).toMatch(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\n$/);
      expect(await out("cat /proc/sys/kernel/random/boot_id")).toBe(first);
    });

    it("64 MiB of bytes come through a stream unchanged, to a reader that takes its time", async () => {
      const block = Buffer.from(Array.from({ length: 256 }, (_, index) => index));
      const mebibyte = Buffer.concat(Array.from({ length: 4096 }, () => block));
      const expected = createHash("sha256");
      for (let index = 0; index < 64; index++) expected.update(mebibyte);
      await out(
        'cd "$1"; echo "$2" | base64 -d >big; i=0; while [ $i -lt 12 ]; do cat big big >more; mv more big; i=$((i+1)); done',
        home,
        block.toString("base64"),
      );
      expect(await out('sha256sum "$1/big"', home)).toBe(`${createHash("sha256").update(mebibyte).digest("hex")}  ${home}/big\n`);
      const seen = createHash("sha256");
      let bytes = 0;
      let chunks = 0;
      const text = 'i=0; while [ $i -lt 64 ]; do cat "$1/big"; i=$((i+1)); done';
      const outcome = await subject.remote.stream(
        subject.target,
        { argv: ["sh", "-c", text, "test", home], timeoutMs: LIMIT_MS },
        (chunk) => {
          seen.update(chunk);
          bytes += chunk.length;
          return ++chunks % 50 === 0 ? new Promise((resolve) => void setTimeout(resolve, 2)) : undefined;
        },
      );
      expect(outcome).toMatchObject({ kind: "exited", code: 0 });
      expect(bytes).toBe(64 * 1024 * 1024);
      expect(seen.digest("hex")).toBe(expected.digest("hex"));
    });

    it("a command whose connection is cut is lost, sent, and goes on by itself", async () => {
      const running = sh('cd "$1"; : >begun; sleep 2; : >finished', home);
      await eventually(
        async () => (await sh('[ -e "$1/begun" ]', home)).kind === "exited" && (await out('ls "$1"', home)).includes("begun"),
        "the command begins",
      );
      await subject.cut();
      expect(await running).toMatchObject({ kind: "lost", sent: true });
      await eventually(async () => (await out('ls "$1"', home)).includes("finished"), "the command goes on");
    });

    describe("a detached job", () => {
      let count = 0;
      const place = (): JobPlace => ({ folder: `${home}/jobs/${String(count)}`, sudo: false, timeoutMs: LIMIT_MS });
      const start = (command: string): Promise<JobAnswer> => {
        count++;
        return startJob(subject.remote, subject.target, { ...place(), command });
      };
      const poll = (): Promise<JobAnswer> => pollJob(subject.remote, subject.target, place());
      const until = (kind: string): Promise<void> =>
        eventually(async () => {
          const answer = await poll();
          return answer.kind === "state" && answer.state.kind === kind;
        }, `the job is ${kind}`);

      it("outlives the connection, shows growing output, and leaves its exit code by rename", async () => {
        expect(await start("echo one; sleep 3; echo two; exit 7")).toMatchObject({ state: { kind: "running" } });
        await eventually(async () => {
          const answer = await poll();
          return answer.kind === "state" && answer.stdoutBytes === 4;
        }, "the first line is there while the job runs");
        await subject.cut();
        expect(await poll()).toMatchObject({ kind: "state", state: { kind: "running" } });
        await until("exited");
        expect(await poll()).toMatchObject({ state: { kind: "exited", code: 7 }, stdoutBytes: 8, stderrBytes: 0 });
        const read = await readJobOutput(subject.remote, subject.target, place(), { stream: "stdout", offset: 4, bytes: 100 });
        expect(read.kind === "read" && read.bytes.toString()).toBe("two\n");
        expect(await out('ls "$1"', place().folder)).toBe("command\njob\npid\nrc\nstderr\nstdout\n");
      });

      it("started twice runs once", async () => {
        expect(await start(`echo run >>${home}/runs; sleep 1`)).toMatchObject({ state: { kind: "running" } });
        expect(
          await startJob(subject.remote, subject.target, { ...place(), command: `echo again >>${home}/runs` }),
        ).toMatchObject({ kind: "state" });
        await until("exited");
        expect(await out('cat "$1/runs"', home)).toBe("run\n");
      });

      it("is killed as a group", async () => {
        await start("sleep 3600; echo never");
        await killJob(subject.remote, subject.target, place(), "TERM");
        await until("killed");
        expect(await poll()).toMatchObject({ state: { kind: "killed", signal: "TERM" }, stdoutBytes: 0 });
      });

      it("of an earlier boot is lost", async () => {
        await start("sleep 2");
        await out(
          'cd "$1"; read -r pid began boot <pid; echo "$pid $began 00000000-0000-0000-0000-000000000000" >pid',
          place().folder,
        );
        expect(await poll()).toMatchObject({ state: { kind: "lost", why: "rebooted" } });
      });

      it("that runs as root is asked about as root", async () => {
        count++;
        const rooted: JobPlace = { folder: `${home}/root-jobs/one`, sudo: true, timeoutMs: LIMIT_MS };
        await startJob(subject.remote, subject.target, { ...rooted, command: "id -u; exit 3" });
        await eventually(async () => {
          const answer = await pollJob(subject.remote, subject.target, rooted);
          return answer.kind === "state" && answer.state.kind === "exited" && answer.state.code === 3;
        }, "the job ends");
        const read = await readJobOutput(subject.remote, subject.target, rooted, { stream: "stdout", offset: 0, bytes: 100 });
        expect(read.kind === "read" && read.bytes.toString()).toBe("0\n");
        expect(await removeJob(subject.remote, subject.target, rooted)).toMatchObject({ state: { kind: "absent" } });
      });
    });
  });
}
