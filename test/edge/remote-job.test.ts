import {
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, expect, it } from "vitest";
import {
  jobFolder,
  killJob,
  pollJob,
  readJobOutput,
  removeJob,
  startJob,
  type JobAnswer,
  type JobPlace,
  type JobState,
} from "../../src/action/remote-job.ts";
import type { Remote } from "../../src/engine/ports.ts";
import { eventually } from "../real/process.ts";
import { describeReal } from "../real/requires.ts";
import { createShellRemote, type Shell } from "./shell-remote.ts";

const SHELLS: readonly Shell[] = ["dash", "bash", "busybox"];

for (const shell of SHELLS) {
  describeReal(`a detached job under ${shell}`, shell === "busybox" ? ["busybox-static"] : [], () => {
    let folder: string;
    let remote: Remote;
    let place: JobPlace;
    let count = 0;

    beforeAll(() => {
      folder = mkdtempSync(join(tmpdir(), `pawl-job-${shell}-`));
      remote = createShellRemote(shell, folder);
    });
    afterAll(() => rmSync(folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 }));
    beforeEach(() => {
      // A name that shells would trip over, and words that their tools print themselves.
      place = { folder: join(folder, `jobs ${String(count++)} $it's`, "total"), sudo: false, timeoutMs: 20_000 };
    });

    const start = (command: string): Promise<JobAnswer> => startJob(remote, "any", { ...place, command });
    const poll = (): Promise<JobAnswer> => pollJob(remote, "any", place);
    const file = (name: string): string => join(place.folder, name);
    const text = (name: string): string => readFileSync(file(name), "utf8");
    async function until(kind: JobState["kind"]): Promise<JobState> {
      let last: JobAnswer | null = null;
      await eventually(
        async () => {
          last = await poll();
          return last.kind === "state" && last.state.kind === kind;
        },
        () => JSON.stringify(last),
      );
      const answer = await poll();
      if (answer.kind !== "state") throw new Error(JSON.stringify(answer));
      return answer.state;
    }
    const read = async (stream: "stdout" | "stderr", offset: number, bytes: number): Promise<Buffer> => {
      const answer = await readJobOutput(remote, "any", place, { stream, offset, bytes });
      if (answer.kind !== "read") throw new Error(answer.reason);
      return answer.bytes;
    };

    it("that nobody started is absent", async () => {
      expect(await poll()).toEqual({ kind: "state", state: { kind: "absent" }, stdoutBytes: 0, stderrBytes: 0 });
    });

    it("runs on by itself, shows its output as it grows, and ends with its exit code", async () => {
      expect(await start("echo one; while [ ! -e go ]; do sleep 0.05; done; printf 'two\\n' >&2; exit 7")).toMatchObject({
        state: { kind: "running" },
      });
      await eventually(
        async () => {
          const answer = await poll();
          return answer.kind === "state" && answer.stdoutBytes === 4 && answer.stderrBytes === 0;
        },
        () => "no output",
      );
      expect(await poll()).toMatchObject({ state: { kind: "running" } });
      writeFileSync(join(folder, "go"), "");
      expect(await until("exited")).toEqual({ kind: "exited", code: 7 });
      rmSync(join(folder, "go"));
      expect((await read("stdout", 0, 100)).toString()).toBe("one\n");
      expect((await read("stderr", 0, 100)).toString()).toBe("two\n");
      expect(await poll()).toMatchObject({ stdoutBytes: 4, stderrBytes: 4 });
    });

    it("started again while it runs, or after its end, is not run again", async () => {
      await start(`echo run >>"$PWD/runs-${String(count)}"; sleep 0.5; exit 3`);
      expect(await start("echo other")).toMatchObject({ state: { kind: "running" } });
      await until("exited");
      expect(await start("echo other")).toMatchObject({ state: { kind: "exited", code: 3 } });
      expect(readFileSync(join(folder, `runs-${String(count)}`), "utf8")).toBe("run\n");
    });

    it("started six times at once runs once", async () => {
      const command = `echo run >>"$PWD/runs-${String(count)}"; sleep 0.3`;
      const answers = await Promise.all(Array.from({ length: 6 }, () => start(command)));
      expect(answers.map((answer) => answer.kind)).toEqual(answers.map(() => "state"));
      await until("exited");
      expect(readFileSync(join(folder, `runs-${String(count)}`), "utf8")).toBe("run\n");
    });

    it.each(["", "echo cut >ran; ech"])(
      "whose command came as %j, because the connection broke, is not started; a whole one is then",
      async (came) => {
        const command = "echo cut >ran; echo ends";
        const breaking: Remote = {
          ...remote,
          run: (target, sent, signal) => remote.run(target, { ...sent, stdin: came }, signal),
        };
        const answer = await startJob(breaking, "any", { ...place, command });
        expect(answer).toMatchObject({ kind: "no-answer", code: "job-shell-failed", sent: true });
        expect(answer.kind === "no-answer" && answer.reason).toContain(`of the command's 24 bytes ${String(came.length)} came`);
        expect(await poll()).toMatchObject({ state: { kind: "absent" } });
        expect(existsSync(join(folder, "ran"))).toBe(false);
        await start(command);
        expect(await until("exited")).toEqual({ kind: "exited", code: 0 });
        expect((await read("stdout", 0, 100)).toString()).toBe("ends\n");
        rmSync(join(folder, "ran"));
      },
    );

    it("gets its command exactly, an empty input, and the umask of its caller", async () => {
      const before = process.umask(0o022);
      try {
        await start(`cat; : >"$PWD/made-${String(count)}"; cat <<'END'\n'"$HOME\\n"'\nEND\n`);
      } finally {
        process.umask(before);
      }
      await until("exited");
      expect((await read("stdout", 0, 100)).toString()).toBe(`'"$HOME\\n"'\n`);
      expect(statSync(join(folder, `made-${String(count)}`)).mode & 0o777).toBe(0o644);
      expect(statSync(file("command")).mode & 0o777).toBe(0o600);
      expect(statSync(file("stdout")).mode & 0o777).toBe(0o600);
      expect(statSync(place.folder).mode & 0o777).toBe(0o700);
    });

    it("may have a long command", async () => {
      await start(`${"# a comment line of some length\n".repeat(10_000)}exit 5\n`);
      expect(await until("exited")).toEqual({ kind: "exited", code: 5 });
    });

    it("gives any part of its output, byte for byte", async () => {
      await start("printf '\\000\\001\\377\\n\\351abc'");
      await until("exited");
      expect([...(await read("stdout", 0, 100))]).toEqual([0, 1, 255, 10, 233, 97, 98, 99]);
      expect([...(await read("stdout", 2, 3))]).toEqual([255, 10, 233]);
      expect([...(await read("stdout", 8, 3))]).toEqual([]);
    });

    it("is killed with its children", async () => {
      const mark = join(folder, `child-${String(count)}`);
      await start(`(sleep 1; : >'${mark}') & (sleep 1; : >'${mark}'); wait`);
      expect(await killJob(remote, "any", place, "TERM")).toMatchObject({ kind: "state" });
      expect(await until("killed")).toEqual({ kind: "killed", signal: "TERM" });
      await new Promise((resolve) => setTimeout(resolve, 1_300));
      expect(existsSync(mark)).toBe(false);
    });

    it("that had ended is not killed afterwards", async () => {
      await start("exit 0");
      await until("exited");
      expect(await killJob(remote, "any", place, "KILL")).toMatchObject({ state: { kind: "exited", code: 0 } });
    });

    it("whose process somebody killed is lost", async () => {
      await start("sleep 3");
      process.kill(Number(text("pid").split(" ")[0]), "SIGKILL");
      expect(await until("lost")).toEqual({ kind: "lost", why: "gone" });
    });

    it("whose machine was restarted is lost", async () => {
      await start("sleep 2");
      writeFileSync(file("pid"), text("pid").replace(/\S+\n$/, "00000000-0000-0000-0000-000000000000\n"));
      expect(await until("lost")).toEqual({ kind: "lost", why: "rebooted" });
    });

    it("whose process number belongs to another process by now is lost", async () => {
      await start("sleep 2");
      const [pid = "", began = "", boot = ""] = text("pid").split(" ");
      writeFileSync(file("pid"), `${pid} ${String(Number(began) + 1)} ${boot}`);
      expect(await until("lost")).toEqual({ kind: "lost", why: "gone" });
    });

    it("whose exit code a power cut left empty is lost, never a success", async () => {
      await start("exit 0");
      await until("exited");
      writeFileSync(file("rc"), "");
      expect(await until("lost")).toEqual({ kind: "lost", why: "no-exit-code" });
    });

    it("claimed but without a process yet is starting", async () => {
      mkdirSync(file("job"), { recursive: true });
      expect(await poll()).toMatchObject({ state: { kind: "starting" } });
    });

    it("is removed without a trace once it has ended, and not before", async () => {
      await start("sleep 0.5");
      expect(await removeJob(remote, "any", place)).toMatchObject({ state: { kind: "running" } });
      await until("exited");
      expect(await removeJob(remote, "any", place)).toMatchObject({ state: { kind: "absent" } });
      expect(existsSync(join(place.folder, ".."))).toBe(false);
      expect(await removeJob(remote, "any", place)).toMatchObject({ state: { kind: "absent" } });
    });

    it("is not started in a folder that somebody else may have prepared", async () => {
      const elsewhere = join(folder, `elsewhere-${String(count)}`);
      mkdirSync(elsewhere);
      symlinkSync(elsewhere, join(place.folder, ".."));
      expect(await start("exit 0")).toMatchObject({
        kind: "no-answer",
        code: "job-shell-failed",
        sent: true,
        reason: expect.stringContaining("belongs to somebody else"),
      });
      expect(existsSync(join(elsewhere, "total/job"))).toBe(false);
    });

    it.runIf(process.getuid?.() === 0)("is not started as root in another user's folder", async () => {
      mkdirSync(join(place.folder, ".."));
      chownSync(join(place.folder, ".."), 65534, 65534);
      expect(await start("exit 0")).toMatchObject({ kind: "no-answer", code: "job-shell-failed" });
      expect(existsSync(file("job"))).toBe(false);
    });
  });
}

it("has a folder of its own per run, step and kind of rights", () => {
  expect(jobFolder("20261120T150000Z-upgrade-1.11.3", "masters/m3/upgrade", { sudo: true })).toBe(
    "/var/tmp/pawl-jobs/20261120T150000Z-upgrade-1.11.3+masters+m3+upgrade",
  );
  expect(jobFolder("r", "a/b", { sudo: false, base: "/tmp/x" })).toBe("/tmp/x-user/r+a+b");
  expect(jobFolder("../../etc", "a b;$c/..", { sudo: true })).toBe("/var/tmp/pawl-jobs/..+..+etc+a_b__c+..");
});
