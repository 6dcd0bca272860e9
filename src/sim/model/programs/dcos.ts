import type { Program } from "../../ports.ts";
import { runChecks } from "../checks.ts";
import { releaseOf } from "../releases.ts";
import type { Model, NodeState } from "../state.ts";

const BIN = "/opt/mesosphere/bin";

/** DC/OS's own programs of a node, by name and by path. Which exist depends on the release at the time of the call. */
export function dcosPrograms(model: Model, node: NodeState): ReadonlyMap<string, Program> {
  const missing = async (name: string, err: (text: string) => Promise<void>): Promise<number> => {
    await err(`${name}: command not found\n`);
    return 127;
  };
  const mesosVersion =
    (role: "master" | "agent"): Program =>
    async (io) => {
      if ((node.master !== null) !== (role === "master")) return missing(io.argv[0] ?? "", (text) => io.err(text));
      if (!io.argv.includes("--version")) {
        await io.err("this embedded node runs Mesos as a unit; only --version is available\n");
        return 1;
      }
      await io.out(`mesos ${releaseOf(node.version).mesos}\n`);
      return 0;
    };
  const checks =
    (minors: (minor: number) => boolean): Program =>
    async (io) => {
      const { minor } = releaseOf(node.version);
      const words = io.argv.slice(1);
      if (!minors(minor)) return missing(io.argv[0] ?? "", (text) => io.err(text));
      const at = words.indexOf("check");
      if (at < 0) {
        await io.err("usage: check TYPE [NAME…]\n");
        return 1;
      }
      if (io.user !== "root") {
        await io.err('time="" level=fatal msg="checks need root"\n');
        return 1;
      }
      await io.sleep(900);
      const result = runChecks(model, node, words.slice(at + 1));
      await io.out(result.stdout);
      await io.err(result.stderr);
      return result.code;
    };
  const named = new Map<string, Program>([
    ["mesos-master", mesosVersion("master")],
    ["mesos-slave", mesosVersion("agent")],
    ["dcos-diagnostics", checks((minor) => minor === 10 || minor === 11)],
    ["dcos-check-runner", checks((minor) => minor >= 12)],
  ]);
  // The wrapper that sets up the environment: it runs the program behind it.
  const shell: Program = async (io) => {
    const [name = "", ...words] = io.argv.slice(1);
    const program = named.get(name.replace(`${BIN}/`, "")) ?? node.programs.get(name);
    if (program === undefined) {
      await io.err(`${BIN}/dcos-shell: line 3: exec: ${name}: not found\n`);
      return 127;
    }
    const { stdin, cwd, env, user, signal } = io;
    return program({
      argv: [name, ...words],
      stdin,
      cwd,
      env,
      user,
      signal,
      out: (text) => io.out(text),
      err: (text) => io.err(text),
      sleep: (ms) => io.sleep(ms),
    });
  };
  named.set("dcos-shell", shell);
  const detect: Program = async (io) => {
    await io.out(`${node.address}\n`);
    return 0;
  };
  named.set("detect_ip", detect);
  return new Map([...named].flatMap(([name, program]) => [[`${BIN}/${name}`, program] as const, [name, program] as const]));
}
