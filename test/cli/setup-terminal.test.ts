import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { stripVTControlCharacters } from "node:util";
import { describe, expect, it } from "vitest";
import { requireTools, toolPath } from "../fixtures/backends/present.ts";
import { makeRepo } from "../fixtures/repo.ts";
import { projectRoot } from "../fixtures/temp.ts";
import { Host } from "./harness.ts";

const ENTER = "\r";
const DOWN = "\u001b[B";
const CTRL_C = "\u0003";
/** So that no bridge has to be built first. */
const FEATURE = "registry.example/owner/cmd2host/cmd2host:1";

interface Shown {
  readonly exit: number | null;
  readonly text: string;
}

/** Runs setup on a terminal; each step is typed when its text has been shown. */
function answer(
  host: Host,
  repo: string,
  steps: readonly (readonly [text: string, keys: string])[],
  ...argv: string[]
): Shown {
  const program = [process.execPath, "--import", import.meta.resolve("tsx"), join(projectRoot, "host/main.ts")];
  const { status, stdout } = spawnSync(
    toolPath("python3"),
    [join(projectRoot, "test/fixtures/terminal.py"), ...program, "setup", ...argv],
    {
      cwd: repo,
      env: {
        HOME: host.root,
        PATH: `${host.bin}:/usr/bin:/bin`,
        TERM: "xterm",
        LANG: "C.UTF-8",
        CMD2HOST_FEATURE: FEATURE,
      },
      input: steps.map((step) => step.map((part) => JSON.stringify(part)).join("\t")).join("\n"),
      encoding: "utf8",
    },
  );
  return { exit: status, text: stripVTControlCharacters(stdout) };
}

describe.runIf(requireTools(["python3"]))("cmd2host setup on a terminal", () => {
  it("says what it found, asks for the policy and the branches, shows everything, and asks before it does it", () => {
    const host = new Host();
    const repo = makeRepo(join(host.root, "repo"));
    const { exit, text } = answer(host, repo, [
      // readonly, aws_selected, git_github_write
      ["What may the agent do?", DOWN + DOWN + ENTER],
      ["Branches that it may push to", `${"\b".repeat(5)}bot/.+${ENTER}`],
      ["Do this?", `y`],
    ]);
    expect(text).toMatch(/Repository: +owner\/repo on github\.com/);
    expect(text).toContain("adds operation git_push");
    expect(text).toContain("+++ b/.devcontainer/devcontainer.json");
    const order = [
      "Checkout:",
      "What may the agent do?",
      "Branches that",
      "+++ b/.mcp.json",
      "Do this?",
      "Done.",
      "Next:",
    ];
    const places = order.map((part) => text.indexOf(part));
    expect(places).toEqual([...places].sort((a, b) => a - b));
    expect(exit).toBe(0);
    const config: unknown = JSON.parse(
      readFileSync(join(host.root, ".cmd2host/projects/owner_repo/config.json"), "utf8"),
    );
    expect(config).toMatchObject({ constraints: { branch_allow: ["bot/.+"] } });
    expect(readFileSync(join(repo, ".devcontainer/devcontainer.json"), "utf8")).toContain(`"${FEATURE}": {`);
  });

  it.each([
    ["no", "n", "Nothing was changed"],
    ["Enter, since no is the answer that is offered", ENTER, "Nothing was changed"],
    ["Ctrl-C", CTRL_C, "error: ended before anything was changed"],
  ])("changes nothing for %s", (_what, keys, message) => {
    const host = new Host();
    const repo = makeRepo(join(host.root, "repo"));
    const steps = [
      ["What may the agent do?", ENTER],
      ["Do this?", keys],
    ] as const;
    const { exit, text } = answer(host, repo, steps, "--feature=registry.example/o/cmd2host/cmd2host:1");
    expect([exit, text.includes(message)]).toEqual([1, true]);
    expect(existsSync(join(repo, ".devcontainer"))).toBe(false);
    expect(existsSync(join(host.root, ".cmd2host"))).toBe(false);
  });

  it("asks before it takes anything back", () => {
    const host = new Host();
    const repo = makeRepo(join(host.root, "repo"));
    answer(host, repo, [], "--yes", "--feature=registry.example/o/cmd2host/cmd2host:1");
    expect(answer(host, repo, [["Take this back?", "n"]], "--undo").exit).toBe(1);
    expect(existsSync(join(repo, ".mcp.json"))).toBe(true);
    const { exit, text } = answer(host, repo, [["Take this back?", "y"]], "--undo");
    expect([exit, text.includes("Taken back.")]).toEqual([0, true]);
    expect(existsSync(join(repo, ".mcp.json"))).toBe(false);
  });
});
