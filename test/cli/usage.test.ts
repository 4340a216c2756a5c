import { describe, expect, it } from "vitest";
import { COMMANDS } from "../../host/cli/index.ts";
import { CodedError } from "../../wire/errors.ts";
import { Host } from "./harness.ts";

const LINES = COMMANDS.map((command) => command.path.join(" "));

describe("help", () => {
  it.each(LINES)(
    "of %s goes to standard output with usage, an example and the exit codes, and exits with 0",
    async (line) => {
      const { exit, stdout, stderr } = await new Host().run(...line.split(" "), "--help");
      expect(exit).toBe(0);
      expect(stderr).toBe("");
      expect(stdout).toContain(`Usage: cmd2host ${line}`);
      expect(stdout).toContain("Examples:\n  cmd2host ");
      expect(stdout).toContain("Exit codes: 0 done, 1 failed, 2");
    },
  );

  it("of the program and of a group lists the commands below it", async () => {
    const host = new Host();
    const top = (await host.run("--help")).stdout;
    const config = (await host.run("config", "-h")).stdout;
    expect(
      ["serve", "check", "config", "token", "projects", "templates", "suggest-submodules"].filter(
        (word) => !top.includes(`cmd2host ${word}`),
      ),
    ).toEqual([]);
    expect(
      ["init", "allow", "disallow", "diff", "check", "migrate", "show"].filter(
        (word) => !config.includes(`config ${word}`),
      ),
    ).toEqual([]);
  });

  it("of config init says how to spell its options with an equals sign", async () => {
    const { stdout } = await new Host().run("config", "init", "--help");
    expect(stdout).toContain("Usage:");
    expect(stdout).toContain("--repo=");
    expect(stdout).toContain("--template=");
  });
});

describe("a command line that is not understood", () => {
  it.each([
    [["confg"], 'unknown command "confg"', "Did you mean config?"],
    [["config", "alow", "x"], 'unknown command "alow"', "Did you mean allow?"],
    [["tokens"], 'unknown command "tokens"', "Did you mean token?"],
    [["templates", "shwo", "x"], 'unknown command "shwo"', "Did you mean show?"],
    [["config", "init", "--repo", "a/b", "--templat", "x"], 'unknown option "--templat"', "Did you mean --template?"],
    [["projects", "--jsn"], 'unknown option "--jsn"', "Did you mean --json?"],
    [["config", "init", "--repo=a/b", "-repo=a/b"], 'unknown option "-', ""],
    [["projects", "extra"], 'unexpected argument "extra"', "cmd2host projects --help"],
    [["config", "show", "a", "b"], 'unexpected argument "b"', ""],
    [["config"], "missing command", "cmd2host config --help"],
    [["config", "show"], "missing ID", ""],
    [["config", "init"], "missing --repo", ""],
    [["config", "init", "--repo"], "--repo needs a value", ""],
    [["token", "mint", "--project", "p", "--project", "q"], "--project is given twice", ""],
    [["projects", "--json=yes"], "--json takes no value", ""],
    [["--version", "x"], 'unknown command "x"', ""],
    [["--serve"], 'unknown option "--serve"', ""],
  ])("%j exits with 2 and says what is wrong on standard error", async (argv, message, hint) => {
    const host = new Host();
    const { exit, stdout, stderr } = await host.run(...argv);
    expect(exit).toBe(2);
    expect(stdout).toBe("");
    expect(stderr).toContain(`error: ${message}`);
    expect(stderr).toMatch(/\nhint: .+\n$/);
    expect(stderr).toContain(hint);
    expect(host.daemon.served).toBe(0);
  });

  it("shows a word that could steer the terminal as escapes", async () => {
    const { stderr } = await new Host().run("\u001b[2Jx\u202e");
    expect(stderr).toContain('"\\x1b[2Jx\\u202e"');
    expect(stderr).not.toContain("\u001b");
  });

  it("with --json also prints the error as JSON on standard output", async () => {
    const { exit, stdout } = await new Host().run("config", "diff", "nothing", "--json");
    expect(exit).toBe(1);
    expect(JSON.parse(stdout)).toEqual({
      error: {
        code: "not_found",
        message: expect.stringContaining("Config not found: nothing") as unknown,
        hint: expect.any(String) as unknown,
      },
    });
  });
});

describe("options", () => {
  it.each([[["--template", "git_write"]], [["--template=git_write"]]])(
    "are taken in both spellings: %j",
    async (spelling) => {
      const host = new Host();
      const { exit } = await host.run("config", "init", "--repo=owner/repo", ...spelling, "--repo-path", host.checkout);
      expect(exit).toBe(0);
    },
  );
});

describe("without a command", () => {
  it("the daemon is served when the output is no terminal, and its exit code is passed on", async () => {
    const host = new Host();
    host.daemon.exit = 3;
    expect(await host.run()).toEqual({ exit: 3, stdout: "", stderr: "" });
    expect(host.daemon.served).toBe(1);
  });

  it("help is shown on a terminal and nothing is started", async () => {
    const host = new Host();
    host.terminal = true;
    const { exit, stdout } = await host.run();
    expect(exit).toBe(0);
    expect(stdout).toContain("Usage: cmd2host COMMAND");
    expect(host.daemon.served).toBe(0);
  });
});

describe("serve", () => {
  it.each([
    ["base_unusable", "error: Server initialization error: no"],
    ["daemon_config_invalid", "error: Daemon config error: no"],
    ["listen_failed", "error: Server error: no"],
    ["daemon_already_running", "error: Server error: no"],
  ] as const)("keeps the original's beginning of the message for %s", async (code, text) => {
    const host = new Host();
    host.daemon.failure = new CodedError(code, "no");
    const { exit, stdout, stderr } = await host.run("serve");
    expect({ exit, stdout }).toEqual({ exit: 1, stdout: "" });
    expect(stderr).toContain(text);
  });
});

describe("colours", () => {
  it("are on a terminal only, and never with NO_COLOR", async () => {
    const host = new Host();
    host.project("owner_repo", {});
    expect((await host.run("projects")).stdout).not.toContain("\u001b[");
    host.terminal = true;
    expect((await host.run("projects")).stdout).toContain("\u001b[");
    host.environment["NO_COLOR"] = "1";
    expect((await host.run("projects")).stdout).not.toContain("\u001b[");
    expect((await host.run("confg")).stderr).not.toContain("\u001b[");
  });

  it("never get into JSON", async () => {
    const host = new Host();
    host.terminal = true;
    expect((await host.run("projects", "--json")).stdout).not.toContain("\u001b[");
  });
});

describe("version and token hash", () => {
  it.each(["--version", "-v"])("%s prints the version", async (flag) => {
    expect(await new Host().run(flag)).toEqual({ exit: 0, stdout: "cmd2host version dev\n", stderr: "" });
  });

  it("--hash-token hashes standard input without the white space around it", async () => {
    const host = new Host();
    host.stdin = ` ${"0123456789abcdef".repeat(4)}\n`;
    const first = await host.run("--hash-token");
    expect(first).toEqual({
      exit: 0,
      stdout: "b12d91bcebcbecea463bbd02edb632317f0e50c80f1bfa54204a7aee68baf857\n",
      stderr: "",
    });
    expect(await host.run("--hash-token")).toEqual(first);
  });

  it("--hash-token refuses blank input", async () => {
    const host = new Host();
    host.stdin = " \n\t";
    expect(await host.run("--hash-token")).toEqual({ exit: 1, stdout: "", stderr: "Error: empty token\n" });
  });
});

describe("check", () => {
  it("shows the settings in force and warns about what does nothing", async () => {
    const host = new Host();
    const { exit, stdout, stderr } = await host.run("check");
    expect(exit).toBe(0);
    expect(stdout).toContain("daemon.json: fine\n");
    expect(stdout).toMatch(/listen\.port +9876\n +listen_mode +both\n +max_in_flight +unlimited\n/);
    expect(stderr).toBe("warning: reachable from outside\nwarning: unknown member /lisen_port: it does nothing\n");
    expect(await host.json("check")).toMatchObject({ settings: { listen_mode: "both" }, unknown: ["/lisen_port"] });
  });

  it("fails when daemon.json does not load", async () => {
    const host = new Host();
    host.daemon.failure = new CodedError("daemon_config_invalid", "daemon.json:1:2: wrong");
    expect(await host.run("check")).toMatchObject({ exit: 1, stdout: "" });
  });
});
