import { describe, expect, it } from "vitest";
import {
  judgeScriptText,
  scriptFlags,
  urlOfGenerator,
  versionsOfScript,
} from "../../../src/platform/dcos/upgrade/script-text.ts";

const script = (from: string, to: string, announced = `${from} -> ${to}`): string =>
  `#!/bin/bash\nif wrong; then\n  echo "ERROR: Expecting to upgrade DC/OS from ${from} to ${to}." \\\n    "Version found on node: $found"\nfi\necho "Upgrading DC/OS $role ${announced}"\n`;

describe("the versions baked into a script", () => {
  it.each([
    { text: script("1.10.8", "1.11.3"), want: { from: "1.10.8", to: "1.11.3" } },
    { text: script("1.9.4", "1.9.9").replace('1.9.9."', "1.9.9.\\\n   "), want: { from: "1.9.4", to: "1.9.9" } },
    { text: script("1.12.5", "1.13.0-beta1"), want: { from: "1.12.5", to: "1.13.0-beta1" } },
    { text: script("1.10.8", "1.11.3", "1.10.8 -> 1.12.0"), want: null },
    { text: "#!/bin/bash\necho hello\n", want: null },
  ])("are $want", ({ text, want }) => {
    expect(versionsOfScript(text)).toEqual(want);
  });
});

describe("a downloaded script", () => {
  const wanted = { from: "1.10.8", to: "1.11.3" };

  it("is accepted for its hop only", () => {
    expect(judgeScriptText(script("1.10.8", "1.11.3"), wanted)).toBeNull();
    expect(judgeScriptText(script("1.10.7", "1.11.3"), wanted)).toMatchObject({
      code: "script-wrong-versions",
      observed: "from 1.10.7 to 1.11.3",
    });
  });

  it.each([
    { what: "a default of true", line: "SKIP_CHECKS=true" },
    { what: "a default of the environment", line: "SKIP_CHECKS=${SKIP_CHECKS:-false}" },
    { what: "an exported one", line: "export SKIP_CHECKS='true'" },
    { what: "a script that starts itself again with the flag", line: 'exec /bin/bash "$0" --skip-checks' },
    { what: "a flag put before the others", line: 'set -- --skip-checks "$@"' },
  ])("is refused where it skips its checks: $what", ({ line }) => {
    expect(judgeScriptText(`${script("1.10.8", "1.11.3")}${line}\n`, wanted)).toMatchObject({
      code: "script-skips-checks",
      observed: line,
    });
  });

  it.each([
    "SKIP_CHECKS=false",
    'SKIP_CHECKS="false" # unless asked for',
    '    if [[ "$var" = "--skip-checks" ]]; then\n        SKIP_CHECKS=true\n    fi',
    'echo "usage: bash dcos_node_upgrade.sh [--skip-checks] [--verbose]"',
  ])("is accepted where it only knows the flag, as the installer generates it: %s", (line) => {
    expect(judgeScriptText(`${script("1.10.8", "1.11.3")}${line}\n`, wanted)).toBeNull();
  });

  it("is refused where it is an error page or another script", () => {
    expect(judgeScriptText("<html><h1>404 Not Found</h1></html>", wanted)).toMatchObject({
      code: "script-no-script",
      observed: "<html><h1>404 Not Found</h1></html>",
    });
    expect(judgeScriptText("", wanted)).toMatchObject({ code: "script-no-script" });
    expect(judgeScriptText("#!/bin/bash\nrm -rf /\n", wanted)).toMatchObject({ code: "script-unknown" });
  });
});

describe("the generator's answer", () => {
  it("is the address on its last line of that kind", () => {
    const url = "http://10.0.0.5:8090/upgrade/0123456789abcdef0123456789abcdef/dcos_node_upgrade.sh";
    expect(
      urlOfGenerator(
        `Generating configuration files...\nNode upgrade script URL: http://old/x.sh\nNode upgrade script URL: ${url}\n`,
      ),
    ).toBe(url);
    expect(urlOfGenerator("Validation failed\n")).toBeNull();
  });
});

describe("the script's flags", () => {
  it.each([
    { target: "1.9.9", want: [] },
    { target: "1.10.8", want: [] },
    { target: "1.11.3", want: ["--verbose"] },
    { target: "1.13.9", want: ["--verbose"] },
    { target: "2.1.0", want: ["--verbose"] },
  ])("for $target are $want", ({ target, want }) => {
    expect(scriptFlags(target)).toEqual(want);
  });
});
