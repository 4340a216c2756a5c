import { cpSync, existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, it } from "vitest";
import { buildProgram } from "../contract/routes-process.ts";
import { runProgram } from "../fixtures/backends/program.ts";
import { makeRepo } from "../fixtures/repo.ts";
import { projectRoot, tempDirectory } from "../fixtures/temp.ts";
import { EXECUTABLE } from "../fixtures/tested-program.ts";

const PARTS = ["templates", "feature/src", "LICENSE", "shim/LICENSE-musl.txt"];

/** An executable carries what it carries; an installation is files, and some may be missing. */
describe.skipIf(EXECUTABLE !== undefined)("cmd2host setup of an installation", () => {
  it.each([
    [
      "without a bridge",
      PARTS,
      [],
      "error: this installation carries no bridge, the program that containers need, because it was built without a C compiler\n",
      "hint: In its source: npm run build:shim ",
    ],
    [
      "without the programs for Node",
      PARTS,
      ["--runtime=node"],
      "error: this installation carries no dist/cmd2host-mcp.js, which the container needs with --runtime=node\n",
      "hint: Use --runtime=bridge, ",
    ],
    [
      "without the feature",
      ["templates"],
      [],
      "error: this installation carries no feature/src/cmd2host/devcontainer-feature.json, which the devcontainer feature consists of\n",
      "hint: Install cmd2host anew",
    ],
  ])("%s says so in one sentence, with what to do, and changes nothing", async (_what, parts, options, error, hint) => {
    const program = await buildProgram();
    const installed = dirname(dirname(program));
    for (const part of parts) cpSync(join(projectRoot, part), join(installed, part), { recursive: true });
    // With one bridge it goes on; the test is about none.
    if (parts.includes("LICENSE")) expect(existsSync(join(installed, "shim/dist"))).toBe(false);
    const home = tempDirectory();
    const repo = makeRepo(join(home, "repo"));
    const env = { HOME: home, PATH: process.env["PATH"] ?? "" };
    const { code, stdout, stderr } = await runProgram(
      process.execPath,
      [program, "setup", "--yes", ...options],
      env,
      repo,
    );
    expect([code, stdout]).toEqual([1, ""]);
    expect(stderr).toContain(error);
    expect(stderr).toContain(hint);
    expect([existsSync(join(repo, ".devcontainer")), existsSync(join(home, ".cmd2host"))]).toEqual([false, false]);
    const elsewhere = ["setup", "--yes", "--feature=registry.example/o/cmd2host/cmd2host:2"];
    expect(await runProgram(process.execPath, [program, ...elsewhere], env, repo)).toMatchObject({ code: 0 });
  });
});
